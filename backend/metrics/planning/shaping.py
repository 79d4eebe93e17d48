"""Collected parts to answers: rows, cells, totals, order, limit, comparison. Knows no SQL and no session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.core.errors import Invalid
from backend.core.windows import Window, bucket_starts
from backend.metrics.planning.arithmetic import Result, last_step, to_float
from backend.metrics.planning.frames import Frames, GroupKey
from backend.metrics.planning.maturity import pending_parts, span_of
from backend.metrics.planning.members import Members
from backend.metrics.planning.parts import Part, empty, parts_in
from backend.metrics.planning.planner import ALL, Split, Task
from backend.metrics.questions import Answer, Cell, CellState, Column, KpiDescription, Order

MOST_CELLS = 100_000  # of one answer: a second of Python, 10 MB of JSON


@dataclass(frozen=True, slots=True)
class Wanted:
    """A planned question and how its answer is to look."""

    task: Task
    kpis: tuple[KpiDescription, ...]
    minimum_samples: tuple[int, ...]
    order: Order | None
    limit: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: its group, and the bucket's rank from 0 (None without a grain)."""

    key: GroupKey
    rank: int | None


def shape(wanted: Wanted, frames: Frames, members: Members, now: datetime) -> Answer:
    """The answer to one question.

    Raises Invalid (ANSWER_TOO_LARGE) where it would have more than MOST_CELLS cells.
    """
    task = wanted.task
    current = _Side(wanted, frames, task.window, now)
    rows, total_rows = _rows(wanted, current, members)
    if len(rows) * len(wanted.kpis) > MOST_CELLS:
        raise Invalid(
            f"The answer would have {len(rows) * len(wanted.kpis):,} cells; {MOST_CELLS:,} are allowed. "
            "Set a limit, a coarser grain, a shorter window or fewer dimensions.",
            code="ANSWER_TOO_LARGE",
        )
    shift = 0 if task.split.grain is None else 1
    answer = Answer(
        window=task.window,
        zone=wanted.zone,
        dimensions=tuple(one.name for one in task.split.dimensions),
        buckets=None if task.split.grain is None else [current.starts[row.rank or 0] for row in rows],
        members=[members.of(task.split.dimensions, row.key[shift:]) for row in rows],
        columns=[current.column(at, rows) for at in range(len(wanted.kpis))],
        totals=[current.total(at) for at in range(len(wanted.kpis))],
        total_rows=total_rows,
    )
    if task.previous is not None:
        previous = _Side(wanted, frames, task.previous, now)
        answer.previous_window = task.previous
        answer.previous_columns = [previous.column(at, rows) for at in range(len(wanted.kpis))]
        answer.previous_totals = [previous.total(at) for at in range(len(wanted.kpis))]
    return answer


class _Side:
    """The numbers of one window: the one asked for, or the one it is compared with."""

    def __init__(self, wanted: Wanted, frames: Frames, window: Window | None, now: datetime) -> None:
        self._wanted, self._task, self._frames = wanted, wanted.task, frames
        self._window, self._now = window, now
        self._steps = [last_step(formula.expression) for formula in self._task.formulas]
        self._parts = [parts_in(formula.expression) for formula in self._task.formulas]
        self._pending = [pending_parts(formula.expression) for formula in self._task.formulas]
        self._filter_span = span_of(self._task.where)
        grain = self._task.split.grain
        self.starts: list[datetime] = bucket_starts(window, grain) if grain and window else []

    def groups(self) -> set[GroupKey]:
        """Every group that any KPI has rows in."""
        return {
            key
            for parts in self._parts
            for part in parts
            if not part.across
            for key in self._collected(part, self._task.split)
        }

    def results(self, at: int, split: Split, keys: Sequence[GroupKey]) -> list[Result]:
        """One KPI's values for the groups of the question's split, of its members, or of everything."""
        step = self._steps[at]
        return [step(values) for values in self._values(self._parts[at], split, keys)]

    def matured(self, at: int, split: Split, keys: Sequence[GroupKey]) -> list[float | None]:
        """Of the rows behind one KPI's values that are looked ahead of, the share whose time has passed."""
        pairs = self._pending[at]
        if not pairs:
            return [None] * len(keys)
        parts = [part for pair in pairs for part in pair]
        found = []
        for values in self._values(parts, split, keys):
            rows, waiting = sum(values[::2]), sum(values[1::2])
            found.append((rows - waiting) / rows if rows else None)
        return found

    def _values(
        self, parts: Sequence[Part], split: Split, keys: Sequence[GroupKey]
    ) -> Iterator[Sequence[Any]]:
        """What was collected for each group, in the order of the parts."""
        found = [
            (self._collected(part, split), _narrowing(split, part), empty(part.collect)) for part in parts
        ]
        for key in keys:
            yield [values.get(narrow(key), nothing) for values, narrow, nothing in found]

    def column(self, at: int, rows: Sequence[_Row]) -> Column:
        """One KPI's cells over the rows."""
        column = Column(self._wanted.kpis[at])
        keys = [row.key for row in rows]
        results = self.results(at, self._task.split, keys)
        matured = self.matured(at, self._task.split, keys)
        for row, result, share in zip(rows, results, matured, strict=True):
            if row.rank is not None and row.rank >= len(self.starts):
                result, share = _NO_BUCKET, None  # the compared window is shorter: February beside March
            column.add(self._cell(at, result, share, self._end(row.rank)))
        return column

    def total(self, at: int) -> Cell:
        """One KPI over all rows of the window."""
        [result], [matured] = self.results(at, ALL, [()]), self.matured(at, ALL, [()])
        return self._cell(at, result, matured, self._end(None))

    def _collected(self, part: Part, split: Split) -> Mapping[GroupKey, Any]:
        """A part's values by the groups of a split, without the dimensions that the part is taken across."""
        own, wanted = self._task.split.without(part.across), split.without(part.across)
        if wanted == own or not part.regroups:
            scan = self._task.scan(part, self._window, wanted)
            return self._frames.groups(scan, wanted, part)
        coarser: Callable[[GroupKey], GroupKey] = (
            (lambda key: key[1:]) if wanted.dimensions else (lambda key: ())
        )
        return self._frames.regrouped(self._task.scan(part, self._window, own), own, part, coarser)

    def _end(self, rank: int | None) -> datetime | None:
        if rank is not None and rank + 1 < len(self.starts):
            return self.starts[rank + 1]
        return None if self._window is None else self._window.end

    def _cell(self, at: int, result: Result, matured: float | None, end: datetime | None) -> Cell:
        try:
            value, top, bottom = to_float(result.value), to_float(result.top), to_float(result.bottom)
        except OverflowError:
            return Cell(None, result.n or 0, None, None, CellState.ERROR, matured)
        n = result.n or 0
        span = self._filter_span
        filter_open = span is not None and end is not None and end + span > self._now
        if value is None:
            state = CellState.NO_DATA
        elif n < self._wanted.minimum_samples[at] and not (result.counted and top is None):
            state = CellState.BELOW_MINIMUM_SAMPLE
        elif filter_open or (matured is not None and matured < 1):
            state = CellState.PROVISIONAL
        else:
            state = CellState.OK
        return Cell(value, n, top, bottom, state, matured)


