"""Clocks over schedules that change: whose hours count when, and how long that was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from backend.schedules.clocks import Clocks, Horizon, Policy, clocks_of
from backend.schedules.timetable import Assignment, Held, Schedule, Timetable
from tests.backend.schedules.planning import (
    ALWAYS,
    EVENING,
    LATE,
    LONG_AGO,
    OFFICE,
    assigned,
    hours_of,
    schedule_of,
)

HOUR = 3_600_000
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def clocks(schedules: list[Schedule], assignments: list[Assignment], since: datetime | None = None) -> Clocks:
    return clocks_of(Timetable(tuple(schedules), tuple(assignments)), Horizon.around(since, None, NOW))


OFFICE_HOURS = schedule_of("office", (LONG_AGO, hours_of("UTC", OFFICE)))
NONSTOP = schedule_of("nonstop", (LONG_AGO, hours_of("UTC", ALWAYS)))


def test_the_published_example_to_the_millisecond():
    changed = moment("2020-09-30 19:01:25")
    level = [
        schedule_of("level_1", (LONG_AGO, hours_of("UTC", LATE))),
        schedule_of("level_2", (LONG_AGO, hours_of("UTC", EVENING))),
    ]
    created, replied = moment("2020-09-29 17:01:38"), moment("2020-09-30 19:01:46")
    both = clocks(level, [assigned("level_1", created), assigned("level_2", changed)], created)
    assert both.elapsed(created, replied) == 57_608_000
    assert both.elapsed(created, replied, policy=Policy.LAST) == 41_408_000
    # one schedule, no change: both ways agree
    assert both.elapsed(created, changed - timedelta(milliseconds=1)) == both.elapsed(
        created, changed - timedelta(milliseconds=1), policy=Policy.LAST
    )


def test_queue_before_team_before_tenant():
    one = clocks(
        [OFFICE_HOURS, NONSTOP, schedule_of("late", (LONG_AGO, hours_of("UTC", LATE)))],
        [
            assigned("office"),
            assigned("nonstop", scope="queue", scope_id=7),
            assigned("late", scope="team", scope_id=7),
        ],
    )
    day = (moment("2026-03-02 00:00"), moment("2026-03-03 00:00"))

    def hours(queue_id: int | None, team_id: int | None) -> float:
        return (one.elapsed(*day, queue_id=queue_id, team_id=team_id) or 0) / HOUR

    assert [hours(*scope) for scope in ((None, None), (1, 1), (7, 7), (None, 7), (1, 7))] == [
        9,
        9,
        24,
        14,
        14,
    ]


def test_nothing_is_known_without_a_schedule_or_beyond_the_horizon():
    one = clocks([OFFICE_HOURS], [assigned("office", scope="queue", scope_id=7)])
    day = (moment("2026-03-02 00:00"), moment("2026-03-03 00:00"))
    assert one.elapsed(*day) is None
    assert one.elapsed(*day, team_id=7) is None
    assert one.elapsed(*day, queue_id=7) == 9 * HOUR
    assert one.horizon == Horizon(moment("2025-01-01 00:00"), moment("2028-01-01 00:00"))
    assert one.elapsed(moment("2024-12-31 23:59"), day[1], queue_id=7) is None
    assert one.elapsed(day[0], moment("2028-01-01 00:00"), queue_id=7) is None
    assert one.elapsed(moment("2025-01-01 00:00"), moment("2025-01-02 00:00"), queue_id=7) == 9 * HOUR


def test_a_misdated_moment_does_not_make_a_clock_endless():
    horizon = Horizon.around(moment("1970-01-01 00:00"), moment("2190-01-01 00:00"), NOW)
    assert (horizon.start.year, horizon.end.year) == (1996, 2032)


@pytest.mark.parametrize("policy", Policy)
def test_backwards_is_negative(policy: Policy):
    one = clocks([OFFICE_HOURS], [assigned("office")])
    start, end = moment("2026-03-02 10:00"), moment("2026-03-02 11:00:00.0015")
    assert one.elapsed(start, end, policy=policy) == HOUR + 1  # whole milliseconds, as between moments
    assert one.elapsed(end, start, policy=policy) == -HOUR - 1


def test_versions_hold_from_their_instant_and_the_last_word_stands():
    since = [moment(f"2026-03-{day:02d} 00:00") for day in (3, 5, 4)]
    weeks = [OFFICE, ALWAYS, LATE]
    changing = schedule_of("s", *((at, hours_of("UTC", week)) for at, week in zip(since, weeks, strict=True)))
    # the third was written last and holds from the 4th on, so the second never comes into force
    assert [(one.version, one.effective_from.day) for one in changing.in_force()] == [(1, 3), (3, 4)]
    one = clocks([changing], [assigned("s")])
    days = [moment(f"2026-03-{day:02d} 04:00") for day in (2, 3, 4, 5, 6)]
    worked = [(one.elapsed(a, b) or 0) / HOUR for a, b in pairwise(days)]
    assert worked == [9, 11, 14, 14]  # of Tuesday 9 hours, and of the night after it 2


def test_a_change_that_is_dated_back_keeps_the_hours_of_before_it():
    written, back = moment("2026-11-22 00:00"), moment("2026-04-01 00:00")
    changed = schedule_of("s", (written, hours_of("UTC", ALWAYS)), (back, hours_of("UTC", OFFICE)))
    assert [one.version for one in changed.in_force()] == [1, 2]
    one = clocks([changed], [assigned("s")])
    assert one.elapsed(moment("2026-03-03 00:00"), moment("2026-03-04 00:00")) == 24 * HOUR
    assert one.elapsed(moment("2026-04-07 00:00"), moment("2026-04-08 00:00")) == 9 * HOUR


def test_one_clock_for_equal_timelines():
    shared = [assigned("office", scope="queue", scope_id=each) for each in range(50)]
    one = clocks([OFFICE_HOURS], [*shared, assigned("office")])
    assert {one.number(each, None) for each in (*range(50), 99)} == {0}
    assert len(one.line.bounds) < 2 * (3 * 366 + 2)


def test_what_was_in_force_in_a_window():
    changing = schedule_of(
        "s", (LONG_AGO, hours_of("UTC", OFFICE)), (moment("2026-03-05 00:00"), hours_of("UTC", ALWAYS))
    )
    timetable = Timetable(
        (NONSTOP, OFFICE_HOURS, changing),
        (
            assigned("s"),
            assigned("nonstop", moment("2026-03-10 00:00"), "queue", 3),
            assigned("office", moment("2026-03-12 00:00"), "queue", 3),
        ),
    )
    assert timetable.held(moment("2026-03-01 00:00"), moment("2026-03-05 00:00")) == [
        Held("nonstop", 1, LONG_AGO),
        Held("s", 1, LONG_AGO),
    ]
    assert timetable.held(moment("2026-03-12 00:00"), moment("2026-03-13 00:00")) == [
        Held("office", 1, LONG_AGO),
        Held("s", 2, moment("2026-03-05 00:00")),
    ]
