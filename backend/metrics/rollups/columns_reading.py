"""Answering from columns what no cells hold: any filter, any split, of days whose columns are right."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from backend.core.windows import Window
from backend.metrics import repository as definitions
from backend.metrics.language.bound import Basis, Row
from backend.metrics.planning.frames import Frames, bare
from backend.metrics.planning.lowering import Setting
from backend.metrics.planning.planner import Kind, Statement
from backend.metrics.questions import Restriction
from backend.metrics.rollups import repository
from backend.metrics.rollups.choosing import Chosen, choose
from backend.metrics.rollups.columns import Collected, collect, divided, named_in, needed
from backend.metrics.rollups.columns_packs import Column, Unfit, unpacked
from backend.metrics.rollups.columns_table import Names, Table
from backend.metrics.rollups.days import Days, rest_of, whole_days
from backend.metrics.rollups.reading import Source, Touches
from backend.metrics.rollups.repository import Head, StoredPack
from backend.metrics.rollups.series import Columns, Ground
from tenants.database import ReadSession, TenantDatabase

MOST_PIECES = 40  # as for cells
_NAMES = ("agent", "team", "queue", "issue_type", "product")  # customers are too many to name


@dataclass(slots=True)
class Asked:
    """What of a statement columns can answer, on the whole days of what is asked of it; and the rest of it."""

    whole: Statement
    statement: Statement
    rest: Statement | None
    leaves: tuple[Row, ...]
    days: set[date]
    ground: Ground

    @property
    def basis(self) -> Basis:
        """The rows that it looks at, before its condition."""
        return self.statement.scan.basis

    def series(self) -> list[Columns]:
        """The columns that it needs."""
        return [Columns(self.ground, self.basis, leaf) for leaf in self.leaves]


class ColumnReader:
    """Reads columns for the statements of one answer."""

    def __init__(
        self,
        session: ReadSession,
        database: TenantDatabase,
        head: Head,
        setting: Setting,
        touches: Touches,
    ) -> None:
        self._session, self._database = session, database
        self._head, self._setting, self._touches = head, setting, touches

    async def read(
        self, statements: Sequence[Statement], frames: Frames
    ) -> tuple[list[Asked], list[Statement]]:
        """Puts what columns hold into frames; says what that is, and gives what is left for the rows."""
        if not self._head.settled or self._setting.restriction != Restriction():
            return [], list(statements)
        asked, left = self._divide(statements)
        if not asked:
            return [], left
        chosen, packs = await self._choose(asked), _Packs()
        tables: dict[tuple[Basis, frozenset[date]], list[Asked]] = defaultdict(list)
        for one in asked:
            for series in one.series() if one.days else ():
                one.days &= chosen[series].right.keys()
            if self._is_worth_it(one):
                tables[one.basis, frozenset(one.days)].append(one)
            else:
                left.append(one.whole)
        answered: list[Asked] = []
        names = await self._names(one.statement for each in tables.values() for one in each)
        for (_, days), each in tables.items():
            leaves = {series.value: series for one in each for series in one.series()}
            columns = {leaf: packs.of(chosen[series], days) for leaf, series in leaves.items()}
            answered += await asyncio.to_thread(self._collect, each, days, columns, names, frames)
        done = {id(one) for one in answered}
        left += [one.whole for each in tables.values() for one in each if id(one) not in done]
        return answered, [*left, *(rest for one in answered for rest in _left_of(one))]

    def _divide(self, statements: Iterable[Statement]) -> tuple[list[Asked], list[Statement]]:
        asked, left = [], []
        for statement in statements:
            fit, rest = divided(statement)
            window = statement.scan.window
            if fit is None or window is None:
                left.append(statement)
                continue
            try:
                leaves = needed(fit)
            except Unfit:
                left.append(statement)
                continue
            days = {day for span in fit.scan.within or (window,) for day in whole_days(span) or ()}
            if not days:
                left.append(statement)
                continue
            ground = Ground(window.zone, self._setting.currency)
            asked.append(Asked(statement, fit, rest, leaves, days, ground))
        return asked, left

    async def _choose(self, asked: Sequence[Asked]) -> dict[Columns, Chosen]:
        """What counts of each column that is needed, on days that nothing has touched since all packs were right."""
        wanted: dict[Columns, Days] = {}
        reached: dict[tuple[str, str], set[date]] = {}
        for one in asked:
            key = one.basis.fact, one.ground.zone
            if key not in reached:
                every = [day for other in asked for day in other.days]
                window = Days(min(every), max(every)).window(one.ground.zone)
                touched = await self._touches.within(window.start, window.end)
                reached[key] = set(one.series()[0].days_touched(touched))
            one.days -= reached[key]
            for series in one.series() if one.days else ():
                days = Days(min(one.days), max(one.days))
                known = wanted.get(series, days)
                wanted[series] = Days(min(known.first, days.first), max(known.last, days.last))
        packs = await repository.read_packs(self._session, {key.id: days for key, days in wanted.items()})
        by_series: dict[UUID, list[StoredPack]] = defaultdict(list)
        for pack in packs:
            by_series[pack.series].append(pack)
        version = self._head.versions.facts
        return {series: choose(by_series[series.id], days, {}, version) for series, days in wanted.items()}

    def _is_worth_it(self, one: Asked) -> bool:
        """Whether columns have any day; for what does not merge, all of the window."""
        if not one.days:
            return False
        left = _left(one.statement, one.days)
        return not left if one.statement.kind is Kind.WHOLE else len(left) <= MOST_PIECES

    async def _names(self, statements: Iterable[Statement]) -> Names:
        """The names of all things of the kinds that statements compare; remembered while no definition changes."""
        kinds = {kind for statement in statements for kind in named_in(statement)} & set(_NAMES)
        names: dict[str, Mapping[int, str]] = {}
        for kind in sorted(kinds):
            key, version = ("names", self._database.tenant.id, kind), self._head.versions.definitions
            known: Mapping[int, str] | None = self._database.memory.recall(key, version)
            if known is None:
                known = await definitions.names_of(self._session, kind)
                self._database.memory.remember(key, version, known)
            names[kind] = known
        return names

    def _collect(
        self,
        asked: Sequence[Asked],
        days: frozenset[date],
        columns: Mapping[Row, Sequence[Column]],
        names: Names,
        frames: Frames,
    ) -> list[Asked]:
        """Puts the groups of some statements into frames; gives those that turned out to be fit for it."""
        zone = asked[0].ground.zone
        table = Table.of(zone, days, columns, names, self._setting.now)
        answered = []
        for one in asked:
            if not named_in(one.statement) <= names.keys():
                continue
            try:
                found: Collected = collect(one.statement, table)
            except Unfit:
                continue
            scan = bare(one.statement).scan
            for (split, part), groups in found.items():
                frames.take(scan, split, part, groups)
            answered.append(one)
        return answered


class _Packs:
    """Columns as they lie in packs, each unpacked once."""

    def __init__(self) -> None:
        self._unpacked: dict[int, Column] = {}

    def of(self, chosen: Chosen, days: frozenset[date]) -> list[Column]:
        """The days of one series, in order."""
        return [self._one(pack).within(stretch) for pack, stretch in chosen.stretches(days)]

    def _one(self, pack: StoredPack) -> Column:
        column = self._unpacked.get(id(pack))
        if column is None:
            column = self._unpacked[id(pack)] = unpacked(pack.content)
        return column


def note(sources: Iterable[Source], answered: Sequence[Asked]) -> None:
    """Notes in sources which of their days columns have answered."""
    for source in sources:
        matched = source.matched
        scan = replace(matched.statement.scan, within=source.left)
        for one in answered:
            if (one.whole.kind, one.whole.scan) != (matched.statement.kind, scan):
                continue
            parts = {part for split, parts in one.statement.needs if split == matched.split for part in parts}
            if parts & set(matched.parts):
                source.columned |= one.days
            if parts >= set(matched.parts):
                source.left = _left(one.statement, one.days)


def _left_of(one: Asked) -> Iterator[Statement]:
    """What columns have left of a statement: its other days, and what of it they cannot tell at all."""
    within = _left(one.statement, one.days)
    if within:
        yield replace(one.statement, scan=replace(one.statement.scan, within=within))
    if one.rest is not None:
        yield one.rest


def _left(statement: Statement, days: Iterable[date]) -> tuple[Window, ...]:
    """What is left of what is asked of a statement without some days."""
    scan = statement.scan
    assert scan.window is not None
    taken = list(days)
    return tuple(piece for span in scan.within or (scan.window,) for piece in _rest(span, taken))


def _rest(span: Window, days: Iterable[date]) -> tuple[Window, ...]:
    inside = whole_days(span)
    return rest_of(span, [day for day in days if inside is not None and day in inside])
