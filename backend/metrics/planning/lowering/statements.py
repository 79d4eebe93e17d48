"""Statements of a plan as SQLAlchemy selects.

All have one shape: an inner select gives each row its keys, values and conditions, and the outer one
groups them by as many grouping sets as there are splits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never, cast

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from backend.metrics.language.bound import Logic, Row
from backend.metrics.planning import planner
from backend.metrics.planning.lowering.rows import Rows, Setting
from backend.metrics.planning.lowering.tables import Condition, Value
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.planning.planner import Key, Split, Statement
from backend.metrics.planning.reach import looks_up

WEIGHT = "weight"  # the column of the inner select
MOST_GROUPS = 250_000  # of one statement: some 100 MB of Python values


@dataclass(frozen=True, slots=True)
class Lowered:
    """A statement and how to read its rows.

    A row is a mask, the keys, then the parts; of histograms: a mask, the keys, the buckets of each part
    and a count. The mask says which split the row belongs to, and of histograms which part.
    """

    statement: Statement
    select: sa.Select[Any]
    keys: tuple[Key, ...]
    masks: Mapping[int, tuple[Split, int | None]]


def lower(statement: Statement, setting: Setting) -> Lowered:
    """The select of one statement; its tables lie in the placeholder namespace."""
    rows = Rows(statement.scan, setting)
    keys = tuple(dict.fromkeys(key for split in statement.splits for key in split.keys))
    columns = [rows.key(key).label(f"k{at}") for at, key in enumerate(keys)]
    if statement.kind is planner.Kind.HISTOGRAMS:
        return _histograms(statement, rows, keys, columns)
    named = _Named(rows)
    for part in statement.parts:
        named.add(part)
    weights = [rows.weight().label(WEIGHT)] if any(map(_is_weighed, statement.parts)) else []
    inner = rows.select([*columns, *named.columns, *weights])
    weight = inner.c[WEIGHT] if weights else None
    names = [inner.c[column.name] for column in columns]
    sets = [[names[keys.index(key)] for key in split.keys] for split in statement.splits]
    collected = [
        _collect(part, named.value(inner, part), named.condition(inner, part), weight).label(f"p{at}")
        for at, part in enumerate(statement.parts)
    ]
    masks = {_mask(names, one): (split, None) for one, split in zip(sets, statement.splits, strict=True)}
    return Lowered(statement, _grouped(inner, names, sets, collected), keys, masks)


def spell(lowered: Lowered) -> str:
    """The statement for people, its values written in; the tables in their placeholder namespace."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(lowered.select.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _histograms(statement: Statement, rows: Rows, keys: tuple[Key, ...], columns: Sequence[Any]) -> Lowered:
    buckets = [rows.bucket(part).label(f"h{at}") for at, part in enumerate(statement.parts)]
    inner = rows.select([*columns, *buckets])
    names = [inner.c[column.name] for column in (*columns, *buckets)]
    sets, masks = [], {}
    places = {part: at for at, part in enumerate(statement.parts)}
    for split, parts in statement.needs:
        for at in (places[part] for part in parts):
            one = [names[keys.index(key)] for key in split.keys] + [names[len(keys) + at]]
            sets.append(one)
            masks[_mask(names, one)] = (split, at)
    return Lowered(statement, _grouped(inner, names, sets, [func.count().label("n")]), keys, masks)


def _grouped(
    inner: sa.Subquery, names: Sequence[Any], sets: Sequence[Sequence[Any]], collected: Sequence[Any]
) -> sa.Select[Any]:
    if len(sets) == 1:
        # one set needs no GROUPING SETS, without which PostgreSQL may work in parallel
        only: sa.Label[Any] = sa.literal_column(str(_mask(names, sets[0]))).label("mask")
        return (
            sa.select(only, *names, *collected).select_from(inner).group_by(*sets[0]).limit(MOST_GROUPS + 1)
        )
    mask: sa.Label[Any] = func.grouping(*names).label("mask")
    grouping = func.grouping_sets(*(sa.tuple_(*one) for one in sets))
    return sa.select(mask, *names, *collected).select_from(inner).group_by(grouping).limit(MOST_GROUPS + 1)


