"""What an aggregate is collected as: parts that can be shared, most of which merge by addition.

A part is identified by its rows, expression, condition and collect function; by expression alone,
a maximum would happily read a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never

from backend.metrics.language.attribution import rule_of
from backend.metrics.language.bound import (
    Aggregate,
    Arithmetic,
    Basis,
    Choice,
    Combined,
    Constant,
    Expression,
    FieldValue,
    IsMissing,
    Logic,
    Row,
    values_of,
)
from backend.metrics.language.hashing import HashedOnce
from backend.metrics.language.types import Field, Origin
from backend.metrics.planning.histogram import EMPTY, Histogram
from backend.metrics.planning.reach import leaves_of


class Collect(StrEnum):
    """How the values of the rows become one value."""

    COUNT = "count"  # rows, or values present where there is an expression
    SUM = "sum"
    SUM_SQUARES = "sum_squares"
    MIN = "min"
    MAX = "max"
    HISTOGRAM = "histogram"
    DISTINCT = "distinct"
    UNION = "union"  # length of spans that may overlap
    REPEATED = "repeated"  # different values that occur more than once
    EXACT = "exact"  # percentile_cont
    DISC = "disc"  # percentile_disc
    WEIGHT = "weight"  # like COUNT, each row by what part of it is credited, in millionths
    WEIGHTED_SUM = "weighted_sum"  # like SUM, each value times that


MERGEABLE = frozenset(
    {
        Collect.COUNT,
        Collect.SUM,
        Collect.SUM_SQUARES,
        Collect.MIN,
        Collect.MAX,
        Collect.HISTOGRAM,
        Collect.WEIGHT,
        Collect.WEIGHTED_SUM,
    }
)


# what can be taken away again, too
_SUBTRACTED = frozenset({Collect.COUNT, Collect.SUM, Collect.SUM_SQUARES, Collect.HISTOGRAM})


class Over(StrEnum):
    """Which rows or values of an aggregate a part looks at."""

    ROWS = "rows"  # every row that meets the aggregate's condition
    VALUES = "values"  # those whose argument is present
    TRUE = "true"  # those whose argument is true
    PAIRS = "pairs"  # those both of whose arguments are present
    FIRSTS = "firsts"  # the first arguments of pairs
    SECONDS = "seconds"  # the second ones
    DIFFERENCES = "differences"  # the first less the second


PARTS: Mapping[str, tuple[tuple[Collect, Over], ...]] = {
    "count": ((Collect.COUNT, Over.VALUES),),
    "count_distinct": ((Collect.DISTINCT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "count_repeated": ((Collect.REPEATED, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    # the rows tell a sum that is empty (0 in a ratio) from one whose values are all missing
    "sum": ((Collect.SUM, Over.VALUES), (Collect.COUNT, Over.VALUES), (Collect.COUNT, Over.ROWS)),
    "avg": ((Collect.SUM, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "min": ((Collect.MIN, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "max": ((Collect.MAX, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "stddev": ((Collect.SUM, Over.VALUES), (Collect.SUM_SQUARES, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "union_time": ((Collect.UNION, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "agreement": (
        (Collect.COUNT, Over.PAIRS),
        (Collect.SUM, Over.FIRSTS),
        (Collect.SUM, Over.SECONDS),
        (Collect.SUM_SQUARES, Over.FIRSTS),
        (Collect.SUM_SQUARES, Over.SECONDS),
        (Collect.SUM_SQUARES, Over.DIFFERENCES),
    ),
    "share": ((Collect.COUNT, Over.TRUE), (Collect.COUNT, Over.VALUES)),
    "percentile": ((Collect.HISTOGRAM, Over.VALUES),),
    "exact_percentile": ((Collect.EXACT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "disc_percentile": ((Collect.DISC, Over.VALUES), (Collect.COUNT, Over.VALUES)),
}
# where a row is divided among its agents; the last count tells how many rows were looked at
SHARED_PARTS: Mapping[str, tuple[tuple[Collect, Over], ...]] = {
    "count": ((Collect.WEIGHT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "sum": ((Collect.WEIGHTED_SUM, Over.VALUES), (Collect.COUNT, Over.VALUES), (Collect.COUNT, Over.ROWS)),
    "avg": ((Collect.WEIGHTED_SUM, Over.VALUES), (Collect.WEIGHT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "share": ((Collect.WEIGHT, Over.TRUE), (Collect.WEIGHT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
}


@dataclass(frozen=True, slots=True)
class Part(HashedOnce):
    """One value to collect over the rows of a fact that meet `condition` (None: all of them).

    The members of the dimensions in `across` are taken together.
    """

    basis: Basis
    collect: Collect
    value: Row | None
    condition: Row | None
    percentile: Decimal | None = None
    across: tuple[Field, ...] = ()

    __hash__ = HashedOnce.hash_once

    @property
    def mergeable(self) -> bool:
        """Whether the values of two sets of rows give the value of both together."""
        return self.collect in MERGEABLE

    @property
    def regroups(self) -> bool:
        """Whether the groups of a fine split give those of a coarser one.

        Not where members overlap: an interaction may be credited to several agents.
        """
        return self.mergeable and self.basis.credit is None

    @property
    def accumulates(self) -> bool:
        """Whether cells that share rows can be made of values of which each row is in one or two.

        A cell that looks back is merged from segments of time. What is in a state is what came, less what went;
        a smallest value cannot be taken away again, and an age is another one in each cell.
        """
        if self.basis.state is None:
            return self.mergeable
        rows = (row for row in (self.value, self.condition) if row is not None)
        fields = (leaf.field for row in rows for leaf in leaves_of(row) if isinstance(leaf, FieldValue))
        return self.collect in _SUBTRACTED and all(field.origin is not Origin.SNAPSHOT for field in fields)

    @property
    def as_of_end(self) -> bool:
        """Whether a cell is what there is at its end, so that the last cell stands for all of the window.

        Other values add up over time; a day's last 28 days share rows with the next day's, and what is open
        on one day may be open on the next.
        """
        return self.basis.moving is not None or self.basis.state is not None


def is_weighted(aggregate: Aggregate) -> bool:
    """Whether an aggregate takes each row by what part of it is credited; an extreme value takes it whole."""
    return rule_of(aggregate.basis.credit).shares and aggregate.function in SHARED_PARTS


def recipe_of(aggregate: Aggregate) -> tuple[tuple[Collect, Over], ...]:
    """What an aggregate is collected as, over which of its rows, in the order its last step reads them."""
    return (SHARED_PARTS if is_weighted(aggregate) else PARTS)[aggregate.function]


def parts_of(aggregate: Aggregate) -> tuple[Part, ...]:
    """The parts of an aggregate, in the order its last step reads them."""
    return tuple(_part(aggregate, collect, over) for collect, over in recipe_of(aggregate))


def aggregates_of(expression: Expression) -> Iterator[Aggregate]:
    """Every aggregate of a formula, from left to right."""
    match expression:
        case Aggregate():
            yield expression
        case Combined(left=left, right=right):
            yield from aggregates_of(left)
            yield from aggregates_of(right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            for value in (*values_of(condition), then, otherwise):
                yield from aggregates_of(value)
        case Constant():
            return
        case _:
            assert_never(expression)


def parts_in(expression: Expression) -> tuple[Part, ...]:
    """The parts of all its aggregates, in the order the formula's last step reads them."""
    return tuple(part for aggregate in aggregates_of(expression) for part in parts_of(aggregate))


