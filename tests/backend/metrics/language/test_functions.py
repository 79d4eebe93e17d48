"""The function rows: each is known to the binder, to sentences and to the manual."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.functions import FUNCTIONS, SYNONYMS, Function, find_function, function_names
from backend.metrics.language.manual import README
from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import Tongue, render_sentence
from backend.metrics.planning.parts import MERGEABLE, PARTS
from tests.backend.metrics.language.corpus import VOCABULARY


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_every_function_is_bound_said_and_documented(function: Function) -> None:
    made = compile_formula(function.example, VOCABULARY, {})
    assert made.formula is not None, made.diagnostics
    parsed = parse(function.example).formula
    assert parsed is not None
    for tongue in Tongue:
        assert "{" not in render_sentence(parsed, VOCABULARY, tongue)
    assert function.doc.endswith(".")
    assert f"| `{function.name}` |" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if not f.on_rows], ids=lambda f: f.name)
def test_every_aggregate_has_parts_and_merges_if_they_do(function: Function) -> None:
    collected = {collect for collect, _ in PARTS[function.bound]}
    assert (collected <= MERGEABLE) is function.mergeable


def test_names_are_unique() -> None:
    assert len({function.name for function in FUNCTIONS}) == len(FUNCTIONS)
    assert len({function.bound for function in FUNCTIONS}) == len(FUNCTIONS) - 1  # median is a percentile


@pytest.mark.parametrize(
    "name, percentile",
    [
        ("p90", "0.9"),
        ("p5", "0.05"),
        ("p99.9", "0.999"),
        ("exact_p97.5", "0.975"),
        ("disc_p1", "0.01"),
        ("median", "0.5"),
    ],
)
def test_percentiles_are_read_exactly(name: str, percentile: str) -> None:
    found = find_function(name)
    assert found is not None
    assert found[1] == Decimal(percentile)


@pytest.mark.parametrize(
    "name", ["p", "p0", "p00", "p0.0", "p100", "p999", "p99.9999", "pNN", "exact_pNN", "xp90", "p９0x"]
)
def test_what_is_no_percentile_is_no_function(name: str) -> None:
    assert find_function(name) is None


def test_names_for_completion_and_synonyms_lead_to_functions() -> None:
    assert all(find_function(name) for name in function_names())
    assert all(find_function(name) or name == "if" for name in SYNONYMS.values())