def _mask(names: Sequence[Any], grouped: Sequence[Any]) -> int:
    # as PostgreSQL's grouping(): the last name is the lowest bit, set where it is not grouped by
    kept = {name.name for name in grouped}
    return sum(1 << at for at, name in enumerate(reversed(names)) if name.name not in kept)


def _is_weighed(part: Part) -> bool:
    return part.collect in (Collect.WEIGHT, Collect.WEIGHTED_SUM)


def _collect(part: Part, value: Any, condition: Condition | None, weight: Any) -> Value:
    call: Any
    match part.collect:
        case Collect.COUNT:
            call = func.count() if value is None else func.count(value)
        case Collect.DISTINCT:
            call = func.count(value.distinct())
        case Collect.REPEATED:
            return _repeated(value, condition)
        case Collect.SUM:
            call = func.sum(value)
        case Collect.SUM_SQUARES:
            call = func.sum(sa.cast(value, sa.Numeric) * sa.cast(value, sa.Numeric))
        case Collect.UNION:
            return _union_length(value, condition)
        case Collect.MIN:
            call = func.min(value)
        case Collect.MAX:
            call = func.max(value)
        case Collect.EXACT:
            call = func.percentile_cont(float(part.percentile or 0)).within_group(value)
        case Collect.DISC:
            call = func.percentile_disc(float(part.percentile or 0)).within_group(value)
        case Collect.WEIGHT:
            call = func.sum(weight if value is None else sa.case((value.is_not(None), weight)))
        case Collect.WEIGHTED_SUM:
            call = func.sum(sa.cast(value, sa.Numeric) * weight)
        case Collect.HISTOGRAM:
            raise ValueError("a histogram is grouped by, not collected")
        case _:
            assert_never(part.collect)
    return cast(Value, call if condition is None else call.filter(condition))


def _union_length(spans: Any, condition: Condition | None) -> Value:
    """The length of the union of spans: the aggregate stands in a sub-select, but collects the outer rows."""
    union: Any = func.range_agg(spans)
    if condition is not None:
        union = union.filter(condition)
    span = func.unnest(union).column_valued("span")
    length = func.upper(span) - func.lower(span)
    return sa.select(func.sum(sa.type_coerce(length, sa.Numeric))).scalar_subquery()


def _repeated(value: Any, condition: Condition | None) -> Value:
    """How many values stand more than once in a group: the group's values as an array, counted again."""
    present = value.is_not(None) if condition is None else sa.and_(value.is_not(None), condition)
    one = func.unnest(func.array_agg(value).filter(present), type_=value.type).column_valued("one")
    twice = sa.select(one).group_by(one).having(func.count() > 1).subquery("twice")
    return sa.select(func.count()).select_from(twice).scalar_subquery()


class _Named:
    """Row expressions that parts share, each a column of the inner select once.

    What looks for other rows is a column of its own, so that it is looked up once for a share, too: as what
    is asked, and as the condition on those for which it is true.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._columns: dict[Row, Any] = {}

    def add(self, part: Part) -> None:
        """Makes the columns of a part."""
        if part.value is not None:
            self._add(part.value, self._rows.measured)
        for condition in _steps(part.condition):
            self._add(condition, self._rows.value)

    def _add(self, row: Row, lower_row: Callable[[Row], Value]) -> None:
        if row not in self._columns:
            self._columns[row] = lower_row(row).label(f"x{len(self._columns)}")

    @property
    def columns(self) -> list[Any]:
        return list(self._columns.values())

    def value(self, inner: sa.Subquery, part: Part) -> Any:
        """What is collected; None where rows are."""
        return None if part.value is None else self._of(inner, part.value)

    def condition(self, inner: sa.Subquery, part: Part) -> Condition | None:
        """Which rows are; None where all are."""
        met = [self._of(inner, row) for row in _steps(part.condition)]
        return sa.and_(*met) if met else None

    def _of(self, inner: sa.Subquery, row: Row) -> Any:
        return inner.c[self._columns[row].name]


def _steps(condition: Row | None) -> list[Row]:
    """A condition as those of its parts that look for other rows, one by one, and all the rest."""
    if condition is None:
        return []
    if not isinstance(condition, Logic) or condition.op != "and":
        return [condition]
    apart = [one for one in condition.operands if looks_up(one)]
    rest = [one for one in condition.operands if one not in apart]
    if len(rest) > 1:
        rest = [Logic("and", tuple(rest))]
    return [*rest, *apart]
