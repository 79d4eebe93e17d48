"""Values to points, and points to a weighted score whose parts add up to it exactly. Pure and exact.

Points run from 0 to 100 and, where a cap allows it, beyond. Everything is a fraction until it is rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

Exact: TypeAlias = Decimal | int | Fraction

FULL = Fraction(100)  # points for reaching the target


def attainment(value: Exact, target: Exact, *, lower_is_better: bool = False, cap: Exact = FULL) -> Fraction:
    """Points for how much of a target is reached: value / target, or target / value where lower is better.

    At least 0 and at most `cap`. A target is above 0; where lower is better, a value of 0 or less is worth the cap.

    Raises ValueError for a target of 0 or less, or a cap below 0.
    """
    reached, wanted, most = Fraction(value), Fraction(target), Fraction(cap)
    if wanted <= 0 or most < 0:
        raise ValueError(f"a target is above 0 and a cap not below it, not {target} and {cap}")
    if not lower_is_better:
        return _clamped(FULL * reached / wanted, most)
    return most if reached <= 0 else _clamped(FULL * wanted / reached, most)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Points by three marks: 0 at the floor and worse, 100 at the target, `top` at the stretch and better; in
    between in proportion. Where lower is better the floor lies above the target.

    Without a stretch nothing is worth more than 100. Raises ValueError for marks out of order or a top below 100.
    """

    floor: Exact
    target: Exact
    stretch: Exact | None = None
    top: Exact = 120

    def __post_init__(self) -> None:
        marks = [self._height(mark) for mark in (self.floor, self.target, self.stretch) if mark is not None]
        if self.floor == self.target or marks != sorted(set(marks)):
            raise ValueError(f"floor, target and stretch are not in order: {self}")
        if self.top < FULL:
            raise ValueError(f"the stretch is worth less than the target: {self}")

    def points(self, value: Exact) -> Fraction:
        """What a value is worth."""
        height, target = self._height(value), self._height(self.target)
        if height <= target:
            return max(FULL * height / target, Fraction(0))
        if self.stretch is None:
            return FULL
        above = Fraction(self.top) - FULL
        return FULL + _clamped(above * (height - target) / (self._height(self.stretch) - target), above)

    def _height(self, mark: Exact) -> Fraction:
        """How far above the floor, in the direction that is better."""
        height = Fraction(mark) - Fraction(self.floor)
        return height if self.target > self.floor else -height


class Missing(StrEnum):
    """What becomes of a score when an item has no points."""

    REWEIGHT = "reweight"  # the others share its weight
    ZERO = "zero"  # it counts as 0 points
    VOID = "void"  # there is no score


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a scorecard: its weight, not below 0, and its points; None where it has no value."""

    key: str
    weight: Exact
    points: Fraction | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one item adds to a score: `share` of the whole weight times its points, rounded so that all of them
    add up. None in place of `added` where the item is left out, or there is no score.
    """

    key: str
    share: Fraction
    points: Fraction | None
    added: Decimal | None


@dataclass(frozen=True, slots=True)
class Score:
    """A score and what it is made of, in the order of the items; None where there is none."""

    total: Decimal | None
    contributions: tuple[Contribution, ...]


def weigh(items: Sequence[Item], missing: Missing = Missing.REWEIGHT, *, digits: int = 2) -> Score:
    """The weighted mean of the items' points, with so many digits after the point.

    There is none where nothing that counts has weight, nor where an item is missing and that voids it.

    Raises ValueError for a weight below 0, or a key that stands twice.
    """
    if any(one.weight < 0 for one in items) or len({one.key for one in items}) < len(items):
        raise ValueError("weights are not below 0, and each item stands once")
    counted = {
        one.key: Fraction(0) if one.points is None else one.points
        for one in items
        if one.points is not None or missing is Missing.ZERO
    }
    whole = sum((Fraction(one.weight) for one in items if one.key in counted), Fraction(0))
    void = missing is Missing.VOID and len(counted) < len(items)
    if void or not whole:
        return Score(None, tuple(Contribution(one.key, Fraction(0), one.points, None) for one in items))
    shares = {one.key: Fraction(one.weight) / whole for one in items if one.key in counted}
    exact = {key: share * counted[key] for key, share in shares.items()}
    total, added = _rounded_together(exact, digits)
    return Score(
        total,
        tuple(
            Contribution(one.key, shares.get(one.key, Fraction(0)), one.points, added.get(one.key))
            for one in items
        ),
    )


def _rounded_together(exact: dict[str, Fraction], digits: int) -> tuple[Decimal, dict[str, Decimal]]:
    """The rounded sum, and each summand rounded up or down so that they add up to it.

    Those that lose most by rounding down are rounded up; of equal losses those first by key, so that the order of
    the items does not matter.
    """
    step = 10**digits
    total = (
        sum(exact.values(), Fraction(0)) * step + Fraction(1, 2)
    ) // 1  # halves up: points are not below 0
    down = {key: value * step // 1 for key, value in exact.items()}
    by_loss = sorted(exact, key=lambda key: (down[key] - exact[key] * step, key))
    up = set(by_loss[: total - sum(down.values())])
    return _decimal(total, digits), {
        key: _decimal(whole + (key in up), digits) for key, whole in down.items()
    }


def _decimal(whole: int, digits: int) -> Decimal:
    return Decimal(whole).scaleb(-digits)


def _clamped(points: Fraction, most: Fraction) -> Fraction:
    return min(max(points, Fraction(0)), most)
