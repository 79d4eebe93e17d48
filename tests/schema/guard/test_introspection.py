"""Which introspection documents pass the shape limits: those of the usual tools, and nothing beside them."""

from __future__ import annotations

import re

import pytest
from graphql import get_introspection_query, parse

from schema.guard.introspection import is_standard_introspection

STANDARD = get_introspection_query()


def chain(depth: int, inside: str = "kind name") -> str:
    return f"ofType {{ {inside} {chain(depth - 1) if depth > 1 else ''} }}"


def unwrapping(text: str) -> str:
    """The standard document with another fragment for the wrappers of a type."""
    start = STANDARD.index("fragment TypeRef on __Type")
    return STANDARD[:start] + f"fragment TypeRef on __Type {{ kind name {text} }}"


@pytest.mark.parametrize(
    "document",
    [
        STANDARD,
        get_introspection_query(descriptions=False, input_value_deprecation=True),
        STANDARD.replace("{ name kind }", "{ name }"),
        re.sub(r"subscriptionType \{.*?\}", "", STANDARD),
        unwrapping(chain(7)),
        unwrapping(chain(9)),
        " ".join(STANDARD.split()),
    ],
    ids=[
        "graphql-core",
        "options",
        "older roots",
        "no subscriptions",
        "7 wrappers",
        "9 wrappers",
        "one line",
    ],
)
def test_what_the_usual_tools_send_passes(document: str) -> None:
    assert is_standard_introspection(parse(document))


@pytest.mark.parametrize(
    "document",
    [
        "query IntrospectionQuery { __schema { types { name } } }",
        STANDARD.replace("description", "first: description", 1),
        STANDARD.replace("queryType { name", "queryType { name fields { name }", 1),
        unwrapping(chain(11)),
        unwrapping(chain(7, "kind name fields { type { name } }")),
        unwrapping(chain(7, "a: kind name")),
        STANDARD + " query Other { viewer { subject } }",
        STANDARD.replace("__schema {", "viewer { subject } __schema {", 1),
        STANDARD.replace("IntrospectionQuery", "Mine", 1),
    ],
    ids=["small", "alias", "root", "deep", "inner field", "inner alias", "two", "more", "name"],
)
def test_anything_else_does_not(document: str) -> None:
    assert not is_standard_introspection(parse(document))