def empty(collect: Collect) -> Any:
    """What no rows at all are collected as."""
    match collect:
        case Collect.COUNT | Collect.DISTINCT | Collect.REPEATED | Collect.SUM | Collect.SUM_SQUARES:
            return 0
        case Collect.UNION | Collect.WEIGHT | Collect.WEIGHTED_SUM:
            return 0
        case Collect.HISTOGRAM:
            return EMPTY
        case Collect.MIN | Collect.MAX | Collect.EXACT | Collect.DISC:
            return None
        case _:
            assert_never(collect)


def merge(collect: Collect, one: Any, other: Any) -> Any:
    """The value of two disjoint sets of rows together; raises ValueError for what cannot merge."""
    match collect:
        case Collect.COUNT | Collect.SUM | Collect.SUM_SQUARES | Collect.WEIGHT | Collect.WEIGHTED_SUM:
            return one + other
        case Collect.MIN:
            return one if other is None else other if one is None else min(one, other)
        case Collect.MAX:
            return one if other is None else other if one is None else max(one, other)
        case Collect.HISTOGRAM:
            return Histogram.sum_of((one, other))
        case Collect.DISTINCT | Collect.REPEATED | Collect.UNION | Collect.EXACT | Collect.DISC:
            raise ValueError(f"{collect} does not merge")
        case _:
            assert_never(collect)


def subtract(collect: Collect, whole: Any, gone: Any) -> Any:
    """The value of a set of rows without some of them; raises ValueError for what cannot be taken away."""
    match collect:
        case Collect.COUNT | Collect.SUM | Collect.SUM_SQUARES:
            return whole - gone
        case Collect.HISTOGRAM:
            return whole.without(gone)
        case _:
            raise ValueError(f"{collect} cannot be taken away")


def _part(aggregate: Aggregate, collect: Collect, over: Over) -> Part:
    value, conditions = _looked_at(aggregate, over)
    if aggregate.where is not None:
        conditions = (aggregate.where, *conditions)
    condition = conditions[0] if len(conditions) == 1 else Logic("and", conditions) if conditions else None
    percentile = aggregate.percentile if collect in (Collect.EXACT, Collect.DISC) else None
    return Part(aggregate.basis, collect, value, condition, percentile, aggregate.across)


def _looked_at(aggregate: Aggregate, over: Over) -> tuple[Row | None, tuple[Row, ...]]:
    """The value that is collected, and what must hold beside the aggregate's own condition."""
    first, second = aggregate.argument, aggregate.other
    if over is Over.ROWS or first is None:
        return None, ()
    if over is Over.VALUES:
        return first, ()
    if over is Over.TRUE:
        return None, (first,)
    if second is None:
        raise ValueError(f"{aggregate.function} needs two arguments")
    both = IsMissing(first, negated=True), IsMissing(second, negated=True)
    match over:
        case Over.PAIRS:
            return None, both
        case Over.FIRSTS:
            return first, both
        case Over.SECONDS:
            return second, both
        case Over.DIFFERENCES:
            return Arithmetic("-", first, second, aggregate.type), both
        case _:
            assert_never(over)
