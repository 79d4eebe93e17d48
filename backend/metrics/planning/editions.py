"""A KPI's formulas through time: which one a cell is computed by. Knows no definitions and no days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.bound import BoundFormula

# Of cells, in UTC, the earliest first: moments of one zone compare by the wall clock, which daylight saving turns
# back. None at all: the one cell of a question without a window.
Ends: TypeAlias = Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Editions:
    """`formulas[0]` is for cells that end at `instants[0]` or before, each later one for those that end after the
    instant before it. A formula that is None cannot be computed for the question; the last one can.
    """

    formulas: tuple[BoundFormula | None, ...]
    instants: tuple[datetime, ...]  # UTC, one fewer

    @property
    def last(self) -> BoundFormula:
        """The formula of the last cell."""
        formula = self.formulas[-1]
        assert formula is not None
        return formula

    def at(self, end: datetime | None) -> int:
        """The place of a cell's formula; a cell without a window (None) has the last."""
        return len(self.instants) if end is None else bisect_left(self.instants, end)

    def within(self, ends: Ends) -> list[int]:
        """The places of all formulas that cells with these ends need."""
        return find_used(self.instants, ends)


def find_used(instants: Sequence[datetime], ends: Ends) -> list[int]:
    """Of the stretches of time that instants part, numbered from 0, those that cells end in.

    A cell that ends at an instant lies before it. At least one; the last is that of the last cell.
    """
    if not ends:
        return [len(instants)]
    reached = [0, *(bisect_right(ends, instant) for instant in instants), len(ends)]
    return [at for at in range(len(instants) + 1) if reached[at] < reached[at + 1]]


def cell_ends(window: Window | None, grain: Grain | None) -> Ends:
    """When the cells of a window end; the last is the window's own end, which its total has too."""
    if window is None:
        return ()
    starts = bucket_starts(window, grain)[1:] if grain is not None else []
    return [moment.astimezone(UTC) for moment in (*starts, window.end)]
