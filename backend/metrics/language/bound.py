"""A formula whose every name has a meaning: what the binder makes, what the planner reads.

Two floors. *Row* expressions have a value per row of a fact. *Formula* expressions have a value per cell
and are made of aggregates over row expressions. All numbers in row expressions are stored integers (see
`Type.scale`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from backend.metrics.language.hashing import HashedOnce
from backend.metrics.language.moving import Moving
from backend.metrics.language.types import BOOLEAN, DURATION, TEXT, Field, Type

# row expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """A value already in stored form: int for numbers (scaled), str, bool, or a datetime.date for dates."""

    value: object
    type: Type


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field's value on the row."""

    field: Field
    type: Type


@dataclass(frozen=True, slots=True)
class Happened:
    """Whether a moment happened: `resolved` in a condition."""

    field: Field


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """+ - * on numbers brought to one scale by the binder; - between moments gives a duration in ms."""

    op: str
    left: Row
    right: Row
    type: Type


@dataclass(frozen=True, slots=True)
class Quotient:
    """A number over another, rounded to the scale of its type; NULL over zero."""

    left: Row
    right: Row
    type: Type


@dataclass(frozen=True, slots=True)
class Stretch:
    """The span from one moment to another on the line of the row's agent; NULL without agent, or if negative."""

    start: Row
    end: Row


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number times a whole factor, so that two scales meet."""

    operand: Row
    factor: int
    type: Type


@dataclass(frozen=True, slots=True)
class Compare:
    """= != < <= > >= between two values of one type, or `contains` (text, letter case ignored)."""

    op: str
    left: Row
    right: Row


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether a value is among literals."""

    operand: Row
    options: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class IsMissing:
    """Whether a value is NULL (or, negated, is not)."""

    operand: Row
    negated: bool


@dataclass(frozen=True, slots=True)
class Logic:
    """and / or of conditions."""

    op: str
    operands: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition; NULL stays NULL."""

    operand: Row


@dataclass(frozen=True, slots=True)
class Choose:
    """if(condition, then, otherwise) on rows."""

    condition: Row
    then: Row
    otherwise: Row
    type: Type


@dataclass(frozen=True, slots=True)
class Related:
    """Whether the same customer has another counted row of a fact, `moment` of which lies near this row.

    That is at most `within` ms after this row's anchor, or before it where `ahead` is False. `where` holds
    for the other row; the fields in `alike` are known and equal on both. With `since` the anchor is that
    moment of the interaction which the row is or belongs to, and the customer is that interaction's. NULL
    when the customer or the anchor is unknown.
    """

    fact: str
    moment: Field
    within: int
    ahead: bool
    where: Row | None = None
    alike: tuple[Field, ...] = ()
    since: Field | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """Whether the interaction that a row is or belongs to has a counted row of a linked fact.

    `moment` of that row has happened, and `where` holds for it. NULL when the row belongs to no interaction.
    """

    fact: str
    moment: Field
    where: Row | None = None


@dataclass(frozen=True, slots=True)
class Matured:
    """Whether so many ms have passed since a row's anchor (or `since`, as in Related) when it is asked.

    NULL when that moment is unknown.
    """

    span: int
    since: Field | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """Several values of a row as one; NULL when any of them is. Only counted, never computed with."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Business:
    """The working time between two moments, in ms, by the schedules of the row's queue or team.

    NULL when a moment or the schedule is unknown, or the end lies before the start. `last`: by the schedule
    in force at the end alone, else each instant by the one in force then.
    """

    start: Row
    end: Row
    last: bool


Row = (
    Literal
    | FieldValue
    | Happened
    | Arithmetic
    | Quotient
    | Stretch
    | Scaled
    | Compare
    | OneOf
    | IsMissing
    | Logic
    | Not
    | Choose
    | Related
    | Linked
    | Matured
    | Combination
    | Business
)


def type_of(row: Row) -> Type:
    """What sort of value a row expression has."""
    if isinstance(row, Literal | FieldValue | Arithmetic | Quotient | Scaled | Choose):
        return row.type
    if isinstance(row, Business | Stretch):
        return DURATION
    return TEXT if isinstance(row, Combination) else BOOLEAN


# formula expressions


@dataclass(frozen=True, slots=True)
class Basis(HashedOnce):
    """Which rows an aggregate runs over before its condition: those of a fact, placed in time by an anchor.

    `moving`: a cell looks back from its end instead of at its own bucket. `state`: a cell looks at the rows
    that are in this state of the fact at its end, whenever they began. `credit`: whose a row is.
    """

    fact: str
    anchor: str
    including_excluded: bool = False
    moving: Moving | None = None
    state: str | None = None
    credit: str | None = None

    __hash__ = HashedOnce.hash_once


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate over the rows of a fact.

    function: count, count_distinct, count_repeated, sum, avg, min, max, stddev, share, percentile (log
    histogram), exact_percentile (percentile_cont), disc_percentile (percentile_disc), union_time, agreement.
    `percentile` is in (0, 1) for the percentiles. For share, the argument is the condition and the rows where
    it is NULL are not in the denominator. agreement has a second argument in `other`. `type` is the type of
    the result before division by its scale. The members of the dimensions in `across` are taken together.
    """

    function: str
    argument: Row | None
    where: Row | None
    basis: Basis
    type: Type
    percentile: Decimal | None = None
    across: tuple[Field, ...] = ()
    other: Row | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A number in a formula, in shown units (30s is 30) whatever the scale of its type says."""

    value: Decimal
    type: Type


@dataclass(frozen=True, slots=True)
class Combined:
    """+ - * / of formula expressions, in shown units; division by zero gives no data."""

    op: str
    left: Expression
    right: Expression
    type: Type


@dataclass(frozen=True, slots=True)
class Choice:
    """if(condition, then, otherwise) on a cell; a condition that no data leaves open does not hold."""

    condition: Condition
    then: Expression
    otherwise: Expression
    type: Type


Expression = Aggregate | Constant | Combined | Choice


@dataclass(frozen=True, slots=True)
class CellCompare:
    """= != < <= > >= of two values of a cell; open where either has no data."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class CellMissing:
    """Whether a value of a cell has no data (or, negated, has)."""

    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class CellLogic:
    """and / or of conditions on a cell."""

    op: str
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class CellNot:
    """The opposite of a condition on a cell; what is open stays open."""

    operand: Condition


Condition = CellCompare | CellMissing | CellLogic | CellNot


def values_of(condition: Condition) -> Iterator[Expression]:
    """Every value that a condition on a cell looks at, from left to right."""
    match condition:
        case CellCompare(left=left, right=right):
            yield left
            yield right
        case CellMissing(operand=value):
            yield value
        case CellLogic(left=first, right=second):
            yield from values_of(first)
            yield from values_of(second)
        case CellNot(operand=inner):
            yield from values_of(inner)
        case _:
            assert_never(condition)


@dataclass(frozen=True, slots=True)
class BoundFormula:
    """A formula ready to be planned; `canonical` is its text as the formatter prints it."""

    expression: Expression
    type: Type
    canonical: str
