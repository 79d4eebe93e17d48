"""The last step: collected parts to a value, in exact fractions; the one float division comes after.

Two formulas that mean the same give the same bits, whether their parts came from rows or were merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, TypeAlias, assert_never

from backend.metrics.language.attribution import WHOLE
from backend.metrics.language.bound import (
    Aggregate,
    CellCompare,
    CellLogic,
    CellMissing,
    CellNot,
    Choice,
    Combined,
    Condition,
    Constant,
    Expression,
    values_of,
)
from backend.metrics.planning.histogram import Histogram
from backend.metrics.planning.parts import is_weighted, recipe_of

Exact: TypeAlias = tuple[int, int]  # numerator, positive denominator; not reduced
Parts: TypeAlias = Sequence[Any]  # the values of an aggregate's parts, in the order of `recipe_of`


@dataclass(frozen=True, slots=True)
class Result:
    """A value before division, in shown units.

    `n` counts the rows behind it, None for a constant. `counted` says it is made of counts alone, for which
    no rows mean 0; `top` and `bottom` are there if the last step is one division.
    """

    value: Exact | None
    n: int | None
    counted: bool = False
    top: Exact | None = None
    bottom: Exact | None = None


_EMPTY_SUM = Result((0, 1), 0)
LastStep: TypeAlias = Callable[[Sequence[Any]], Result]


def last_step(expression: Expression) -> LastStep:
    """The function from the values of `parts_in(expression)`, in that order, to the formula's value.

    No rows at all give None, but for counts. In a formula of several aggregates a sum over no rows is 0,
    and a sum over rows that all lack the value is None: nothing sold is not the same as sales unknown.
    """
    if isinstance(expression, Aggregate):
        return _aggregate(expression, 0)
    combined, _ = _combined(expression, 0)

    def step(values: Sequence[Any]) -> Result:
        result = combined(values)
        return result if result.n or result.counted else Result(None, 0, False, result.top, result.bottom)

    return step


def to_float(exact: Exact | None) -> float | None:
    """The nearest float; None stays None. Raises OverflowError beyond what a float holds."""
    return None if exact is None else exact[0] / exact[1]


def _aggregate(aggregate: Aggregate, at: int) -> LastStep:
    steps = SHARED_LAST_STEPS if is_weighted(aggregate) else LAST_STEPS
    step, end = steps[aggregate.function], at + len(recipe_of(aggregate))
    return lambda values: step(values[at:end], aggregate)


def _combined(expression: Expression, at: int) -> tuple[LastStep, int]:
    """The step of a part of a formula whose values begin at `at`, and where the next one's begin."""
    match expression:
        case Constant(value=value):
            constant = Result(value.as_integer_ratio(), None, counted=True)
            return lambda values: constant, at
        case Aggregate(function="sum"):
            full = _aggregate(expression, at)
            return lambda values: full(values) if values[at + 2] else _EMPTY_SUM, at + 3
        case Aggregate():
            return _aggregate(expression, at), at + len(recipe_of(expression))
        case Combined(op=op, left=left, right=right):
            one, middle = _combined(left, at)
            other, end = _combined(right, middle)
            return lambda values: _apply(op, one(values), other(values)), end
        case Choice(condition=condition, then=then, otherwise=otherwise):
            looked_at = _steps(values_of(condition), at)
            holds, middle = _condition(condition, at)
            one, middle = _combined(then, middle)
            other, end = _combined(otherwise, middle)

            def choose(values: Sequence[Any]) -> Result:
                chosen = one(values) if holds(values) else other(values)
                if chosen.n is not None:
                    return replace(chosen, top=None, bottom=None)
                # a number that was written down rests on the rows that it was chosen for
                behind = [step(values) for step in looked_at]
                n = max((each.n for each in behind if each.n is not None), default=None)
                return Result(chosen.value, n, all(each.counted for each in behind))

            return choose, end
        case _:
            assert_never(expression)


def _steps(expressions: Iterable[Expression], at: int) -> list[LastStep]:
    """The steps of expressions whose values follow each other."""
    found = []
    for expression in expressions:
        step, at = _combined(expression, at)
        found.append(step)
    return found


def _condition(condition: Condition, at: int) -> tuple[Callable[[Sequence[Any]], bool | None], int]:
    """Whether a condition on a cell holds, None where that is open; and where the next values begin."""
    match condition:
        case CellCompare(op=op, left=left, right=right):
            one, middle = _combined(left, at)
            other, end = _combined(right, middle)
            return lambda values: _compared(op, one(values).value, other(values).value), end
        case CellMissing(operand=operand, negated=negated):
            value, end = _combined(operand, at)
            return lambda values: (value(values).value is None) is not negated, end
        case CellLogic(op=op, left=first, right=second):
            here, middle = _condition(first, at)
            there, end = _condition(second, middle)
            decides = op == "or"  # what settles it whatever the other is

            def joined(values: Sequence[Any]) -> bool | None:
                found = here(values), there(values)
                return decides if decides in found else None if None in found else not decides

            return joined, end
        case CellNot(operand=inner):
            holds, end = _condition(inner, at)
            return lambda values: None if (found := holds(values)) is None else not found, end
        case _:
            assert_never(condition)


