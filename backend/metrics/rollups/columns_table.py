"""Columns side by side: rows of some local days, those that meet a condition, the groups that they fall into."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.bound import FieldValue, Logic, Row, type_of
from backend.metrics.language.types import Field, Kind, Origin
from backend.metrics.planning.lowering.columns import ANCHOR
from backend.metrics.planning.planner import Key as SplitKey
from backend.metrics.planning.planner import Split
from backend.metrics.rollups.columns_groups import Groups, Key, grouped, listed_key, number_key
from backend.metrics.rollups.columns_packs import Column, Unfit, joined
from backend.metrics.rollups.packing import Ints
from backend.metrics.rollups.vectors import Evaluation, Vector, spread
from backend.metrics.rollups.vectors_calendar import (
    DAY,
    EPOCH_DAY,
    HOUR,
    HOUR_OF_DAY,
    Wall,
    calendar_vector,
    day_starts,
    first_days,
    microseconds,
    wall_of,
)

Names: TypeAlias = Mapping[str, Mapping[int, str]]  # "agent" -> id -> external id


@dataclass(eq=False, slots=True)
class Table:
    """All rows of a basis on some local days of a zone, as far as their columns were asked for.

    `names` are all named things of the kinds that conditions compare, `now` is the instant of the answer.
    """

    zone: str
    days: Ints  # ordinals
    counts: Ints
    columns: Mapping[Row, Column]
    names: Names
    now: datetime
    _selections: dict[Row | None, Selection] = field(default_factory=dict)
    _places: dict[str, NDArray[np.int32]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        zone: str,
        days: Collection[date],
        columns: Mapping[Row, Sequence[Column]],
        names: Names,
        now: datetime,
    ) -> Table:
        """The table of some days from packs that have them all; of each leaf one day follows upon another.

        Raises ValueError where packs lack a day, have it twice, or were not worked out from the same rows.
        """
        wanted = np.array(sorted(day.toordinal() for day in days), np.int64)
        whole = {leaf: joined([one.only(wanted) for one in parts]) for leaf, parts in columns.items()}
        rows = next(iter(whole.values())).counts
        for one in whole.values():
            if not np.array_equal(one.days, wanted):
                raise ValueError("packs lack a day that is asked for")
            if not np.array_equal(one.counts, rows):
                raise ValueError("columns of different rows do not lie side by side")
        return cls(zone, wanted, rows, whole, names, now)

    @property
    def wall(self) -> Wall:
        """The wall clock of its days."""
        return wall_of(self.zone, *(date.fromordinal(int(self.days[at])) for at in (0, -1)))

    def places(self, name: str) -> NDArray[np.int32]:
        """Where each id of a kind of named things stands among `names`, -1 for those that do not; the last is one."""
        if name not in self._places:
            ids = np.fromiter(self.names[name], np.int64)
            places = np.full(int(ids.max(initial=0)) + 2, -1, np.int32)
            places[ids] = np.arange(len(ids))
            self._places[name] = places
        return self._places[name]

    def selection(self, where: Row | None) -> Selection:
        """The rows for which a condition holds; each condition is looked at once."""
        if where not in self._selections:
            self._selections[where] = self._select(where)
        return self._selections[where]

    def _select(self, where: Row | None) -> Selection:
        if where is None:
            return Selection(self, None)
        if not (isinstance(where, Logic) and where.op == "and"):
            return self.selection(None).narrowed(where)
        chosen = self.selection(None)
        for condition in where.operands:  # each looks only at the rows that the ones before have left
            chosen = chosen.narrowed(condition)
        return chosen


class Selection:
    """Some rows of a table; what is asked of them is worked out once."""

    def __init__(self, table: Table, rows: NDArray[np.intp] | None) -> None:
        self._table, self._rows = table, rows
        self._evaluation = Evaluation(self, table.now)
        self._keys: dict[tuple[SplitKey, Window | None], Key] = {}
        self._groups: dict[tuple[Split, Window], Groups] = {}

    @cached_property
    def size(self) -> int:
        """How many rows there are."""
        return int(self._table.counts.sum()) if self._rows is None else len(self._rows)

    def narrowed(self, condition: Row) -> Selection:
        """Those of the rows for which a condition holds."""
        met = np.flatnonzero(spread(self.value(condition).values, self.size))
        if len(met) == self.size:
            return self
        return Selection(self._table, met if self._rows is None else self._rows[met])

    def value(self, row: Row) -> Vector:
        """A row expression, a value for each row or one for all; raises Unfit."""
        return self._evaluation.value(row)

    def measured(self, row: Row) -> Vector:
        """A row expression where only its presence and identity count: named things go by id."""
        return self._evaluation.measured(row)

    def column(self, leaf: Row) -> Vector:
        """The stored values of a leaf; named things by id."""
        column = self._table.columns[leaf]
        if column.unfit is not None:
            raise Unfit(column.unfit)
        values, missing = column.taken(self._rows)
        named = isinstance(leaf, FieldValue) and leaf.field.origin is Origin.NAMED
        if type_of(leaf).kind is Kind.BOOLEAN and not named:
            values = values.view(np.bool_)
        return Vector(values, missing, column.words)

    def external(self, leaf: FieldValue) -> Vector:
        """The external ids of named things; an id that nothing has any more is missing, as for a join."""
        ids, places = self.measured(leaf), self._table.places(leaf.field.name)
        found = places[np.clip(ids.values.astype(np.int64), 0, len(places) - 1)]
        missing = found < 0
        if ids.missing is not None:
            missing |= ids.missing
        found[missing] = 0
        words = tuple(self._table.names[leaf.field.name].values()) or ("",)
        return Vector(found, missing if missing.any() else None, words)

    def calendar(self, leaf: FieldValue) -> Vector:
        """A calendar field of the anchor, as formulas compare it."""
        if leaf.field.column == HOUR_OF_DAY:
            return Vector(self._local % DAY // HOUR)
        return calendar_vector(leaf, self._dates)

    def groups(self, split: Split, window: Window) -> Groups:
        """The groups of a split; buckets are ranked in the window."""
        place = split, window
        if place not in self._groups:
            keys = [self._key(key, window) for key in split.keys]
            self._groups[place] = grouped(keys, self.size)
        return self._groups[place]

    def _key(self, key: SplitKey, window: Window) -> Key:
        place = key, window if isinstance(key, Grain) else None
        if place not in self._keys:
            self._keys[place] = self._bucket(key, window) if isinstance(key, Grain) else self._member(key)
        return self._keys[place]

    def _bucket(self, grain: Grain, window: Window) -> Key:
        if grain is Grain.HOUR:
            # counted on the UTC line from the first one, see bucket_starts
            end = min(window.end.astimezone(UTC), window.start.astimezone(UTC) + timedelta(microseconds=1))
            first = microseconds(bucket_starts(Window(window.start, end, window.zone), grain)[0])
            return number_key((self._anchors - first) // HOUR + 1, None)
        starts = [microseconds(start) for start in bucket_starts(window, grain)]
        begun = day_starts(self._table.days.tolist(), self._table.zone).tolist()
        ranks = np.array([bisect_right(starts, day) for day in begun], np.int64)
        return number_key(ranks[self._places], None)

    def _member(self, dimension: Field) -> Key:
        if dimension.origin is Origin.CALENDAR:
            if dimension.column == HOUR_OF_DAY:
                return number_key(self._local % DAY // HOUR, None)
            return listed_key(*first_days(dimension.column, self._dates))
        vector = self.measured(FieldValue(dimension, dimension.type))
        if vector.words is not None:
            return listed_key(vector.values, vector.words, vector.missing)
        if vector.values.dtype == np.bool_:
            return listed_key(vector.values, (False, True), vector.missing)
        return number_key(vector.values, vector.missing)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """Which of the table's days each row is on."""
        places = np.repeat(np.arange(len(self._table.days)), self._table.counts)
        return places if self._rows is None else places[self._rows]

    @cached_property
    def _anchors(self) -> Ints:
        values, _ = self._table.columns[ANCHOR].taken(self._rows)
        return values.astype(np.int64)

    @cached_property
    def _local(self) -> Ints:
        return self._table.wall.local(self._anchors)

    @cached_property
    def _dates(self) -> Ints:
        """Each row's date on the wall, as an ordinal; the anchor itself is asked only where it may be another's."""
        if self._table.wall.splits_days:
            return self._local // DAY + EPOCH_DAY
        return self._table.days[self._places]
