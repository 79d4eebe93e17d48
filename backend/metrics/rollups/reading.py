"""Answering statements from packs, in the snapshot of a question: what they hold, and what is left for the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from backend.core.windows import Window
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import Setting
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Split, Statement
from backend.metrics.questions import Restriction
from backend.metrics.rollups import repository
from backend.metrics.rollups.cells import Block, cut, joined, unpack_block
from backend.metrics.rollups.choosing import Chosen, choose
from backend.metrics.rollups.days import Days, rest_of, whole_days
from backend.metrics.rollups.matching import Matched, Variant, match_cells
from backend.metrics.rollups.regrouping import regrouped
from backend.metrics.rollups.repository import Head, StoredPack
from backend.metrics.rollups.series import Cells, Ground, Touched
from tenants.database import ReadSession

MOST_PIECES = 40  # of a window that the rows are asked for; with more of them they are asked for all of it


@dataclass(slots=True)
class Source:
    """Where the groups of one split come from: on `packed` days from cells, on `columned` days from columns, else from
    the rows.

    `held` days have cells that are right, whether these are taken or not; `stale` days have some that are not
    right any more. `matched.reason` says why no day can have any.
    """

    matched: Matched
    held: set[date] = field(default_factory=set)
    packed: set[date] = field(default_factory=set)
    stale: set[date] = field(default_factory=set)
    columned: set[date] = field(default_factory=set)
    left: tuple[Window, ...] = ()  # what is left; where nothing is packed all of the window

    @property
    def reads_rows(self) -> bool:
        """Whether anything is left for the rows."""
        return bool(self.left) or not (self.packed or self.columned)

    @property
    def window(self) -> Window:
        """The window of the statement; what has none is never packed."""
        window = self.matched.statement.scan.window
        assert window is not None
        return window


class Touches:
    """What was touched since all packs were right, as one snapshot sees it: read once for all that ask."""

    def __init__(self, session: ReadSession, head: Head) -> None:
        self._session, self._settled = session, head.settled
        self._known: tuple[datetime, datetime] | None = None
        self._touched: Touched = {}

    async def within(self, start: datetime, end: datetime) -> Touched:
        """By table the hours that reach into a span of time, others perhaps among them."""
        if self._known is None or start < self._known[0] or end > self._known[1]:
            self._known = start, end
            self._touched = await repository.read_touched(self._session, self._settled, span=(start, end))
        return self._touched


class PackReader:
    """Reads packs for the statements of one answer."""

    def __init__(self, session: ReadSession, head: Head, setting: Setting, touches: Touches) -> None:
        self._session, self._head, self._setting, self._touches = session, head, setting, touches
        self._unpacked: dict[int, Block] = {}
        self._blocks: dict[tuple[Cells, frozenset[str]], Block] = {}

    async def read(self, statements: Iterable[Statement], frames: Frames) -> list[Source]:
        """Puts what packs hold into frames; says for each split of each statement what that is."""
        sources = [Source(one) for statement in statements for one in self._match(statement)]
        wanted = self._wanted(sources)
        if not self._head.settled or not wanted:
            return sources
        packs = await repository.read_packs(self._session, {key.id: days for key, days in wanted.items()})
        if not packs:
            return sources
        touched = await self._touched(wanted)
        by_series: dict[UUID, list[StoredPack]] = defaultdict(list)
        for one in packs:
            by_series[one.series].append(one)
        version = self._head.versions.facts
        reached: dict[object, dict[date, int]] = {}  # many series depend on the same
        chosen: dict[Cells, Chosen] = {}
        for series, days in wanted.items():
            on = series.basis.fact, series.on, series.ground.zone
            if on not in reached:
                reached[on] = series.days_touched(touched)
            chosen[series] = choose(by_series[series.id], days, reached[on], version)
        for source in sources:
            self._take(source, chosen, frames)
        return sources

    def _match(self, statement: Statement) -> Iterable[Matched]:
        setting, window = self._setting, statement.scan.window
        ground = Ground(window.zone if window else setting.zone, setting.currency)
        restricted = setting.restriction != Restriction()
        return match_cells(statement, ground, setting.vocabulary.facts, restricted=restricted)

    def _usable(self, source: Source) -> Iterator[tuple[Variant, Days]]:
        """The variants of a split that hold any day of its window, and the days they may be used for."""
        days = whole_days(source.window) if source.matched.variants else None
        for variant in source.matched.variants if days is not None else ():
            assert days is not None
            usable = source.matched.usable(variant, days, self._setting.now)
            if usable is not None:
                yield variant, usable

    def _wanted(self, sources: Iterable[Source]) -> dict[Cells, Days]:
        """The days of each series that any of the statements asks for, and those between them."""
        wanted: dict[Cells, Days] = {}
        for source in sources:
            for variant, days in self._usable(source):
                known = wanted.get(variant.series, days)
                wanted[variant.series] = Days(min(known.first, days.first), max(known.last, days.last))
        return wanted

    async def _touched(self, wanted: Mapping[Cells, Days]) -> Touched:
        spans = []
        for series, days in wanted.items():
            window = days.window(series.ground.zone)
            ahead, behind = (timedelta(milliseconds=one) for one in (series.on.ahead, series.on.behind))
            spans.append((window.start - behind, window.end + ahead))
        return await self._touches.within(min(one for one, _ in spans), max(other for _, other in spans))

    def _take(self, source: Source, chosen: Mapping[Cells, Chosen], frames: Frames) -> None:
        """Puts what is right into frames, for one split of a statement."""
        usable = list(self._usable(source))
        for variant, days in usable:
            found = chosen[variant.series]
            source.held |= {day for day in found.holding(frozenset(variant.parts)) if day in days}
            source.stale |= {day for day in found.stale if day in days}
        left = rest_of(source.window, source.held) if source.held else ()
        if not source.held or len(left) > MOST_PIECES:
            return
        source.packed, source.left = source.held, left
        for variant, days in usable:
            self._fill(source, variant, chosen[variant.series], days, frames)

    def _fill(self, source: Source, variant: Variant, chosen: Chosen, days: Days, frames: Frames) -> None:
        block = cut(self._joined(variant, chosen), days)
        split, statement = source.matched.split, source.matched.statement
        grouping = regrouped(block, split, source.window)
        for part, name in zip(source.matched.parts, variant.parts, strict=True):
            frames.take(statement.scan, split, part, grouping.merged(part.collect, block.parts[name]))

    def _joined(self, variant: Variant, chosen: Chosen) -> Block:
        """All right days of a series with some parts, as one block; it serves every split that asks for those."""
        names = frozenset(variant.parts)
        block = self._blocks.get((variant.series, names))
        if block is None:
            held = chosen.holding(names)
            pieces = [cut(self._block(one), each) for one, each in chosen.stretches(held)]
            block = self._blocks[variant.series, names] = joined(pieces, variant.parts)
        return block

    def _block(self, one: StoredPack) -> Block:
        block = self._unpacked.get(id(one))
        if block is None:
            block = self._unpacked[id(one)] = unpack_block(one.content)
        return block


def rest_for_rows(sources: Iterable[Source]) -> list[Statement]:
    """What is left for the rows: splits and parts of one statement that lack the same time stay together."""
    whole: dict[int, Statement] = {}
    lacking: dict[tuple[int, tuple[Window, ...]], dict[Split, tuple[Part, ...]]] = {}
    for source in sources:
        matched = source.matched
        whole[id(matched.statement)] = matched.statement
        if source.left or not source.packed:
            needs = lacking.setdefault((id(matched.statement), source.left), {})
            needs[matched.split] = needs.get(matched.split, ()) + matched.parts
    return [
        replace(whole[key], scan=replace(whole[key].scan, within=left), needs=tuple(needs.items()))
        for (key, left), needs in lacking.items()
    ]
