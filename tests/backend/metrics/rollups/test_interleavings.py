"""Races between writers, workers and readers, each played out in the one order that would give a wrong number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select

from backend.core.windows import Grain, Window
from backend.interactions.models import touched_hour
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Answer, KpiAsk, Question
from backend.metrics.rollups import repository
from backend.metrics.rollups.refreshing import _Work, refresh
from tenants.database import Database, TenantDatabase
from tenants.registry import get_tenant
from tests.backend.ingestion.importing import bring_in
from tests.backend.metrics.builders import World
from tests.backend.metrics.rollups.rolling import both, count_packs, demand, plain, refresh_all
from tests.conftest import Place, StandingClock

FIRST = datetime(2026, 2, 9, 9, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 9, tzinfo=UTC), datetime(2026, 2, 16, tzinfo=UTC), "UTC")
EVENING = FIRST + timedelta(hours=36)  # of the next day; in Auckland the morning of the day after
CONTACTS = Question((KpiAsk("n", "count(where started)"),), WINDOW, ("channel",), Grain.DAY)
SURVEYS = Question((KpiAsk("s", "avg(survey.score)"),), WINDOW, grain=Grain.DAY)


def contact(number: int, day: int = 0, **values: Any) -> dict[str, Any]:
    return {"external_id": str(number), "started_at": FIRST + timedelta(days=day), **values}


async def ask(door: TenantDatabase, clock: Callable[[], datetime], question: Question = CONTACTS) -> float:
    """The total; from packs and from rows it is the same."""
    packed, rows = await both(door, clock, [question])
    assert plain(packed[0]) == plain(rows[0])
    assert isinstance(packed[0], Answer)
    return packed[0].totals[0].value or 0


@asynccontextmanager
async def held(door: TenantDatabase, place: Place, work: Any) -> AsyncIterator[asyncio.Task[Any]]:
    """Work that wants to store packs, or to say that all are right, while somebody else may."""
    async with door.write() as session:
        await repository.lock_settled(session)
        task = asyncio.create_task(work)
        await waits(place, task)
        yield task
    await task


async def waits(place: Place, task: asyncio.Task[Any]) -> None:
    """Until some statement waits for a lock in this test's database."""
    waiting = """
        SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock')
    """
    admin = await asyncpg.connect(place.admin_url)
    try:
        while not await admin.fetchval(waiting):
            assert not task.done(), "it was to wait for the other"
            await asyncio.sleep(0.001)
    finally:
        await admin.close()


@pytest.fixture
async def packed(world: World, clock: StandingClock) -> TenantDatabase:
    """Acme with a contact on each of three days, and packs of what is asked about them."""
    door = world.tenant
    await bring_in(door, "interaction", *[contact(day, day) for day in range(3)])
    await demand(door, clock, [CONTACTS])
    await refresh_all(door, clock)
    assert await count_packs(door) > 0
    return door


async def test_a_pack_worked_out_before_a_write_and_stored_after_it_is_stale(packed, clock, place):
    await bring_in(packed, "interaction", contact(3, 1))
    async with held(packed, place, refresh(packed, clock)):
        await bring_in(packed, "interaction", contact(4, 1))
        assert await ask(packed, clock) == 5
    assert await ask(packed, clock) == 5
    await refresh_all(packed, clock)
    assert await ask(packed, clock) == 5


async def test_a_pack_says_the_version_of_the_very_rows_it_was_worked_out_of(packed, clock, place):
    """The worker's snapshot is there, its rows are not read yet: a writer ends."""
    await bring_in(packed, "interaction", contact(3, 1))
    work = await _Work.begin(packed, clock)
    assert work is not None
    piece = next(one for one in work.pieces() if one.cells)
    named, admin = f'"{packed.tenant.namespace}"', await asyncpg.connect(place.admin_url)
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {named}.interaction IN ACCESS EXCLUSIVE MODE")
        task = asyncio.create_task(work.maker.make(piece))
        await waits(place, task)
        await admin.execute(f"UPDATE {named}.interaction SET channel = 'call' WHERE external_id = '3'")
        await admin.execute(f"UPDATE {named}.version SET number = number + 1 WHERE name = 'facts'")
        number = f"(SELECT number FROM {named}.version WHERE name = 'facts')"
        await admin.execute(f"UPDATE {named}.touched_hour SET version = {number}")
    await task
    await admin.close()
    assert await ask(packed, clock) == 4
    await refresh_all(packed, clock)
    assert await ask(packed, clock) == 4


async def test_a_write_between_the_last_pack_and_the_settling_is_not_settled(packed, clock, place):
    await bring_in(packed, "interaction", contact(3, 1))
    work = await _Work.begin(packed, clock)
    assert work is not None
    for piece in work.pieces():
        await work.maker.make(piece)
    async with held(packed, place, work.settle()):
        await bring_in(packed, "interaction", contact(4, 1))
    assert await ask(packed, clock) == 5


async def test_nobody_waits_for_a_writer_that_has_touched_hours_and_not_ended(packed, clock):
    """Nor does what it touches go: it is there when the writer ends."""
    await bring_in(packed, "interaction", contact(3, 1))
    async with packed.write() as session:
        row = select(touched_hour).order_by(touched_hour.c.hour).with_for_update()
        assert (await session.execute(row)).all()
        assert not await refresh(packed, clock)  # else the lock timeout would end it
    assert await ask(packed, clock) == 4
    await bring_in(packed, "interaction", contact(4, 1))
    assert await ask(packed, clock) == 5


