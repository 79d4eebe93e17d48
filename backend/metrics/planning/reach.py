"""Where the rows of a fact find a field: on themselves, on the interaction they belong to, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeAlias, assert_never

from backend.metrics.language.attribution import AGENT
from backend.metrics.language.bound import (
    Aggregate,
    Arithmetic,
    Business,
    Choose,
    Combination,
    Compare,
    FieldValue,
    Happened,
    IsMissing,
    Linked,
    Literal,
    Logic,
    Matured,
    Not,
    OneOf,
    Quotient,
    Related,
    Row,
    Scaled,
    Stretch,
)
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.types import Fact, Field, Origin
from backend.metrics.language.vocabulary import has_customer

INTERACTION = "interaction"

Leaf: TypeAlias = Literal | FieldValue | Happened | Related | Linked | Matured | Business


class Reach(StrEnum):
    """How a fact's row gets at a field."""

    OWN = "own"
    INTERACTION = "interaction"  # through interaction_id
    EITHER = "either"  # its own value, else the interaction's
    ANCHOR = "anchor"  # from the moment that places the row in time
    STATE = "state"  # from the moment that its state began
    ANY = "any"  # the same for every row


def find_reach(fact: Fact, field: Field) -> Reach | None:
    """How rows of `fact` reach `field`; None when they cannot."""
    if field.origin is Origin.CALENDAR:
        return Reach.ANCHOR
    if field.origin is Origin.SNAPSHOT:
        return Reach.STATE if fact.states else None
    if field.origin is Origin.CLOCK:
        return Reach.ANY
    if field.fact == fact.name:
        return Reach.OWN
    if field.fact not in (INTERACTION, CUSTOMER):
        return None
    # what is known of the customer is reached wherever the customer is
    through = CUSTOMER if field.fact == CUSTOMER else field.name
    if fact.name == INTERACTION:
        return Reach.OWN
    if fact.linked:
        return Reach.EITHER if through in fact.own else Reach.INTERACTION
    return Reach.OWN if through in fact.own else None


def has_interaction(fact: Fact) -> bool:
    """Whether rows of the fact are interactions or belong to one."""
    return fact.linked or fact.name == INTERACTION


def has_agent(fact: Fact) -> bool:
    """Whether rows of the fact lead to an agent, so that they can be held back from others."""
    return has_interaction(fact) or "agent" in fact.own


def leaves_of(row: Row) -> Iterator[Leaf]:
    """Everything a row expression reads, from left to right; a business clock before its moments.

    What it asks of other rows is one leaf: their fields are not its own.
    """
    match row:
        case Literal() | FieldValue() | Happened() | Related() | Linked() | Matured():
            yield row
        case (
            Arithmetic(left=left, right=right)
            | Quotient(left=left, right=right)
            | Compare(left=left, right=right)
            | Stretch(start=left, end=right)
        ):
            yield from leaves_of(left)
            yield from leaves_of(right)
        case Scaled(operand=operand) | Not(operand=operand):
            yield from leaves_of(operand)
        case OneOf(operand=operand) | IsMissing(operand=operand):
            yield from leaves_of(operand)
        case Logic(operands=operands) | Combination(rows=operands):
            for operand in operands:
                yield from leaves_of(operand)
        case Choose(condition=condition, then=then, otherwise=otherwise):
            for branch in (condition, then, otherwise):
                yield from leaves_of(branch)
        case Business(start=start, end=end):
            yield row
            yield from leaves_of(start)
            yield from leaves_of(end)
        case _:
            assert_never(row)


def reads_agent(row: Row | None) -> bool:
    """Whether a row expression asks whose a row is; so its value depends on the attribution rule."""
    if row is None:
        return False
    return any(isinstance(leaf, FieldValue) and leaf.field.name == AGENT for leaf in leaves_of(row))


def looks_up(row: Row) -> bool:
    """Whether a row expression looks for other rows."""
    return any(isinstance(leaf, Related | Linked) for leaf in leaves_of(row))


def read_by(aggregates: Iterable[Aggregate], where: Row | None = None) -> Iterator[Row]:
    """The row expressions that aggregates, and the condition around them, are made of."""
    for one in aggregates:
        yield from (row for row in (one.argument, one.other, one.where) if row is not None)
    if where is not None:
        yield where


def asks_business(rows: Iterable[Row]) -> bool:
    """Whether any of these measures by a business clock, be it in a condition on other rows."""
    return any(_asks_business(leaf) for row in rows for leaf in leaves_of(row))


def _asks_business(leaf: Leaf) -> bool:
    if isinstance(leaf, Related | Linked) and leaf.where is not None:
        return asks_business([leaf.where])
    return isinstance(leaf, Business)


def find_unreachable(fact: Fact, row: Row) -> str | None:
    """The first thing in a condition that rows of `fact` do not have; None when they have it all."""
    for leaf in leaves_of(row):
        missing = _find_missing(fact, leaf)
        if missing is not None:
            return missing
    return None


def _find_missing(fact: Fact, leaf: Leaf) -> str | None:
    match leaf:
        case FieldValue(field=field) | Happened(field=field):
            return None if find_reach(fact, field) else field.name
        case Related(since=Field()):
            return None if has_interaction(fact) else "contacted_again_within"
        case Related(alike=alike):
            if not has_customer(fact):
                return CUSTOMER
            return next((field.name for field in alike if find_reach(fact, field) is None), None)
        case Linked(moment=moment):
            return None if has_interaction(fact) else moment.name
        case Business():
            return None if has_interaction(fact) or "team" in fact.own else "working hours"
        case _:
            return None
