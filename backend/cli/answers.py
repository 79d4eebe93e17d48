"""An answer of the evaluator as JSON, CSV or a table. Formats numbers; computes none."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import datetime, time
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from backend.cli.console import visible
from backend.core.currencies import MINOR_DIGITS
from backend.core.windows import Window
from backend.metrics.judging import Judgement, Verdict
from backend.metrics.language.types import Unit
from backend.metrics.questions import Answer, Cell, CellState, Column, KpiDescription

if TYPE_CHECKING:
    from rich.table import Table

_MARKS = {
    CellState.OK: "",
    CellState.NO_DATA: "",
    CellState.PROVISIONAL: " (provisional)",
    CellState.BELOW_MINIMUM_SAMPLE: " (few)",
    CellState.ERROR: " (error)",
}

_VERDICTS = {
    None: "–",
    Verdict.IMPROVED: "better",
    Verdict.IMPROVED_AT_COST: "better, at the cost of",
    Verdict.WORSE: "worse",
    Verdict.UNCHANGED: "same",
}


def to_json(answer: Answer) -> str:
    """The document the README describes: window, rows of cells by KPI key, totals, over-counts."""
    return json.dumps(_document(answer), ensure_ascii=False, indent=2, allow_nan=False)


def to_csv(answer: Answer) -> str:
    """One line per row: bucket, dimensions, then value, n, numerator, denominator, state and matured share
    of each KPI.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [*(["bucket"] if answer.buckets is not None else []), *answer.dimensions]
    for column in answer.columns:
        key = column.kpi.key
        head += [key, *(f"{key}.{name}" for name in ("n", "numerator", "denominator", "state", "matured"))]
        if answer.previous_columns is not None:
            head += [f"{key}.previous", f"{key}.verdict", f"{key}.costs"]
    writer.writerow(head)
    for row in range(_row_count(answer)):
        line: list[Any] = [answer.buckets[row].isoformat()] if answer.buckets is not None else []
        line += [member.key for member in answer.members[row]] if answer.members else []
        for number, column in enumerate(answer.columns):
            cell = column.cell(row)
            line += [
                _number(cell.value),
                cell.n,
                _number(cell.numerator),
                _number(cell.denominator),
                cell.state.value,
                _number(cell.matured),
            ]
            if answer.previous_columns is not None:
                line.append(_number(answer.previous_columns[number].cell(row).value))
            if column.judgements is not None:
                judgement = column.judgements[row]
                line += [judgement.verdict, " ".join(judgement.costs)]
        writer.writerow(line)
    return text.getvalue().removesuffix("\n")


