"""The sweep: whoever needs a job and was not asked for is found, one tenant's trouble is no other's."""

from __future__ import annotations

from backend.jobs.sweeping import sweep
from backend.jobs.worker import Worker
from tenants.jobs import ask, take
from tenants.provisioning import suspend_tenant
from tests.backend.jobs.working import QUICK, kind_of, no, running, until


async def yes(_):
    return True


async def test_those_in_need_are_asked_for(database, acme, globex):
    async def needs(door):
        return door.tenant.slug == "globex"

    assert await sweep(kind_of(no, needs=needs), database) == 1
    job = await take(database, ["count"], lease=60.0)
    assert job is not None
    assert job.tenant == globex.tenant
    assert await take(database, ["count"], lease=60.0) is None


async def test_what_waits_keeps_its_place(database, acme, globex):
    await ask(database, [("count", globex.tenant.id)])
    await sweep(kind_of(no, needs=yes), database)
    first = await take(database, ["count"], lease=60.0)
    assert first is not None
    assert first.tenant == globex.tenant


async def test_a_suspended_tenant_is_left_alone(database, admin, acme, globex):
    await suspend_tenant(admin, "acme")
    assert await sweep(kind_of(no, needs=yes), database) == 1


async def test_a_tenant_that_cannot_be_looked_at_hinders_no_other(database, acme, globex, caplog):
    async def needs(door):
        if door.tenant.slug == "acme":
            raise ValueError("a name")
        return True

    assert await sweep(kind_of(no, needs=needs), database) == 1
    assert f"count: tenant {acme.tenant.id} is not swept: ValueError" in caplog.text
    assert "a name" not in caplog.text


async def test_a_worker_repairs_hints_that_were_lost(database, acme, globex):
    stale = {"acme", "globex"}

    async def needs(door):
        return door.tenant.slug in stale

    async def work(door):
        stale.discard(door.tenant.slug)
        return False

    async with running(Worker(database, [kind_of(work, needs=needs, every=0.05)], pace=QUICK)):
        await until(lambda: not stale)
        stale.add("acme")
        await until(lambda: not stale)
