"""The life of a tenant in steps: whatever may happen to its rows, definitions and packs, in any order.

Workers are also taken apart: one begins, other things happen, it goes on. After each step answers from packs have
to be those from the rows in the same state.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import select

from backend.core.errors import DomainError
from backend.core.windows import Grain, Window
from backend.interactions.exclusion import set_exclusion
from backend.interactions.identity import fact_id
from backend.interactions.models import interaction
from backend.metrics import authoring
from backend.metrics.authoring import Author
from backend.metrics.questions import Answer, KpiAsk, Question
from backend.metrics.rollups import repository
from backend.metrics.rollups.making import Piece
from backend.metrics.rollups.refreshing import _Work, refresh
from backend.metrics.rollups.repository import StoredPack
from tenants.database import Database, TenantDatabase
from tenants.registry import get_tenant
from tenants.tables import TENANT
from tests.backend.ingestion.importing import SOURCE, bring_in_chunks
from tests.backend.metrics.authors import draft
from tests.backend.metrics.rollups.happening import (
    KINDS,
    OWN_KPIS,
    TURNS,
    ZONES,
    Stage,
    a_question,
    again,
    all_days,
)
from tests.backend.metrics.rollups.rolling import both, demand, plain, refresh_all
from tests.conftest import StandingClock

Step = tuple[str, int]  # what happens, and the seed of its dice

STEPS = {
    "write": 6, "people": 1, "exclude": 1, "define": 1.5, "move_zone": 1, "ask_for_more": 1, "work": 3,
    "slice_of_work": 1.5, "interrupted_work": 0.5, "two_at_work": 0.7, "write_within_work": 1.5,
    "write_beside_work": 0.7, "begin_work": 1.5, "go_on_with_work": 3, "wait": 0.6,
}  # fmt: skip
CROWD = 25
_OFTEN_WRITTEN = (*["interaction"] * 6, *["survey"] * 3, *["event"] * 2, *KINDS)
_KEPT = {"kpi", "kpi_version", "version", "benchmark", "schedule", "schedule_version", "schedule_assignment"}
_TABLES = [one for one in TENANT.sorted_tables if one.name not in _KEPT]


@dataclass(frozen=True, slots=True)
class Story:
    """A life that can be lived again."""

    crowd: int  # which rows there are in the beginning
    stage: Stage
    seed: int
    steps: tuple[Step, ...]

    @property
    def board(self) -> list[Question]:
        """What its people ask again and again; first what all days and rows show in."""
        dice = Random(f"board {self.crowd} {self.seed % 3}")
        others = [a_question(dice, self.stage, self.stage.zone) for _ in range(4)]
        return [all_days(self.stage, self.stage.zone), *others]


@dataclass(slots=True)
class Place:
    """Where lives are lived one after another, and the rows that those of one crowd begin with."""

    admin: asyncpg.Connection
    database: Database
    kept: int | None = None
    script: str = ""


@dataclass(slots=True)
class Worker:
    """A slice of work that was begun and has not ended."""

    work: _Work
    pieces: Iterator[Piece]
    ready: list[StoredPack] = field(default_factory=list)  # worked out, and not stored yet
    folded: bool = False


@dataclass
class Life:
    """One tenant while it lives."""

    place: Place
    door: TenantDatabase
    clock: StandingClock
    story: Story
    workers: list[Worker] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)  # of the tenant's own KPIs

    async def live(self) -> None:
        """All of it; AssertionError with the first question whose two answers differ."""
        await self._begin()
        for name, seed in self.story.steps:
            dice = Random(seed)
            await getattr(self, name)(dice)
            await self._compare(dice)
        await self._count_by_hand()

    async def write(self, dice: Random) -> None:
        """Records come, new ones and ones that were there and move."""
        await self._bring_in(dice, (dice.choice(_OFTEN_WRITTEN),), 5)

    async def people(self, dice: Random) -> None:
        """Agents get other names and teams, customers other segments."""
        await self._bring_in(dice, (dice.choice(("agent", "customer")),), 3)

    async def exclude(self, dice: Random) -> None:
        """Interactions are left out, or taken in again."""
        ids = [fact_id(SOURCE, f"interaction-{dice.randrange(16)}") for _ in range(3)]
        async with self.door.write() as session:
            reason = dice.choice(("spam", None))
            await set_exclusion(session, ids, reason, actor="tester", now=self.clock())

    async def define(self, dice: Random) -> None:
        """A KPI is created or revised, from a day on that may be past by now; or archived and taken back."""
        key, ago = dice.choice(tuple(OWN_KPIS)), timedelta(days=dice.choice((0, 0, 1, 3, 5)))
        author = Author("tester", self.clock() - ago)
        version, formula = self.versions.get(key), dice.choice(OWN_KPIS[key])
        with suppress(DomainError):
            async with self.door.write() as session:
                if version is None:
                    made = await authoring.create(session, draft(key, formula), author)
                elif dice.random() < 0.7:
                    day = (author.now + timedelta(days=dice.choice((0, 0, 1)))).date()
                    made = await authoring.revise(
                        session,
                        key,
                        lambda one: replace(one, formula=formula),
                        version=version,
                        author=author,
                        effective_from=dice.choice((None, day)),
                    )
                else:
                    change = dice.choice((authoring.archive, authoring.restore))
                    made = await change(session, key, version=version, author=author)
            self.versions[key] = made.latest_version

    async def move_zone(self, dice: Random) -> None:
        """The tenant's days are cut elsewhere from now on; workers that have begun do not know it."""
        zone = dice.choice(("Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", self.story.stage.zone))
        await self._set_zone(zone)

    async def ask_for_more(self, dice: Random) -> None:
        """Questions are asked that were not, or that were."""
        more = [a_question(dice, self.story.stage, self.door.tenant.zone) for _ in range(2)]
        await demand(self.door, self.clock, dice.choice((more, self.story.board)))

    async def work(self, dice: Random) -> None:
        """All packs are made."""
        await refresh_all(self.door, self.clock)

    async def slice_of_work(self, dice: Random) -> None:
        """A first piece is made."""
        await refresh(self.door, self.clock, slice_seconds=0)

    async def interrupted_work(self, dice: Random) -> None:
        """A worker is stopped anywhere."""
        task = asyncio.create_task(refresh(self.door, self.clock))
        await asyncio.wait([task], timeout=dice.random() * 0.03)
        task.cancel()
        await asyncio.wait([task])

    async def two_at_work(self, dice: Random) -> None:
        """Two workers that know nothing of each other."""
        await asyncio.gather(refresh(self.door, self.clock), refresh(self.door, self.clock))

    async def write_within_work(self, dice: Random) -> None:
        """Records come while a worker waits to store, or to say that all is right."""
        async with self.door.write() as session:
            await repository.lock_settled(session)
            task = asyncio.create_task(refresh(self.door, self.clock))
            await self._until_it_waits(task)
            await self.write(dice)
            if dice.random() < 0.3:
                await self.exclude(dice)
        await task

    async def write_beside_work(self, dice: Random) -> None:
        """Records come while a worker works."""
        await asyncio.gather(refresh(self.door, self.clock), self.write(dice))

    async def begin_work(self, dice: Random) -> None:
        """A worker looks what is to be done, and gets no further."""
        work = await _Work.begin(self.door, self.clock)
        if work is not None:
            self.workers.append(Worker(work, work.pieces()))

    async def go_on_with_work(self, dice: Random) -> None:
        """A worker that has begun takes its next steps, whatever happened since."""
        if not self.workers:
            await self.begin_work(dice)
        if self.workers:
            worker = dice.choice(self.workers)
            if dice.random() < 0.3:
                await worker.work.forget()
            await worker.work.maker.store(worker.ready)
            worker.ready = []
            for _ in range(dice.choice((1, 2, 99))):
                piece = next(worker.pieces, None)
                if piece is None:
                    await self._end(worker)
                    break
                if dice.random() < 0.4:
                    await self._work_out(worker, piece)
                    break
                await worker.work.maker.make(piece)

    async def wait(self, dice: Random) -> None:
        """Time goes by, a little or so much that what nobody asked meanwhile is forgotten."""
        self.clock.advance(days=dice.choice((1, 3, 15)))

    async def _work_out(self, worker: Worker, piece: Piece) -> None:
        """As `make` does, but that it stores nothing yet."""
        async with worker.work.database.read(snapshot=True) as session:
            head = await repository.read_head(session)
            worker.ready = await worker.work.maker.work_out(session, head, piece)

    async def _end(self, worker: Worker) -> None:
        if not worker.folded:
            worker.folded = True
            await worker.work.fold()
        else:
            self.workers.remove(worker)
            await worker.work.settle()

    async def _begin(self) -> None:
        """The rows are those that such lives begin with; most often there are packs of them."""
        await self._clear()
        await self._set_zone(self.story.stage.zone)
        self.clock.now = self.story.stage.now
        if self.place.kept != self.story.crowd:
            await self._bring_in(Random(self.story.crowd), KINDS, 9)
            await self._keep()
        else:
            await self.place.admin.execute(self.place.script)
        await demand(self.door, self.clock, self.story.board)
        if self.story.seed % 5:
            await refresh_all(self.door, self.clock)

    async def _clear(self) -> None:
        """Nothing is left of the life before."""
        named = f'"{self.door.tenant.namespace}"'
        script = [f'DELETE FROM {named}."{one.name}"' for one in reversed(_TABLES)]
        script += [f"DELETE FROM {named}.kpi_version WHERE kpi_key LIKE 'own%'"]
        script += [f"DELETE FROM {named}.kpi WHERE key LIKE 'own%'"]
        script += [f"DELETE FROM {named}.version WHERE name = 'packs'"]
        script += [f"UPDATE {named}.version SET number = number + 1"]  # a process remembers by versions
        await self.place.admin.execute("; ".join(script))

    async def _keep(self) -> None:
        """Copies the rows aside for the lives to come."""
        named, admin = f'"{self.door.tenant.namespace}"', self.place.admin
        await admin.execute("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
        restore = []
        for one in _TABLES:
            if await admin.fetchval(f'SELECT EXISTS (TABLE {named}."{one.name}")'):
                await admin.execute(f'CREATE TABLE kept."{one.name}" AS TABLE {named}."{one.name}"')
                into = f'INSERT INTO {named}."{one.name}" OVERRIDING SYSTEM VALUE'
                restore.append(f'{into} TABLE kept."{one.name}"')
        self.place.kept, self.place.script = self.story.crowd, "; ".join(restore)

    async def _set_zone(self, zone: str) -> None:
        if self.door.tenant.zone != zone:
            update = "UPDATE scoredesk_control.tenant SET zone = $1 WHERE slug = 'acme'"
            await self.place.admin.execute(update, zone)
            self.door = self.place.database.of(await get_tenant(self.place.database, "acme"))

    async def _bring_in(self, dice: Random, kinds: tuple[str, ...], most: int) -> None:
        pairs = [self.story.stage.records(dice, kind, most) for kind in kinds]
        with suppress(DomainError):  # what cannot be taken leaves nothing behind
            await bring_in_chunks(
                self.door, [chunk for _, chunk in pairs], [layout for layout, _ in pairs], clock=self.clock
            )

    async def _until_it_waits(self, task: asyncio.Task[Any]) -> None:
        waiting = (
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database OR database IS NULL"
        )
        waiting += " WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity"
        waiting += " WHERE datname = current_database()))"
        while not task.done() and not await self.place.admin.fetchval(waiting):
            await asyncio.wait([task], timeout=0.001)

    async def _compare(self, dice: Random) -> None:
        zone, stage = self.door.tenant.zone, self.story.stage
        asked = [all_days(stage, zone), again(dice, dice.choice(self.story.board[1:]), stage, zone)]
        if dice.random() < 0.4:
            asked.append(a_question(dice, stage, zone))
        packed, rows = await both(self.door, self.clock, asked)
        for question, one, other in zip(asked, packed, rows, strict=True):
            assert plain(one) == plain(other), (question, one, other)

    async def _count_by_hand(self) -> None:
        """Numbers by day, counted off the stored rows."""
        zone = self.door.tenant.zone
        first = self.story.stage.turn.date() - timedelta(days=6)
        window = Window.of_local(first, first + timedelta(days=11), zone)
        formulas = ("count(where started)", "sum(handle_time)", "avg(handle_time)")
        kpis = tuple(KpiAsk(f"f{at}", formula) for at, formula in enumerate(formulas))
        asked = Question(kpis, window, grain=Grain.DAY)
        answers, _ = await both(self.door, self.clock, [asked])
        answer = answers[0]
        assert isinstance(answer, Answer)
        counted: dict[date, list[int | None]] = defaultdict(list)
        async with self.door.read() as session:
            columns = interaction.c.started_at, interaction.c.handle_time
            rows = await session.execute(select(*columns).where(interaction.c.exclusion.is_(None)))
            for row in rows:
                if row.started_at is not None:
                    counted[row.started_at.astimezone(ZoneInfo(zone)).date()].append(row.handle_time)
        for at, bucket in enumerate(answer.buckets or ()):
            times = counted.get(bucket.date(), [])
            known = [one for one in times if one is not None]
            found = [column.values[at] for column in answer.columns]
            mean = sum(known) / len(known) / 1000 if known else None
            assert (found[0] or 0) == len(times), (bucket, found, times)
            assert found[1:] == [sum(known) / 1000 if known else None, mean], (bucket, found, times)


def a_story(seed: int) -> Story:
    """The life that follows from a seed. Some lives in a row begin with the same rows, which saves time."""
    crowd, dice = seed // CROWD, Random(seed)
    among = Random(f"crowd {crowd}")
    names = dice.choices(tuple(STEPS), tuple(STEPS.values()), k=dice.randrange(6, 11))
    steps = tuple((name, dice.randrange(2**32)) for name in names)
    return Story(crowd, Stage(among.choice(ZONES), among.choice(TURNS)), seed, steps)


@asynccontextmanager
async def a_place(admin_url: str, app_url: str) -> AsyncIterator[Place]:
    """A place to live at."""
    admin, database = (
        await asyncpg.connect(admin_url),
        Database.connect(app_url, pool_size=6, lock_timeout=60),
    )
    try:
        yield Place(admin, database)
    finally:
        await database.close()
        await admin.close()


async def lived(place: Place, story: Story) -> None:
    """Lives a story; AssertionError where packs do not say what the rows say."""
    door = place.database.of(await get_tenant(place.database, "acme"))
    await Life(place, door, StandingClock(story.stage.now), story).live()


async def shortened(place: Place, story: Story) -> Story:
    """A story that fails, without the steps that it fails without as well."""
    at = 0
    while at < len(story.steps):
        shorter = replace(story, steps=story.steps[:at] + story.steps[at + 1 :])
        try:
            await lived(place, shorter)
            at += 1
        except AssertionError:
            story = shorter
    return story
