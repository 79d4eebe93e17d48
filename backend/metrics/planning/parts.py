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

from backend.metrics.language.bound import Aggregate, Basis, Combined, Constant, Expression, Logic, Row
from backend.metrics.language.types import Field


class Collect(StrEnum):
    """How the values of the rows become one value."""

    COUNT = "count"  # rows, or values present where there is an expression
    SUM = "sum"
    SUM_SQUARES = "sum_squares"
    MIN = "min"
    MAX = "max"
    HISTOGRAM = "histogram"  # bucket of `histogram.BOUNDS` -> count
    DISTINCT = "distinct"
    REPEATED = "repeated"  # different values that occur more than once
    EXACT = "exact"  # percentile_cont
    DISC = "disc"  # percentile_disc


MERGEABLE = frozenset(
    {
        Collect.COUNT,
        Collect.SUM,
        Collect.SUM_SQUARES,
        Collect.MIN,
        Collect.MAX,
        Collect.HISTOGRAM,
    }
)


class Over(StrEnum):
    """Which rows or values of an aggregate a part looks at."""

    ROWS = "rows"  # every row that meets the aggregate's condition
    VALUES = "values"  # those whose argument is present
    TRUE = "true"  # those whose argument is true


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
    "share": ((Collect.COUNT, Over.TRUE), (Collect.COUNT, Over.VALUES)),
    "percentile": ((Collect.HISTOGRAM, Over.VALUES),),
    "exact_percentile": ((Collect.EXACT, Over.VALUES), (Collect.COUNT, Over.VALUES)),
    "disc_percentile": ((Collect.DISC, Over.VALUES), (Collect.COUNT, Over.VALUES)),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One value to collect over the rows of a fact that meet `condition` (None: all of them).

    The members of the dimensions in `across` are taken together.
    """

    basis: Basis
    collect: Collect
    value: Row | None
    condition: Row | None
    percentile: Decimal | None = None
    across: tuple[Field, ...] = ()

    @property
    def mergeable(self) -> bool:
        """Whether the values of two sets of rows give the value of both together."""
        return self.collect in MERGEABLE

    @property
    def regroups(self) -> bool:
        """Whether the groups of a fine split give those of a coarser one.

        Not where groups overlap: a day's last 28 days share rows with the next day's, and an interaction may
        be credited to several agents.
        """
        basis = self.basis
        return self.mergeable and basis.moving is None and basis.state is None and basis.credit is None


def parts_of(aggregate: Aggregate) -> tuple[Part, ...]:
    """The parts of an aggregate, in the order its last step reads them."""
    return tuple(_part(aggregate, collect, over) for collect, over in PARTS[aggregate.function])


def aggregates_of(expression: Expression) -> Iterator[Aggregate]:
    """Every aggregate of a formula, from left to right."""
    match expression:
        case Aggregate():
            yield expression
        case Combined(left=left, right=right):
            yield from aggregates_of(left)
            yield from aggregates_of(right)
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
        case Collect.HISTOGRAM:
            return {}
        case Collect.MIN | Collect.MAX | Collect.EXACT | Collect.DISC:
            return None
        case _:
            assert_never(collect)


def merge(collect: Collect, one: Any, other: Any) -> Any:
    """The value of two disjoint sets of rows together; raises ValueError for what cannot merge."""
    match collect:
        case Collect.COUNT | Collect.SUM | Collect.SUM_SQUARES:
            return one + other
        case Collect.MIN:
            return one if other is None else other if one is None else min(one, other)
        case Collect.MAX:
            return one if other is None else other if one is None else max(one, other)
        case Collect.HISTOGRAM:
            return {bucket: one.get(bucket, 0) + other.get(bucket, 0) for bucket in one.keys() | other.keys()}
        case Collect.DISTINCT | Collect.REPEATED | Collect.EXACT | Collect.DISC:
            raise ValueError(f"{collect} does not merge")
        case _:
            assert_never(collect)


def _part(aggregate: Aggregate, collect: Collect, over: Over) -> Part:
    condition, value = aggregate.where, aggregate.argument
    if over is Over.TRUE and value is not None:
        condition = value if condition is None else Logic("and", (condition, value))
    percentile = aggregate.percentile if collect in (Collect.EXACT, Collect.DISC) else None
    return Part(
        aggregate.basis,
        collect,
        value if over is Over.VALUES else None,
        condition,
        percentile,
        aggregate.across,
    )
