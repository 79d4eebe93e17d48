"""Jobs as rows: asked for once, taken in turn by one, held while it lives, given back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest

from migrations.runner import upgrade_namespace
from tenants.database import PLATFORM_ROLE
from tenants.jobs import ask, finish, hold, listen_for_jobs, next_ready, put_off, take, take_turns
from tenants.provisioning import create_tenant, drop_tenant, resume_tenant, suspend_tenant

KIND = "count"
LONG = 60.0  # seconds of a lease that no test sees the end of


def wanted(*tenants, kind=KIND):
    return [(kind, door.tenant.id) for door in tenants]


async def taken(database, *kinds, lease=LONG):
    return await take(database, kinds or (KIND,), lease=lease)


async def order(database):
    """The tenants as their jobs are taken, until there is none."""
    found = []
    while job := await taken(database):
        found.append(job.tenant.slug)
    return found


class TestAsking:
    async def test_what_waits_is_not_there_twice_and_keeps_its_place(self, database, acme, globex):
        await ask(database, wanted(acme))
        await ask(database, wanted(globex))
        await ask(database, wanted(acme, acme))
        assert await order(database) == ["acme", "globex"]

    async def test_kinds_stand_apart(self, database, acme):
        await ask(database, [*wanted(acme), *wanted(acme, kind="other")])
        job, none = await taken(database), await taken(database)
        other = await taken(database, "other", KIND)
        assert job is not None
        assert none is None
        assert other is not None
        assert (job.kind, other.kind) == (KIND, "other")

    async def test_a_tenant_that_is_gone_is_passed_over(self, database, acme):
        await ask(database, [(KIND, uuid4()), *wanted(acme)])
        assert await order(database) == ["acme"]

    async def test_nothing_is_asked_for(self, database):
        await ask(database, [])
        assert await taken(database) is None
        assert await next_ready(database, [KIND]) is None

    async def test_many_who_ask_at_once_make_one_job(self, database, acme, globex):
        pairs = wanted(acme, globex)
        await asyncio.gather(*[ask(database, pairs if n % 2 else pairs[::-1]) for n in range(20)])
        assert sorted(await order(database)) == ["acme", "globex"]


class TestTaking:
    async def test_of_many_who_take_at_once_one_gets_it(self, database, acme, globex):
        await ask(database, wanted(acme, globex))
        jobs = await asyncio.gather(*[taken(database) for _ in range(12)])
        assert sorted(job.tenant.slug for job in jobs if job) == ["acme", "globex"]

    async def test_the_tenant_comes_with_it(self, database, acme):
        await ask(database, wanted(acme))
        job = await taken(database)
        assert job is not None
        assert (job.tenant, job.failures) == (acme.tenant, 0)

    async def test_a_suspended_tenant_waits(self, database, admin, acme, globex):
        await ask(database, wanted(acme))
        await ask(database, wanted(globex))
        await suspend_tenant(admin, "acme")
        assert await order(database) == ["globex"]
        await resume_tenant(admin, "acme")
        assert await order(database) == ["acme"]

    async def test_a_dropped_tenant_takes_its_jobs_along(self, database, admin):
        tenant = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        await ask(database, [(KIND, tenant.id)])
        job = await taken(database)
        assert job is not None
        await drop_tenant(admin, "initech")
        assert not await hold(database, job, lease=LONG)
        await finish(database, job, more=True)
        assert await taken(database) is None

    async def test_whoever_is_silent_loses_it_and_can_no_longer_speak_for_it(self, database, acme):
        await ask(database, wanted(acme))
        lost = await taken(database, lease=0.0)
        assert lost is not None
        job = await taken(database)
        assert job is not None
        assert job.holder != lost.holder
        assert not await hold(database, lost, lease=LONG)
        await finish(database, lost, more=True)
        await put_off(database, lost, pause=0.0)
        assert await taken(database) is None
        assert await hold(database, job, lease=LONG)

    async def test_a_lease_is_made_longer(self, database, acme):
        await ask(database, wanted(acme))
        job = await taken(database, lease=0.0)
        assert job is not None
        assert await hold(database, job, lease=LONG)
        assert await taken(database) is None
        seconds = await next_ready(database, [KIND])
        assert seconds is not None
        assert LONG / 2 < seconds <= LONG


class TestGivingBack:
    async def test_what_is_left_goes_to_the_end(self, database, acme, globex):
        await ask(database, wanted(acme))
        job = await taken(database)
        await ask(database, wanted(globex))
        await finish(database, job, more=True)
        assert await order(database) == ["globex", "acme"]

    async def test_what_is_done_is_done_until_asked_for_again(self, database, acme):
        await ask(database, wanted(acme))
        await finish(database, await taken(database), more=False)
        assert await taken(database) is None
        assert await next_ready(database, [KIND]) is None
        await ask(database, wanted(acme))
        assert await order(database) == ["acme"]

    async def test_what_was_asked_for_while_it_ran_runs_once_more(self, database, acme):
        await ask(database, wanted(acme))
        job = await taken(database)
        await ask(database, wanted(acme))
        assert await taken(database) is None  # not beside itself
        await finish(database, job, more=False)
        await finish(database, await taken(database), more=False)
        assert await taken(database) is None

    async def test_failures_are_counted_and_paused_for(self, database, acme):
        await ask(database, wanted(acme))
        await put_off(database, await taken(database), pause=0.0)
        job = await taken(database)
        assert job is not None
        assert job.failures == 1
        await put_off(database, job, pause=LONG)
        await ask(database, wanted(acme))  # does not cut the pause short
        assert await taken(database) is None
        seconds = await next_ready(database, [KIND])
        assert seconds is not None
        assert LONG / 2 < seconds <= LONG

    async def test_success_forgets_failures(self, database, acme):
        await ask(database, wanted(acme))
        await put_off(database, await taken(database), pause=0.0)
        await finish(database, await taken(database), more=True)
        job = await taken(database)
        assert job is not None
        assert job.failures == 0


async def test_a_chore_is_one_takers_turn(database):
    chores = {"sweep": LONG, "tidy": LONG}
    turns = await asyncio.gather(*[take_turns(database, chores) for _ in range(8)])
    assert sorted(name for found in turns for name in found) == ["sweep", "tidy"]
    assert await take_turns(database, {"sweep": 0.0, "fresh": 0.0}) == ["fresh"]
    assert await take_turns(database, {"sweep": 0.0, "fresh": 0.0}) == ["fresh"]


async def test_word_of_a_job_is_heard(place, database, acme):
    heard = []
    task = asyncio.create_task(listen_for_jobs(place.app_url, lambda: heard.append(1)))
    try:
        await until(lambda: len(heard), 1)  # it listens
        await ask(database, wanted(acme))
        await until(lambda: len(heard), 2)
        await ask(database, wanted(acme))  # waits already: nobody is woken
        await finish(database, await taken(database), more=False)
        await ask(database, wanted(acme))
        await until(lambda: len(heard), 3)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(number, expected):
    for _ in range(250):
        if number() >= expected:
            break
        await asyncio.sleep(0.02)
    assert number() == expected


@pytest.mark.parametrize("table", ["job", "chore"])
async def test_only_the_platform_role_reaches_them(place, acme, table):
    connection = await asyncpg.connect(place.app_url)
    statement = f"SELECT count(*) FROM scoredesk_control.{table}"
    try:
        for role in (None, acme.tenant.namespace, acme.tenant.readonly_role):
            await connection.execute(f'SET ROLE "{role}"' if role else "RESET ROLE")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.execute(f"SET ROLE {PLATFORM_ROLE}")
        assert await connection.fetchval(statement) is not None
    finally:
        await connection.close()
