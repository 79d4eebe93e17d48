"""Hours of a week and of single dates: what is refused, what normal form they take, when they are open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.schedules.hours import Hours, HoursDraft, Span
from backend.schedules.zones import instant_of, moment_of
from tests.backend.schedules.planning import ALWAYS, OFFICE, hours_of

HOUR = timedelta(hours=1) // timedelta(microseconds=1)


def faults(
    week: list[Span], exceptions: list[tuple[str, list[Span]]] | None = None, zone: str = "UTC"
) -> list[tuple[str, tuple[str | int, ...]]]:
    hours, problems = HoursDraft(zone, week, exceptions or []).settle()
    assert (hours is None) == bool(problems)
    return [(one.code, one.path) for one in problems]


def opened(hours: Hours, start: str, end: str) -> list[tuple[str, str]]:
    spans = hours.open_spans(
        *(instant_of(datetime.fromisoformat(f"{one}T00:00+00:00")) for one in (start, end))
    )
    return [(f"{moment_of(a):%d %H:%M}", f"{moment_of(b):%d %H:%M}") for a, b in spans]


@pytest.mark.parametrize(
    "week, normal",
    [
        ([(540, 720), (720, 1080)], [(540, 1080)]),  # touch: one span
        ([(900, 960), (540, 600)], [(540, 600), (900, 960)]),
        ([(1320, 1560)], [(1320, 1560)]),  # over midnight
        ([(9960, 10440)], [(0, 360), (9960, 10080)]),  # over the week's end
        ([(9960, 10440), (360, 400)], [(0, 400), (9960, 10080)]),
        ([(600, 10680)], [(0, 10080)]),  # a whole week, from Monday 10:00 on
        ([(1440, 1441)], [(1440, 1441)]),
    ],
)
def test_normal_form(week, normal):
    assert list(hours_of("UTC", week).week) == normal


@pytest.mark.parametrize(
    "week, exceptions, found",
    [
        ([(540, 540)], [], [("SCHEDULE_HOURS_INVALID", ("hours", 0))]),
        ([(540, 600), (1080, 1020)], [], [("SCHEDULE_HOURS_INVALID", ("hours", 1))]),
        ([(-60, 60)], [], [("SCHEDULE_HOURS_INVALID", ("hours", 0))]),
        ([(10080, 10090)], [], [("SCHEDULE_HOURS_INVALID", ("hours", 0))]),
        ([(600, 10681)], [], [("SCHEDULE_HOURS_INVALID", ("hours", 0))]),
        ([(540, 700), (600, 800)], [], [("SCHEDULE_HOURS_OVERLAP", ("hours", 1))]),
        ([(9960, 10440), (300, 400)], [], [("SCHEDULE_HOURS_OVERLAP", ("hours", 1))]),
        ([], [], [("SCHEDULE_HOURS_INVALID", ("hours",))]),
        ([], [("2026-12-24", [])], [("SCHEDULE_HOURS_INVALID", ("hours",))]),
        ([(0, 60)], [("2026-02-30", [])], [("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date"))]),
        ([(0, 60)], [("20261224", [])], [("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date"))]),
        ([(0, 60)], [("1890-01-01", [])], [("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date"))]),
        (
            [(0, 60)],
            [("2026-12-24", []), ("2026-12-24", [(0, 60)])],
            [("SCHEDULE_DATE_INVALID", ("exceptions", 1, "date"))],
        ),
        (
            [(0, 60)],
            [("2026-12-24", [(1400, 1500)])],
            [("SCHEDULE_HOURS_INVALID", ("exceptions", 0, "hours", 0))],
        ),
        ([(0, 60)] * 201, [], [("SCHEDULE_HOURS_INVALID", ("hours",))]),
    ],
)
def test_what_cannot_be_meant(week, exceptions, found):
    assert faults(week, exceptions) == found


def test_every_mistake_is_told_at_once():
    assert faults([(60, 60)], [("x", [(5, 2)])], zone="Mars/Base") == [
        ("ZONE_UNKNOWN", ("zone",)),
        ("SCHEDULE_HOURS_INVALID", ("hours", 0)),
        ("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date")),
        ("SCHEDULE_HOURS_INVALID", ("exceptions", 0, "hours", 0)),
    ]


def test_a_date_of_its_own_replaces_the_day():
    hours = hours_of("UTC", OFFICE, {"2026-02-03": [], "2026-02-04": [(600, 660)], "2026-02-07": [(0, 1440)]})
    assert opened(hours, "2026-02-02", "2026-02-09") == [
        ("02 09:00", "02 18:00"),
        ("04 10:00", "04 11:00"),
        ("05 09:00", "05 18:00"),
        ("06 09:00", "06 18:00"),
        ("07 00:00", "08 00:00"),
    ]


def test_a_span_over_midnight_ends_where_a_holiday_begins():
    hours = hours_of("UTC", [(1320, 1560)], {"2026-02-03": []})  # Monday 22:00 until Tuesday 2:00
    assert opened(hours, "2026-02-02", "2026-02-05") == [("02 22:00", "03 00:00")]


def test_the_skipped_hour_is_none_and_the_repeated_one_is_two():
    night = hours_of("Europe/Berlin", [(6 * 1440 + 60, 6 * 1440 + 240)])  # Sunday 1:00 to 4:00
    assert opened(night, "2026-03-28", "2026-03-30") == [("29 00:00", "29 02:00")]
    assert opened(night, "2026-10-24", "2026-10-26") == [("24 23:00", "25 03:00")]
    skipped = hours_of("Europe/Berlin", [(6 * 1440 + 120, 6 * 1440 + 180)])  # Sunday 2:00 to 3:00
    assert opened(skipped, "2026-03-28", "2026-03-30") == []
    # the two of the repeated hour touch: from 0:00 to 2:00 by UTC
    assert opened(skipped, "2026-10-24", "2026-10-26") == [("25 00:00", "25 02:00")]


def test_half_an_hour_of_daylight_saving():
    hours = hours_of("Australia/Lord_Howe", ((6 * 1440 + 90, 6 * 1440 + 150),))  # Sunday 1:30 to 2:30
    [(start, end)] = hours.open_spans(*(instant_of(datetime(2026, 10, day, tzinfo=UTC)) for day in (3, 5)))
    assert (end - start) / HOUR == 0.5  # 2:00 to 2:30 was skipped
    [(start, end)] = hours.open_spans(*(instant_of(datetime(2026, 4, day, tzinfo=UTC)) for day in (4, 6)))
    assert (end - start) / HOUR == 1.5  # 1:30 to 2:00 came twice


def test_open_all_the_time_is_one_span_whatever_the_clocks_do():
    start, end = (instant_of(datetime(year, 1, 1, tzinfo=UTC)) for year in (2010, 2030))
    for zone in ("Europe/Berlin", "Africa/Casablanca", "Pacific/Apia"):
        assert hours_of(zone, ALWAYS).open_spans(start, end) == [(start, end)]


def test_a_day_that_never_was_is_not_open():
    # Samoa went from 29 to 31 December 2011: that Friday is missing
    hours = hours_of("Pacific/Apia", OFFICE)
    days = hours.open_spans(*(instant_of(datetime(2011, 12, day, tzinfo=UTC)) for day in (26, 31)))
    assert sum(end - start for start, end in days) / HOUR == 4 * 9


def test_what_is_stored_reads_back():
    hours = hours_of("Asia/Shanghai", OFFICE, {"2026-10-01": [], "2026-10-10": [(540, 1080)]})
    stored = hours.as_stored()
    assert Hours.of_stored(stored["zone"], stored["hours"], stored["exceptions"]) == hours
