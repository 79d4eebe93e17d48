"""Answers from columns: what a statement needs of them, and the groups and parts that its select would bring back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias, assert_never
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from backend.core.windows import Grain, Window
from backend.metrics.language import bound
from backend.metrics.language.attribution import WHOLE
from backend.metrics.language.bound import FieldValue, Row, type_of
from backend.metrics.language.fields import CUSTOMER, ORDERED_TEXTS
from backend.metrics.language.types import Fact, Field, Kind, Origin
from backend.metrics.language.vocabulary import FACTS
from backend.metrics.planning.lowering import MOST_GROUPS
from backend.metrics.planning.lowering.columns import ANCHOR
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.planning.planner import Scan, Split, Statement
from backend.metrics.rollups.columns_groups import (
    Codes,
    GroupKey,
    Groups,
    buckets,
    counts,
    different,
    extremes,
    histograms,
    ranked,
    squares,
    sums,
)
from backend.metrics.rollups.columns_packs import Unfit
from backend.metrics.rollups.columns_table import Selection, Table
from backend.metrics.rollups.dependence import TABLES
from backend.metrics.rollups.vectors import spread, start_of
from backend.metrics.rollups.vectors_calendar import HOUR_OF_DAY, Wall, wall_of

Collected: TypeAlias = dict[tuple[Split, Part], dict[GroupKey, Any]]

_FACTS = {fact.name: fact for fact in FACTS}
_UNSUPPORTED = (Collect.UNION, Collect.EXACT)  # spans, and floats that processors may round in two ways
_IN_ORDER = ("<", "<=", ">", ">=")
_STORED = (Origin.COLUMN, Origin.LINKING, Origin.NAMED, Origin.ATTRIBUTE)


def needed(statement: Statement) -> tuple[Row, ...]:
    """The leaves whose columns a statement is answered from, each once.

    Raises Unfit where its select reads more than a row's own columns, or could come out otherwise. Rows that the
    asker may not see are not left out: whoever restricts has to ask rows.
    """
    reading = _Reading.of(statement.scan)
    leaves = dict.fromkeys(leaf for split in statement.splits for leaf in reading.of_split(split))
    for part in statement.parts:
        leaves |= dict.fromkeys(reading.of_part(part))
    if statement.scan.where is not None:
        leaves |= dict.fromkeys(reading.leaves(statement.scan.where))
    return tuple(leaves) or (ANCHOR,)  # some column has to say how many rows there are


def divided(statement: Statement) -> tuple[Statement | None, Statement | None]:
    """What of a statement columns can answer, and the rest, each a statement; None where there is nothing."""
    scan = statement.scan
    try:
        reading = _Reading.of(scan)
        list(reading.leaves(*([] if scan.where is None else [scan.where])))
    except Unfit:
        return None, statement
    fit, rest = [], []
    for split, parts in statement.needs:
        within = [part for part in parts if reading.reaches(split, part)]
        fit.append((split, tuple(within)))
        rest.append((split, tuple(part for part in parts if part not in within)))
    return _needing(statement, fit), _needing(statement, rest)


def _needing(statement: Statement, needs: Iterable[tuple[Split, tuple[Part, ...]]]) -> Statement | None:
    some = tuple((split, parts) for split, parts in needs if parts)
    return replace(statement, needs=some) if some else None


def named_in(statement: Statement) -> frozenset[str]:
    """The kinds of named things that a statement compares, all of whose names its table has to have."""
    rows = [statement.scan.where, *(part.condition for part in statement.parts)]
    # a value is measured: named things count by id
    rows += [part.value for part in statement.parts if not isinstance(part.value, FieldValue)]
    return frozenset(field.name for row in rows if row is not None for field in _compared(row))


def collect(statement: Statement, table: Table) -> Collected:
    """What `Frames` would hold of a statement whose window were the table's days; buckets are those of its own window.

    For each split and part that it needs the value of each group that has rows. Raises Unfit where values turn out
    to be such that only the database can tell, also where there are too many groups; ValueError for a table whose
    days are another zone's.
    """
    scan = statement.scan
    if scan.window is None or scan.window.zone != table.zone:
        raise ValueError("the days of a table are not those of the window")
    collecting = _Collecting(table.selection(scan.where), scan.window)
    return {(split, part): collecting.of(split, part) for split, parts in statement.needs for part in parts}


class _Collecting:
    """Parts over one selection; what a part looks at is found once for all splits."""

    def __init__(self, selection: Selection, window: Window) -> None:
        self._selection, self._window = selection, window
        self._looked_at: dict[tuple[Row | None, Row | None], NDArray[np.intp] | None] = {}
        self._values: dict[Part, NDArray[Any]] = {}

    def of(self, split: Split, part: Part) -> dict[GroupKey, Any]:
        """The value of each group."""
        groups = self._selection.groups(split, self._window)
        if len(groups.keys) > MOST_GROUPS:
            raise Unfit("the rows fall into too many groups")
        rows = self._rows(part.value, part.condition)
        codes = groups.codes if rows is None else groups.codes[rows]
        values = None if part.value is None else self._value(part, rows)
        if part.collect is Collect.HISTOGRAM:
            assert values is not None
            return histograms(groups, codes, values) if self._selection.size else {}
        return dict(zip(groups.keys, _collected(part, codes, values, groups), strict=True))

    def _value(self, part: Part, rows: NDArray[np.intp] | None) -> NDArray[Any]:
        """The values of those rows; of a histogram their buckets."""
        if part not in self._values:
            assert part.value is not None
            values = spread(self._selection.measured(part.value).values, self._selection.size)
            values = values if rows is None else values[rows]
            self._values[part] = buckets(values) if part.collect is Collect.HISTOGRAM else values
        return self._values[part]

    def _rows(self, value: Row | None, condition: Row | None) -> NDArray[np.intp] | None:
        """The rows whose condition holds and whose value is present; None: all."""
        place = value, condition
        if place not in self._looked_at:
            self._looked_at[place] = self._find_rows(value, condition)
        return self._looked_at[place]

    def _find_rows(self, value: Row | None, condition: Row | None) -> NDArray[np.intp] | None:
        met = None if condition is None else self._selection.value(condition).values
        missing = None if value is None else self._selection.measured(value).missing
        if missing is not None:
            met = ~missing if met is None else met & ~missing
        if met is None or met.all():
            return None
        return np.flatnonzero(spread(met, self._selection.size))


def _collected(part: Part, codes: Codes, values: NDArray[Any] | None, groups: Groups) -> list[Any]:
    """The value of each group of rows that a part looks at."""
    size, present = groups.size, groups.present
    found: NDArray[Any] | list[Any]
    match part.collect:
        case Collect.COUNT:
            found = counts(codes, size)
        case Collect.WEIGHT:  # nobody is asked about, so each row counts in full
            found = counts(codes, size) * WHOLE
        case Collect.HISTOGRAM | Collect.UNION | Collect.EXACT:
            raise ValueError(f"{part.collect} is not collected here")
        case _ if values is None:
            raise ValueError(f"{part.collect} needs a value")
        case Collect.SUM:
            found = sums(codes, values, size)
        case Collect.WEIGHTED_SUM:
            found = sums(codes, values, size).astype(object) * WHOLE
        case Collect.SUM_SQUARES:
            found = squares(codes, values, size)
        case Collect.DISTINCT:
            found = different(codes, values, size, repeated=False)
        case Collect.REPEATED:
            found = different(codes, values, size, repeated=True)
        case Collect.MIN | Collect.MAX:
            found = extremes(codes, values, size, smallest=part.collect is Collect.MIN)
        case Collect.DISC:
            found = ranked(codes, values, size, float(part.percentile or 0))
        case _:
            assert_never(part.collect)
    if isinstance(found, list):
        return [found[place] for place in present.tolist()]
    listed: list[Any] = found[present].tolist()
    return listed


@dataclass(frozen=True, slots=True)
class _Reading:
    """What row expressions read of the rows of a scan."""

    fact: Fact
    wall: Wall

    @classmethod
    def of(cls, scan: Scan) -> _Reading:
        basis, window = scan.basis, scan.window
        if window is None:
            raise Unfit("without a window there are no days")
        if basis.moving is not None or basis.state is not None or scan.grain is not None:
            raise Unfit("rows lie in other cells than their moment says")
        if basis.credit is not None or scan.per_agent:
            raise Unfit("whose a row is lies in other rows")
        if basis.fact not in TABLES:
            raise Unfit(f"changes of a {basis.fact} touch no hours")
        tz = ZoneInfo(window.zone)
        first, last = (moment.astimezone(tz).date() for moment in (window.start, window.end))
        return cls(_FACTS[basis.fact], wall_of(window.zone, first, last))

    def of_split(self, split: Split) -> Iterator[Row]:
        """The columns that a split reads."""
        for key in split.keys:
            if isinstance(key, Field):
                yield from self.leaves(FieldValue(key, key.type))
            elif key is Grain.HOUR:
                yield ANCHOR

    def of_part(self, part: Part) -> Iterator[Row]:
        """The columns that a part reads."""
        if part.collect in _UNSUPPORTED:
            raise Unfit(f"{part.collect} is left to the database")
        yield from self.leaves(*(row for row in (part.value, part.condition) if row is not None))

    def reaches(self, split: Split, part: Part) -> bool:
        """Whether columns have all that a part reads, and its groups."""
        try:
            list(chain(self.of_split(split), self.of_part(part)))
        except Unfit:
            return False
        return True

    def leaves(self, *rows: Row) -> Iterator[Row]:
        """The columns that row expressions read."""
        for row in rows:
            yield from self._leaves(row)

    def _leaves(self, row: Row) -> Iterator[Row]:
        match row:
            case bound.FieldValue(field=field) if field.origin is Origin.CALENDAR:
                if field.column == HOUR_OF_DAY or self.wall.splits_days:
                    yield ANCHOR
            case bound.FieldValue(field=field) | bound.Happened(field=field):
                if field.origin is not Origin.CLOCK:
                    self._check(field)
                    yield row
            case bound.Matured(since=None):
                yield ANCHOR
            case bound.Matured():
                yield from self.leaves(start_of(row))
            case _:
                if isinstance(row, bound.Compare) and row.op in _IN_ORDER:
                    _check_order(row.left, row.right)
                yield from self.leaves(*_operands(row))

    def _check(self, field: Field) -> None:
        if field.origin not in _STORED or field.fact == CUSTOMER:
            raise Unfit(f"{field.name} does not lie in a row of its own")
        if field.name == "team" and "team" in self.fact.own:
            raise Unfit(f"the team of a {self.fact.name} is its agent's team today")


def _operands(row: Row) -> tuple[Row, ...]:
    """What a row expression is made of."""
    match row:
        case bound.Literal() | bound.FieldValue() | bound.Happened() | bound.Matured():
            return ()
        case (
            bound.Arithmetic(left=left, right=right)
            | bound.Quotient(left=left, right=right)
            | bound.Compare(left=left, right=right)
        ):
            return left, right
        case bound.Scaled(operand=operand) | bound.Not(operand=operand):
            return (operand,)
        case bound.OneOf(operand=operand) | bound.IsMissing(operand=operand):
            return (operand,)
        case bound.Logic(operands=operands) | bound.Combination(rows=operands):
            return operands
        case bound.Choose(condition=condition, then=then, otherwise=otherwise):
            return condition, then, otherwise
        case _:
            raise Unfit(f"{type(row).__name__} looks beyond a row's own columns")


def _compared(row: Row) -> Iterator[Field]:
    """The named things that a row expression takes by their external ids."""
    match row:
        case bound.IsMissing(operand=bound.FieldValue()):
            return
        case bound.Combination(rows=rows):
            for one in rows:
                if not isinstance(one, FieldValue):
                    yield from _compared(one)
        case bound.FieldValue(field=field):
            if field.origin is Origin.NAMED:
                yield field
        case _:
            for operand in _operands(row):
                yield from _compared(operand)


def _check_order(*sides: Row) -> None:
    """Texts have an order of the database's own, but for those of the calendar, which sort alike everywhere."""
    for row in sides:
        if type_of(row).kind is Kind.TEXT and not isinstance(row, bound.Literal):
            field = row.field if isinstance(row, FieldValue) else None
            if field is None or field.origin is not Origin.CALENDAR or field.column not in ORDERED_TEXTS:
                raise Unfit("the order of texts is the database's")