_NO_BUCKET = Result(None, 0)


def _narrowing(split: Split, part: Part) -> Callable[[GroupKey], GroupKey]:
    """From the key of a group to that of the group which takes the part's dimensions together."""
    if not part.across:
        return lambda key: key
    kept = [at for at, key in enumerate(split.keys) if key not in part.across]
    return lambda key: tuple(key[at] for at in kept)


def _rows(wanted: Wanted, side: _Side, members: Members) -> tuple[list[_Row], int]:
    """The rows in order, cut to the limit, and how many there were before.

    With a grain and dimensions, order and limit pick members by their value over the whole window, and each
    keeps all its buckets; else they pick rows.
    """
    split = wanted.task.split
    if split.grain is None:
        found: list[GroupKey] = list(side.groups()) if split.dimensions else [()]
        keys = _ordered(wanted, side, members, split, found)
        return [_Row(key, None) for key in keys[: wanted.limit]], len(keys)
    if not split.dimensions:
        keys = _ordered(wanted, side, members, split, [(at,) for at in range(1, len(side.starts) + 1)])
        return [_Row(key, _rank(key)) for key in keys[: wanted.limit]], len(keys)
    found = list({key[1:] for key in side.groups()})
    keys = _ordered(wanted, side, members, Split(None, split.dimensions), found)
    ranks = list(range(len(side.starts)))
    if wanted.order is not None and wanted.order.by == BUCKET and wanted.order.descending:
        ranks.reverse()
    rows = [_Row((rank + 1, *key), rank) for rank in ranks for key in keys[: wanted.limit]]
    return rows, len(ranks) * len(keys)


def _ordered(
    wanted: Wanted, side: _Side, members: Members, split: Split, keys: list[GroupKey]
) -> list[GroupKey]:
    dimensions, order = split.dimensions, wanted.order
    shift = 0 if split.grain is None else 1
    keys.sort(key=lambda key: (key[:shift], members.rank(dimensions, key[shift:])))
    if order is None:
        return keys
    if order.by == BUCKET:
        return keys[::-1] if order.descending and split.grain is not None else keys
    names = [one.name for one in dimensions]
    if order.by in names:
        at = names.index(order.by)
        ranks: list[Any] = [members.rank(dimensions, key[shift:])[at] for key in keys]
        present = [rank[0] == 0 for rank in ranks]
    else:
        at = next(index for index, kpi in enumerate(wanted.kpis) if kpi.key == order.by)
        ranks = [to_float(result.value) for result in side.results(at, split, keys)]
        present = [rank is not None for rank in ranks]
    # two stable sorts: equal values keep their natural order whichever way the values run
    with_value = [at for at in range(len(keys)) if present[at]]
    with_value.sort(key=lambda at: ranks[at], reverse=order.descending)
    return [keys[at] for at in with_value] + [keys[at] for at in range(len(keys)) if not present[at]]


BUCKET = "bucket"  # what an order calls the buckets of a grain


def _rank(key: GroupKey) -> int:
    first = key[0]
    assert isinstance(first, int)
    return first - 1
