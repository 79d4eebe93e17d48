"""However large or deep a text is, it ends in diagnostics, soon."""

from __future__ import annotations

import time

import pytest

from backend.metrics.language.binder import bind_condition
from backend.metrics.language.compiler import Compiler
from backend.metrics.language.diagnostics import Code
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.parser import MAX_DEPTH, parse
from backend.metrics.language.tokens import MAX_TEXT
from tests.backend.metrics.language.corpus import DEFINITIONS, VOCABULARY

NO_TREE = [
    "(" * MAX_TEXT,
    "-" * (MAX_TEXT - 1) + "1",
    "not " * (MAX_TEXT // 4 - 1) + "a",
    "if(" * (MAX_TEXT // 3),
    "avg(" * (MAX_TEXT // 4),
    "1" + "+1" * (MAX_TEXT // 2 - 1),
    "count()" + "/count()" * (MAX_TEXT // 8 - 1),
    "count(where a" + " or a" * (MAX_TEXT // 5 - 3) + ")",
    "((((" + "1+(" * 1000,
    "x in (" * 600,
    '"' * MAX_TEXT,
]


@pytest.mark.parametrize("text", NO_TREE, ids=lambda text: text[:12])
def test_deep_and_long_texts_are_refused_not_suffered(text: str) -> None:
    assert len(text) <= MAX_TEXT
    began = time.perf_counter()
    parsed = parse(text)
    assert parsed.formula is None
    assert parsed.diagnostics
    assert time.perf_counter() - began < 0.5


def test_a_text_beyond_the_limit_is_refused_at_the_limit() -> None:
    text = "count()" + " " * MAX_TEXT
    found = parse(text).diagnostics
    assert [(d.code, d.span) for d in found] == [(Code.TEXT_TOO_LONG, (MAX_TEXT, len(text)))]
    assert parse(text[:MAX_TEXT]).formula is not None


def test_a_tree_of_the_full_depth_is_bound_printed_and_read_again() -> None:
    chain = "count()" + " + count()" * (MAX_DEPTH - 2)
    nested = "count() - (" * (MAX_DEPTH - 1) + "count()" + ")" * (MAX_DEPTH - 1)
    for text in (chain, nested):
        parsed = parse(text)
        assert parsed.formula is not None, parsed.diagnostics
        assert parse(format_formula(parsed.formula)) == parsed
        assert Compiler().compile(text, VOCABULARY, {}).formula is not None
    assert parse(chain + " + count() + count()").diagnostics[0].code is Code.TOO_DEEP
    assert parse(f"count() - ({nested})").diagnostics[0].code is Code.TOO_DEEP


def test_references_that_double_at_each_level_stop_at_the_budget() -> None:
    doubling = {f"k{level}": " + ".join([f"@k{level + 1}"] * 8) for level in range(6)} | {"k6": "count()"}
    began = time.perf_counter()
    bound = Compiler().compile("@k0", VOCABULARY, doubling)
    assert [d.code for d in bound.diagnostics] == [Code.TOO_LARGE]
    assert time.perf_counter() - began < 1


def test_references_that_are_deep_each_are_too_deep_together() -> None:
    deep = "count()" + " + count()" * (MAX_DEPTH - 3)
    definitions = {"inner": deep, "outer": deep + " + @inner"}
    assert Compiler().compile("@inner", VOCABULARY, definitions).formula is not None
    # the deepest leaf of a chain is its first, so the reference must stand there
    definitions["outer"] = "@inner" + " + count()" * (MAX_DEPTH - 3)
    bound = Compiler().compile("@outer", VOCABULARY, definitions)
    assert [d.code for d in bound.diagnostics] == [Code.TOO_DEEP]


def test_a_condition_has_the_same_limits() -> None:
    long = "answered" + " or answered" * 400
    assert bind_condition(long, VOCABULARY).diagnostics[0].code is Code.TEXT_TOO_LONG
    assert bind_condition("not " * 500 + "answered", VOCABULARY).diagnostics[0].code is Code.TOO_DEEP


def test_many_mistakes_are_capped() -> None:
    bound = Compiler().compile("count(where segment in (" + "x, " * 60 + "y))", VOCABULARY, DEFINITIONS)
    assert len(bound.diagnostics) == 20
