"""Which rows a scan sees, and which cells each of them lies in: one, or as many as look at it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import func

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.moving import Moving
from backend.metrics.language.types import State
from backend.metrics.planning.lowering.arrays import instant_array, rank
from backend.metrics.planning.lowering.tables import Condition, Tables, Value
from backend.metrics.planning.moving import boundaries, instants, spans_back
from backend.metrics.planning.planner import Scan

_INSTANT = timedelta(microseconds=1)
WithinAny: TypeAlias = Callable[[Value], Condition]  # whether a moment lies in what is asked for


class Placing:
    """Rows that lie where their anchor does: in the one bucket of the window that holds it.

    `within`: only those in these parts of the window. `near` says what else holds for rows whose anchor lies in
    such parts, so that an index finds them where none is on the anchor itself.
    """

    def __init__(
        self,
        anchor: Value,
        window: Window | None,
        within: Sequence[Window] = (),
        near: Callable[[WithinAny], Condition | None] | None = None,
    ) -> None:
        self.anchor = anchor
        self._window = window
        self._within = within or ([] if window is None else [window])
        self._near = near

    def conditions(self) -> Iterator[Condition]:
        """What rows have to meet to be seen at all."""
        if self._within:
            yield self._is_within(self.anchor)
            near = self._near(self._is_within) if self._near is not None else None
            if near is not None:
                yield near

    def _is_within(self, moment: Value) -> Condition:
        spans = ((instant(one.start), instant(one.end)) for one in self._within)
        return sa.or_(*(sa.and_(moment >= start, moment < end) for start, end in spans))

    def rank(self, grain: Grain) -> Value:
        """The cell that a row is counted in, from 1."""
        if self._window is None:
            raise ValueError("buckets need a window")
        return rank(self.anchor, instant_array(bucket_starts(self._window, grain)))

    @property
    def repeated(self) -> sa.FromClause | None:
        """What a row is joined to so that it is there once for each of its cells; None where it has only one."""
        return None

    @property
    def age(self) -> Value:
        """How long a row has been in its state, in milliseconds."""
        raise ValueError("only a state has an age")


class _Repeated(Placing, ABC):
    """Rows that lie in several cells in a row."""

    @abstractmethod
    def _cells(self) -> tuple[Value, Value]:
        """The first and the last cell, of those that are asked for; the row is in none where they cross."""

    @cached_property
    def _series(self) -> Any:
        return _generated(*self._cells(), "rank")

    @property
    def repeated(self) -> sa.FromClause | None:
        series: sa.FromClause = self._series
        return series

    def rank(self, grain: Grain) -> Value:
        cell: Value = self._series.c.rank
        return cell


class _Segments(Placing):
    """Rows that several cells look back over, counted once: by the segment of time that those cells share."""

    def __init__(self, anchor: Value, window: Window, grain: Grain | None, moving: Moving) -> None:
        super().__init__(anchor, window)
        self._spans = spans_back(window, grain, moving)

    def conditions(self) -> Iterator[Condition]:
        yield self.anchor >= instant(self._spans[0][0])
        yield self.anchor < instant(self._spans[-1][1])

    def rank(self, grain: Grain) -> Value:
        return rank(self.anchor, instant_array(boundaries(self._spans)))


class _LookedBackOver(_Repeated, _Segments):
    """Rows in each cell that looks back over them: for what cannot be merged from segments."""

    def _cells(self) -> tuple[Value, Value]:
        starts, ends = (instant_array(moments) for moments in zip(*self._spans, strict=True))
        return rank(self.anchor, ends) + 1, rank(self.anchor, starts)


class _InState(_Repeated):
    """Rows in each cell at whose end they are in a state."""

    def __init__(self, tables: Tables, state: State, moments: list[datetime], *, several: bool) -> None:
        super().__init__(tables.first_of(state.begins), None)
        self._ended, self._moments, self._several = tables.first_of(state.ends), moments, several
        self._over = [tables.own.c[column] for column in state.over]
        self._array = instant_array(moments)

    def conditions(self) -> Iterator[Condition]:
        if not self._moments:
            yield sa.false()
            return
        yield self.anchor <= instant(self._moments[-1])
        goes_on = sa.and_(self._ended.is_(None), *(over.is_not(sa.true()) for over in self._over))
        yield sa.or_(self._ended > instant(self._moments[0]), goes_on)

    @property
    def repeated(self) -> sa.FromClause | None:
        return super().repeated if self._several else None

    @property
    def age(self) -> Value:
        if not self._moments:
            return sa.cast(sa.null(), sa.BigInteger)  # of no rows
        now = self._array[self._series.c.rank] if self._several else instant(self._moments[0])
        return sa.cast(func.trunc(sa.extract("epoch", now - self.anchor) * 1000), sa.BigInteger)

    def _cells(self) -> tuple[Value, Value]:
        # at an instant are those that have begun by then and end later
        first = rank(self.anchor - _INSTANT, self._array) + 1
        last = func.coalesce(rank(self._ended - _INSTANT, self._array), len(self._moments))
        return first, last


class _ComingAndGoing(_InState):
    """Rows in the cell in which they come into a state, and once more in minus the one in which they are gone."""

    @cached_property
    def _series(self) -> Any:
        first, last = self._cells()
        turns = sa.case((first > last, -1), (last == len(self._moments), 0), else_=1)
        return _generated(sa.literal_column("0"), turns, "turn")

    def rank(self, grain: Grain) -> Value:
        first, last = self._cells()
        return sa.case((self._series.c.turn == 0, first), else_=-(last + 1))

    @property
    def age(self) -> Value:
        raise ValueError("an age is another one in each cell")


def _generated(first: Value, last: Value, name: str) -> Any:
    """A row for each whole number from one to another, none where they cross."""
    return func.generate_series(first, last).table_valued(name, name="cell").render_derived()


def place(scan: Scan, tables: Tables, now: datetime) -> Placing:
    """The placing of a scan's rows."""
    basis, window = scan.basis, scan.window
    if basis.state is not None and window is not None:
        moments = instants(window, scan.grain, now)
        state, several = tables.fact.states[basis.state], scan.grain is not None
        placing = _ComingAndGoing if several and not scan.each_cell else _InState
        return placing(tables, state, moments, several=several)
    anchor = tables.anchor(basis.anchor)
    if basis.moving is not None and window is not None:
        kind = _LookedBackOver if scan.each_cell else _Segments
        return kind(anchor, window, scan.grain, basis.moving)
    return Placing(anchor, window, scan.within, lambda within: tables.near(basis.anchor, within))


def instant(moment: datetime) -> Value:
    """A moment as a parameter."""
    return sa.literal(moment, sa.DateTime(timezone=True))
