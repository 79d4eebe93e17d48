"""Making, suspending and dropping tenants."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import insert, select

from backend.core.errors import Conflict, Invalid, NotFound, Unavailable
from backend.interactions.models import team
from migrations.histories import TENANT_HISTORY
from migrations.runner import upgrade_namespace
from tenants.provisioning import create_tenant, drop_tenant, resume_tenant, suspend_tenant
from tenants.registry import find_tenant, get_tenant, list_tenants


async def seed(session):
    await session.execute(insert(team).values(external_id="north", name="North"))


async def crash(session):
    await seed(session)
    raise OSError("the machine went away")


async def test_a_tenant_is_made_with_tables_seed_and_settings(admin, database):
    made = await create_tenant(
        admin,
        "initech",
        zone="Asia/Shanghai",
        currency="CNY",
        locale="zh",
        migrate=upgrade_namespace,
        seed=seed,
    )
    found = await get_tenant(database, "initech")
    assert found == made
    assert (found.name, found.zone, found.currency, found.locale) == ("initech", "Asia/Shanghai", "CNY", "zh")
    assert (found.status, found.revision) == ("active", TENANT_HISTORY.head)
    async with database.of(found).read() as session:
        assert (await session.execute(select(team.c.name))).scalars().all() == ["North"]


async def test_role_names_tell_nothing_of_the_customer(admin):
    made = await create_tenant(admin, "initech", migrate=upgrade_namespace)
    assert "initech" not in made.namespace


@pytest.mark.parametrize("slug", ["", "a", "Acme", "1st", "a_b", "a" * 42, "été", "a\n", "a b", "../etc"])
async def test_a_slug_that_is_none_is_refused(admin, database, slug):
    with pytest.raises(Invalid) as refusal:
        await create_tenant(admin, slug, migrate=upgrade_namespace)
    assert refusal.value.code == "SLUG_INVALID"
    assert await find_tenant(database, slug) is None


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"zone": "Mars/Olympus"}, "ZONE_UNKNOWN"),
        ({"currency": "XXQ"}, "CURRENCY_UNKNOWN"),
        ({"locale": "fr"}, "LOCALE_UNKNOWN"),
    ],
)
async def test_settings_are_checked_before_anything_is_made(admin, database, settings, code):
    with pytest.raises(Invalid) as refusal:
        await create_tenant(admin, "initech", migrate=upgrade_namespace, **settings)
    assert refusal.value.code == code
    assert await find_tenant(database, "initech") is None


async def test_a_slug_that_is_taken_is_a_conflict(admin, database, acme):
    with pytest.raises(Conflict) as refusal:
        await create_tenant(admin, "acme", migrate=upgrade_namespace)
    assert refusal.value.code == "TENANT_EXISTS"
    assert await get_tenant(database, "acme") == acme.tenant


async def test_a_try_that_crashed_leaves_no_namespace_and_can_be_repeated(admin, database, place):
    with pytest.raises(OSError, match="went away"):
        await create_tenant(admin, "initech", migrate=upgrade_namespace, seed=crash)
    broken = await get_tenant(database, "initech")
    assert broken.status == "provisioning"
    assert await namespaces(place, broken.namespace) == []
    repeated = await create_tenant(
        admin, "initech", zone="Europe/Berlin", migrate=upgrade_namespace, seed=seed
    )
    assert (repeated.namespace, repeated.status, repeated.zone) == (
        broken.namespace,
        "active",
        "Europe/Berlin",
    )


async def test_of_two_at_once_one_makes_it(admin, database):
    tries = [create_tenant(admin, "initech", migrate=upgrade_namespace, seed=seed) for _ in range(2)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    made = [tenant for tenant in outcomes if not isinstance(tenant, BaseException)]
    assert len(made) == 1
    assert isinstance(next(o for o in outcomes if o is not made[0]), Conflict)
    async with database.of(made[0]).read() as session:
        assert len((await session.execute(select(team.c.name))).all()) == 1


async def test_suspending_and_resuming(admin, database):
    assert (await suspend_tenant(admin, "acme")).status == "suspended"
    assert (await suspend_tenant(admin, "acme")).status == "suspended"
    assert (await get_tenant(database, "acme")).active is False
    assert (await resume_tenant(admin, "acme")).active is True


async def test_dropping_leaves_nothing(admin, database, place):
    made = await create_tenant(admin, "initech", migrate=upgrade_namespace, seed=seed)
    await drop_tenant(admin, "initech")
    assert await find_tenant(database, "initech") is None
    assert [tenant.slug for tenant in await list_tenants(database)] == ["acme", "globex"]
    assert await namespaces(place, made.namespace) == []
    assert await roles(place, made.namespace) == []
    with pytest.raises(NotFound):
        async with database.of(made).read():
            pass
    again = await create_tenant(admin, "initech", migrate=upgrade_namespace)
    assert again.id != made.id
    assert again.namespace != made.namespace
    await drop_tenant(admin, "initech")


async def test_dropping_waits_for_nobody_for_long(admin, database):
    made = await create_tenant(admin, "initech", migrate=upgrade_namespace, seed=seed)
    async with database.of(made).read() as session:
        await session.execute(select(team.c.name))
        with pytest.raises(Unavailable):
            await drop_tenant(admin, "initech")
    await drop_tenant(admin, "initech")
    assert await find_tenant(database, "initech") is None


@pytest.mark.parametrize("change", [suspend_tenant, resume_tenant, drop_tenant])
async def test_a_tenant_that_is_not_there_is_not_found(admin, change):
    with pytest.raises(NotFound):
        await change(admin, "nobody")


async def namespaces(place, name):
    return await rows(place, "SELECT nspname FROM pg_namespace WHERE nspname = $1", name)


async def roles(place, name):
    return await rows(place, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", name)


async def rows(place, query, *values):
    connection = await asyncpg.connect(place.admin_url)
    found = [row[0] for row in await connection.fetch(query, *values)]
    await connection.close()
    return found
