"""The working time between two moments of a row, looked up on the line of clocks (see `schedules.clocks`)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.metrics.planning.lowering.arrays import array_of
from backend.metrics.planning.lowering.tables import Condition, Tables, Value
from backend.schedules.clocks import MILLISECOND, Clocks
from backend.schedules.zones import SECOND, instant_of


class BusinessTime:
    """The clocks of the rows of one reading; `clocks` None: nobody has a schedule, so nothing is known."""

    def __init__(self, tables: Tables, clocks: Clocks | None) -> None:
        self._tables, self._clocks = tables, clocks

    def elapsed(self, start: Value, end: Value, *, last: bool) -> Value:
        """Open milliseconds; NULL where a moment or schedule is unknown, or the end lies before the start.

        Where excluded values count, a span that runs backwards has a negative one.
        """
        clocks = self._clocks
        number = None if clocks is None else self._number(clocks)
        if clocks is None or number is None:
            return sa.cast(sa.null(), sa.BigInteger)
        counts = [_within(clocks, start), _within(clocks, end)]
        if not self._tables.including_excluded:
            counts.append(end >= start)
        if last:
            found = func.width_bucket(_place(clocks, number, end), self._changes, type_=sa.Integer)
            number = self._followed[found]
        open_time = self._open_until(_place(clocks, number, end)) - self._open_until(
            _place(clocks, number, start)
        )
        return sa.case((sa.and_(*counts), open_time // MILLISECOND))

    def negative(self, start: Value, end: Value) -> Condition:
        """Whether a span runs backwards."""
        return end < start

    def _number(self, clocks: Clocks) -> Value | None:
        """The number of the row's clock: its queue's, else its team's, else the tenant's."""
        number = None if clocks.tenant is None else _whole(clocks.tenant)
        for name, own in (("team", clocks.teams), ("queue", clocks.queues)):
            if not own or not self._tables.owns(name):
                continue
            ids: dict[int, list[int]] = {}
            for scope_id, clock in sorted(own.items()):
                ids.setdefault(clock, []).append(scope_id)
            owned = self._tables.owned(name)
            steps = [(owned.in_(scopes), _whole(clock)) for clock, scopes in ids.items()]
            number = sa.case(*steps, else_=number)
        return number

    def _open_until(self, place: Value) -> Value:
        bound = func.width_bucket(place, self._bounds, type_=sa.Integer)
        base: Value = self._bases[bound]
        return base + sa.case((bound % 2 == 1, place), else_=_whole(0))

    @cached_property
    def _bounds(self) -> Any:
        return array_of(self._clocks.line.bounds if self._clocks else (), sa.BigInteger())

    @cached_property
    def _bases(self) -> Any:
        return array_of(self._clocks.line.bases if self._clocks else (), sa.BigInteger())

    @cached_property
    def _changes(self) -> Any:
        return array_of(self._clocks.changes if self._clocks else (), sa.BigInteger())

    @cached_property
    def _followed(self) -> Any:
        return array_of(self._clocks.followed if self._clocks else (), sa.BigInteger())


def _within(clocks: Clocks, moment: Value) -> Condition:
    horizon = clocks.horizon
    start, end = (sa.literal(one, sa.DateTime(timezone=True)) for one in (horizon.start, horizon.end))
    return sa.and_(moment >= start, moment < end)


def _place(clocks: Clocks, number: Value, moment: Value) -> Value:
    # A double holds µs since 1970 exactly until 2255, and is quicker than what EXTRACT gives.
    instant = sa.cast(func.date_part("epoch", moment) * SECOND, sa.BigInteger)
    return number * _whole(clocks.horizon.length) + (instant - _whole(instant_of(clocks.horizon.start)))


def _whole(number: int) -> Value:
    return sa.literal(number, sa.BigInteger)
