"""Whether a KPI got better, and at what cost: a gain that a guardrail pays for is no gain.

Pure. Values are in shown units; None is a value that cannot be judged: none there, or one not to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from backend.metrics.kpi import Band, Kpi

TOLERANCE = 0.01  # of the earlier value: a smaller move either way is noise. Of an earlier 0, no move is.

_ROUNDING = 1e-9  # of the tolerance: what floats lose must not turn “just that much” into “more”


class Verdict(StrEnum):
    """How a value stands to the one it is compared with."""

    IMPROVED = "improved"
    IMPROVED_AT_COST = "improved_at_cost"  # while a guardrail got worse
    WORSE = "worse"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, None where there is nothing to judge, and the keys of the guardrails that got worse."""

    verdict: Verdict | None = None
    costs: tuple[str, ...] = ()


class Change(StrEnum):
    """Which way a value went, by the KPI's direction."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Aim:
    """Which way a KPI is better: `up`, `down`, or `band`: nearer to the range from `low` to `high`."""

    direction: str
    low: float | None = None
    high: float | None = None


def aim_of(kpi: Kpi) -> Aim | None:
    """The aim of a KPI; None where neither way is better, or where a band is not known.

    The band is its target, or else its benchmark.
    """
    if kpi.direction != "band":
        return Aim(kpi.direction) if kpi.direction else None
    band = next((one for one in (kpi.target, kpi.benchmark) if one != Band()), None)
    if band is None:
        return None
    low, high = (None if end is None else float(end) for end in (band.low, band.high))
    return Aim("band", low, high)


def change_of(aim: Aim | None, before: float | None, now: float | None) -> Change | None:
    """Which way a value went; None without an aim or where either value cannot be judged."""
    if aim is None or before is None or now is None:
        return None
    match aim.direction:
        case "up":
            gain = now - before
        case "down":
            gain = before - now
        case _:
            gain = _distance(aim, before) - _distance(aim, now)
    if abs(gain) <= abs(before) * TOLERANCE * (1 + _ROUNDING):
        return Change.SAME
    return Change.BETTER if gain > 0 else Change.WORSE


def judge(change: Change | None, guardrails: Iterable[tuple[str, Change | None]] = ()) -> Judgement:
    """The verdict on a change of a KPI beside those of its guardrails, by key.

    A guardrail that cannot be judged (None) says nothing.
    """
    match change:
        case None:
            return Judgement()
        case Change.BETTER:
            costs = tuple(key for key, other in guardrails if other is Change.WORSE)
            return Judgement(Verdict.IMPROVED_AT_COST if costs else Verdict.IMPROVED, costs)
        case Change.WORSE:
            return Judgement(Verdict.WORSE)
    return Judgement(Verdict.UNCHANGED)


def _distance(aim: Aim, value: float) -> float:
    if aim.low is not None and value < aim.low:
        return aim.low - value
    if aim.high is not None and value > aim.high:
        return value - aim.high
    return 0.0
