"""Windows, comparisons and buckets, above all on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.core.windows import (
    Comparison,
    Grain,
    Window,
    bucket_start,
    bucket_starts,
    check_zone,
    next_bucket,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Shanghai", "Australia/Lord_Howe"]


def local(window: Window) -> tuple[str, str]:
    tz = ZoneInfo(window.zone)
    return window.start.astimezone(tz).isoformat(), window.end.astimezone(tz).isoformat()


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        Window.of_local(date(2026, 5, 2), date(2026, 5, 2), "UTC")
    assert refusal.value.code == "WINDOW_EMPTY"


def test_the_previous_period_of_whole_days_keeps_to_midnight_across_a_clock_change() -> None:
    window = Window.of_local(date(2026, 3, 29), date(2026, 3, 31), "Europe/Berlin")
    assert local(window.compared(Comparison.PREVIOUS_PERIOD)) == (
        "2026-03-27T00:00:00+01:00",
        "2026-03-29T00:00:00+01:00",
    )


@pytest.mark.parametrize(
    ("start", "end", "previous"),
    [
        (date(2026, 3, 1), date(2026, 4, 1), date(2026, 2, 1)),
        (date(2026, 1, 1), date(2026, 4, 1), date(2025, 10, 1)),
        (date(2026, 1, 1), date(2027, 1, 1), date(2025, 1, 1)),
    ],
)
def test_whole_months_are_compared_with_as_many_months(start: date, end: date, previous: date) -> None:
    compared = Window.of_local(start, end, "Asia/Shanghai").compared(Comparison.PREVIOUS_PERIOD)
    assert compared == Window.of_local(previous, start, "Asia/Shanghai")


def test_the_year_before_a_leap_day_ends_on_the_28th() -> None:
    window = Window.of_local(date(2028, 2, 29), date(2028, 3, 1), "UTC")
    assert local(window.compared(Comparison.PREVIOUS_YEAR))[0] == "2027-02-28T00:00:00+00:00"


def test_the_repeated_hour_appears_twice_and_the_skipped_one_not_at_all() -> None:
    autumn = Window.of_local(date(2026, 10, 25), date(2026, 10, 26), "Europe/Berlin")
    hours = [hour.isoformat() for hour in bucket_starts(autumn, Grain.HOUR)]
    assert len(hours) == 25
    assert hours[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    spring = Window.of_local(date(2026, 3, 29), date(2026, 3, 30), "Europe/Berlin")
    hours = [hour.isoformat() for hour in bucket_starts(spring, Grain.HOUR)]
    assert len(hours) == 23
    assert "2026-03-29T02:00:00+01:00" not in hours


def test_weeks_start_on_monday() -> None:
    window = Window.of_local(date(2021, 1, 1), date(2021, 1, 12), "UTC")
    assert [start.date().isoformat() for start in bucket_starts(window, Grain.WEEK)] == [
        "2020-12-28",
        "2021-01-04",
        "2021-01-11",
    ]


@given(
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 30)),
    grain=st.sampled_from([grain for grain in Grain if grain is not Grain.HOUR]),
)
def test_every_moment_lies_in_its_bucket(moment: datetime, grain: Grain) -> None:
    start = bucket_start(moment, grain)
    assert start <= moment < next_bucket(start, grain)
    assert bucket_start(next_bucket(start, grain), grain) == next_bucket(start, grain)


@given(
    start=st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),
    hours=st.integers(1, 24 * 40),
    zone=st.sampled_from(ZONES),
    grain=st.sampled_from(list(Grain)),
)
def test_buckets_cover_the_window_in_order_without_overlap(
    start: datetime, hours: int, zone: str, grain: Grain
) -> None:
    begin = start.replace(tzinfo=UTC)
    window = Window(begin, begin + timedelta(hours=hours), zone)
    starts = bucket_starts(window, grain)
    instants = [moment.astimezone(UTC) for moment in starts]
    assert instants == sorted(set(instants))
    assert (
        instants[0]
        <= window.start.astimezone(UTC)
        < (instants[1] if instants[1:] else window.end + timedelta(400))
    )
    assert instants[-1] < window.end.astimezone(UTC)


def test_an_unknown_zone_is_named() -> None:
    assert check_zone("Asia/Shanghai") == "Asia/Shanghai"
    with pytest.raises(Invalid, match="Mars/Olympus"):
        check_zone("Mars/Olympus")
