import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from backend.cli.answers import show_value, to_csv, to_json, to_table, version_notes
from backend.metrics.kpi import DatedFormula
from backend.metrics.language.types import Unit
from backend.metrics.questions import Answer, Cell, CellState, Column, KpiDescription, Member


def kpi(unit, key="x", currency=None):
    return KpiDescription(key, key, key, unit, None, "count()", "started", currency)


def answer(cells, members, buckets=None):
    column = Column(kpi(Unit.COUNT))
    for cell in cells:
        column.add(cell)
    return Answer(
        window=None,
        zone="UTC",
        dimensions=("agent",),
        buckets=buckets,
        members=[(member,) for member in members],
        columns=[column],
        totals=[Cell(7, 7, None, None, CellState.OK)],
        total_rows=len(members),
    )


def table_of(shown):
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(to_table(shown))
    return capture.get()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.COUNT, "–"),
        (12345, Unit.COUNT, "12,345"),
        (0.8236, Unit.RATIO, "82.4 %"),
        (-0.02, Unit.RATIO, "-2.0 %"),
        (7.25, Unit.DURATION, "7.2 s"),
        (59.99, Unit.DURATION, "1 min 00 s"),
        (451, Unit.DURATION, "7 min 31 s"),
        (7500, Unit.DURATION, "2 h 05 min"),
        (3599.7, Unit.DURATION, "1 h 00 min"),
        (180_000, Unit.DURATION, "2 d 2 h"),
        (-90, Unit.DURATION, "-1 min 30 s"),
        (4.256, Unit.SCORE, "4.26"),
        (-12.34, Unit.POINTS, "-12.3"),
        (1.5, Unit.NONE, "1.5"),
    ],
)
def test_values_are_shown_with_their_units(value, unit, text):
    assert show_value(value, kpi(unit)) == text


def test_money_has_the_digits_of_its_currency():
    assert show_value(1204.5, kpi(Unit.MONEY, currency="SGD")) == "SGD 1,204.50"
    assert show_value(1204.5, kpi(Unit.MONEY, currency="JPY")) == "JPY 1,204"
    assert show_value(1204.5, kpi(Unit.MONEY, currency="KWD")) == "KWD 1,204.500"


def test_a_row_without_a_member_is_named_and_a_doubtful_cell_marked():
    shown = table_of(
        answer(
            [
                Cell(3, 3, None, None, CellState.BELOW_MINIMUM_SAMPLE),
                Cell(4, 4, None, None, CellState.PROVISIONAL),
                Cell(5, 8, None, None, CellState.PROVISIONAL, 0.999),
            ],
            [Member("a1", "Ann"), Member(None, None), Member("b", "Bob")],
        )
    )
    lines = shown.splitlines()
    assert any("Ann" in line and "3 (few)" in line for line in lines)
    assert any("(none)" in line and "4 (provisional)" in line for line in lines)
    assert any("Bob" in line and "5 (provisional: 99 % matured)" in line for line in lines)
    assert "total" in lines[-1]


def test_a_name_cannot_command_the_terminal():
    shown = table_of(answer([Cell(1, 1, None, None, CellState.OK)], [Member("a", "An\x1b[2Jn\x9b\r")]))
    assert "\x1b" not in shown
    assert "\x9b" not in shown


def test_markup_in_a_name_is_text():
    assert "[red]Ann[/red]" in table_of(
        answer([Cell(1, 1, None, None, CellState.OK)], [Member("a", "[red]Ann[/red]")])
    )


def test_buckets_of_days_are_dates_and_those_of_hours_have_their_offset():
    day, hour = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)
    cells, members = [Cell(1, 1, None, None, CellState.OK)], [Member("a", "Ann")]
    assert "2026-01-05 " in table_of(answer(cells, members, [day]))
    assert "09:00" not in table_of(answer(cells, members, [day]))
    assert "2026-01-05 09:00 +0000" in table_of(answer(cells, members, [hour]))


def test_csv_quotes_what_needs_it():
    text = to_csv(answer([Cell(1, 1, None, None, CellState.OK)], [Member('a,"1"\n', "Ann")]))
    assert text.splitlines()[0] == "agent,x,x.n,x.numerator,x.denominator,x.state,x.matured"
    assert '"a,""1""\n",1,1,,,ok,' in text


def test_a_note_says_which_cells_are_by_which_version():
    shown = answer([Cell(1, 1, None, None, CellState.OK)], [Member("a", "A")])
    assert list(version_notes(shown)) == []
    versions = tuple(
        DatedFormula(number, f"count() * {number}", date(2026, number, 1)) for number in (1, 2, 5)
    )
    shown.columns[0].kpi = replace(shown.columns[0].kpi, versions=versions)
    assert list(version_notes(shown)) == [
        "x: cells that end by the start of 2026-02-01 are by version 1, count() * 1; later ones by version 2.",
        "x: cells that end by the start of 2026-05-01 are by version 2, count() * 2; later ones by version 5.",
    ]


def test_what_agents_count_beyond_the_total_is_told():
    cells = [Cell(value, value, None, None, CellState.OK) for value in (4, 5)]
    shown = answer(cells, [Member("a1", "Ann"), Member("b1", "Bob")])
    assert "over_counts" not in json.loads(to_json(shown))
    assert "over" not in table_of(shown)
    shown.columns[0].overcount = 2.0
    assert json.loads(to_json(shown))["over_counts"] == {"x": 2}
    last = table_of(shown).splitlines()[-1]
    assert last.split() == ["agents", "over", "total", "+2"]
