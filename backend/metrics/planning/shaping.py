"""Collected parts to answers: rows, cells, totals, order, limit, comparison. Knows no SQL and no session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from backend.core.errors import Invalid
from backend.core.windows import Window, bucket_starts
from backend.metrics.planning.arithmetic import Result, to_float
from backend.metrics.planning.comparing import Compared, Watch
from backend.metrics.planning.frames import Frames, GroupKey
from backend.metrics.planning.maturity import span_of
from backend.metrics.planning.members import Members
from backend.metrics.planning.moving import instants
from backend.metrics.planning.overcounts import find_summed, overcount
from backend.metrics.planning.parts import Part, empty
from backend.metrics.planning.planner import ALL, Split, Task
from backend.metrics.planning.readings import Reading, Readings
from backend.metrics.questions import Answer, Cell, CellState, Column, KpiDescription, Order

MOST_CELLS = 100_000  # of one answer: a second of Python, 10 MB of JSON


@dataclass(frozen=True, slots=True)
class Wanted:
    """A planned question and how its answer is to look.

    The last KPIs may be guardrails that were not asked for: they are judged by, and not shown. With a comparison
    `watches` has one for each KPI.
    """

    task: Task
    kpis: tuple[KpiDescription, ...]
    minimum_samples: tuple[int, ...]
    order: Order | None
    limit: int | None
    zone: str
    watches: tuple[Watch, ...] = ()
    guardrails: int = 0

    @property
    def shown(self) -> range:
        """The places of the KPIs that were asked for."""
        return range(len(self.kpis) - self.guardrails)


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
    if len(rows) * len(wanted.shown) > MOST_CELLS:
        raise Invalid(
            f"The answer would have {len(rows) * len(wanted.shown):,} cells; {MOST_CELLS:,} are allowed. "
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
        columns=[current.column(at, rows) for at in wanted.shown],
        totals=[current.total(at) for at in wanted.shown],
        total_rows=total_rows,
    )
    if task.previous is not None:
        previous = _Side(wanted, frames, task.previous, now)
        answer.previous_window = task.previous
        answer.previous_columns = [previous.column(at, rows) for at in wanted.shown]
        answer.previous_totals = [previous.total(at) for at in wanted.shown]
        if wanted.watches:
            _judge(answer, wanted, current, previous, rows)
    return answer


def _judge(answer: Answer, wanted: Wanted, current: _Side, previous: _Side, rows: Sequence[_Row]) -> None:
    assert answer.previous_columns is not None
    assert answer.previous_totals is not None
    unshown = range(len(wanted.shown), len(wanted.kpis))
    compared = Compared(
        wanted.watches,
        answer.columns + [current.column(at, rows) for at in unshown],
        answer.previous_columns + [previous.column(at, rows) for at in unshown],
    )
    now = answer.totals + [current.total(at) for at in unshown]
    before = answer.previous_totals + [previous.total(at) for at in unshown]
    for at in wanted.shown:
        answer.columns[at].judgements = compared.judge_rows(at)
    answer.total_judgements = [compared.judge_total(at, now, before) for at in wanted.shown]


_Read = TypeVar("_Read")


class _Side:
    """The numbers of one window: the one asked for, or the one it is compared with."""

    def __init__(self, wanted: Wanted, frames: Frames, window: Window | None, now: datetime) -> None:
        self._wanted, self._task, self._frames = wanted, wanted.task, frames
        self._window, self._now = window, now
        self._readings = Readings(self._task, window)
        self._filter_span = span_of(self._task.where)
        grain = self._task.split.grain
        self._begun = len(instants(window, grain, now)) if window and self._readings.stateful else 0  # cells
        self.starts: list[datetime] = bucket_starts(window, grain) if grain and window else []

    def groups(self) -> set[GroupKey]:
        """Every group that any KPI that is shown has rows in."""
        split = self._task.split
        found: set[GroupKey] = set()
        for at in range(len(self._wanted.shown)):
            for reading in self._readings.of(at):
                keys = {
                    key
                    for part in reading.parts
                    for key in self._frames.groups(self._task.scan(part, self._window, split), split, part)
                }
                found |= keys if not self._varies(at, split) else self._read_by(at, reading, keys)
        return found

    def results(self, at: int, split: Split, keys: Sequence[GroupKey]) -> list[Result]:
        """One KPI's values for the groups of the question's split, of its members, or of everything."""
        return self._read(at, split, keys, self._results)

    def matured(self, at: int, split: Split, keys: Sequence[GroupKey]) -> list[float | None]:
        """Of the rows behind one KPI's values that are looked ahead of, the share whose time has passed."""
        return self._read(at, split, keys, self._matured)

    def _read(
        self,
        at: int,
        split: Split,
        keys: Sequence[GroupKey],
        read: Callable[[Reading, Split, Sequence[GroupKey]], list[_Read]],
    ) -> list[_Read]:
        """What is read of each group by the formula of its cell."""
        if not self._varies(at, split):
            return read(self._readings.one(at, self._end(None)), split, keys)
        found: dict[GroupKey, _Read] = {}
        for reading in self._readings.of(at):
            chosen = list(self._read_by(at, reading, keys))
            found |= zip(chosen, read(reading, split, chosen), strict=True)
        return [found[key] for key in keys]

    def _results(self, reading: Reading, split: Split, keys: Sequence[GroupKey]) -> list[Result]:
        found = zip(keys, self._values(reading.parts, split, keys), strict=True)
        return [
            reading.step(values) if self._has_begun(reading, split, key) else _NO_DATA
            for key, values in found
        ]

    def _matured(self, reading: Reading, split: Split, keys: Sequence[GroupKey]) -> list[float | None]:
        if not reading.pending:
            return [None] * len(keys)
        found: list[float | None] = []
        for values in self._values(reading.pending, split, keys):
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

    def _varies(self, at: int, split: Split) -> bool:
        """Whether the groups of a split are read differently; without a grain all end when the window does."""
        return split.grain is not None and self._readings.varies(at)

    def _read_by(self, at: int, reading: Reading, keys: Iterable[GroupKey]) -> set[GroupKey]:
        return {key for key in keys if self._readings.one(at, self._end(_rank(key))) is reading}

    def column(self, at: int, rows: Sequence[_Row]) -> Column:
        """One KPI's cells over the rows."""
        column = Column(self._wanted.kpis[at])
        keys = [row.key for row in rows]
        results = self.results(at, self._task.split, keys)
        matured = self.matured(at, self._task.split, keys)
        for row, result, share in zip(rows, results, matured, strict=True):
            if row.rank is not None and row.rank >= len(self.starts):
                result, share = _NO_DATA, None  # the compared window is shorter: February beside March
            column.add(self._cell(at, result, share, self._end(row.rank)))
        column.overcount = self._overcount(at)
        return column

    def total(self, at: int) -> Cell:
        """One KPI over all rows of the window."""
        [result], [matured] = self.results(at, ALL, [()]), self.matured(at, ALL, [()])
        return self._cell(at, result, matured, self._end(None))

    def _overcount(self, at: int) -> float | None:
        split = self._task.split
        summed = find_summed(self._task.formulas[at].expression, split)
        if summed is None:
            return None
        return overcount(summed, self.results(at, split, list(self.groups())), self.results(at, ALL, [()])[0])

    def _collected(self, part: Part, split: Split) -> Mapping[GroupKey, Any]:
        """A part's values by the groups of a split, without the dimensions that the part is taken across."""
        wanted = split.without(part.across)
        own = self._task.split if part.regroups else wanted
        scan = self._task.scan(part, self._window, own)
        if wanted == own:
            return self._frames.groups(scan, own, part)
        kept = [own.keys.index(key) for key in wanted.keys]
        only = None  # the cell that stands for all of the window
        if part.as_of_end and own.grain is not None and wanted.grain is None:
            only = self._begun if part.basis.state else len(self.starts)
        return self._frames.regrouped(
            scan, own, part, lambda key: None if only not in (None, key[0]) else tuple(key[at] for at in kept)
        )

    def _has_begun(self, reading: Reading, split: Split, key: GroupKey) -> bool:
        """Whether a cell has anything to say yet: nobody knows the states of times to come."""
        return not reading.stateful or (_rank(key) if split.grain else 0) < self._begun

    def _end(self, rank: int | None) -> datetime | None:
        if rank is not None and rank + 1 < len(self.starts):
            return self.starts[rank + 1]
        return None if self._window is None else self._window.end

    def _cell(self, at: int, result: Result, matured: float | None, end: datetime | None) -> Cell:
        if not self._readings.one(at, end).answerable:
            return Cell(None, 0, None, None, CellState.ERROR)
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


_NO_DATA = Result(None, 0)


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
