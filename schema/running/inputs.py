"""Makes input objects from coerced values without looking their types up anew each time, as Strawberry does.

What a field holds is worked out once; Strawberry asks our function through its own `from_input`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLSchema
from strawberry.relay import GlobalID
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import (
    StrawberryList,
    StrawberryObjectDefinition,
    StrawberryOptional,
    StrawberryType,
)
from strawberry.types.enum import StrawberryEnumDefinition

Convert = Callable[[Any], Any]  # of a value that is not None
FromInput = Callable[[type, Mapping[str, Any], Any], Any]


def read_inputs_plainly(schema: GraphQLSchema, config: StrawberryConfig) -> None:
    """Gives that function to all inputs of a schema.

    Raises TypeError for a field that holds something else than leaves, inputs, and lists of them.
    """
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            defined = kind.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            defined.from_input = _from_input(defined, config)


def _from_input(defined: StrawberryObjectDefinition, config: StrawberryConfig) -> FromInput:
    fields = [
        (
            config.name_converter.from_field(field),
            field.python_name,
            _convert(field.resolve_type(type_definition=defined)),
        )
        for field in defined.fields
    ]
    # A nullable field without a default of its own is null.
    nulls = {
        field.python_name: None
        for field in defined.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }

    def make(kind: type, value: Mapping[str, Any], _context: Any) -> Any:
        given: dict[str, Any] = dict(nulls)
        for name, attribute, convert in fields:
            if name in value:
                one = value[name]
                given[attribute] = one if one is None or convert is None else convert(one)
        return kind(**given)

    return make


def _convert(kind: Any) -> Convert | None:
    """What makes a value of a type; None where it is one already."""
    if type(kind) is StrawberryOptional:
        return _convert(kind.of_type)
    if type(kind) is StrawberryList:
        each = _convert(kind.of_type)
        if each is None:
            return list  # a copy: defaults are shared by all requests
        return lambda values: [None if one is None else each(one) for one in values]
    if isinstance(kind, StrawberryEnumDefinition):
        return None
    if isinstance(kind, StrawberryType) or kind is GlobalID:
        raise TypeError(f"inputs are not made of {kind!r} here")
    defined = getattr(kind, "__strawberry_definition__", None)
    if not isinstance(defined, StrawberryObjectDefinition):
        return None
    return lambda value: defined.from_input(kind, value, None)  # type: ignore[misc, arg-type]