def to_table(answer: Answer) -> Table:
    """Values with their units and n, the totals last; a row that would be only totals is not repeated."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    if answer.buckets is not None:
        table.add_column("bucket")
    for dimension in answer.dimensions:
        table.add_column(dimension)
    for column in answer.columns:
        table.add_column(Text(column.kpi.key), justify="right")
        if answer.previous_columns is not None:
            table.add_column(Text("before"), justify="right", style="dim")
            table.add_column("verdict")
        table.add_column("n", justify="right", style="dim")
    whole_days = all(bucket.time() == time() for bucket in answer.buckets or ())
    leads = (answer.buckets is not None) + len(answer.dimensions)
    if leads:
        for row in range(_row_count(answer)):
            line = [show_bucket(answer.buckets[row], whole_days)] if answer.buckets is not None else []
            line += (
                [show_member(member.label, member.key) for member in answer.members[row]]
                if answer.members
                else []
            )
            cells = [column.cell(row) for column in answer.columns]
            before = (
                [column.cell(row) for column in answer.previous_columns] if answer.previous_columns else None
            )
            found = [column.judgements[row] for column in answer.columns if column.judgements is not None]
            table.add_row(*map(Text, line + _shown(answer.columns, cells, before, found)))
        table.add_section()
    total = ["total"] + [""] * (leads - 1) if leads else []
    last = _shown(answer.columns, answer.totals, answer.previous_totals, answer.total_judgements)
    table.add_row(*map(Text, total + last))
    if any(map(_exceeds, answer.columns)):
        width = 2 if answer.previous_columns is None else len(last) // len(answer.columns)
        excess = [_excess(column) for column in answer.columns]
        line = [text for shown in excess for text in (shown, *[""] * (width - 1))]
        table.add_row(*map(Text, ["agents over total", *[""] * (leads - 1), *line]))
    return table


def version_notes(answer: Answer) -> Iterator[str]:
    """Where cells of one KPI are by different versions of its definition, a sentence for each change."""
    for kpi in (column.kpi for column in answer.columns):
        for before, after in pairwise(kpi.versions):
            yield (
                f"{kpi.key}: cells that end by the start of {after.effective_from} are by version {before.version}, "
                f"{before.formula}; later ones by version {after.version}."
            )


def show_value(value: float | None, kpi: KpiDescription) -> str:
    """A value as people read it: 82.4 %, 7 min 31 s, SGD 1,204.00; a dash where there is none."""
    if value is None:
        return "–"
    match kpi.unit:
        case Unit.RATIO:
            return f"{value * 100:.1f} %"
        case Unit.DURATION:
            return _duration(value)
        case Unit.MONEY:
            return f"{kpi.currency or ''} {value:,.{MINOR_DIGITS.get(kpi.currency or '', 2)}f}".strip()
        case Unit.COUNT:
            return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
        case Unit.SCORE:
            return f"{value:.2f}"
        case Unit.POINTS:
            return f"{value:.1f}"
        case Unit.NONE:
            return f"{value:,.4g}"


def _document(answer: Answer) -> dict[str, Any]:
    rows = []
    for row in range(_row_count(answer)):
        cells = {}
        for number, column in enumerate(answer.columns):
            before = (
                answer.previous_columns[number].cell(row) if answer.previous_columns is not None else None
            )
            judgement = column.judgements[row] if column.judgements is not None else None
            cells[column.kpi.key] = cell_document(column.cell(row), before, judgement)
        members = answer.members[row] if answer.members else ()
        rows.append(
            {
                "bucket": answer.buckets[row].isoformat() if answer.buckets is not None else None,
                "dimensions": dict(zip(answer.dimensions, (member.key for member in members), strict=True)),
                "cells": cells,
            }
        )
    totals = {}
    for number, column in enumerate(answer.columns):
        before = answer.previous_totals[number] if answer.previous_totals is not None else None
        judgement = answer.total_judgements[number] if answer.total_judgements is not None else None
        totals[column.kpi.key] = cell_document(answer.totals[number], before, judgement)
    document = {
        "window": window_document(answer.window, answer.zone),
        "rows": rows,
        "totals": {"cells": totals},
    }
    over = {column.kpi.key: _number(column.overcount) for column in answer.columns if _exceeds(column)}
    return document | ({"over_counts": over} if over else {})


def window_document(window: Window | None, zone: str) -> dict[str, str] | None:
    """A window by its local ends; None for all of time."""
    if window is None:
        return None
    start, end = (moment.astimezone(ZoneInfo(zone)).isoformat() for moment in (window.start, window.end))
    return {"from": start, "to": end, "zone": zone}


def cell_document(
    cell: Cell, before: Cell | None = None, judgement: Judgement | None = None
) -> dict[str, Any]:
    """A cell, with the one it is compared with under `previous`, then what the two say."""
    shown: dict[str, Any] = {
        "value": _number(cell.value),
        "n": cell.n,
        "numerator": _number(cell.numerator),
        "denominator": _number(cell.denominator),
        "state": cell.state.value,
        "matured": _number(cell.matured),
    }
    if before is not None:
        shown["previous"] = cell_document(before)
    if judgement is not None:
        shown |= {"verdict": judgement.verdict, "costs": list(judgement.costs)}
    return shown


def _row_count(answer: Answer) -> int:
    if answer.columns:
        return len(answer.columns[0].values)
    return max(len(answer.members), len(answer.buckets or ()))


def _shown(
    columns: list[Column],
    cells: list[Cell],
    before: list[Cell] | None,
    judgements: list[Judgement] | None,
) -> list[str]:
    texts = []
    for number, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        texts.append(show_value(cell.value, column.kpi) + _mark(cell))
        if before is not None:
            texts.append(show_value(before[number].value, column.kpi))
        if judgements:
            texts.append(_verdict(judgements[number]))
        texts.append(f"{cell.n:,}")
    return texts


def _mark(cell: Cell) -> str:
    if cell.state is CellState.PROVISIONAL and cell.matured is not None:
        return f" (provisional: {math.floor(cell.matured * 100)} % matured)"
    return _MARKS[cell.state]


def _exceeds(column: Column) -> bool:
    """Whether the agents of a column add up to something else than its total."""
    return column.overcount is not None


def _excess(column: Column) -> str:
    return "" if column.overcount is None else f"{column.overcount:+,.10g}"


def _verdict(judgement: Judgement) -> str:
    return " ".join([_VERDICTS[judgement.verdict], ", ".join(judgement.costs)]).strip()


def show_bucket(start: datetime, whole_days: bool) -> str:
    """A bucket by its local start: a day, or a moment with its offset unless all start at midnight."""
    return start.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M %z")


def show_member(label: str | None, key: str | None) -> str:
    """A member of a dimension as people read it."""
    return visible(label or key or "(none)")


def _number(value: float | None) -> float | int | None:
    """Whole numbers without a point, so that a count looks like one."""
    return int(value) if value is not None and value == round(value) else value


def _duration(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    size = abs(seconds)
    if size < 59.95:  # what is shown with one digit as less than a minute
        return f"{sign}{size:.1f} s"
    whole = round(size)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{sign}{days} d {hours} h"
    if hours:
        return f"{sign}{hours} h {minutes:02d} min"
    return f"{sign}{minutes} min {left:02d} s"
