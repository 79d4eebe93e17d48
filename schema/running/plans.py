"""Plans for selections that need no resolver: an object's fields are read straight into the answer.

A plan never errs: where a value is not what its type promises, it gives up by raising, and graphql-core
completes the value from the start, says what is wrong and where. Nothing but attributes is read, so that doing
it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Visitor,
    is_leaf_type,
    visit,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList
from graphql.language import BREAK

from schema.running.leaves import Complete, leaf, leaves
from schema.running.plain import plain_attribute

Collect = Callable[[GraphQLObjectType, FieldDetailsList], CollectedFields]
Fields = list[
    tuple[str, Callable[[Any], Any], Complete]
]  # response name, how it is read, how it is completed


class Plans:
    """The plans of one document, made when they are first wanted. Its nodes must live as long as they do."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: dict[tuple[Any, ...], Complete | None] = {}

    @classmethod
    def of(cls, schema: GraphQLSchema, document: DocumentNode) -> Plans | None:
        """Plans for a document; None where directives make its selections depend on variables."""
        finder = _Directives()
        visit(document, finder)
        return None if finder.found else cls(schema)

    def find(self, kind: GraphQLObjectType, details: FieldDetailsList, collect: Collect) -> Complete | None:
        """The plan for objects of a type that fields select from; None when it takes more than attributes."""
        key = (kind.name, *[id(one.node) for one in details])
        try:
            return self._known[key]
        except KeyError:
            plan = self._known[key] = self._object(kind, details, collect)
            return plan

    def _object(
        self, kind: GraphQLObjectType, details: FieldDetailsList, collect: Collect
    ) -> Complete | None:
        fields: Fields = []
        for name, selected in collect(kind, details).grouped_field_set.items():
            asked = selected[0].node.name.value
            if asked == "__typename":
                fields.append((name, _itself, lambda _: kind.name))
                continue
            field = self._schema.get_field(kind, asked)
            attribute = plain_attribute(field) if field else None
            complete = self._value(field.type, selected, collect) if field and attribute else None
            if attribute is None or complete is None:
                return None
            fields.append((name, attrgetter(attribute), complete))
        return _reader(kind, fields)

    def _value(
        self, kind: GraphQLOutputType, details: FieldDetailsList, collect: Collect, *, nullable: bool = True
    ) -> Complete | None:
        """Completes a value, None too; None when some of it takes more than attributes."""
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, details, collect, nullable=False)
        if isinstance(kind, GraphQLList):
            complete = self._list(kind, details, collect)
        elif is_leaf_type(kind):
            complete = leaf(kind)
        else:
            complete = self.find(kind, details, collect) if isinstance(kind, GraphQLObjectType) else None
        if complete is None:
            return None
        return _or_null(complete) if nullable else _never_null(complete)

    def _list(self, kind: GraphQLList[Any], details: FieldDetailsList, collect: Collect) -> Complete | None:
        nullable = not isinstance(kind.of_type, GraphQLNonNull)
        item = kind.of_type if nullable else kind.of_type.of_type
        if is_leaf_type(item):
            return leaves(item, nullable=nullable)
        each = self._value(kind.of_type, details, collect)
        return None if each is None else _each(each)


def _reader(kind: GraphQLObjectType, fields: Fields) -> Complete:
    belongs = kind.is_type_of

    def read(value: Any) -> dict[str, Any]:
        if belongs is not None and not belongs(value, None):  # type: ignore[arg-type]
            raise TypeError(f"not a {kind.name}")
        return {name: complete(get(value)) for name, get, complete in fields}

    return read


def _or_null(complete: Complete) -> Complete:
    return lambda value: None if value is None else complete(value)


def _never_null(complete: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            raise TypeError("null where none may be")
        return complete(value)

    return completed


def _each(complete: Complete) -> Complete:
    def completed(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise TypeError("not a list")
        return [complete(value) for value in values]

    return completed


def _itself(value: Any) -> Any:
    return value


class _Directives(Visitor):
    """Whether a document has a directive anywhere."""

    found = False

    def enter_directive(self, *_: object) -> Any:
        self.found = True
        return BREAK
