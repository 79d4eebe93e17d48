"""Where the rows of a fact find a field: on themselves, on the interaction they belong to, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import assert_never

from backend.metrics.language.bound import (
    Aggregate,
    Arithmetic,
    Business,
    Choose,
    Compare,
    ContactedAgain,
    FieldValue,
    Happened,
    IsMissing,
    Literal,
    Logic,
    Not,
    OneOf,
    Row,
    Scaled,
)
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.types import Fact, Field, Origin

INTERACTION = "interaction"


class Reach(StrEnum):
    """How a fact's row gets at a field."""

    OWN = "own"
    INTERACTION = "interaction"  # through interaction_id
    EITHER = "either"  # its own value, else the interaction's
    ANCHOR = "anchor"  # from the moment that places the row in time


def find_reach(fact: Fact, field: Field) -> Reach | None:
    """How rows of `fact` reach `field`; None when they cannot."""
    if field.origin is Origin.CALENDAR:
        return Reach.ANCHOR
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


def leaves_of(row: Row) -> Iterator[Literal | FieldValue | Happened | ContactedAgain | Business]:
    """Everything a row expression reads, from left to right; a business clock before its moments."""
    match row:
        case Literal() | FieldValue() | Happened() | ContactedAgain():
            yield row
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            yield from leaves_of(left)
            yield from leaves_of(right)
        case Scaled(operand=operand) | Not(operand=operand):
            yield from leaves_of(operand)
        case OneOf(operand=operand) | IsMissing(operand=operand):
            yield from leaves_of(operand)
        case Logic(operands=operands):
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


def read_by(aggregates: Iterable[Aggregate], where: Row | None = None) -> Iterator[Row]:
    """The row expressions that aggregates, and the condition around them, are made of."""
    for one in aggregates:
        yield from (row for row in (one.argument, one.where) if row is not None)
    if where is not None:
        yield where


def asks_business(rows: Iterable[Row]) -> bool:
    """Whether any of these measures by a business clock."""
    return any(isinstance(leaf, Business) for row in rows for leaf in leaves_of(row))


def find_unreachable(fact: Fact, row: Row) -> str | None:
    """The first thing in a condition that rows of `fact` do not have; None when they have it all."""
    for leaf in leaves_of(row):
        if isinstance(leaf, ContactedAgain) and not has_interaction(fact):
            return "contacted_again_within"
        if isinstance(leaf, Business) and not (has_interaction(fact) or "team" in fact.own):
            return "working hours"
        if isinstance(leaf, FieldValue | Happened) and find_reach(fact, leaf.field) is None:
            return leaf.field.name
    return None
