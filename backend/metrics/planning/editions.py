"""A KPI's formulas through time: which one a cell is computed by. Knows no definitions and no days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.bound import BoundFormula


class Ends:
    """When cells end: those of some windows cut by a grain, or (no window) the one cell of all of time."""

    def __init__(self, grain: Grain | None, *windows: Window) -> None:
        self._grain, self._windows = grain, windows

    def find_used(self, instants: Sequence[datetime]) -> list[int]:
        """Of the stretches of time that instants (in UTC, in order) part, numbered from 0, those that cells end in.

        A cell that ends at an instant lies before it. At least one; the last is that of the last cell.
        """
        if not instants or not self._windows:
            return [len(instants)]
        low = bisect_right(instants, min(one.start for one in self._windows))
        high = bisect_left(instants, max(one.end for one in self._windows))
        if low == high:  # nothing changes while the cells last, so their ends need not be worked out
            return [high]
        found: set[int] = set()
        for window in self._windows:
            ends = _cell_ends(window, self._grain)
            reached = [0, *(bisect_right(ends, instant) for instant in instants), len(ends)]
            found.update(at for at in range(len(instants) + 1) if reached[at] < reached[at + 1])
        return sorted(found)


def _cell_ends(window: Window, grain: Grain | None) -> tuple[datetime, ...]:
    if grain is None:
        return (window.end.astimezone(UTC),)
    return _bucket_ends(window.start.astimezone(UTC), window.end.astimezone(UTC), window.zone, grain)


# In UTC, and kept by UTC, as moments of one zone compare by the wall clock, which daylight saving turns back.
@lru_cache(maxsize=8)  # planning and shaping ask again
def _bucket_ends(start: datetime, end: datetime, zone: str, grain: Grain) -> tuple[datetime, ...]:
    """In order; the last is the window's own end, which its total has too."""
    starts = bucket_starts(Window(start, end, zone), grain)
    return (*(moment.astimezone(UTC) for moment in starts[1:]), end)


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
