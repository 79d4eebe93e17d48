"""How far back a cell looks when it is not the cell's own bucket: the last so many days, or a period so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

PERIODS = ("week", "month", "quarter", "year")
SHORTEST, LONGEST = 60_000, 1_096 * 86_400_000  # ms: a minute, three years


@dataclass(frozen=True, slots=True)
class Rolling:
    """`over 28d`: what lies so far back from the cell's end. Whole days follow the wall clock."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class ToDate:
    """`over month to date`: from the start of the period that the cell's last instant lies in."""

    period: str


Moving: TypeAlias = Rolling | ToDate
