"""`scoredesk drill`: the rows behind a number, one a line, written as they come."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.console import out
from backend.cli.installation import REFUSED, Installation, run
from backend.cli.kpis import ask_of, moment_of, place_of, tell_refusal
from backend.core.errors import Invalid
from backend.core.windows import Grain, Window

if TYPE_CHECKING:
    from backend.metrics.proofs import Drill, DrilledRow
    from backend.metrics.questions import Question

Write = Callable[["DrilledRow"], None]


class Rows(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"


class SideOption(StrEnum):
    """Of which side of the formula's last step."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


def register(app: typer.Typer) -> None:
    """Adds this command to the program."""
    app.command("drill")(drill)


def drill(
    asked: Annotated[
        str, typer.Argument(metavar="KEY|NAME=FORMULA", help="A KPI or a formula.", show_default=False)
    ],
    tenant: Annotated[str, typer.Option(help="Whose rows.", show_default=False)],
    start: Annotated[
        str | None, typer.Option("--from", help="First day or moment, in the tenant's zone.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day or moment it ends before.")] = None,
    where: Annotated[str | None, typer.Option(help="Condition on rows, in the formula language.")] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=KEY", help="Only rows of that member; DIM= for those without. Repeatable."),
    ] = None,
    bucket: Annotated[str | None, typer.Option(help="Only the bucket that starts then.")] = None,
    grain: Annotated[Grain | None, typer.Option(help="Of which width the bucket is.")] = None,
    side: Annotated[
        SideOption, typer.Option(help="Of which side of the formula's last step.")
    ] = SideOption.DENOMINATOR,
    aggregate: Annotated[
        int | None, typer.Option(min=0, help="Only of this aggregate, as --proof lists them, from 0.")
    ] = None,
    shape: Annotated[
        Rows, typer.Option("--format", help="CSV with a head, or an object of JSON per line.")
    ] = Rows.CSV,
) -> None:
    """Write the rows behind a KPI's total, or behind one cell: one per line, the newest first."""
    if (start is None) != (end is None):
        raise typer.BadParameter("Give both --from and --to, or neither.")
    if (bucket is None) != (grain is None):
        raise typer.BadParameter("Give both --bucket and --grain, or neither.")
    from backend.metrics.proofs import Drill, Side
    from backend.metrics.questions import Question

    ask = ask_of(asked)
    span = (moment_of(start), moment_of(end)) if start is not None and end is not None else None
    cell = place_of(member, bucket)

    def question(zone: str) -> tuple[Question, Drill]:
        window = Window.of_local(*span, zone) if span is not None else None
        return Question((ask,), window, grain=grain, where=where), Drill(
            cell(zone), Side(side.value), aggregate
        )

    refused = run(lambda place: _export(place, tenant, question, _writer(shape)))
    if refused is not None:
        tell_refusal(refused, [ask.formula], where)
        raise typer.Exit(REFUSED)


async def _export(
    place: Installation, slug: str, question: Callable[[str], tuple[Question, Drill]], write: Write
) -> Invalid | None:
    from backend.core.clock import system_clock
    from backend.metrics.evaluator import Evaluator

    async with place.tenant(slug) as database:
        try:
            async for row in Evaluator(database, system_clock).export(*question(database.tenant.zone)):
                write(row)
        except Invalid as error:
            return error
    return None


def _writer(shape: Rows) -> Write:
    if shape is Rows.JSON:
        return lambda row: out(json.dumps(dict(_fields(row)), ensure_ascii=False, default=str))
    lines = csv.writer(sys.stdout, lineterminator="\n")
    headed = False

    def write(row: DrilledRow) -> None:
        nonlocal headed
        fields = _fields(row)
        if not headed:
            lines.writerow([name for name, _ in fields])
            headed = True
        lines.writerow([value for _, value in fields])

    return write


def _fields(row: DrilledRow) -> Sequence[tuple[str, Any]]:
    """What is told of a row, by name; `row_source` is its own, `source` the interaction's."""
    told: list[tuple[str, Any]] = [
        ("fact", row.fact),
        ("row_source", row.source),
        ("external_id", row.external_id),
        ("anchored_at", _plain(row.anchored_at)),
        ("value", row.value),
        ("row_share", _plain(Decimal(str(row.share)))),
    ]
    return told + [(name, _plain(value)) for name, value in row.fields.items()]


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case _:
            return value
