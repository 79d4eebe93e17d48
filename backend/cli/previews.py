"""`scoredesk kpi preview`: what another formula would make of a KPI's numbers. Nothing is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.console import out, print_table, say
from backend.cli.installation import REFUSED, Installation, run
from backend.cli.kpis import moment_of, tell_refusal
from backend.core.errors import Invalid
from backend.core.windows import Grain, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from backend.metrics.preview import Draft, Preview
    from backend.metrics.questions import Question


class Shape(StrEnum):
    """How a preview is printed."""

    TABLE = "table"
    JSON = "json"


def command() -> Any:
    """The command, as what runs it takes it."""
    app = typer.Typer(add_completion=False)
    app.command()(preview)
    return typer.main.get_command(app)


def preview(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Which KPI; also one to be.", show_default=False)],
    tenant: Annotated[str, typer.Option(help="Whose numbers.", show_default=False)],
    formula: Annotated[str, typer.Option(help="What it would compute.", show_default=False)],
    start: Annotated[str, typer.Option("--from", help="First day or moment.", show_default=False)],
    end: Annotated[str, typer.Option("--to", help="The day or moment it ends before.", show_default=False)],
    effective_from: Annotated[
        str | None,
        typer.Option(help="The first day it would hold for: adds a column as it would be published."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Dimension: agent, channel, weekday ... May be repeated.")
    ] = None,
    grain: Annotated[Grain | None, typer.Option(help="A row for each hour, day ... of the window.")] = None,
    where: Annotated[str | None, typer.Option(help="Condition on rows, in the formula language.")] = None,
    shape: Annotated[Shape, typer.Option("--format", help="How it is printed.")] = Shape.TABLE,
) -> None:
    """Show a KPI by its formula and by another one, side by side. Nothing is stored."""
    from backend.metrics.preview import Draft
    from backend.metrics.questions import Question

    span = moment_of(start), moment_of(end)
    draft = Draft(key, formula, _day_of(effective_from) if effective_from is not None else None)

    def question(zone: str) -> Question:
        return Question((), Window.of_local(*span, zone), tuple(by or ()), grain, where)

    found = run(lambda place: _preview(place, tenant, draft, question))
    if isinstance(found, Invalid):
        tell_refusal(_placed(found), [formula], where)
        raise typer.Exit(REFUSED)
    if shape is Shape.JSON:
        out(json.dumps(_document(found), ensure_ascii=False, indent=2, allow_nan=False))
        return
    print_table(_table(found))
    for one in found.touched:
        say(f"{one.key} refers to it" + (f" and would break: {one.problem.message}" if one.problem else "."))


async def _preview(
    place: Installation, slug: str, draft: Draft, question: Callable[[str], Question]
) -> Preview | Invalid:
    from backend.core.clock import system_clock
    from backend.metrics.evaluator import Evaluator

    async with place.tenant(slug) as database:
        try:
            return await Evaluator(database, system_clock).preview(draft, question(database.tenant.zone))
        except Invalid as error:
            return error


def _day_of(text: str) -> date:
    day = moment_of(text)
    if isinstance(day, datetime):
        raise typer.BadParameter(f"“{text}” is no day; write 2026-01-31.")
    return day


def _placed(error: Invalid) -> Invalid:
    """The error with its places in the formula written as those of a question's first formula."""
    problems = [
        replace(one, path=("kpis", 0, "formula")) if one.path[-1:] == ("formula",) else one
        for one in error.problems
    ]
    return Invalid(error.message, code=error.code, problems=problems)


def _sides(preview: Preview) -> dict[str, int]:
    sides = {"old": preview.old, "new": preview.new, "published": preview.published}
    return {side: at for side, at in sides.items() if at is not None}


def _table(preview: Preview) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from backend.cli.answers import show_bucket, show_member, show_value

    answer, sides = preview.answer, _sides(preview)
    kpi = answer.columns[preview.new].kpi
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    leads = [*(["bucket"] if answer.buckets is not None else []), *answer.dimensions]
    for lead in leads:
        table.add_column(lead)
    for side in sides:
        table.add_column(side, justify="right")
        table.add_column("n", justify="right", style="dim")
    if preview.differences is not None:
        table.add_column("new - old", justify="right")
    whole_days = all(bucket.time() == time() for bucket in answer.buckets or ())
    for row, members in enumerate(answer.members if leads else ()):
        line = [show_bucket(answer.buckets[row], whole_days)] if answer.buckets is not None else []
        line += [show_member(member.label, member.key) for member in members]
        for at in sides.values():
            cell = answer.columns[at].cell(row)
            line += [show_value(cell.value, kpi), f"{cell.n:,}"]
        if preview.differences is not None:
            line.append(show_value(preview.differences[row], kpi))
        table.add_row(*map(Text, line))
    table.add_section()
    line = ["total"] + [""] * (len(leads) - 1) if leads else []
    for at in sides.values():
        line += [show_value(answer.totals[at].value, kpi), f"{answer.totals[at].n:,}"]
    if preview.differences is not None:
        line.append(show_value(preview.total_difference, kpi))
    table.add_row(*map(Text, line))
    return table


def _document(preview: Preview) -> dict[str, Any]:
    from backend.cli.answers import cell_document, window_document

    answer, sides = preview.answer, _sides(preview)
    rows = []
    for row, members in enumerate(answer.members):
        cells: dict[str, Any] = {
            side: cell_document(answer.columns[at].cell(row)) for side, at in sides.items()
        }
        if preview.differences is not None:
            cells["difference"] = preview.differences[row]
        keys = dict(zip(answer.dimensions, (member.key for member in members), strict=True))
        bucket = answer.buckets[row].isoformat() if answer.buckets is not None else None
        rows.append({"bucket": bucket, "dimensions": keys, "cells": cells})
    totals: dict[str, Any] = {side: cell_document(answer.totals[at]) for side, at in sides.items()}
    if preview.differences is not None:
        totals["difference"] = preview.total_difference
    return {
        "window": window_document(answer.window, answer.zone),
        "rows": rows,
        "totals": {"cells": totals},
        "touched": [
            {
                "kind": one.kind.value,
                "key": one.key,
                "problem": one.problem.message if one.problem is not None else None,
            }
            for one in preview.touched
        ],
    }
