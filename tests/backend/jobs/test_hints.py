"""Hints: free to give, sent together, kept while the database is away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import asyncpg

from backend.interactions.models import team
from backend.jobs.hints import Hints
from tenants.jobs import finish, take
from tests.backend.jobs.working import kind_of, no

KINDS = [kind_of(no, "fresh", after_writes=True), kind_of(no, "spare")]


@asynccontextmanager
async def sent(hints):
    """Sends hints while the block lasts."""
    task = asyncio.create_task(hints.keep_sending())
    try:
        yield hints
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def arrived(database, *kinds):
    """The next job that was asked for."""
    for _ in range(500):
        if job := await take(database, kinds or ("fresh",), lease=60.0):
            return job
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was asked for")


async def test_a_hint_becomes_a_job(database, acme):
    hints = Hints(database, KINDS, every=0.01)
    async with sent(hints):
        hints.give("spare", acme.tenant)
        assert (await arrived(database, "spare")).tenant == acme.tenant


async def test_a_write_hints_at_the_kinds_that_follow_writes(database, acme, globex):
    hints = Hints(database, KINDS, every=0.01)
    database.committed = hints.committed
    async with sent(hints):
        async with acme.write() as session:
            await session.execute(team.insert().values(external_id="t1", name="One"))
        job = await arrived(database)
        assert job.tenant == acme.tenant
        assert await take(database, ["spare"], lease=60.0) is None
        await finish(database, job, more=False)
        with suppress(ZeroDivisionError):
            async with globex.write() as session:
                await session.execute(team.insert().values(external_id="t1", name="One"))
                raise ZeroDivisionError  # and nothing is kept
        await asyncio.sleep(0.1)
        assert await take(database, ["fresh", "spare"], lease=60.0) is None


async def test_many_hints_are_sent_together_and_the_next_ones_a_while_later(database, acme, globex):
    hints = Hints(database, KINDS, every=60.0)
    async with sent(hints):
        for _ in range(1000):
            hints.committed(acme.tenant)
            hints.committed(globex.tenant)
        jobs = [await arrived(database) for _ in range(2)]
        assert {job.tenant.slug for job in jobs} == {"acme", "globex"}
        hints.committed(acme.tenant)
        await asyncio.sleep(0.1)
        for job in jobs:
            await finish(database, job, more=False)
        assert await take(database, ["fresh"], lease=60.0) is None


async def test_what_could_not_be_sent_is_kept_and_complained_of_once(place, database, admin, acme, caplog):
    operator = await asyncpg.connect(place.admin_url)
    await operator.execute("ALTER TABLE scoredesk_control.job RENAME TO away")
    async with sent(Hints(database, KINDS, every=0.01)) as hints:
        hints.committed(acme.tenant)
        await asyncio.sleep(0.3)
        assert caplog.text.count("jobs cannot be asked for") == 1
        await operator.execute("ALTER TABLE scoredesk_control.away RENAME TO job")
        assert (await arrived(database)).tenant == acme.tenant
    await operator.close()
