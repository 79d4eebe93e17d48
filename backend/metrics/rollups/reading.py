"""Answering statements from packs, in the snapshot of a question: what they hold, and what is left for the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

import numpy as np

from backend.core.windows import Window
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.planner import Split, Statement
from backend.metrics.rollups import repository
from backend.metrics.rollups.cells import Block, cut, joined, unpack_block
from backend.metrics.rollups.choosing import Chosen, choose
from backend.metrics.rollups.days import Days, days_touched, rest_of, whole_days
from backend.metrics.rollups.matching import Matched, match_cells, regrouped
from backend.metrics.rollups.repository import Head, StoredPack
from backend.metrics.rollups.series import Cells, Ground, part_id
from tenants.database import ReadSession

MOST_PIECES = 40  # of a window that the rows are asked for; with more of them they are asked for all of it


@dataclass(slots=True)
class Source:
    """Where the groups of one split of a statement come from: on `packed` days from cells, else from the rows.

    `stale` days have cells that are not right any more. `matched.reason` says why no day can have any.
    """

    matched: Matched
    packed: set[date] = field(default_factory=set)
    stale: set[date] = field(default_factory=set)
    left: tuple[Window, ...] = ()  # what the rows are asked for; where nothing is packed all of the window

    @property
    def window(self) -> Window:
        """The window of the statement; what has none is never packed."""
        window = self.matched.statement.scan.window
        assert window is not None
        return window

    @property
    def days(self) -> Days | None:
        """The days that cells could hold."""
        return None if self.matched.series is None else whole_days(self.window)


class PackReader:
    """Reads packs for the statements of one answer."""

    def __init__(self, session: ReadSession, head: Head, currency: str, *, restricted: bool) -> None:
        self._session, self._head = session, head
        self._currency, self._restricted = currency, restricted
        self._blocks: dict[int, Block] = {}

    async def read(self, statements: Iterable[Statement], frames: Frames) -> list[Source]:
        """Puts what packs hold into frames; says for each split of each statement what that is."""
        sources = [Source(one) for statement in statements for one in self._match(statement)]
        wanted = _wanted(sources)
        if not self._head.settled or not wanted:
            return sources
        packs = await repository.read_packs(self._session, {key.id: days for key, days in wanted.items()})
        if not packs:
            return sources
        touched = await self._touched(wanted)
        by_series: dict[UUID, list[StoredPack]] = defaultdict(list)
        for one in packs:
            by_series[one.series].append(one)
        chosen = {
            series: choose(
                by_series[series.id],
                days,
                days_touched(touched.get(series.fact, ()), series.ground.zone),
                self._head.versions.facts,
            )
            for series, days in wanted.items()
        }
        for source in sources:
            if source.matched.series in chosen:
                self._take(source, chosen[source.matched.series], frames)
        return sources

    def _match(self, statement: Statement) -> Iterable[Matched]:
        zone = statement.scan.window.zone if statement.scan.window else ""
        return match_cells(statement, Ground(zone, self._currency), restricted=self._restricted)

    async def _touched(self, wanted: Mapping[Cells, Days]) -> repository.Touched:
        spans = [days.window(series.ground.zone) for series, days in wanted.items()]
        return await repository.read_touched(
            self._session,
            self._head.settled,
            {series.fact for series in wanted},
            (min(span.start for span in spans), max(span.end for span in spans)),
        )

    def _take(self, source: Source, chosen: Chosen, frames: Frames) -> None:
        """Puts what is right of a series into frames, for one split of a statement."""
        days, statement = source.days, source.matched.statement
        assert days is not None
        names = [part_id(part) for part in statement.parts]
        held = {day for day, one in chosen.right.items() if day in days and one.parts >= set(names)}
        source.stale = {day for day in chosen.stale if day in days}
        left = rest_of(source.window, held)
        if not held or len(left) > MOST_PIECES:
            return
        source.packed, source.left = held, left
        pieces = [cut(self._block(one), each) for one, each in chosen.by_pack(held)]
        block = joined(pieces, names)
        grouping = regrouped(block, np.arange(len(block)), source.matched.split, source.window)
        for part, name in zip(statement.parts, names, strict=True):
            values = grouping.merged(part.collect, block.parts[name])
            frames.take(statement.scan, source.matched.split, part, values)

    def _block(self, one: StoredPack) -> Block:
        block = self._blocks.get(id(one))
        if block is None:
            block = self._blocks[id(one)] = unpack_block(one.content)
        return block


def rest_for_rows(sources: Iterable[Source]) -> list[Statement]:
    """What is left for the rows: splits of one statement that lack the same time stay together."""
    statements: dict[int, Statement] = {}
    splits: dict[tuple[int, tuple[Window, ...]], list[Split]] = defaultdict(list)
    for source in sources:
        statement = source.matched.statement
        statements[id(statement)] = statement
        if source.left or not source.packed:
            splits[id(statement), source.left].append(source.matched.split)
    return [
        replace(statements[key], scan=replace(statements[key].scan, within=left), splits=tuple(each))
        for (key, left), each in splits.items()
    ]


def _wanted(sources: Sequence[Source]) -> dict[Cells, Days]:
    """The days of each series that any of the statements asks for, and those between them."""
    wanted: dict[Cells, Days] = {}
    for source in sources:
        series, days = source.matched.series, source.days
        if series is not None and days is not None:
            known = wanted.get(series, days)
            wanted[series] = Days(min(known.first, days.first), max(known.last, days.last))
    return wanted
