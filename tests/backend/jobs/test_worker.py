"""The worker: tenants take turns, nobody runs twice at once, and what goes wrong stays with whom it goes wrong for."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select

from backend.interactions.models import team
from backend.jobs.kinds import Chore
from backend.jobs.worker import Pace, Worker
from tenants.database import Database
from tenants.jobs import ask, next_ready
from tenants.tables import job as job_table
from tests.backend.jobs.working import NEVER, QUICK, kind_of, no, running, until


def wanted(*doors, kind="count"):
    return [(kind, door.tenant.id) for door in doors]


class Slices:
    """Work in slices: how many each tenant has left, who was served when, and who was served beside himself."""

    def __init__(self, seconds=0.0, **left):
        self.left = Counter(left)
        self.served = []
        self.running: Counter[str] = Counter()
        self.most = 0
        self.beside_itself = False
        self._seconds = seconds

    async def __call__(self, door):
        slug = door.tenant.slug
        self.running[slug] += 1
        self.beside_itself |= self.running[slug] > 1
        self.most = max(self.most, self.running.total())
        await asyncio.sleep(self._seconds)
        self.served.append(slug)
        self.left[slug] -= 1
        self.running[slug] -= 1
        return self.left[slug] > 0


async def test_a_job_runs_behind_the_tenants_own_door(database, acme, globex):
    async def count(door):
        async with door.write() as session:
            await session.execute(team.insert().values(external_id="t1", name=door.tenant.slug))
        return False

    await ask(database, wanted(acme))
    async with running(Worker(database, [kind_of(count)], pace=QUICK)):
        await until_idle(database)
    async with acme.read() as session:
        assert (await session.execute(select(team.c.name))).scalars().all() == ["acme"]


async def until_idle(database, *kinds):
    for _ in range(1000):
        if await next_ready(database, kinds or ["count"]) is None:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("there is always more to do")


async def test_who_has_little_to_do_does_not_wait_for_who_has_much(database, acme, globex):
    work = Slices(acme=50, globex=1)
    await ask(database, wanted(acme))
    await ask(database, wanted(globex))
    async with running(Worker(database, [kind_of(work)], pace=QUICK)):
        await until_idle(database)
    assert work.served == ["acme", "globex", *["acme"] * 49]


async def test_tenants_take_turns(database, acme, globex):
    work = Slices(acme=5, globex=5)
    await ask(database, wanted(acme, globex))
    async with running(Worker(database, [kind_of(work)], pace=QUICK)):
        await until_idle(database)
    first, second = work.served[:2]
    assert first != second
    assert work.served == [first, second] * 5


async def test_no_tenant_is_served_beside_himself(place, database, acme, globex):
    work = Slices(0.005, acme=15, globex=15)
    other = Database.connect(place.app_url, pool_size=4)
    pace = replace(QUICK, poll=0.01)
    workers = [Worker(each, [kind_of(work)], concurrency=3, pace=pace) for each in (database, other)]
    async with running(*workers):
        for _ in range(30):
            await ask(database, wanted(acme, globex))
            await asyncio.sleep(0.005)
        await until_idle(database)
    await other.close()
    assert not work.beside_itself
    assert min(Counter(work.served).values()) >= 15


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_concurrency_is_how_many_run_side_by_side(database, acme, globex, concurrency):
    work = Slices(0.05, acme=3, globex=3)
    await ask(database, wanted(acme, globex))
    async with running(Worker(database, [kind_of(work)], concurrency=concurrency, pace=QUICK)):
        await until_idle(database)
    assert work.most == concurrency


async def test_a_worker_that_listens_is_woken(place, database, acme):
    work = Slices(acme=1)
    patient = replace(QUICK, poll=NEVER)
    async with running(Worker(database, [kind_of(work)], url=place.app_url, pace=patient)):
        await asyncio.sleep(0.2)  # it has found nothing and rests
        await ask(database, wanted(acme))
        await until(lambda: work.served)


async def test_who_fails_hinders_no_other_and_is_tried_again(database, acme, globex, caplog):
    tries: Counter[str] = Counter()

    async def work(door):
        tries[door.tenant.slug] += 1
        if door.tenant.slug == "acme" and tries["acme"] < 4:
            raise ValueError("a customer's telephone number")
        return False

    await ask(database, wanted(acme))
    await ask(database, wanted(globex))
    async with running(Worker(database, [kind_of(work)], pace=QUICK)):
        await until_idle(database)
    assert tries == {"acme": 4, "globex": 1}
    assert [record.getMessage() for record in caplog.records] == [
        f"count of tenant {acme.tenant.id} failed, {n} in a row: ValueError at backend.jobs.worker:"
        + record.getMessage().rpartition(":")[2]
        for n, record in enumerate(caplog.records, 1)
    ]
    assert "telephone" not in caplog.text


def test_pauses_grow_up_to_a_bound():
    pace = Pace(first_pause=1.0, longest_pause=10.0)
    assert [pace.pause_after(n) for n in (1, 2, 3, 4, 5, 5000)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


async def test_a_slice_that_takes_too_long_is_cut_and_counts_as_failed(database, acme, globex, caplog):
    cut: list[bool] = []
    served = []

    async def work(door):
        if door.tenant.slug == "acme" and not cut:
            try:
                await asyncio.sleep(NEVER)
            finally:
                cut.append(True)
        served.append(door.tenant.slug)
        return False

    await ask(database, wanted(acme))
    await ask(database, wanted(globex))
    async with running(Worker(database, [kind_of(work, limit=0.1)], pace=QUICK)):
        await until_idle(database)
    assert sorted(served) == ["acme", "globex"]
    assert "1 in a row: more than 0.1 s" in caplog.text


async def test_a_job_that_takes_longer_than_its_lease_is_kept(database, acme):
    work = Slices(1.0, acme=1)
    pace = replace(QUICK, lease=0.3)
    workers = [Worker(database, [kind_of(work)], pace=pace) for _ in range(2)]
    await ask(database, wanted(acme))
    async with running(*workers):
        await until_idle(database)
    assert work.served == ["acme"]


async def test_who_has_lost_his_job_stops_working_on_it(database, acme, caplog):
    cut: list[str] = []

    async def work(door):
        try:
            await asyncio.sleep(NEVER)
        finally:
            cut.append(door.tenant.slug)
        return False

    await ask(database, wanted(acme))
    worker = Worker(database, [kind_of(work)], pace=replace(QUICK, lease=0.3))
    async with running(worker):
        await asyncio.sleep(0.1)
        async with database.control() as session:  # as if it had been silent, and another one had taken it
            await session.execute(job_table.update().values(holder=acme.tenant.id, ready_at=None))
        await until(lambda: cut)
    assert cut == ["acme"]
    assert f"count of tenant {acme.tenant.id} was cut short" in caplog.text


async def test_stopping_lets_a_slice_end(database, acme):
    work = Slices(0.3, acme=5)
    await ask(database, wanted(acme))
    async with running(Worker(database, [kind_of(work)], pace=QUICK)):
        await until(lambda: work.running.total())
    assert work.served == ["acme"]
    assert await next_ready(database, ["count"]) == 0.0  # the rest of it is for the next worker


async def test_cancelling_cuts_a_slice_short(database, acme):
    work = Slices(NEVER, acme=1)
    await ask(database, wanted(acme))
    before = asyncio.all_tasks()
    task = asyncio.create_task(Worker(database, [kind_of(work)], pace=QUICK).run())
    await until(lambda: work.running.total())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert asyncio.all_tasks() == before


async def test_a_worker_waits_for_a_database_that_is_away(place, caplog):
    away = Database.connect(place.app_url.replace("scoredesk_app", "nobody_at_all"))
    before = asyncio.all_tasks()
    async with running(Worker(away, [kind_of(no)], pace=QUICK)):
        await asyncio.sleep(0.3)
    await away.close()
    assert asyncio.all_tasks() == before
    assert caplog.text.count("no jobs can be taken") == 1


async def test_a_chore_is_done_by_one_of_many_workers_and_again_when_its_time_has_come(database, caplog):
    done: Counter[str] = Counter()

    async def rare(_):
        done["rare"] += 1

    async def often(_):
        done["often"] += 1
        raise ValueError("what it says")

    chores = [Chore("rare", rare, NEVER), Chore("often", often, 0.05)]
    async with running(*[Worker(database, [], chores, pace=QUICK) for _ in range(3)]):
        await until(lambda: done["often"] >= 3)
    assert done["rare"] == 1
    assert "often failed: ValueError" in caplog.text
    assert "what it says" not in caplog.text
