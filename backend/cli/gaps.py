"""`scoredesk gap`: KPIs beside what they are held against, and what to do about it."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.console import out, print_table, visible
from backend.cli.installation import Installation, run
from backend.cli.kpis import moment_of
from backend.core.windows import Window
from backend.metrics.benchmarks.figures import Against

if TYPE_CHECKING:
    from rich.table import Table

    from backend.metrics.benchmarks.gaps import GapRow, GapTable


class Shape(StrEnum):
    """How a gap table is printed."""

    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds this command to the program."""
    app.command("gap")(gap)


def gap(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="KPIs by key.", show_default=False)],
    tenant: Annotated[str, typer.Option(help="Whose numbers.", show_default=False)],
    start: Annotated[
        str, typer.Option("--from", help="First day or moment, in the tenant's zone.", show_default=False)
    ],
    end: Annotated[str, typer.Option("--to", help="The day or moment it ends before.", show_default=False)],
    reference: Annotated[Against, typer.Option(help="What they are held against.")] = Against.INDUSTRY,
    windows: Annotated[
        int, typer.Option(help="With own_history: how many windows of the past are looked at.")
    ] = 3,
    by: Annotated[list[str] | None, typer.Option(help="Dimension: agent, team ... May be repeated.")] = None,
    where: Annotated[str | None, typer.Option(help="Condition on rows, in the formula language.")] = None,
    shape: Annotated[Shape, typer.Option("--format", help="How it is printed.")] = Shape.TABLE,
) -> None:
    """Show how far KPIs are from the industry, peers, their own past or their target. Positive is behind."""
    from backend.metrics.benchmarks import gaps

    span = moment_of(start), moment_of(end)

    def ask(zone: str) -> gaps.GapAsk:
        window = Window.of_local(*span, zone)
        return gaps.GapAsk(tuple(keys), window, reference, where, tuple(by or ()), windows)

    async def work(place: Installation) -> tuple[GapTable, str]:
        from backend.core.clock import system_clock

        async with place.tenant(tenant) as database:
            found = await gaps.find_gaps(database, system_clock, ask(database.tenant.zone))
            return found, database.tenant.locale

    table, locale = run(work)
    if shape is Shape.JSON:
        out(json.dumps(_document(table), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print_table(_table(table, locale))


def _table(table: GapTable, locale: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from backend.cli.answers import show_value

    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("KPI", *table.dimensions):
        shown.add_column(name)
    for name in ("current", "n", "reference", "gap"):
        shown.add_column(name, justify="right")
    shown.add_column("standing")
    shown.add_column("measure")
    for row in table.rows:
        held, standing = row.against, row.gap.standing if row.gap else None
        cells = [
            row.kpi.key,
            *(visible(one.label or one.key or "(none)") for one in row.members),
            show_value(row.current.value, row.kpi),
            f"{row.current.n:,}",
            show_value(float(held.reference.value) if held else None, row.kpi),
            _size(row),
            standing or "–",
            visible(row.definition.measure_in(locale) or "") if standing == "behind" else "",
        ]
        shown.add_row(*map(Text, cells))
    return shown


def _size(row: GapRow) -> str:
    """A gap with its unit; of a share in points."""
    from backend.cli.answers import show_value

    points = _points(row)
    if points is not None:
        return f"{points:.1f} pt"
    return show_value(float(row.gap.size) if row.gap and row.gap.size is not None else None, row.kpi)


def _points(row: GapRow) -> Decimal | None:
    from backend.metrics.language.types import Unit

    if row.kpi.unit is not Unit.RATIO or row.gap is None or row.gap.size is None:
        return None
    return 100 * row.gap.size


def _document(table: GapTable) -> dict[str, Any]:
    from backend.cli.answers import window_document

    return {
        "window": window_document(table.window, table.zone),
        "history": window_document(table.history, table.zone),
        "rows": [_row(row, table.dimensions) for row in table.rows],
    }


def _row(row: GapRow, dimensions: tuple[str, ...]) -> dict[str, Any]:
    from backend.cli.answers import cell_document

    gap, points = row.gap, _points(row)
    return {
        "kpi": row.kpi.key,
        "dimensions": dict(zip(dimensions, (one.key for one in row.members), strict=True)),
        "current": cell_document(row.current),
        "reference": _reference(row),
        "gap": _float(gap.size) if gap else None,
        "gap_points": _float(points),
        "standing": gap.standing if gap else None,
        "within_band": gap.within_band if gap else None,
        "within_float": gap.within_float if gap else None,
        "measure": {"en": row.definition.measure_en, "zh": row.definition.measure_zh},
    }


def _reference(row: GapRow) -> dict[str, Any] | None:
    from backend.cli.answers import cell_document

    if row.against is None:
        return None
    reference, figure, history = row.against.reference, row.against.benchmark, row.against.history
    return {
        "value": _float(reference.value),
        "low": _float(reference.low),
        "high": _float(reference.high),
        "label": figure.label if figure else None,
        "history": cell_document(history) if history else None,
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
