"""The sweep of stale imports: all active tenants, and the trouble of one hinders no other."""

from __future__ import annotations

import asyncpg

from backend.ingestion.sweeping import sweep
from tenants.provisioning import resume_tenant, suspend_tenant
from tests.backend.ingestion.stale import begun, status_of


async def test_stale_imports_of_every_active_tenant_are_given_up(database, admin, acme, globex, clock):
    ours, theirs = await begun(acme, clock), await begun(globex, clock)
    clock.advance(hours=5)
    fresh = await begun(globex, clock)
    clock.advance(hours=2)
    await suspend_tenant(admin, "acme")
    await sweep(database, clock=clock)
    assert await status_of(globex, theirs) == "refused"
    assert await status_of(globex, fresh) == await status_of(acme, ours) == "running"
    await resume_tenant(admin, "acme")
    assert await sweep(database, clock=clock) == 1
    assert await status_of(acme, ours) == "refused"


async def test_a_tenant_that_cannot_be_swept_hinders_no_other(
    database, admin, place, acme, globex, clock, caplog
):
    operator = await asyncpg.connect(place.admin_url)
    rename = "ALTER TABLE {0}.{1} RENAME TO {2}"
    ours, theirs = await begun(acme, clock), await begun(globex, clock)
    clock.advance(hours=7)
    await operator.execute(rename.format(acme.tenant.namespace, "sync_run", "away"))
    await sweep(database, clock=clock)
    assert await status_of(globex, theirs) == "refused"
    assert "acme is not swept" in caplog.text
    await operator.execute(rename.format(acme.tenant.namespace, "away", "sync_run"))
    assert await sweep(database, clock=clock) == 1
    assert await status_of(acme, ours) == "refused"
    await operator.close()
