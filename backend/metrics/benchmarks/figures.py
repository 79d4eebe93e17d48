"""What a KPI is held against, and how far it is from there. Pure arithmetic, exact, in shown units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from backend.metrics.kpi import Band


class Kind(StrEnum):
    """Whose figure a stored benchmark is."""

    INDUSTRY = "industry"
    PEER_AVERAGE = "peer_average"
    PEER_BEST = "peer_best"


class Against(StrEnum):
    """What KPIs are held against."""

    INDUSTRY = "industry"
    PEER_AVERAGE = "peer_average"
    PEER_BEST = "peer_best"
    OWN_HISTORY = "own_history"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A figure of others for a KPI; one of a kind and label at a time.

    A single figure has low = high. The band is said to float by a fraction of itself, from `float_low` to
    `float_high` (both None: nobody said). `valid_from` is the first local day it speaks of, None for always.
    """

    kpi: str
    kind: Kind
    label: str
    low: Decimal
    high: Decimal
    float_low: Decimal | None = None
    float_high: Decimal | None = None
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The range that a KPI is held against; an end that is None is open, and one end is there.

    `floating` is the most that the range is said to float by, as a fraction of its ends; None: nobody said.
    """

    low: Decimal | None
    high: Decimal | None
    floating: Decimal | None = None

    @property
    def value(self) -> Decimal:
        """The middle of the range; the end there is where the other is open."""
        ends = [end for end in (self.low, self.high) if end is not None]
        return sum(ends, Decimal()) / len(ends)

    def holds(self, value: Decimal) -> bool:
        """Whether a value lies in the range, ends included."""
        return _lies(value, self.low, self.high)

    def holds_afloat(self, value: Decimal) -> bool | None:
        """Whether a value lies in the range widened by its float at both ends; None where it is not said to
        float.
        """
        if self.floating is None:
            return None
        low = None if self.low is None else self.low - abs(self.low) * self.floating
        high = None if self.high is None else self.high + abs(self.high) * self.floating
        return _lies(value, low, high)


def reference_of(band: Band, floating: Decimal | None = None) -> Reference | None:
    """The range of a band; None where both ends are open."""
    return None if band == Band() else Reference(band.low, band.high, floating)


class Standing(StrEnum):
    """Where a value stands to its reference."""

    BEHIND = "behind"
    WITHIN = "within"  # the range
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a value is from its reference: positive is behind, by the KPI's direction.

    `size` and `standing` are None where neither way is better.
    """

    size: Decimal | None
    standing: Standing | None
    within_band: bool
    within_float: bool | None


def gap_between(reference: Reference, value: Decimal, direction: str | None) -> Gap:
    """The gap of a value: to the middle of the range, or for direction `band` to the range itself."""
    size = _signed(reference, value, direction)
    within = reference.holds(value)
    if size is None:
        standing = None
    elif within:
        standing = Standing.WITHIN
    else:
        standing = Standing.BEHIND if size > 0 else Standing.AHEAD
    return Gap(size, standing, within, reference.holds_afloat(value))


def _signed(reference: Reference, value: Decimal, direction: str | None) -> Decimal | None:
    match direction:
        case "up":
            return reference.value - value
        case "down":
            return value - reference.value
        case "band":
            if reference.low is not None and value < reference.low:
                return reference.low - value
            if reference.high is not None and value > reference.high:
                return value - reference.high
            return Decimal()
    return None


def _lies(value: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)