async def test_a_pack_older_than_the_settling_is_not_kept(packed, clock):
    """What was touched between is not known any more, and no newer pack need be there to count instead: whoever
    has settled knew nothing of the question.
    """
    await bring_in(packed, "survey", {"external_id": "1", "responded_at": FIRST, "score": 4000})
    early = await _Work.begin(packed, clock)
    assert early is not None
    await demand(packed, clock, [SURVEYS])
    late = await _Work.begin(packed, clock)
    assert late is not None
    async with packed.read(snapshot=True) as session:
        head = await repository.read_head(session)
        made = [await late.maker.work_out(session, head, piece) for piece in late.pieces()]
    packs = [pack for each in made for pack in each]
    assert packs
    await bring_in(packed, "survey", {"external_id": "2", "responded_at": FIRST, "score": 2000})
    for piece in early.pieces():
        await early.maker.make(piece)
    assert await early.settle()
    await late.maker.store(packs)
    assert await ask(packed, clock, SURVEYS) == 3


async def test_packs_of_which_a_worker_knows_nothing_are_not_settled_by_it(packed, clock):
    """Another has made them for a question that was asked since it began."""
    await bring_in(packed, "survey", {"external_id": "1", "responded_at": FIRST, "score": 4000})
    late = await _Work.begin(packed, clock)
    assert late is not None
    await demand(packed, clock, [SURVEYS])
    await refresh_all(packed, clock)
    await bring_in(packed, "survey", {"external_id": "2", "responded_at": FIRST, "score": 2000})
    await late.settle()
    assert await ask(packed, clock, SURVEYS) == 3


async def test_a_snapshot_older_than_the_settling_sees_all_as_it_was(packed, clock, monkeypatch):
    await bring_in(packed, "interaction", contact(3, 1))
    async with packed.read(snapshot=True) as session:
        before = await repository.read_head(session)
        await bring_in(packed, "interaction", contact(4, 1))
        await refresh_all(packed, clock)
        assert await repository.read_head(session) == before
        touched = await repository.read_touched(session, before.settled)
        assert {version for _, version in touched["interaction"]} == {before.versions.facts}
        packs = await repository.list_packs(session)
        assert all(one.as_of <= before.versions.facts for one in packs)
    assert await ask(packed, clock) == 5


async def test_many_packs_folded_beside_a_write_are_stale_where_it_wrote(packed, clock, place):
    for number in range(3, 13):  # a pack for each of their days, beside that of all
        await bring_in(packed, "interaction", contact(number, number))
        work = await _Work.begin(packed, clock)
        assert work is not None
        for piece in work.pieces():
            await work.maker.make(piece)
    work = await _Work.begin(packed, clock)
    assert work is not None
    before = await count_packs(packed)
    assert before > 8
    async with held(packed, place, work.fold()):
        await bring_in(packed, "interaction", contact(13, 2))
    assert await count_packs(packed) < before
    assert await ask(packed, clock) == 8  # of those within the week


async def test_work_ends_when_the_first_rows_move_away(packed, clock):
    """Days that no row lies in any more are made once more, and then they are right."""
    await bring_in(packed, "interaction", contact(0, 3))
    await refresh_all(packed, clock)
    assert await ask(packed, clock) == 3


async def test_days_of_another_zone_have_packs_of_their_own(packed, database, clock, place):
    """A worker that has not heard of it makes packs of the old days meanwhile, and says that they are right."""
    await bring_in(packed, "interaction", contact(3, 1, started_at=EVENING))
    late = await _Work.begin(packed, clock)
    assert late is not None
    admin = await asyncpg.connect(place.admin_url)
    await admin.execute("UPDATE scoredesk_control.tenant SET zone = 'Pacific/Auckland' WHERE slug = 'acme'")
    await admin.close()
    moved = database.of(await get_tenant(database, "acme"))
    days = Window.of_local(WINDOW.start.date(), WINDOW.end.date(), "Pacific/Auckland")
    question = replace(CONTACTS, window=days)
    assert await ask(moved, clock, question) == 4
    await refresh_all(moved, clock)
    await bring_in(moved, "interaction", contact(4, 1))
    for piece in late.pieces():
        await late.maker.make(piece)
    await late.settle()
    assert await ask(moved, clock, question) == 5
    await refresh_all(moved, clock)
    assert await ask(moved, clock, question) == 5


async def test_what_nobody_asks_any_more_is_forgotten(packed, clock):
    clock.advance(days=15)
    await refresh_all(packed, clock)
    assert await count_packs(packed) == 0
    async with packed.read() as session:
        assert await repository.list_demands(session, 1, 10, clock() - timedelta(days=99)) == []


async def test_what_one_process_has_written_is_in_the_next_answer_of_another(packed, clock, place):
    other = Database.connect(place.app_url, pool_size=2)
    try:
        elsewhere = other.of(packed.tenant)
        for number in range(3, 23):
            writer, reader = (packed, elsewhere) if number % 2 else (elsewhere, packed)
            await bring_in(writer, "interaction", contact(number, number % 7))
            [answer] = await Evaluator(reader, clock).answer([CONTACTS])
            assert isinstance(answer, Answer)
            assert answer.totals[0].value == number + 1
            if number % 5 == 0:
                await refresh(reader, clock)
    finally:
        await other.close()