def _compared(op: str, left: Exact | None, right: Exact | None) -> bool | None:
    if left is None or right is None:
        return None
    one, other = left[0] * right[1], right[0] * left[1]  # denominators are positive
    match op:
        case "=":
            return one == other
        case "!=":
            return one != other
        case "<":
            return one < other
        case "<=":
            return one <= other
        case ">":
            return one > other
        case _:
            return one >= other


def _apply(op: str, left: Result, right: Result) -> Result:
    counted = left.counted and right.counted
    if op == "/":
        n = left.n if right.n is None else right.n
        value = None
        if left.value is not None and right.value is not None and right.value[0] != 0:
            value = _positive(left.value[0] * right.value[1], left.value[1] * right.value[0])
        return Result(value, n, counted, left.value, right.value)
    n = max((side.n for side in (left, right) if side.n is not None), default=None)
    if left.value is None or right.value is None:
        return Result(None, n, counted)
    (a, b), (c, d) = left.value, right.value
    match op:
        case "+":
            return Result((a * d + c * b, b * d), n, counted)
        case "-":
            return Result((a * d - c * b, b * d), n, counted)
        case "*":
            return Result((a * c, b * d), n, counted)
        case _:
            raise ValueError(f"unknown operator {op}")


def _positive(top: int, bottom: int) -> Exact:
    return (top, bottom) if bottom > 0 else (-top, -bottom)


def _count(parts: Parts, aggregate: Aggregate) -> Result:
    return Result((parts[0], 1), parts[0], counted=True)


def _count_distinct(parts: Parts, aggregate: Aggregate) -> Result:
    return Result((parts[0], 1), parts[1], counted=True)


def _present(parts: Parts, aggregate: Aggregate) -> Result:
    """The first part as it is, over as many rows as the second part counts: sum, min, max, disc."""
    if not parts[1] or parts[0] is None:
        return Result(None, parts[1])
    return Result((parts[0], aggregate.type.scale), parts[1])


def _average(parts: Parts, aggregate: Aggregate) -> Result:
    total, n = parts
    top, bottom = (total, aggregate.type.scale), (n, 1)
    return Result((total, aggregate.type.scale * n) if n else None, n, False, top, bottom)


def _share(parts: Parts, aggregate: Aggregate) -> Result:
    true, n = parts
    return Result((true, n) if n else None, n, False, (true, 1), (n, 1))


def _deviation(parts: Parts, aggregate: Aggregate) -> Result:
    """The deviation of the sample (n - 1); one row has none."""
    total, squares, n = parts
    if n < 2:
        return Result(None, n)
    top, bottom = sqrt((n * squares - total * total) / (n * (n - 1))).as_integer_ratio()
    return Result((top, bottom * aggregate.type.scale), n)


def _agreement(parts: Parts, aggregate: Aggregate) -> Result:
    """Quadratically weighted kappa: 1 less the observed squared distance over that expected by chance.

    With n pairs the expected one is sum(x^2) + sum(y^2) - 2 * sum(x) * sum(y) / n. Where neither of the two
    ever gives another score there is nothing to agree on.
    """
    n, first, second, first_squares, second_squares, distance = parts
    expected = n * (first_squares + second_squares) - 2 * first * second  # both n times what is said above
    varies = n * first_squares != first * first or n * second_squares != second * second
    if not varies or not expected:
        return Result(None, n)
    return Result((expected - n * distance, expected), n)


def _percentile(parts: Parts, aggregate: Aggregate) -> Result:
    counts: Histogram = parts[0]
    if aggregate.percentile is None:
        raise ValueError("a percentile needs its share")
    value, n = counts.percentile(aggregate.percentile), counts.total
    return Result(None if value is None else (value[0], value[1] * aggregate.type.scale), n)


def _exact_percentile(parts: Parts, aggregate: Aggregate) -> Result:
    value, n = parts
    if value is None:
        return Result(None, n)
    top, bottom = value.as_integer_ratio()  # PostgreSQL interpolates in floats
    return Result((top, bottom * aggregate.type.scale), n)


def _shared_count(parts: Parts, aggregate: Aggregate) -> Result:
    return Result((parts[0], WHOLE), parts[1], counted=True)


def _shared_sum(parts: Parts, aggregate: Aggregate) -> Result:
    return Result((parts[0], WHOLE * aggregate.type.scale) if parts[1] else None, parts[1])


def _shared_average(parts: Parts, aggregate: Aggregate) -> Result:
    total, weight, n = parts
    scale = aggregate.type.scale
    top, bottom = (total, WHOLE * scale), (weight, WHOLE)
    return Result((total, scale * weight) if weight else None, n, False, top, bottom)


def _shared_share(parts: Parts, aggregate: Aggregate) -> Result:
    true, weight, n = parts
    return Result((true, weight) if weight else None, n, False, (true, WHOLE), (weight, WHOLE))


LAST_STEPS: Mapping[str, Callable[[Parts, Aggregate], Result]] = {
    "count": _count,
    "count_distinct": _count_distinct,
    "count_repeated": _count_distinct,
    "sum": _present,
    "avg": _average,
    "min": _present,
    "max": _present,
    "stddev": _deviation,
    "share": _share,
    "union_time": _present,
    "agreement": _agreement,
    "percentile": _percentile,
    "exact_percentile": _exact_percentile,
    "disc_percentile": _present,
}
SHARED_LAST_STEPS: Mapping[str, Callable[[Parts, Aggregate], Result]] = {
    "count": _shared_count,
    "sum": _shared_sum,
    "avg": _shared_average,
    "share": _shared_share,
}
