"""How a formula's value grows with the window: what a longer past must be divided by to stand beside one window."""

from __future__ import annotations

from typing import assert_never

from backend.metrics.language.bound import Aggregate, Choice, Combined, Constant, Expression


def windows_to_divide_by(expression: Expression, windows: int) -> int | None:
    """What a value over so many windows is divided by to be one window's.

    1 for rates, means and what looks back from the end of its window; the number of windows for counts and
    totals; None where a longer window says nothing about a short one: different customers, say.
    """
    degree = _degree(expression)
    if degree == 0:
        return 1
    return windows if degree == 1 and not _counts_different(expression) else None


def _degree(expression: Expression) -> int | None:
    """0 for what stays as it is in a window twice as long, 1 for what doubles; None for what does neither."""
    match expression:
        case Constant():
            return 0
        case Aggregate(function=function, basis=basis):
            grows = function in ("count", "sum", "count_distinct", "count_repeated", "union_time")
            return 1 if grows and basis.moving is None and basis.state is None else 0
        case Combined(op=op, left=left, right=right):
            one, other = _degree(left), _degree(right)
            if one is None or other is None:
                return None
            match op:
                case "*":
                    return one + other
                case "/":
                    return one - other
            return one if one == other else None
        case Choice(then=then, otherwise=otherwise):
            one, other = _degree(then), _degree(otherwise)
            return one if one == other else None
        case _:
            assert_never(expression)


def _counts_different(expression: Expression) -> bool:
    match expression:
        case Aggregate(function=function):
            return function in ("count_distinct", "count_repeated")
        case Combined(left=left, right=right):
            return _counts_different(left) or _counts_different(right)
        case Choice(then=then, otherwise=otherwise):
            return _counts_different(then) or _counts_different(otherwise)
    return False
