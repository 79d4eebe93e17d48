"""Documents made to be expensive are refused at once; ordinary ones pass."""

from __future__ import annotations

import time

import pytest
from graphql import get_introspection_query, parse

from backend.core.errors import DomainError
from schema.guard.limits import LIMITS, LimitExceeded
from schema.guard.shape import check_shape


def doubling(fragments: int) -> str:
    """Each fragment spreads the next one twice: 2^n fields in n lines."""
    parts = [
        f"fragment F{i} on Query {{ a: viewer {{ role }} ...F{i + 1} ...F{i + 1} }}" for i in range(fragments)
    ]
    return "{ ...F0 } " + " ".join(parts) + f" fragment F{fragments} on Query {{ viewer {{ role }} }}"


def nested(depth: int) -> str:
    return "{ a " * depth + "}" * depth


REFUSED = {
    "depth": nested(LIMITS.depth + 1),
    "depth through fragments": "{ ...A } "
    + " ".join(f"fragment {chr(65 + i)} on T {{ x {{ ...{chr(66 + i)} }} }}" for i in range(13))
    + " fragment N on T { x }",
    "aliases": "{ " + " ".join(f"a{i}: viewer {{ role }}" for i in range(41)) + " }",
    "aliases inside fragments": "{ "
    + "...A " * 5
    + "} fragment A on Query { "
    + " ".join(f"a{i}: x" for i in range(9))
    + " }",
    "fields": "{ " + " ".join(f"f{i}" for i in range(801)) + " }",
    "the same field again and again": "{ " + "viewer " * 400 + "}",
    "overlapping levels": "{ " + ("a { " + ("b { " + "c " * 10 + "} ") * 8 + "} ") * 8 + "}",
    "directives": "{ viewer " + "@skip(if: false) " * 9 + "{ role } }",
    "directives on variables": "query (" + " ".join(f"$v{i}: Int @d" for i in range(9)) + ") { x }",
    "fragments": "{ x } " + " ".join(f"fragment F{i} on Query {{ x }}" for i in range(21)),
    "operations": " ".join(f"query Q{i} {{ x }}" for i in range(6)),
    "variables": "query (" + " ".join(f"$v{i}: Int" for i in range(51)) + ") { x }",
    "exponential fragments": doubling(18),
    "an integer of 5,000 digits": "{ x(first: " + "9" * 5_000 + ") }",
    "a long number inside a list in an object": "{ x(input: {a: [1, " + "9" * 401 + "]}) }",
    "a long number as a default": "query ($v: Int = " + "9" * 401 + ") { x(first: $v) }",
    "a long fraction in a directive": "{ x @skip(if: 0." + "1" * 400 + ") }",
    "a circle of one": "{ ...A } fragment A on Query { viewer ...A }",
    "a circle of two": "{ ...A } fragment A on Query { ...B } fragment B on Query { a { ...A } }",
    "a circle nobody enters": "{ x } fragment A on Query { a { ...A } b { ...A } }",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_beyond_the_limits_is_refused_at_once(name: str) -> None:
    document = parse(REFUSED[name])
    began = time.perf_counter()
    with pytest.raises(DomainError) as refusal:
        check_shape(document)
    assert time.perf_counter() - began < 0.1
    assert refusal.value.code in ("LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("fragments", [8, 12, 19])
def test_a_fragment_is_measured_once_however_often_it_is_spread(fragments: int) -> None:
    document = parse(doubling(fragments))
    began = time.perf_counter()
    with pytest.raises(LimitExceeded):
        check_shape(document)
    assert time.perf_counter() - began < 0.1


def test_the_error_names_the_limit() -> None:
    with pytest.raises(LimitExceeded) as refusal:
        check_shape(parse(nested(13)))
    assert (refusal.value.limit, refusal.value.allowed) == ("depth", 12)


def test_a_number_too_long_is_named_and_not_repeated() -> None:
    with pytest.raises(LimitExceeded) as refusal:
        check_shape(parse("{ x(first: -" + "9" * 5_000 + ") }"))
    assert (refusal.value.limit, refusal.value.allowed) == ("number_characters", 400)
    assert "99" not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        nested(LIMITS.depth),
        "{ " + " ".join(f"f{i}" for i in range(800)) + " }",
        "{ " + " ".join(f"a{i}: x" for i in range(40)) + " }",
        "{ x(first: " + "9" * 400 + ', name: "' + "9" * 5_000 + '") }',
        # A screen of components, each of which asks for the id again.
        "{ list { "
        + " ".join(f"...F{i}" for i in range(20))
        + " } } "
        + " ".join(f"fragment F{i} on T {{ id name f{i} {{ id name }} }}" for i in range(20)),
    ],
)
def test_what_is_within_the_limits_passes(text: str) -> None:
    check_shape(parse(text))


def test_the_standard_introspection_is_too_deep_for_an_ad_hoc_document() -> None:
    with pytest.raises(LimitExceeded):
        check_shape(parse(get_introspection_query()))
