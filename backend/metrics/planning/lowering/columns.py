"""The columns of a basis: one value of every row that counts, day by day, in bytes that need no decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import aggregate_order_by

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.bound import Basis, FieldValue, Row, type_of
from backend.metrics.language.types import MOMENT, Field, Kind, Origin
from backend.metrics.planning.lowering.placing import instant
from backend.metrics.planning.lowering.rows import Rows, Setting
from backend.metrics.planning.lowering.tables import Value
from backend.metrics.planning.planner import Scan
from backend.metrics.questions import Restriction

# The moment that places a row in time; it has no name in formulas, as it may be any of several fields.
ANCHOR: Row = FieldValue(
    Field("anchor", "", MOMENT, Origin.CALENDAR, "anchor", "anchor", "锚定时间", "Where a row lies in time."),
    MOMENT,
)


class Wire(Enum):
    """How the values of a column travel."""

    NUMBERS = "big-endian, eight bytes each"
    MOMENTS = "as numbers: microseconds since the beginning of 2000"
    TRUTHS = "a byte each"
    TEXTS = "an array of texts, NULL among them"
    DIGITS = "as texts: numbers that the tenant's own attributes hold, of any size"

    @property
    def is_text(self) -> bool:
        """Whether values come as an array of texts, and not as bytes beside the bytes of what is missing."""
        return self in (Wire.TEXTS, Wire.DIGITS)


@dataclass(frozen=True, slots=True)
class LoweredColumns:
    """The select of some columns over some local days.

    A row is a day's rank in the window, its number of rows and, for each leaf, its values and which of them are
    missing (a byte each; None where the values themselves say so). Days without rows have no row.
    """

    leaves: tuple[Row, ...]
    days: tuple[date, ...]
    ranks: tuple[int, ...]  # of the days
    select: sa.Select[Any]


def lower_columns(
    basis: Basis, leaves: Sequence[Row], window: Window, setting: Setting, within: Sequence[Window] = ()
) -> LoweredColumns:
    """The values of all rows of a basis that count, on the whole local days of a window (or of those parts of it).

    Rows stand in the order of their anchors and ids, so that columns read apart lie beside each other. Named
    things come by id. What the asker may see does not matter: columns are of all rows.
    """
    starts = bucket_starts(window, Grain.DAY)
    spans = [(one.start.astimezone(UTC), one.end.astimezone(UTC)) for one in within or [window]]
    ranks = [
        at
        for at, day_start in enumerate(starts, 1)
        if any(start <= day_start.astimezone(UTC) < end for start, end in spans)
    ]
    rows = Rows(Scan(basis, window, None, within=tuple(within)), replace(setting, restriction=Restriction()))
    columns = [_value(rows, leaf).label(f"c{at}") for at, leaf in enumerate(leaves)]
    day = rows.key(Grain.DAY).label("day")
    places = [day, rows.anchor.label("anchor"), rows.own("id").label("id")]
    inner = rows.select([*places, *columns])
    order = (inner.c.anchor, inner.c.id)
    collected = [
        one
        for at, leaf in enumerate(leaves)
        for one in _collected(inner.c[f"c{at}"], wire_of(leaf), order, named=f"v{at}")
    ]
    select = sa.select(inner.c.day, func.count().label("rows"), *collected).group_by(inner.c.day)
    days = tuple(starts[rank - 1].date() for rank in ranks)
    return LoweredColumns(tuple(leaves), days, tuple(ranks), select.order_by(inner.c.day))


def wire_of(leaf: Row) -> Wire:
    """How the values of a leaf travel."""
    if isinstance(leaf, FieldValue) and leaf.field.origin is Origin.NAMED:
        return Wire.NUMBERS
    match type_of(leaf).kind:
        case Kind.NUMBER:
            own = isinstance(leaf, FieldValue) and leaf.field.origin is Origin.ATTRIBUTE
            return Wire.DIGITS if own else Wire.NUMBERS
        case Kind.MOMENT:
            return Wire.MOMENTS
        case Kind.BOOLEAN:
            return Wire.TRUTHS
        case Kind.TEXT:
            return Wire.TEXTS
        case Kind.DATE:
            raise ValueError("a date follows from the anchor, and is no column of its own")


def _value(rows: Rows, leaf: Row) -> Value:
    return rows.anchor if leaf == ANCHOR else rows.measured(leaf)


def _collected(value: Value, wire: Wire, order: Sequence[Value], named: str) -> Iterator[Value]:
    # Bytes, not arrays: the driver would have to ask about their types, which tenants' roles may not answer.
    # The order is spelled in each aggregate: they share one sort (from 16 on), and nothing rests on plans.
    def ordered(one: Value) -> Value:
        return aggregate_order_by(one, *order)

    def joined(encoded: Value) -> Value:
        return func.string_agg(encoded, ordered(sa.literal(b"", sa.LargeBinary)), type_=sa.LargeBinary)

    if wire.is_text:
        texts = func.array_agg(ordered(sa.cast(value, sa.Text)), type_=sa.ARRAY(sa.Text))
        yield texts.label(named)
        yield sa.cast(sa.null(), sa.LargeBinary).label(f"{named}_missing")
        return
    match wire:
        case Wire.TRUTHS:
            encoded = func.boolsend(func.coalesce(value, sa.false()))
        case Wire.MOMENTS:
            encoded = func.timestamptz_send(func.coalesce(value, instant(_EPOCH)))
        case _:
            encoded = func.int8send(sa.cast(func.coalesce(value, 0), sa.BigInteger))
    yield joined(encoded).label(named)
    yield joined(func.boolsend(value.is_(None))).label(f"{named}_missing")


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
