"""The business clock against a counter that asks of each single step what the wall clock shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.schedules.clocks import Horizon, Policy, clocks_of
from backend.schedules.hours import Span
from backend.schedules.timetable import Timetable
from tests.backend.schedules.planning import Counter, assigned, hours_of, schedule_of

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "UTC",
)
# Days on which one of these zones moves its clocks, and some on which none does.
DAYS = (
    date(2025, 3, 9), date(2025, 3, 30), date(2025, 10, 26), date(2025, 11, 2), date(2025, 4, 6),
    date(2025, 10, 5), date(2025, 2, 23), date(2025, 4, 6), date(2026, 3, 22), date(2026, 2, 15),
    date(2025, 7, 14), date(2025, 12, 31), date(2024, 12, 30),
)  # fmt: skip
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def spans(longest: int, most: int, over: int = 0) -> st.SearchStrategy[list[Span]]:
    """Open spans that do not overlap; the last may run on over the end, if none stands there at the start."""

    def pair(cuts: list[int]) -> list[Span]:
        cuts = sorted(cuts)[: len(cuts) // 2 * 2]
        found = list(zip(cuts[::2], cuts[1::2], strict=True))
        if found and over and found[-1][1] == longest and found[0][0] > over:
            found[-1] = found[-1][0], longest + over
        return found

    cuts = st.lists(st.integers(0, longest) | st.just(longest), unique=True, max_size=most)
    return cuts.map(pair)


@st.composite
def versions(draw: st.DrawFn, day: date) -> list[tuple[datetime, str, list[Span], dict[str, list[Span]]]]:
    near = st.integers(-2, 3).map(lambda days: (day + timedelta(days=days)).isoformat())
    found = []
    for _ in range(draw(st.integers(1, 3))):
        week = draw(spans(10_080, 24, over=480)) or [(540, 1080)]
        exceptions = draw(st.dictionaries(near, spans(1440, 6), max_size=3))
        found.append((draw(moments(day, MINUTE)), draw(st.sampled_from(ZONES)), week, exceptions))
    return found


def moments(day: date, step: timedelta) -> st.SearchStrategy[datetime]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return st.integers(-2 * 86_400, 3 * 86_400).map(
        lambda seconds: midnight + timedelta(seconds=seconds) // step * step
    )


def compare(
    schedules: dict[str, Any], entries: Sequence[tuple[datetime, str]], ends: list[datetime], step: timedelta
) -> None:
    made = tuple(
        schedule_of(key, *((since, hours_of(zone, week, dated)) for since, zone, week, dated in each))
        for key, each in schedules.items()
    )
    timetable = Timetable(made, tuple(assigned(key, since) for since, key in entries))
    clocks = clocks_of(timetable, Horizon.around(None, None, NOW))
    counter = Counter(schedules, entries, step)
    start, end = sorted(ends)
    for policy in Policy:
        counted = counter.elapsed(start, end, last=policy is Policy.LAST)
        assert clocks.elapsed(start, end, policy=policy) == counted
        assert clocks.elapsed(end, end, policy=policy) == 0


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_as_a_counter_of_minutes(data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(DAYS))
    keys = ["a", "b", "c"][: data.draw(st.integers(1, 3))]
    schedules = {key: data.draw(versions(day)) for key in keys}
    entries = data.draw(
        st.lists(
            st.tuples(moments(day, MINUTE), st.sampled_from(keys)),
            min_size=1,
            max_size=4,
            unique_by=lambda one: one[0],
        )
    )
    compare(schedules, entries, [data.draw(moments(day, MINUTE)) for _ in range(2)], MINUTE)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_as_a_counter_of_seconds(data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(DAYS))
    schedules = {"a": data.draw(versions(day)), "b": data.draw(versions(day))}
    start = data.draw(moments(day, SECOND))
    entries = [
        (start - timedelta(days=9), "a"),
        (start + timedelta(seconds=data.draw(st.integers(0, 9_999))), "b"),
    ]
    compare(schedules, entries, [start, start + timedelta(seconds=data.draw(st.integers(0, 12_000)))], SECOND)
