"""Seeing to packs: what is missing or stale of the series that are asked for, a slice of work at a time.

Nothing waits for it, and nothing is wrong without it. Several may work for one tenant at once: a pack says at
which data version it was worked out, and is kept only if it is still known to be right from then on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from time import monotonic
from typing import TypeVar
from uuid import UUID

from backend.core.clock import Clock
from backend.core.errors import NotFound
from backend.metrics import repository as definitions
from backend.metrics.planning.lowering import Setting
from backend.metrics.planning.planner import MOST_SPLITS, Scan
from backend.metrics.questions import Restriction
from backend.metrics.rollups import columns_packs, repository
from backend.metrics.rollups.cells import cut, joined, pack_block, unpack_block
from backend.metrics.rollups.choosing import Chosen, choose
from backend.metrics.rollups.columns_packs import unpacked
from backend.metrics.rollups.days import Days, day_of, runs
from backend.metrics.rollups.demand import KEPT, LEAST_TIMES, MOST_DEMANDS, Demand
from backend.metrics.rollups.making import TIMEOUT, Maker, Piece, scan_of
from backend.metrics.rollups.repository import Head, StoredPack, read_head
from backend.metrics.rollups.series import Cells, Columns, Touched, part_id
from backend.metrics.rollups.wanting import Known, Wanted, wanted_by
from backend.metrics.understanding import prepare_for
from tenants.database import TenantDatabase

SLICE = 1.0  # seconds of work, after which other tenants take their turn
WORTH = 4  # times as long as finding out what to do takes, a slice is spent on doing it
MOST_PACKS = 8  # of a series in a month; more of them are made one
MOST_COLUMNS = 24  # that are read at once

# The time around all facts is kept as empty, so that windows which reach out of them need no row.
BEFORE, AFTER = timedelta(days=1100), timedelta(days=400)
_DAY = timedelta(days=1)

_EVERYONE = Restriction()


async def refresh(database: TenantDatabase, clock: Clock, *, slice_seconds: float = SLICE) -> bool:
    """Makes stale and missing packs of a tenant until the slice is over; whether anything is left to do.

    A slice is never shorter than some times what finding out took, or that would be all that is ever done.
    """
    began = monotonic()
    try:
        work = await _Work.begin(database, clock)
        if work is None:
            return False
        await work.forget()
        pieces = await asyncio.to_thread(list, work.pieces())
        found_out = monotonic()
        until = found_out + (max(slice_seconds, WORTH * (found_out - began)) if slice_seconds else 0)
        for piece in pieces:
            await work.maker.make(piece)
            if monotonic() >= until:
                return True
        await work.fold()
        return not await work.settle()
    except NotFound:  # the tenant was dropped meanwhile
        return False


async def needs_refresh(database: TenantDatabase, clock: Clock) -> bool:
    """Whether facts were written since all packs were right, and anybody asks for any."""
    async with database.read() as session:
        head = await read_head(session)
        return head.settled < head.versions.facts and bool(
            await repository.list_demands(session, LEAST_TIMES, 1, clock() - KEPT)
        )


@dataclass(slots=True)
class _Work:
    """One slice: what is asked for, what there is, what changed since."""

    database: TenantDatabase
    clock: Clock
    extent: Days
    wanted: Wanted
    maker: Maker
    packs: Sequence[StoredPack]
    touched: Touched
    head: Head

    @classmethod
    async def begin(cls, database: TenantDatabase, clock: Clock) -> _Work | None:
        """What is to be done; None where there are no facts, or nobody asks for anything."""
        async with database.read(snapshot=True, statement_timeout=TIMEOUT) as session:
            head = await read_head(session)
            first, last = await definitions.find_extent(session)
            stored = await repository.list_demands(session, LEAST_TIMES, MOST_DEMANDS, clock() - KEPT)
            packs = await repository.list_packs(session)
            if first is None or last is None or not (stored or packs):
                return None
            preparation = await prepare_for(session, database, head.versions, clock(), _EVERYONE)
            touched = await repository.read_touched(session, head.settled)
        tenant = database.tenant
        extent = Days(
            day_of(first, tenant.zone), max(day_of(last, tenant.zone), day_of(clock(), tenant.zone))
        )
        demands = [(Demand.read(question), times) for question, times in stored]
        known = _known(database, (head.versions.definitions, tenant.zone, tenant.currency, extent))
        wanted = await asyncio.to_thread(wanted_by, preparation, demands, extent, known)
        hopeless = _hopeless(database)
        for one in hopeless:
            wanted.cells.pop(one, None)

        def make_setting() -> Setting:
            return Setting(preparation.vocabulary, tenant.zone, tenant.currency, _EVERYONE, clock())

        maker = Maker(database, make_setting, wanted.cells, hopeless)
        return cls(database, clock, extent, wanted, maker, packs, touched, head)

    @property
    def series(self) -> Iterable[Cells | Columns]:
        """Everything that is to be kept."""
        return chain(self.wanted.cells, self.wanted.columns)

    async def forget(self) -> None:
        """Deletes what nobody asks for any more."""
        ids = {series.id for series in self.series}
        if any(one.series not in ids for one in self.packs):
            async with self.database.write(statement_timeout=TIMEOUT) as session:
                await repository.lock_settled(session)
                await repository.drop_demands(session, self.clock() - KEPT)
                await repository.drop_other_series(session, ids)
            self.packs = [one for one in self.packs if one.series in ids]

    def pieces(self) -> Iterator[Piece]:
        """What has to be made: cells before columns, the newest days first."""
        cells: dict[tuple[Scan, Days], list[Cells]] = defaultdict(list)
        columns: dict[tuple[Scan, Days], list[Columns]] = defaultdict(list)
        for series, chosen in self._chosen().items():
            names = self._parts(series)
            right = {day for day, one in chosen.right.items() if one.parts >= names}
            for days in self._stretches(right, chosen.stale):
                if isinstance(series, Cells):
                    cells[scan_of(series, None), days].append(series)
                else:
                    columns[scan_of(series, None), days].append(series)
        for days, some in _newest_first(cells):
            for at in range(0, len(some), MOST_SPLITS):
                yield Piece(days, cells=tuple(some[at : at + MOST_SPLITS]))
        for days, others in _newest_first(columns):
            for at in range(0, len(others), MOST_COLUMNS):
                yield Piece(days, columns=tuple(others[at : at + MOST_COLUMNS]))

    def _parts(self, series: Cells | Columns) -> frozenset[str]:
        """What packs of a series have to hold; a column is all there is in its packs."""
        return (
            frozenset(map(part_id, self.wanted.cells[series])) if isinstance(series, Cells) else frozenset()
        )

    def _stretches(self, right: Collection[date], stale: Collection[date]) -> Iterator[Days]:
        """The days that are not right: within the facts month by month, around them all at once.

        A stale day may be one that no row lies in any more, even further away.
        """
        inside = self.extent
        before = Days(inside.first - BEFORE, inside.first - _DAY)
        after = Days(inside.last + _DAY, inside.last + AFTER)
        for around in (before, after):
            yield from runs(day for day in around if day not in right)
        away = (day for day in stale if not before.first <= day <= after.last)
        for run in (*runs(away), *runs(day for day in inside if day not in right)):
            yield from run.by_month()

    def _chosen(self) -> dict[Cells | Columns, Chosen]:
        by_series: dict[UUID, list[StoredPack]] = defaultdict(list)
        for one in self.packs:
            by_series[one.series].append(one)
        reached: dict[object, dict[date, int]] = {}  # many series depend on the same
        found: dict[Cells | Columns, Chosen] = {}
        for series in self.series:
            on = (series.basis.fact, series.on if isinstance(series, Cells) else None)
            if on not in reached:
                reached[on] = series.days_touched(self.touched)
            packs = by_series[series.id]
            found[series] = choose(packs, _hull(self.extent, packs), reached[on], self.head.versions.facts)
        return found

    async def fold(self) -> None:
        """Makes one pack of many of the same month, if all of them are right."""
        held: dict[UUID, list[StoredPack]] = defaultdict(list)
        for one in self.packs:
            held[one.series].append(one)
        for series in self.series:
            for month in self.extent.by_month():
                inside = [
                    one for one in held[series.id] if one.days.first in month and one.days.last in month
                ]
                if len(inside) > MOST_PACKS:
                    await self._fold(series, month)

    async def _fold(self, series: Cells | Columns, month: Days) -> None:
        async with self.database.read(snapshot=True, statement_timeout=TIMEOUT) as session:
            head = await read_head(session)
            packs = await repository.read_packs(session, {series.id: month})
            touched = await repository.read_touched(session, head.settled, series.tables)
        names = self._parts(series)
        chosen = choose(packs, month, series.days_touched(touched), head.versions.facts)
        if chosen.stale or len(chosen.holding(names)) < len(month):
            return
        pieces = [(one.content, days) for one, days in chosen.stretches(chosen.right)]
        if isinstance(series, Cells):
            content = pack_block(joined([cut(unpack_block(one), days) for one, days in pieces], names))
        else:
            content = columns_packs.joined([unpacked(one).within(days) for one, days in pieces]).packed()
        await self.maker.store([StoredPack(series.id, month, head.versions.facts, names, content)])

    async def settle(self) -> bool:
        """Says that all packs are right by now, if they are; whether they were."""
        async with self.database.write(statement_timeout=TIMEOUT) as session:
            settled = await repository.lock_settled(session)
            self.head = await read_head(session)
            self.touched = await repository.read_touched(session, settled)
            self.packs = await repository.list_packs(session)
            # others may have made packs of what nobody had asked for when this work began
            known = {series.id for series in self.series}
            if any(one.series not in known and one.as_of < self.head.versions.facts for one in self.packs):
                return False
            if any(chosen.stale for chosen in self._chosen().values()):
                return False
            if self.head.versions.facts > settled:
                await repository.settle(session, self.head.versions.facts)
        return True


_Series = TypeVar("_Series")


def _newest_first(lacking: dict[tuple[Scan, Days], list[_Series]]) -> list[tuple[Days, list[_Series]]]:
    found = [(days, each) for (_, days), each in lacking.items()]
    return sorted(found, key=lambda one: one[0].last, reverse=True)


def _known(database: TenantDatabase, version: Hashable) -> Known:
    """What was worked out of demands before."""
    key = "wanted", database.tenant.id
    known: Known | None = database.memory.recall(key, version)
    if known is None or len(known) > 2 * MOST_DEMANDS:
        known = {}
        database.memory.remember(key, version, known)
    return known


def _hopeless(database: TenantDatabase) -> set[Cells]:
    """The series that have too many groups for any pack."""
    key = "hopeless", database.tenant.id
    known: set[Cells] | None = database.memory.recall(key, None)
    if known is None:
        known = set()
        database.memory.remember(key, None, known)
    return known


def _hull(extent: Days, packs: Iterable[StoredPack]) -> Days:
    spans = [extent, *(one.days for one in packs)]
    return Days(min(one.first for one in spans), max(one.last for one in spans))
