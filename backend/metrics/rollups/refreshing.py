"""Making packs: what is missing or stale of the series that are asked for, a slice of work at a time.

Nothing waits for it, and nothing is wrong without it. Several may work for one tenant at once: a pack says at
which data version it was worked out, and is kept only if it is still known to be right from then on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from time import monotonic
from uuid import UUID

from backend.core.clock import Clock
from backend.core.errors import DomainError, Invalid
from backend.core.windows import Window, bucket_starts
from backend.metrics import repository as definitions
from backend.metrics.language.types import Vocabulary
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import Setting, lower
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.planning.planner import (
    ALL,
    MOST_HISTOGRAMS,
    MOST_PARTS,
    MOST_SPLITS,
    Kind,
    Scan,
    Split,
    Statement,
    kind_of,
    plan,
)
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Restriction
from backend.metrics.rollups import repository
from backend.metrics.rollups.cells import GroupKey, block_of, cut, joined, pack_block, unpack_block
from backend.metrics.rollups.choosing import Chosen, choose
from backend.metrics.rollups.days import Days, day_of, runs, start_of
from backend.metrics.rollups.demand import KEPT, LEAST_TIMES, MOST_DEMANDS, Demand
from backend.metrics.rollups.matching import grain_of, match_cells, stored_parts
from backend.metrics.rollups.repository import Head, StoredPack, read_head
from backend.metrics.rollups.series import Cells, Ground, Touched, part_id
from backend.metrics.understanding import prepare_for
from tenants.database import ReadSession, TenantDatabase

SLICE = 1.0  # seconds of work, after which other tenants take their turn
TIMEOUT = 120.0  # seconds for one statement
MOST_PACKS = 8  # of a series in a month; more of them are made one
MOST_SERIES = 400  # of one tenant

# The time around all facts is kept as empty, so that windows which reach out of them need no row.
BEFORE, AFTER = timedelta(days=1100), timedelta(days=400)

_EVERYONE = Restriction()
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MONTH = 31

Parts = dict[Part, None]  # in the order they are first asked for


@dataclass(frozen=True, slots=True)
class Piece:
    """Series over the same rows that lack the same days in a row of one month."""

    days: Days
    series: tuple[Cells, ...]


async def refresh(database: TenantDatabase, clock: Clock, *, slice_seconds: float = SLICE) -> bool:
    """Makes stale and missing packs of a tenant until the slice is over; whether anything is left to do."""
    until = monotonic() + slice_seconds
    work = await _Work.begin(database, clock)
    if work is None:
        return False
    await work.forget()
    for piece in work.pieces():
        await work.make(piece)
        if monotonic() >= until:
            return True
    await work.fold()
    return not await work.settle()


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
    vocabulary: Vocabulary
    extent: Days
    wanted: Mapping[Cells, Parts]
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
        zone = database.tenant.zone
        extent = Days(day_of(first, zone), max(day_of(last, zone), day_of(clock(), zone)))
        wanted = _series(preparation, [Demand.read(one) for one in stored], extent)
        for hopeless in _hopeless(database):
            wanted.pop(hopeless, None)
        return cls(database, clock, preparation.vocabulary, extent, wanted, packs, touched, head)

    async def forget(self) -> None:
        """Deletes what nobody asks for any more."""
        ids = {series.id for series in self.wanted}
        if any(one.series not in ids for one in self.packs):
            async with self.database.write(statement_timeout=TIMEOUT) as session:
                await repository.lock_settled(session)
                await repository.drop_demands(session, self.clock() - KEPT)
                await repository.drop_other_series(session, ids)
            self.packs = [one for one in self.packs if one.series in ids]

    def pieces(self) -> Iterator[Piece]:
        """What has to be made, the newest days first."""
        lacking: dict[tuple[Scan, Days], list[Cells]] = defaultdict(list)
        for series, chosen in self._chosen().items():
            names = {part_id(part) for part in self.wanted[series]}
            right = {day for day, one in chosen.right.items() if one.parts >= names}
            for days in self._stretches(right, chosen.stale):
                lacking[_scan(series, None), days].append(series)
        for (_, days), each in sorted(lacking.items(), key=lambda one: one[0][1].last, reverse=True):
            for at in range(0, len(each), MOST_SPLITS):
                yield Piece(days, tuple(each[at : at + MOST_SPLITS]))

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

    def _chosen(self) -> dict[Cells, Chosen]:
        by_series: dict[UUID, list[StoredPack]] = defaultdict(list)
        for one in self.packs:
            by_series[one.series].append(one)
        return {
            series: choose(
                by_series[series.id],
                _hull(self.extent, by_series[series.id]),
                series.days_touched(self.touched),
                self.head.versions.facts,
            )
            for series in self.wanted
        }

    async def make(self, piece: Piece) -> None:
        """Works the days of some series out from the rows and keeps them."""
        if len(piece.days) > _MONTH and not await self._is_empty(piece):
            for days in piece.days.by_month():
                await self.make(Piece(days, piece.series))
            return
        try:
            async with self.database.read(snapshot=True, statement_timeout=TIMEOUT) as session:
                head = await read_head(session)
                frames = await self._collected(session, piece)
            packs = await asyncio.to_thread(
                lambda: [self._packed(series, piece.days, frames, head) for series in piece.series]
            )
        except Invalid as error:
            if error.code != "ANSWER_TOO_LARGE":
                raise
            await self._make_less(piece)
            return
        await self._store(packs)

    async def _is_empty(self, piece: Piece) -> bool:
        """Whether no row lies in days, and if so keeps that of all series."""
        count = Part(piece.series[0].basis, Collect.COUNT, None, None)
        scan = _scan(piece.series[0], piece.days)
        frames = Frames()
        async with self.database.read(snapshot=True, statement_timeout=TIMEOUT) as session:
            head = await read_head(session)
            await self._run(session, Statement(Kind.PARTS, scan, ((ALL, (count,)),)), frames)
        if any(frames.groups(scan, ALL, count).values()):
            return False
        nothing: Frames = Frames()
        for series in piece.series:
            for part in self.wanted[series]:
                nothing.take(scan, _split(series), part, {})
        await self._store([self._packed(series, piece.days, nothing, head) for series in piece.series])
        return True

    async def _make_less(self, piece: Piece) -> None:
        """Makes half of what was too large at once; a series too large for a single day is given up."""
        if len(piece.series) > 1:
            for series in piece.series:
                await self.make(Piece(piece.days, (series,)))
        elif len(piece.days) > 1:
            middle = piece.days.first + timedelta(days=len(piece.days) // 2 - 1)
            await self.make(Piece(Days(piece.days.first, middle), piece.series))
            await self.make(Piece(Days(middle + timedelta(days=1), piece.days.last), piece.series))
        else:
            _hopeless(self.database).update(piece.series)

    async def _store(self, packs: Iterable[StoredPack]) -> None:
        async with self.database.write(statement_timeout=TIMEOUT) as session:
            settled = await repository.lock_settled(session)
            # nobody knows any more what was touched before all packs were right
            await repository.store_packs(session, [one for one in packs if one.as_of >= settled])

    async def _collected(self, session: ReadSession, piece: Piece) -> Frames:
        frames = Frames()
        for statement in self._statements(piece):
            await self._run(session, statement, frames)
        return frames

    async def _run(self, session: ReadSession, statement: Statement, frames: Frames) -> None:
        tenant = self.database.tenant
        setting = Setting(self.vocabulary, tenant.zone, tenant.currency, _EVERYONE, self.clock())
        lowered = lower(statement, setting)
        rows = (await session.execute(lowered.select)).all()
        await asyncio.to_thread(frames.add, lowered, rows)  # others are to be served meanwhile

    def _statements(self, piece: Piece) -> Iterator[Statement]:
        """One for all numbers; one for the histograms of each split, which are many rows."""
        scan = _scan(piece.series[0], piece.days)
        numbers, histograms = (self._needs(piece, kind) for kind in (Kind.PARTS, Kind.HISTOGRAMS))
        for some in _chunks(numbers, MOST_PARTS):
            yield Statement(Kind.PARTS, scan, tuple(some.items()))
        for split, parts in histograms.items():
            for some in _chunks({split: parts}, MOST_HISTOGRAMS):
                yield Statement(Kind.HISTOGRAMS, scan, tuple(some.items()))

    def _needs(self, piece: Piece, kind: Kind) -> dict[Split, tuple[Part, ...]]:
        """What is collected by each split; series that differ only in what moves them have the same one."""
        needs: dict[Split, dict[Part, None]] = defaultdict(dict)
        for series in piece.series:
            for part in self.wanted[series]:
                if kind_of(part) is kind:
                    needs[_split(series)][part] = None
        return {split: tuple(parts) for split, parts in needs.items()}

    def _packed(self, series: Cells, days: Days, frames: Frames, head: Head) -> StoredPack:
        scan, split = _scan(series, days), _split(series)
        assert scan.window is not None
        places = (
            _places(scan.window, series)
            if any(frames.groups(scan, split, part) for part in self.wanted[series])
            else []
        )
        groups = {part: _by_day(frames.groups(scan, split, part), places) for part in self.wanted[series]}
        block = block_of(groups, len(series.dimensions))
        return StoredPack(series.id, days, head.versions.facts, frozenset(block.parts), pack_block(block))

    async def fold(self) -> None:
        """Makes one pack of many of the same month, if all of them are right."""
        for series, parts in self.wanted.items():
            names = frozenset(part_id(part) for part in parts)
            for month in self.extent.by_month():
                inside = [
                    one
                    for one in self.packs
                    if one.series == series.id and one.days.first in month and one.days.last in month
                ]
                if len(inside) > MOST_PACKS:
                    await self._fold(series, names, month)

    async def _fold(self, series: Cells, names: frozenset[str], month: Days) -> None:
        async with self.database.read(snapshot=True, statement_timeout=TIMEOUT) as session:
            head = await read_head(session)
            packs = await repository.read_packs(session, {series.id: month})
            touched = await repository.read_touched(session, head.settled, series.tables)
        chosen = choose(packs, month, series.days_touched(touched), head.versions.facts)
        if (
            chosen.stale
            or len(chosen.right) < len(month)
            or not all(one.parts >= names for one in chosen.right.values())
        ):
            return
        pieces = [cut(unpack_block(one.content), days) for one, days in chosen.stretches(chosen.right)]
        block = joined(pieces, names)
        content = pack_block(block)
        await self._store([StoredPack(series.id, month, head.versions.facts, names, content)])

    async def settle(self) -> bool:
        """Says that all packs are right by now, if they are; whether they were."""
        async with self.database.write(statement_timeout=TIMEOUT) as session:
            settled = await repository.lock_settled(session)
            self.head = await read_head(session)
            self.touched = await repository.read_touched(session, settled)
            self.packs = await repository.list_packs(session)
            # others may have made packs of what nobody had asked for when this work began
            known = {series.id for series in self.wanted}
            if any(one.series not in known and one.as_of < self.head.versions.facts for one in self.packs):
                return False
            if any(chosen.stale for chosen in self._chosen().values()):
                return False
            if self.head.versions.facts > settled:
                await repository.settle(session, self.head.versions.facts)
        return True


def _series(preparation: Preparation, demands: Iterable[Demand], extent: Days) -> dict[Cells, Parts]:
    """The series that questions follow from, with the parts that they need."""
    wanted: dict[Cells, Parts] = {}
    window = extent.window(preparation.zone)
    ground = Ground(preparation.zone, preparation.currency)
    for demand in demands:
        try:
            task = preparation.prepare(demand.question(window)).task
        except DomainError:  # it names what is gone by now
            continue
        for statement in plan([task]).statements:
            for one in match_cells(statement, ground, preparation.vocabulary.facts, restricted=False):
                for series, parts in stored_parts(one):
                    if series in wanted or len(wanted) < MOST_SERIES:
                        wanted.setdefault(series, {}).update(dict.fromkeys(parts))
    return wanted


def _hopeless(database: TenantDatabase) -> set[Cells]:
    """The series that have too many groups for any pack."""
    key = "hopeless", database.tenant.id
    known: set[Cells] | None = database.memory.recall(key, None)
    if known is None:
        known = set()
        database.memory.remember(key, None, known)
    return known


def _chunks(needs: Mapping[Split, tuple[Part, ...]], most: int) -> Iterator[dict[Split, tuple[Part, ...]]]:
    """What splits need, so many parts at a time."""
    parts = list(dict.fromkeys(part for each in needs.values() for part in each))
    for at in range(0, len(parts), most):
        some = set(parts[at : at + most])
        found = {one: tuple(part for part in each if part in some) for one, each in needs.items()}
        yield {one: each for one, each in found.items() if each}


def _hull(extent: Days, packs: Iterable[StoredPack]) -> Days:
    spans = [extent, *(one.days for one in packs)]
    return Days(min(one.first for one in spans), max(one.last for one in spans))


def _scan(series: Cells, days: Days | None) -> Scan:
    window = None if days is None else days.window(series.ground.zone)
    return Scan(series.basis, window, series.where, per_agent=series.per_agent)


def _split(series: Cells) -> Split:
    return Split(grain_of(series), series.dimensions)


def _places(window: Window, series: Cells) -> list[tuple[date, int]]:
    """For each bucket of a window of whole days its day, and the place of its hour in the day."""
    places = []
    for start in bucket_starts(window, grain_of(series)):
        day = start.date()
        hour = (start.astimezone(UTC) - start_of(day, window.zone)) // _HOUR if series.hourly else 0
        places.append((day, hour))
    return places


def _by_day(values: Mapping[GroupKey, object], places: Sequence[tuple[date, int]]) -> dict[GroupKey, object]:
    found: dict[GroupKey, object] = {}
    for (rank, *members), value in values.items():
        assert isinstance(rank, int)
        found[(*places[rank - 1], *members)] = value
    return found
