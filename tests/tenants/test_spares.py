"""Tenants made beforehand: what is taken is what would have been made, and nobody sees it before."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import insert, select, update

from backend.core.errors import Conflict, NotFound
from backend.interactions.models import team
from backend.metrics.catalogue import seed_catalogue
from migrations.runner import upgrade, upgrade_namespace
from tenants import provisioning
from tenants.changes import Change, Changed
from tenants.provisioning import (
    create_tenant,
    drop_tenant,
    keep_spares,
    resume_tenant,
    suspend_tenant,
)
from tenants.registry import find_tenant, list_tenants
from tenants.tables import CONTROL_NAMESPACE
from tenants.tables import tenant as tenant_table

SETTINGS = {"name": "Initech Ltd", "zone": "Asia/Shanghai", "currency": "CNY", "locale": "zh"}


async def keep(admin, number):
    return await keep_spares(admin, number, migrate=upgrade_namespace)


async def make(admin, slug, **settings):
    return await create_tenant(admin, slug, migrate=upgrade_namespace, seed=seed_catalogue, **settings)


async def ask(place, query, *values):
    connection = await asyncpg.connect(place.admin_url)
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


async def spares(place):
    found = await ask(place, f"SELECT namespace FROM {CONTROL_NAMESPACE}.tenant WHERE status = 'spare'")
    return {namespace for (namespace,) in found}


async def contents(place, tenant):
    """Everything in a namespace as text: tables, their rights and owners, indexes, sequences, rows."""
    name = tenant.namespace
    told = {
        "tables": "SELECT c.relname, c.relkind, c.relpersistence, c.reloptions::text, c.relacl::text,"
        " pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.relnamespace = $1::regnamespace",
        "columns": "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
        " pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)"
        " WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = $1::regnamespace",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = $1",
        "sequences": "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = $1",
        "namespace": "SELECT nspacl::text, pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1",
        "roles": "SELECT rolname, rolcanlogin, rolinherit FROM pg_roles WHERE starts_with(rolname, $1)",
        "members": "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members"
        " WHERE starts_with(roleid::regrole::text, $1)",
    }
    found = {
        what: await ask(place, f"{query} ORDER BY 1, 2" if what != "indexes" else query, name)
        for what, query in told.items()
    }
    tables = "SELECT tablename, format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1"
    for table, place_of_it in await ask(place, tables, name):
        rows = f"SELECT to_jsonb(t) - 'created_at' - 'updated_at' FROM {place_of_it} t"
        found[table] = await ask(place, f"{rows} ORDER BY 1")
    return {what: sorted(map(repr, rows)) for what, rows in found.items()}


def without(name, found):
    return {what: [row.replace(name, "t_") for row in rows] for what, rows in found.items()}


async def test_a_tenant_from_a_spare_is_the_one_that_would_have_been_made(admin, database, place):
    made = await make(admin, "initech", **SETTINGS)
    assert await keep(admin, 1) == 1
    (namespace,) = await spares(place)
    claimed = await make(admin, "umbrella", **SETTINGS)
    assert (claimed.namespace, await spares(place)) == (namespace, set())
    assert (claimed.slug, claimed.status, claimed.revision) == ("umbrella", "active", made.revision)
    assert (claimed.name, claimed.zone, claimed.currency, claimed.locale) == tuple(SETTINGS.values())
    assert await find_tenant(database, "umbrella") == claimed
    ours, theirs = await contents(place, claimed), await contents(place, made)
    assert len(theirs["kpi"]) > 50
    assert without(claimed.namespace, ours) == without(made.namespace, theirs)


async def test_its_rows_are_dated_when_it_was_taken(admin, place):
    await keep(admin, 1)
    (began,) = (await ask(place, "SELECT now()"))[0]
    tenant = await make(admin, "initech")
    dated = f"""
        SELECT min(created_at), min(updated_at) FROM {tenant.namespace}.kpi
        UNION ALL SELECT min(created_at), min(created_at) FROM {tenant.namespace}.kpi_version
        UNION ALL SELECT created_at, created_at FROM {CONTROL_NAMESPACE}.tenant WHERE slug = 'initech'
    """
    assert min(min(row) for row in await ask(place, dated)) >= began


async def test_it_works_and_its_neighbour_sees_nothing_of_it(admin, database, globex):
    await keep(admin, 1)
    tenant = await make(admin, "initech")
    async with database.of(tenant).write() as session:
        await session.execute(insert(team).values(external_id="n", name="North"))
    async with database.of(tenant).read() as session:
        assert (await session.execute(select(team.c.name))).scalars().all() == ["North"]
    async with globex.read() as session:
        assert "North" not in (await session.execute(select(team.c.name))).scalars().all()


async def test_nobody_sees_a_spare(admin, database, place):
    await keep(admin, 2)
    assert [tenant.slug for tenant in await list_tenants(database)] == ["acme", "globex"]
    for namespace in await spares(place):
        assert await find_tenant(database, namespace) is None
        for change in (suspend_tenant, resume_tenant, drop_tenant):
            with pytest.raises(NotFound):
                await change(admin, namespace)
    assert len(await spares(place)) == 2


async def test_as_many_are_kept_as_are_wanted(admin, place):
    assert await keep(admin, 2) == 2
    assert await keep(admin, 2) == 0
    kept = await spares(place)
    assert await keep(admin, 1) == 0
    (left,) = await spares(place)
    assert left in kept
    await keep(admin, 0)
    assert await spares(place) == set()
    (gone,) = kept - {left}
    assert await ask(place, "SELECT 1 FROM pg_namespace WHERE nspname = $1", gone) == []
    assert await ask(place, "SELECT 1 FROM pg_roles WHERE starts_with(rolname, $1)", gone) == []


async def test_twenty_at_once_get_twenty(admin, place):
    await keep(admin, 12)
    kept = await spares(place)
    made = await asyncio.gather(*[make(admin, f"initech-{n}") for n in range(20)])
    assert len({tenant.namespace for tenant in made}) == len({tenant.id for tenant in made}) == 20
    assert {tenant.status for tenant in made} == {"active"}
    assert kept <= {tenant.namespace for tenant in made}
    assert await spares(place) == set()


async def test_of_two_that_want_one_slug_one_gets_a_spare_and_the_other_stays(admin, place):
    await keep(admin, 2)
    outcomes = await asyncio.gather(*[make(admin, "initech") for _ in range(2)], return_exceptions=True)
    (refusal,) = (one for one in outcomes if isinstance(one, BaseException))
    assert isinstance(refusal, Conflict)
    assert refusal.code == "TENANT_EXISTS"
    assert len(await spares(place)) == 1


async def test_a_slug_that_is_taken_takes_no_spare(admin, place, acme):
    await keep(admin, 1)
    with pytest.raises(Conflict) as refusal:
        await make(admin, "acme")
    assert refusal.value.code == "TENANT_EXISTS"
    assert len(await spares(place)) == 1


async def test_an_earlier_try_that_was_broken_off_is_finished_where_it_began(admin, place):
    async def crash(_):
        raise OSError("the machine went away")

    with pytest.raises(OSError, match="went away"):
        await create_tenant(admin, "initech", migrate=upgrade_namespace, seed=crash)
    await keep(admin, 1)
    tenant = await make(admin, "initech")
    assert tenant.status == "active"
    assert len(await spares(place)) == 1


async def test_a_claim_that_crashes_leaves_the_spare_as_it_was(admin, place):
    async def crash(session):
        await seed_catalogue(session)
        raise OSError("the machine went away")

    await keep(admin, 1)
    (namespace,) = await spares(place)
    with pytest.raises(OSError, match="went away"):
        await create_tenant(admin, "initech", migrate=upgrade_namespace, seed=crash)
    assert await spares(place) == {namespace}
    assert await ask(place, f"SELECT key FROM {namespace}.kpi") == []
    assert (await make(admin, "initech")).namespace == namespace


@pytest.mark.parametrize("step", ["create_tenant_roles", "grant_namespace", "_change"])
async def test_a_spare_that_was_being_made_when_the_process_died_is_finished(admin, place, monkeypatch, step):
    async def crash(*_, **__):
        raise OSError("the machine went away")

    with monkeypatch.context() as patched:
        patched.setattr(provisioning, step, crash)
        with pytest.raises(OSError, match="went away"):
            await keep(admin, 1)
    assert await spares(place) == set()
    assert await keep(admin, 1) == 1
    rows = await ask(place, f"SELECT status FROM {CONTROL_NAMESPACE}.tenant WHERE slug = namespace")
    assert rows == [("spare",)]
    assert (await make(admin, "initech")).status == "active"


async def test_a_spare_that_was_being_dropped_goes(admin, place, monkeypatch):
    await keep(admin, 1)
    with monkeypatch.context() as patched:
        patched.setattr(provisioning, "drop_tenant_roles", None)
        with pytest.raises(TypeError):
            await keep(admin, 0)
    await keep(admin, 0)
    assert await ask(place, f"SELECT status FROM {CONTROL_NAMESPACE}.tenant WHERE slug = namespace") == []


async def test_two_keepers_at_once_end_with_spares_that_work(admin, place):
    await asyncio.gather(keep(admin, 2), keep(admin, 2))
    kept = await spares(place)
    assert len(kept) >= 2
    for number, _ in enumerate(kept):
        assert (await make(admin, f"initech-{number}")).namespace in kept


async def test_a_spare_whose_migration_failed_is_not_given_away(admin, place):
    await keep(admin, 1)
    async with admin.transaction() as connection:
        spare = tenant_table.c.status == "spare"
        await connection.execute(update(tenant_table).where(spare).values(migration_error="broken"))
    tenant = await make(admin, "initech")
    assert tenant.namespace not in await spares(place)
    assert len(await spares(place)) == 1


async def test_the_tenant_is_announced_and_the_spare_is_not(admin, place):
    heard = []
    connection = await asyncpg.connect(place.admin_url)
    await connection.add_listener("scoredesk", lambda *arguments: heard.append(arguments[-1]))
    await keep(admin, 1)
    await connection.execute("SELECT 1")
    assert heard == []
    tenant = await make(admin, "initech")
    while not heard:
        await connection.execute("SELECT 1")
        await asyncio.sleep(0.01)
    await connection.close()
    assert heard == [Change(tenant.id, Changed.TENANT, tenant.id).payload]


async def test_a_server_with_spares_has_nothing_to_migrate(admin):
    await keep(admin, 1)
    report = await upgrade(admin)
    assert (report.migrated, report.failed) == ([], {})
