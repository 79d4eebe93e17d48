"""Hours as people write them, in lines and in files."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.schedules.documents import read_document
from backend.schedules.hours import HoursDraft
from backend.schedules.wording import read_day, read_week, spell_day, spell_week
from tests.backend.schedules.planning import OFFICE, hours_of

DAY = 1440


@pytest.mark.parametrize(
    "line, spans",
    [
        ("Mon-Fri 09:00-18:00", list(OFFICE)),
        ("monday 9:00 - 12:00, 13:00-18:00", [(540, 720), (780, 1080)]),
        ("Sat,Sun 10:00-14:00", [(5 * DAY + 600, 5 * DAY + 840), (6 * DAY + 600, 6 * DAY + 840)]),
        ("Sat-Mon 00:00-24:00", [(day * DAY, day * DAY + DAY) for day in (5, 6, 0)]),
        ("daily 22:00-06:00", [(day * DAY + 1320, day * DAY + 1800) for day in range(7)]),
        ("Tue, Thu 00:00-00:00", [(day * DAY, day * DAY + DAY) for day in (1, 3)]),
    ],
)
def test_a_line_of_the_week(line, spans):
    assert read_week([line]) == (spans, [])


@pytest.mark.parametrize(
    "line",
    ["", "Mon", "09:00-18:00", "Mon-Fri", "Mun 09:00-18:00", "Mon-Tue-Wed 09:00-10:00", "Mon 9-18", "Mon 25:00-26:00",
     "Mon 09:60-10:00", "Mon 09:00-18:00 CET", "T 09:00-10:00"],
)  # fmt: skip
def test_a_line_that_cannot_be_read(line):
    spans, [problem] = read_week(["Tue 09:00-10:00", line])
    assert spans == [(DAY + 540, DAY + 600)]
    assert (problem.code, problem.path) == ("SCHEDULE_HOURS_INVALID", ("hours", 1))


def test_a_day_does_not_run_into_the_next():
    assert read_day(["09:00-12:00, 13:00-14:00"], ("x",)) == ([(540, 720), (780, 840)], [])
    assert read_day(["22:00-02:00"], ("x",)) == ([(1320, 120)], [])  # which hours.py refuses, in place
    assert read_day(["Mon 09:00-10:00"], ("x",))[1][0].path == ("x", 0)


def test_spelling():
    hours = hours_of("UTC", [*OFFICE, (5 * DAY + 1320, 5 * DAY + 1560)])
    assert spell_week(hours) == ["Mon-Fri 09:00-18:00", "Sat 22:00-24:00", "Sun 00:00-02:00"]
    assert spell_day(()) == ""


@given(st.lists(st.integers(0, 7 * DAY), unique=True, min_size=2, max_size=30))
def test_what_is_spelled_reads_back(cuts):
    cuts = sorted(cuts)[: len(cuts) // 2 * 2]
    hours = hours_of("UTC", list(zip(cuts[::2], cuts[1::2], strict=True)))
    week, problems = read_week(spell_week(hours))
    assert problems == []
    assert HoursDraft("UTC", week).settle() == (hours, [])


TOML = """
name = "Support"
zone = "Europe/Berlin"
hours = ["Mon-Fri 09:00-18:00"]
holidays = [2026-12-25, "2026-12-26"]
[special]
"2026-12-24" = "09:00-13:00"
"""
JSON = """{"name": "Support", "zone": "Europe/Berlin", "hours": "Mon-Fri 09:00-18:00",
 "holidays": ["2026-12-25", "2026-12-26"], "special": {"2026-12-24": ["09:00-13:00"]}}"""


@pytest.mark.parametrize("text", [TOML, JSON])
def test_a_file(text):
    document = read_document(text)
    hours, problems = document.draft.settle()
    assert problems == []
    assert hours is not None
    assert (document.name, hours.zone, hours.week) == ("Support", "Europe/Berlin", OFFICE)
    assert hours.exceptions == (
        (date(2026, 12, 24), ((540, 780),)),
        (date(2026, 12, 25), ()),
        (date(2026, 12, 26), ()),
    )


@pytest.mark.parametrize(
    "text, paths",
    [
        ('zone = "UTC"\nhour = "x"', [("hour",)]),
        ('hours = ["Mon 09:00-10:00"]', [("zone",)]),
        ("zone = 5\nname = 7", [("name",), ("zone",)]),
        ('zone = "UTC"\nhours = [5]', [("hours",)]),
        ('zone = "UTC"\nhours = ["Mon"]\nholidays = [5]', [("hours", 0), ("holidays", 0)]),
        ('zone = "UTC"\nspecial = "x"', [("special",)]),
        ('{"zone": "UTC", "special": {"2026-12-24": ["noon"]}}', [("special", "2026-12-24", 0)]),
        ("zone = ", []),
        ("{", []),
        ("{" * 100_000, []),
    ],
)
def test_a_file_that_says_no_schedule(text, paths):
    with pytest.raises(Invalid) as refusal:
        read_document(text)
    assert refusal.value.code == "SCHEDULE_FILE_INVALID"
    assert [one.path for one in refusal.value.problems] == paths
