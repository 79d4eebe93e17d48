"""Making packs of days: what the rows say of them in one snapshot, as cells or as columns."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from backend.core.errors import Invalid
from backend.core.windows import Window, bucket_starts
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import Setting, lower
from backend.metrics.planning.lowering.columns import lower_columns
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.planning.planner import (
    ALL,
    MOST_HISTOGRAMS,
    MOST_PARTS,
    Kind,
    Scan,
    Split,
    Statement,
    kind_of,
)
from backend.metrics.rollups import columns_packs, repository
from backend.metrics.rollups.cells import Block, GroupKey, block_of, joined, pack_block
from backend.metrics.rollups.columns_packs import empty_column, pack_columns
from backend.metrics.rollups.days import Days, start_of
from backend.metrics.rollups.matching import grain_of
from backend.metrics.rollups.repository import Head, StoredPack, read_head
from backend.metrics.rollups.series import Cells, Columns
from tenants.database import ReadSession, TenantDatabase

TIMEOUT = 120.0  # seconds for one statement
WEEK = 7  # days
MONTH = 31  # days; a stretch of more of them is made only if no row lies in it
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

Parts = dict[Part, None]  # in the order they are first asked for


@dataclass(frozen=True, slots=True)
class Piece:
    """Series over the same rows that lack the same days in a row: all cells, or all columns."""

    days: Days
    cells: tuple[Cells, ...] = ()
    columns: tuple[Columns, ...] = ()

    def scan(self) -> Scan:
        """The rows of those days."""
        return scan_of(self.cells[0] if self.cells else self.columns[0], self.days)


class Maker:
    """Makes packs of one tenant; `wanted` are the parts of each series of cells."""

    def __init__(
        self,
        database: TenantDatabase,
        make_setting: Callable[[], Setting],
        wanted: Mapping[Cells, Parts],
        hopeless: set[Cells],
    ) -> None:
        self._database, self._make_setting = database, make_setting
        self._wanted, self._hopeless = wanted, hopeless

    async def make(self, piece: Piece) -> None:
        """Works the days of some series out from the rows and keeps them."""
        if len(piece.days) > MONTH:
            if not await self._is_empty(piece):
                for days in piece.days.by_month():
                    await self.make(Piece(days, piece.cells, piece.columns))
            return
        try:
            async with self._reading() as session:
                head = await read_head(session)
                packs = await self.work_out(session, head, piece)
        except Invalid as error:
            if error.code != "ANSWER_TOO_LARGE":
                raise
            await self._make_less(piece)
            return
        await self.store(packs)

    async def work_out(self, session: ReadSession, head: Head, piece: Piece) -> list[StoredPack]:
        """The packs of some series, as of the session's snapshot with this head.

        Raises Invalid (ANSWER_TOO_LARGE) for too many groups at once.
        """
        return await (self._columns if piece.columns else self._cells)(session, head, piece)

    async def store(self, packs: Iterable[StoredPack]) -> None:
        """Keeps packs that are still known to be right from their version on."""
        async with self._database.write(statement_timeout=TIMEOUT) as session:
            settled = await repository.lock_settled(session)
            # nobody knows any more what was touched before all packs were right
            await repository.store_packs(session, [one for one in packs if one.as_of >= settled])

    def _reading(self) -> AbstractAsyncContextManager[ReadSession]:
        return self._database.read(snapshot=True, statement_timeout=TIMEOUT)

    async def _is_empty(self, piece: Piece) -> bool:
        """Whether no row lies in days, and if so keeps that of all series."""
        scan = piece.scan()
        count, frames, nothing = Part(scan.basis, Collect.COUNT, None, None), Frames(), Frames()
        async with self._reading() as session:
            head = await read_head(session)
            await self._run(session, Statement(Kind.PARTS, scan, ((ALL, (count,)),)), frames)
        if any(frames.groups(scan, ALL, count).values()):
            return False
        for series in piece.cells:
            for part in self._wanted[series]:
                nothing.take(scan, _split(series), part, {})
        packs = [
            _as_pack(series, piece.days, self._block(series, piece.days, nothing), head)
            for series in piece.cells
        ]
        for column in piece.columns:
            content = empty_column(column.value, piece.days).packed()
            packs.append(StoredPack(column.id, piece.days, head.versions.facts, frozenset(), content))
        await self.store(packs)
        return True

    async def _make_less(self, piece: Piece) -> None:
        """Makes half of what was too large at once; a series too large for a single day is given up."""
        if len(piece.cells) > 1:
            for series in piece.cells:
                await self.make(Piece(piece.days, (series,)))
        elif len(piece.days) > 1:
            middle = piece.days.first + timedelta(days=len(piece.days) // 2 - 1)
            await self.make(Piece(Days(piece.days.first, middle), piece.cells))
            await self.make(Piece(Days(middle + _DAY, piece.days.last), piece.cells))
        else:
            self._hopeless.update(piece.cells)

    async def _columns(self, session: ReadSession, head: Head, piece: Piece) -> list[StoredPack]:
        scan = piece.scan()
        assert scan.window is not None
        leaves = [one.value for one in piece.columns]
        lowered = lower_columns(scan.basis, leaves, scan.window, self._make_setting())
        rows = (await session.execute(lowered.select)).all()

        def folded() -> list[StoredPack]:
            by_leaf = pack_columns(lowered, rows)
            contents = [
                columns_packs.fold(content for _, content in by_leaf[one.value]) for one in piece.columns
            ]
            return [
                StoredPack(one.id, piece.days, head.versions.facts, frozenset(), content)
                for one, content in zip(piece.columns, contents, strict=True)
            ]

        return await asyncio.to_thread(folded)

    async def _cells(self, session: ReadSession, head: Head, piece: Piece) -> list[StoredPack]:
        blocks: dict[Cells, list[Block]] = {series: [] for series in piece.cells}
        for days in piece.days.by(WEEK):  # groups of a whole month would take much memory at once
            frames = Frames()
            some = Piece(days, piece.cells)
            for statement in self._statements(some):
                await self._run(session, statement, frames)
            for series in piece.cells:
                blocks[series].append(await asyncio.to_thread(self._block, series, days, frames))
        return [
            _as_pack(series, piece.days, joined(each, each[0].parts), head) for series, each in blocks.items()
        ]

    async def _run(self, session: ReadSession, statement: Statement, frames: Frames) -> None:
        lowered = lower(statement, self._make_setting())
        rows = (await session.execute(lowered.select)).all()
        await asyncio.to_thread(frames.add, lowered, rows)  # others are to be served meanwhile

    def _statements(self, piece: Piece) -> Iterator[Statement]:
        """One for all numbers; one for the histograms of each split, which are many rows."""
        scan = piece.scan()
        numbers, histograms = (self._needs(piece, kind) for kind in (Kind.PARTS, Kind.HISTOGRAMS))
        for some in _chunks(numbers, MOST_PARTS):
            yield Statement(Kind.PARTS, scan, tuple(some.items()))
        for split, parts in histograms.items():
            for some in _chunks({split: parts}, MOST_HISTOGRAMS):
                yield Statement(Kind.HISTOGRAMS, scan, tuple(some.items()))

    def _needs(self, piece: Piece, kind: Kind) -> dict[Split, tuple[Part, ...]]:
        """What is collected by each split; series that differ only in what moves them have the same one."""
        needs: dict[Split, dict[Part, None]] = defaultdict(dict)
        for series in piece.cells:
            for part in self._wanted[series]:
                if kind_of(part) is kind:
                    needs[_split(series)][part] = None
        return {split: tuple(parts) for split, parts in needs.items()}

    def _block(self, series: Cells, days: Days, frames: Frames) -> Block:
        scan, split = scan_of(series, days), _split(series)
        assert scan.window is not None
        found = {part: frames.groups(scan, split, part) for part in self._wanted[series]}
        places = _places(scan.window, series) if any(found.values()) else []
        groups = {part: _by_day(values, places) for part, values in found.items()}
        return block_of(groups, len(series.dimensions))


def _as_pack(series: Cells, days: Days, block: Block, head: Head) -> StoredPack:
    return StoredPack(series.id, days, head.versions.facts, frozenset(block.parts), pack_block(block))


def scan_of(series: Cells | Columns, days: Days | None) -> Scan:
    """The rows of a series on some days; without days those of any."""
    window = None if days is None else days.window(series.ground.zone)
    if isinstance(series, Columns):
        return Scan(series.basis, window, None)
    return Scan(series.basis, window, series.where, per_agent=series.per_agent)


def _chunks(needs: Mapping[Split, tuple[Part, ...]], most: int) -> Iterator[dict[Split, tuple[Part, ...]]]:
    """What splits need, so many parts at a time."""
    parts = list(dict.fromkeys(part for each in needs.values() for part in each))
    for at in range(0, len(parts), most):
        some = set(parts[at : at + most])
        found = {one: tuple(part for part in each if part in some) for one, each in needs.items()}
        yield {one: each for one, each in found.items() if each}


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
