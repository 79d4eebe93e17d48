"""Recognises the standard introspection documents, the only ones that pass the shape limits, by hash.

Tools differ in small things: the order of fields, how deep they unwrap a type, whether they ask for
subscriptions. What is hashed is the document without these.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from itertools import product

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
    print_ast,
)

_SWITCHES = (
    "specified_by_url",
    "directive_is_repeatable",
    "schema_description",
    "input_value_deprecation",
    "one_of",
)
_ROOTS = ("queryType", "mutationType", "subscriptionType")
_DEEPEST_TYPE = 10  # wrappers of a type that are asked for: graphql-js unwraps 7 or 9


def is_standard_introspection(document: DocumentNode) -> bool:
    """Whether this is a document that GraphiQL, code generators and graphql-core itself send."""
    first = document.definitions[0] if document.definitions else None
    name = getattr(getattr(first, "name", None), "value", None)
    if name != "IntrospectionQuery" or len(document.definitions) > 8:
        return False  # hashing a document means walking it: only for those that look the part
    return _digest(document) in _standard_digests()


def _digest(document: DocumentNode) -> str:
    definitions = sorted(_definition(definition) for definition in document.definitions)
    return sha256("\n".join(definitions).encode()).hexdigest()


@cache
def _standard_digests() -> frozenset[str]:
    digests = set()
    for descriptions, *switches in product((True, False), repeat=len(_SWITCHES) + 1):
        text = get_introspection_query(descriptions, **dict(zip(_SWITCHES, switches, strict=True)))
        digests.add(_digest(parse(text)))
    return frozenset(digests)


def _definition(definition: DefinitionNode) -> str:
    selections = getattr(definition, "selection_set", None)
    if not isinstance(selections, SelectionSetNode):
        return print_ast(definition)
    heading = [str(getattr(getattr(definition, "name", None), "value", None))]
    heading += [print_ast(directive) for directive in definition.directives or ()]  # type: ignore[attr-defined]
    if isinstance(definition, OperationDefinitionNode):
        heading += [definition.operation.value, *map(print_ast, definition.variable_definitions or ())]
    return f"{' '.join(heading)} {_outline(selections)}"


def _outline(selections: SelectionSetNode | None) -> str:
    if selections is None:
        return ""
    lines = (_selection(selection) for selection in selections.selections)
    return "{" + " ".join(sorted(line for line in lines if line)) + "}"


def _selection(selection: SelectionNode) -> str:
    if isinstance(selection, FragmentSpreadNode) or not isinstance(selection, FieldNode):
        return print_ast(selection)
    plain = not (selection.alias or selection.arguments or selection.directives)
    name = selection.name.value
    if plain and name in _ROOTS and _asks_only(selection, {"name", "kind"}):
        return "" if name == "subscriptionType" else name
    if plain and name == "ofType" and _unwraps(selection, _DEEPEST_TYPE):
        return name
    bare = FieldNode(
        alias=selection.alias,
        name=selection.name,
        arguments=selection.arguments,
        directives=selection.directives,
    )
    return print_ast(bare) + _outline(selection.selection_set)


def _asks_only(field: FieldNode, names: set[str]) -> bool:
    selections = field.selection_set.selections if field.selection_set else ()
    return all(
        isinstance(one, FieldNode)
        and one.name.value in names
        and not (one.alias or one.arguments or one.directives or one.selection_set)
        for one in selections
    )


def _unwraps(field: FieldNode, depth: int) -> bool:
    """Whether a type's wrappers, `depth` of them at most, are asked for their name and kind alone."""
    inner = field.selection_set.selections if field.selection_set else ()
    if depth == 0 or len(inner) > 3:
        return False
    for one in inner:
        if not isinstance(one, FieldNode) or one.alias or one.arguments or one.directives:
            return False
        if one.name.value == "ofType":
            if not _unwraps(one, depth - 1):
                return False
        elif one.name.value not in ("name", "kind") or one.selection_set:
            return False
    return True
