"""Fields that are nothing but an attribute, and a resolver for them that does no more than read it."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField


def plain_attribute(field: GraphQLField) -> str | None:
    """The attribute that a field shows as it is; None where a resolver, arguments or an extension come in."""
    defined = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(defined, StrawberryField) or not defined.is_basic_field or field.args:
        return None
    return defined.python_name


def read_plainly(schema: GraphQLSchema) -> None:
    """Gives all such fields of a schema that resolver: Strawberry's own takes three calls to read an attribute."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                if (attribute := plain_attribute(field)) is not None:
                    field.resolve = _reader(attribute)


def _reader(attribute: str) -> Callable[..., Any]:
    read = attrgetter(attribute)
    return lambda source, _info: read(source)
