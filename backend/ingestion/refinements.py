"""What one column cannot say alone: moments past midnight, amounts by currency, scores by scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from backend.ingestion.converters import linear
from backend.ingestion.rules import SCALES
from backend.ingestion.values.faults import Fault
from backend.ingestion.values.numbers import BIGINT_MAX, INTEGER_MAX, minor_units, scaled
from backend.ingestion.vectors import listed

Columns = dict[str, Any]  # by name each a `vectors.Column`; but for moments a list

# A step back of seconds or minutes is a clock set wrong, not a night: in a bank's log of 33,344 calls, 93
# moments step back by less than two minutes and 20 by almost a day, with nothing in between.
NIGHT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class RowFault:
    """The first fault of a row: the field as a person knows it, its column, and why."""

    field: str
    column: str
    fault: Fault


Faults = dict[int, RowFault]


def rolled(columns: Columns, order: Sequence[str], zone: ZoneInfo) -> None:
    """Moves a moment to the next day where it lies half a day or more before the one that precedes it."""
    latest: Sequence[datetime | None] | None = None
    for name in order:
        if name not in columns:
            continue
        moments = listed(columns[name])
        if latest is not None:
            moments = [
                _next_day(moment, zone) if moment and before and before - moment > NIGHT else moment
                for moment, before in zip(moments, latest, strict=True)
            ]
            columns[name] = moments
        latest = (
            moments
            if latest is None
            else [moment or before for moment, before in zip(moments, latest, strict=True)]
        )


def _next_day(moment: datetime, zone: ZoneInfo) -> datetime:
    # By the wall clock: the night may be the one in which the clocks change.
    return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC)


def with_amounts(
    columns: Columns,
    money: Mapping[str, bool],
    by_row: str | None,
    own: str,
    count: int,
    faults: Faults,
    prefix: str,
) -> None:
    """Fills the currency beside amounts; where each row has its own, amounts become its minor units.

    `money` names the amount columns and whether they are given in minor units already.
    """
    if by_row is None:
        columns.setdefault("currency", [own] * count)
        return
    columns["currency"] = codes = [code or own for code in columns["currency"]]
    known: dict[tuple[Decimal, str], Any] = {}
    for name, in_minor_units in money.items():
        amounts = columns[name]
        for row, (amount, code) in enumerate(zip(amounts, codes, strict=True)):
            if amount is None:
                continue
            made = known.get((amount, code))
            if made is None:
                made = known[amount, code] = _minor(
                    amount, Decimal(1) if in_minor_units else minor_units(code)
                )
            if made.__class__ is Fault:
                faults.setdefault(row, RowFault(prefix + name, name, made))
                made = None
            amounts[row] = made


def _minor(amount: Decimal, factor: Decimal) -> int | Fault:
    try:
        return scaled(amount, factor, BIGINT_MAX, "amount")
    except Fault as fault:
        return fault.with_traceback(None)


def with_scales(
    columns: Columns,
    kind: str,
    source: tuple[Decimal, Decimal] | None,
    count: int,
    faults: Faults,
    prefix: str,
) -> None:
    """Brings scores to the scale of their kind, fills the scale of surveys, refuses scores outside it."""
    nothing: list[Any] = [None] * count
    survey = kind == "survey"
    kinds = columns["kind"] if survey else [kind] * count
    low, high = columns.get("scale_min", nothing), columns.get("scale_max", nothing)
    known: dict[tuple[Any, ...], Any] = {}
    made: list[Any] = []
    for row, key in enumerate(zip(columns["score"], kinds, low, high, strict=True)):
        found = known.get(key)
        if found is None:
            found = known[key] = _on_scale(*key, source)
        if found.__class__ is Fault:
            faults.setdefault(row, RowFault(prefix + "score", "score", found))
            found = (None, None, None)
        made.append(found)
    columns["score"] = [found[0] for found in made]
    if survey:
        columns["scale_min"] = [found[1] for found in made]
        columns["scale_max"] = [found[2] for found in made]


def _on_scale(
    score: int | None,
    kind: str | None,
    low: int | None,
    high: int | None,
    source: tuple[Decimal, Decimal] | None,
) -> tuple[int | None, int, int] | Fault:
    usual = SCALES.get(kind or "", SCALES["csat"])
    least = usual[0] * 1_000 if low is None else low
    most = usual[1] * 1_000 if high is None else high
    if max(abs(least), abs(most)) > INTEGER_MAX or least >= most:
        return Fault("SCORE_RANGE", f"The scale from {least / 1000:g} to {most / 1000:g} is none.")
    if score is not None and source is not None:
        try:
            score = linear(score, source, (least, most))
        except Fault as fault:
            return fault.with_traceback(None)
    if score is not None and not least <= score <= most:
        return Fault(
            "SCORE_RANGE",
            f"The score {score / 1000:g} lies outside the scale {least / 1000:g} to {most / 1000:g}.",
        )
    return score, least, most
