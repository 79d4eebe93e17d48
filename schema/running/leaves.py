"""Leaves of an answer as JSON takes them, a whole list at a time where its values are right as they are.

graphql-core looks at each value of a list on its own, at some microseconds each. A column is looked at as a
whole, by functions written in C; where anything in it is unusual, each value goes through its type after all.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import isfinite
from operator import attrgetter
from types import NoneType
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

Complete = Callable[[Any], Any]  # a value that is not None -> what JSON gets; raises when it cannot tell

_LEAST_INT, _MOST_INT = -(2**31), 2**31 - 1
_NAME = attrgetter("_name_")


def leaf(kind: GraphQLLeafType) -> Complete:
    """Completes one value of a scalar or enum type."""
    exact, right = _right_as_it_is(kind)
    enum = _names_of(kind)

    def complete(value: Any) -> Any:
        found = type(value)
        if found is exact and (right is None or right(value)):
            return value
        if found is enum:
            return value._name_
        completed = kind.coerce_output_value(value)
        if completed is None or completed is Undefined:
            raise TypeError(f"{kind} has no value for {value!r}")
        return completed

    return complete


def _right_as_it_is(kind: GraphQLLeafType) -> tuple[type | None, Callable[[Any], bool] | None]:
    """The Python type that JSON takes as it is, and what its values have to meet."""
    if kind is GraphQLFloat:
        return float, isfinite
    if kind is GraphQLInt:
        return int, lambda value: _LEAST_INT <= value <= _MOST_INT
    if kind is GraphQLBoolean:
        return bool, None
    return (str, None) if kind in (GraphQLString, GraphQLID) else (None, None)


def leaves(kind: GraphQLLeafType, *, nullable: bool) -> Complete:
    """Completes a list of values of a scalar or enum type; None among them only when `nullable`."""
    each, right = leaf(kind), _column_of(kind)

    def complete(values: Any) -> Any:
        if not isinstance(values, list | tuple):
            raise TypeError("not a list")
        kinds = set(map(type, values))
        holes = NoneType in kinds
        if holes and not nullable:
            raise TypeError("a list of non-null values holds null")
        kinds.discard(NoneType)
        if right is not None and len(kinds) <= 1 and isinstance(values, list):
            found = right(values, kinds, holes)
            if found is not None:
                return found
        return [None if value is None else each(value) for value in values]

    return complete


Column = Callable[
    [list[Any], set[type], bool], list[Any] | None
]  # (values, their types, any None) -> ready, or None


def _column_of(kind: GraphQLLeafType) -> Column | None:
    if kind is GraphQLFloat:
        return _floats
    if kind is GraphQLInt:
        return _ints
    if kind in (GraphQLString, GraphQLID):
        return lambda values, kinds, _: values if kinds <= {str} else None
    if kind is GraphQLBoolean:
        return lambda values, kinds, _: values if kinds <= {bool} else None
    if (enum := _names_of(kind)) is not None:
        return lambda values, kinds, holes: (
            list(map(_NAME, values)) if kinds <= {enum} and not holes else None
        )
    return None


def _floats(values: list[Any], kinds: set[type], holes: bool) -> list[Any] | None:
    # NaN and infinities stay in a sum; one that overflows only sends us the long way.
    if kinds <= {float} and isfinite(sum(filter(None, values) if holes else values)):
        return values
    return None


def _ints(values: list[Any], kinds: set[type], holes: bool) -> list[Any] | None:
    if not kinds:
        return values
    known = [value for value in values if value is not None] if holes else values
    return values if kinds == {int} and min(known) >= _LEAST_INT and max(known) <= _MOST_INT else None


def _names_of(kind: GraphQLLeafType) -> type[Enum] | None:
    """The Python enum whose members' names are the names of an enum type."""
    enum = getattr(kind, "wrapped_cls", None)
    if not isinstance(kind, GraphQLEnumType) or enum is None:
        return None
    return enum if all(kind.coerce_output_value(one) == one._name_ for one in enum) else None
