"""By how much the agents of an answer add up to more than its total, where a row belongs to several in full."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from fractions import Fraction

from backend.metrics.language.attribution import AGENT, rule_of
from backend.metrics.language.bound import Aggregate, Combined, Constant, Expression
from backend.metrics.planning.arithmetic import Exact, Result, to_float
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.planner import Split


class Summed(Enum):
    """What of a formula's results adds up over disjoint groups of rows."""

    VALUE = "value"
    NUMERATOR = "numerator"


def find_summed(expression: Expression, split: Split) -> Summed | None:
    """What to compare with the total; None where nothing is counted for several agents, or nothing adds up."""
    if all(one.name != AGENT for one in split.dimensions):
        return None
    if not any(rule_of(one.basis.credit).overcounts for one in aggregates_of(expression)):
        return None
    match expression:
        case Aggregate(function="avg" | "share"):
            return Summed.NUMERATOR if _is_apart(expression, split) else None
        case Combined(op="/", left=left):
            return Summed.NUMERATOR if _adds_up(left, split) else None
        case _:
            return Summed.VALUE if _adds_up(expression, split) else None


def overcount(summed: Summed, groups: Iterable[Result], total: Result) -> float | None:
    """The sum over all groups less the total; no data adds nothing. None beyond what a float holds."""
    excess = sum((_exact(summed, one) for one in groups), -_exact(summed, total))
    try:
        return to_float(excess.as_integer_ratio())
    except OverflowError:
        return None


def _exact(summed: Summed, result: Result) -> Fraction:
    found: Exact | None = result.top if summed is Summed.NUMERATOR else result.value
    return Fraction(0) if found is None else Fraction(*found)


def _adds_up(expression: Expression, split: Split) -> bool:
    match expression:
        case Aggregate(function="count" | "sum"):
            return _is_apart(expression, split)
        case Combined(op="+" | "-", left=left, right=right):
            return _adds_up(left, split) and _adds_up(right, split)
        case (
            Combined(op="*", left=Constant(), right=other)
            | Combined(op="*" | "/", left=other, right=Constant())
        ):
            return _adds_up(other, split)
        case Constant(value=value):
            return value == 0
        case _:
            return False


def _is_apart(aggregate: Aggregate, split: Split) -> bool:
    """Whether no group of the split looks at a row of another one, but for its agent."""
    basis = aggregate.basis
    looks_back = split.grain is not None and (basis.moving is not None or basis.state is not None)
    return not (looks_back or aggregate.across)
