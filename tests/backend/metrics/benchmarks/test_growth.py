"""What a value over four windows is divided by to be one window's."""

from __future__ import annotations

import pytest

from backend.metrics.benchmarks.growth import windows_to_divide_by
from backend.metrics.language.bound import Aggregate, Basis
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.moving import Rolling
from backend.metrics.language.types import Type
from backend.metrics.language.vocabulary import build_vocabulary


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("count()", 4),
        ("count(where answered) - count(where abandoned)", 4),
        ("2 * count()", 4),
        ("sum(handle_time) / 1h", 4),
        ("sum(order.amount) - sum(order.refunded)", 4),
        ("avg(handle_time)", 1),
        ("p90(handle_time) - median(handle_time)", 1),
        ("share(resolved)", 1),
        ("1 - share(resolved)", 1),
        ("100 * (count(where answered) - count(where abandoned)) / count()", 1),
        ("sum(order.amount) / count()", 1),
        ("max(wait_time)", 1),
        ("count() / count_distinct(customer)", 1),
        ("count_distinct(customer)", None),
        ("count() - 100", None),
        ("count() * count()", None),
    ],
)
def test_counts_and_totals_grow_with_the_window(formula: str, expected: int | None) -> None:
    bound = compile_formula(formula, build_vocabulary(), {}).formula
    assert bound is not None, formula
    assert windows_to_divide_by(bound.expression, 4) == expected


@pytest.mark.parametrize(
    "basis",
    [Basis("interaction", "started", moving=Rolling(28)), Basis("interaction", "started", state="open")],
)
def test_what_looks_back_from_the_end_does_not_grow(basis: Basis) -> None:
    plain = Aggregate("count", None, None, Basis("interaction", "started"), _count())
    assert windows_to_divide_by(plain, 4) == 4
    assert windows_to_divide_by(Aggregate("count", None, None, basis, _count()), 4) == 1


def _count() -> Type:
    bound = compile_formula("count()", build_vocabulary(), {}).formula
    assert bound is not None
    return bound.type
