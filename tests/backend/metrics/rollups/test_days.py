"""Local days, also where clocks are moved."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from backend.core.windows import Window
from backend.metrics.rollups.days import (
    Days,
    days_reached,
    even_hours,
    rest_of,
    runs,
    start_of,
    whole_days,
)

HOUR = timedelta(hours=1)
NEW_YORK, LORD_HOWE, KOLKATA = "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"


def days(first: str, last: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(last))


def test_days_in_a_row_and_their_months():
    some = days("2026-01-30", "2026-03-01")
    assert len(some) == len(list(some)) == 31
    assert date(2026, 2, 28) in some
    assert date(2026, 3, 2) not in some
    assert list(some.by_month()) == [
        days("2026-01-30", "2026-01-31"),
        days("2026-02-01", "2026-02-28"),
        days("2026-03-01", "2026-03-01"),
    ]


@pytest.mark.parametrize(
    "zone, day, hours",
    [
        (NEW_YORK, "2026-03-08", 23),
        (NEW_YORK, "2026-11-01", 25),
        (LORD_HOWE, "2026-04-05", 24.5),
        (LORD_HOWE, "2026-10-04", 23.5),
        (KOLKATA, "2026-03-08", 24),
    ],
)
def test_a_day_on_which_clocks_are_moved_is_longer_or_shorter(zone, day, hours):
    window = days(day, day).window(zone)
    assert window.end - window.start == hours * HOUR
    assert whole_days(window) == days(day, day)


def test_the_whole_days_of_a_window():
    noon, zone = datetime(2026, 3, 7, 12, tzinfo=ZoneInfo(NEW_YORK)), NEW_YORK
    assert whole_days(Window(noon, noon + timedelta(days=3), zone)) == days("2026-03-08", "2026-03-09")
    assert whole_days(Window(noon, noon + timedelta(hours=20), zone)) is None
    start = start_of(date(2026, 3, 7), zone)
    assert whole_days(Window(start, start + 24 * HOUR, zone)) == days("2026-03-07", "2026-03-07")
    assert whole_days(Window(start + timedelta(microseconds=1), start + 24 * HOUR, zone)) is None


def test_runs_of_days():
    some = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3), date(2026, 3, 1)]
    assert list(runs(some)) == [days("2026-02-28", "2026-03-01"), days("2026-03-03", "2026-03-03")]
    assert list(runs([])) == []


@pytest.mark.parametrize("zone", [NEW_YORK, LORD_HOWE, KOLKATA])
def test_the_rest_of_a_window_is_all_that_was_not_taken(zone):
    """Every half an hour is in the rest, or in a day that was taken: never in both."""
    dice = Random(zone)
    for _ in range(60):
        start = datetime(2026, 4, 1, tzinfo=UTC) + dice.randrange(96) * HOUR / 2
        window = Window(start, start + dice.randrange(1, 300) * HOUR / 2, zone)
        inside = whole_days(window)
        taken = {day for day in inside or () if dice.random() < 0.5}
        rest = rest_of(window, taken)
        at = window.start
        while at < window.end:
            left = sum(one.start <= at < one.end for one in rest)
            assert left == (at.astimezone(ZoneInfo(zone)).date() not in taken)
            at += HOUR / 2
        assert all(one.end < other.start for one, other in itertools.pairwise(rest))


@pytest.mark.parametrize("zone", [NEW_YORK, LORD_HOWE, KOLKATA, "UTC"])
def test_an_hour_reaches_the_days_of_all_its_minutes(zone):
    dice = Random(zone)
    for _ in range(200):
        start = datetime(2026, 4, 4, tzinfo=UTC) + dice.randrange(72) * HOUR
        end = start + dice.randrange(1, 60) * HOUR
        minutes = ((end - start) // timedelta(minutes=1)) - 1
        marks = [start + at * timedelta(minutes=1) for at in (*range(0, minutes, 10), minutes)]
        reached = {at.astimezone(ZoneInfo(zone)).date() for at in marks}
        assert days_reached([(start, end, 7)], zone) == dict.fromkeys(reached, 7)


def test_of_several_touches_the_newest_version_counts():
    hour = datetime(2026, 4, 4, 10, tzinfo=UTC)
    spans = [(hour, hour + HOUR, 3), (hour + HOUR, hour + 2 * HOUR, 9), (hour, hour + HOUR, 5)]
    assert days_reached(spans, "UTC") == {date(2026, 4, 4): 9}
    assert days_reached([], "UTC") == {}


def test_hours_begin_at_the_same_minute_unless_clocks_move_by_half_an_hour():
    assert even_hours(days("2026-03-01", "2026-03-31"), NEW_YORK)
    assert even_hours(days("2026-03-01", "2026-03-31"), KOLKATA)
    assert not even_hours(days("2026-04-05", "2026-04-05"), LORD_HOWE)
    assert not even_hours(days("2026-04-01", "2026-04-30"), LORD_HOWE)
    assert even_hours(days("2026-04-06", "2026-04-30"), LORD_HOWE)
    assert even_hours(days("2026-04-01", "2026-04-04"), LORD_HOWE)
