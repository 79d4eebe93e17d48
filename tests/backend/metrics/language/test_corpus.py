"""Every formula of the corpus means what its line says."""

from __future__ import annotations

import pytest

from backend.metrics.language.compiler import Compiler
from backend.metrics.language.diagnostics import Code
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.parser import parse
from tests.backend.metrics.language.corpus import (
    DEFINITIONS,
    VOCABULARY,
    RightFormula,
    WrongFormula,
    right_formulas,
    wrong_formulas,
)

WRONG = wrong_formulas()
RIGHT = right_formulas()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.code}-{w.text!a}")
def test_a_wrong_formula_earns_its_code_at_its_place(wrong: WrongFormula) -> None:
    bound = Compiler().compile(wrong.text, VOCABULARY, DEFINITIONS)
    assert bound.formula is None
    first = bound.diagnostics[0]
    blamed = wrong.text[first.span.start : first.span.end]
    assert (first.code, first.span) == (wrong.code, wrong.span), f"blamed {blamed!r}: {first.message}"
    assert first.message.endswith((".", "。"))


@pytest.mark.parametrize("right", RIGHT, ids=lambda r: r.text)
def test_a_right_formula_has_its_unit_and_one_canonical_text(right: RightFormula) -> None:
    bound = Compiler().compile(right.text, VOCABULARY, DEFINITIONS)
    assert bound.diagnostics == ()
    assert bound.formula is not None
    assert bound.formula.type.unit == right.unit
    assert bound.formula.canonical == right.canonical
    again = parse(right.canonical)
    assert again == parse(right.text)
    assert again.formula is not None
    assert format_formula(again.formula) == right.canonical


def test_the_canonical_text_means_the_same_as_the_text() -> None:
    for right in RIGHT:
        one = Compiler().compile(right.text, VOCABULARY, DEFINITIONS).formula
        other = Compiler().compile(right.canonical, VOCABULARY, DEFINITIONS).formula
        assert one == other, right.text


def test_the_corpus_is_large_and_knows_every_code() -> None:
    assert len(WRONG) >= 150
    assert len(RIGHT) >= 100
    limits = {Code.TEXT_TOO_LONG, Code.TOO_DEEP, Code.TOO_LARGE}  # too long for a line: test_limits.py
    assert {wrong.code for wrong in WRONG} == set(Code) - limits
