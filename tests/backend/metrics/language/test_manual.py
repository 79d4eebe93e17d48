"""The manual's tables are those of the code, and its examples are true."""

from __future__ import annotations

import re

import pytest

from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.manual import BLOCKS, README, renew
from tests.backend.metrics.language.corpus import DEFINITIONS, VOCABULARY

PAGE = README.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert renew(PAGE) == PAGE, "run python -m backend.metrics.language.manual"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_table_has_its_place(block: str) -> None:
    assert PAGE.count(f"<!-- {block}: generated -->") == 1


def test_every_formula_of_the_manual_is_right() -> None:
    blocks = re.findall(r"```formula\n(.*?)```", PAGE, re.DOTALL)
    formulas = [line.partition("  #")[0].rstrip() for block in blocks for line in block.splitlines() if line]
    assert len(formulas) >= 20
    for formula in formulas:
        made = compile_formula(formula, VOCABULARY, DEFINITIONS)
        assert made.formula is not None, (formula, made.diagnostics)


def test_every_refusal_of_the_manual_is_true() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert len(rows) >= 8
    for text, code in rows:
        assert code in {d.code for d in compile_formula(text, VOCABULARY, DEFINITIONS).diagnostics}, text
