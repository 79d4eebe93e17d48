"""What arithmetic does to units: which may be added, what a product or a quotient is measured in."""

from __future__ import annotations

from backend.metrics.language.types import NUMBER, RATIO, Kind, Type, Unit

POINTS = Type(Kind.NUMBER, Unit.POINTS)

# A plain number may stand beside these; beside a duration or money it would hide a unit.
_BESIDE_PLAIN = frozenset({Unit.COUNT, Unit.SCORE, Unit.RATIO, Unit.POINTS})
_FACTORS = frozenset({Unit.NONE, Unit.COUNT, Unit.RATIO})
_LABELS = {
    Unit.NONE: "a number",
    Unit.COUNT: "a count",
    Unit.DURATION: "a duration",
    Unit.MONEY: "money",
    Unit.SCORE: "a score",
    Unit.RATIO: "a share",
    Unit.POINTS: "points",
}


def unit_label(unit: Unit) -> str:
    """The unit with its article: “a duration”."""
    return _LABELS[unit]


def find_common(left: Type, right: Type) -> Type | None:
    """The type of a sum, a difference or a comparison of two numbers; None when their units do not meet."""
    if left.unit is right.unit:
        return left
    if left.unit is Unit.NONE and right.unit in _BESIDE_PLAIN:
        return right
    if right.unit is Unit.NONE and left.unit in _BESIDE_PLAIN:
        return left
    return None


def find_product(left: Type, right: Type) -> Type | None:
    """The type of a product: one side must be a plain number, a count or a share."""
    if left.unit in _FACTORS and right.unit in _FACTORS:
        if Unit.NONE in (left.unit, right.unit):
            return right if left.unit is Unit.NONE else left
        if Unit.RATIO in (left.unit, right.unit):  # a share of a count is a count
            return right if left.unit is Unit.RATIO else left
        return NUMBER
    if left.unit in _FACTORS:
        return right
    return left if right.unit in _FACTORS else None


def find_quotient(left: Type, right: Type, *, constant: bool) -> Type | None:
    """The type of a quotient; `constant`: the divisor is a number that was written down.

    Equal units give a share. Anything may be divided by a count or a plain number, which keeps its unit.
    """
    if constant and right.unit is Unit.NONE:
        return left
    if left.unit is right.unit:
        return RATIO
    return left if right.unit in _FACTORS else None
