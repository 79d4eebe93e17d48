"""The numbers that tell whether anything has changed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, insert, select, update

from backend.interactions.models import agent, customer, interaction
from backend.metrics.models import kpi
from tenants.database import TenantDatabase
from tenants.registry import Tenant
from tenants.versions import READ_VERSIONS, Versioned, Versions, versions_in


async def seen(door: TenantDatabase) -> Versions:
    async with door.read(snapshot=True) as session:
        return versions_in((await session.execute(READ_VERSIONS)).all())


async def test_a_change_of_definitions_moves_their_version_once(acme, globex):
    before, foreign = await seen(acme), await seen(globex)
    async with acme.write() as session:
        await session.execute(insert(agent).values(external_id="a", name="A"))
        await session.execute(insert(agent).values(external_id="b", name="B"))
        await session.execute(update(kpi).values(doc="Other words."))
    after = await seen(acme)
    assert (after.facts, after.definitions) == (before.facts, before.definitions + 1)
    assert await seen(globex) == foreign


async def test_what_changes_no_row_moves_nothing(acme):
    before = await seen(acme)
    async with acme.write() as session:
        await session.execute(update(agent).where(agent.c.external_id == "nobody").values(name="A"))
        await session.execute(delete(customer).where(customer.c.external_id == "nobody"))
        await session.execute(select(kpi.c.key))
    assert await seen(acme) == before


async def test_customers_belong_to_the_facts(acme):
    before = await seen(acme)
    async with acme.write() as session:
        await session.execute(insert(customer).values(external_id="c"))
    after = await seen(acme)
    assert (after.facts, after.definitions) == (before.facts + 1, before.definitions)


async def test_what_is_undone_moves_nothing_and_tells_nobody(acme, database):
    before = await seen(acme)
    told: list[Tenant] = []
    database.committed = told.append

    async def fail() -> None:
        async with acme.write() as session:
            await session.execute(insert(agent).values(external_id="a", name="A"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await seen(acme) == before
    async with acme.write() as session:
        await session.execute(select(interaction.c.id))
    assert told == []
    async with acme.write() as session:
        await session.execute(insert(agent).values(external_id="a", name="A"))
    assert told == [acme.tenant]


async def test_numbers_grow_in_the_order_of_commits(acme):
    """Whoever has moved a version keeps others from moving it until its commit."""
    order: list[tuple[str, int]] = []

    async def write(name: str, pause: float) -> None:
        async with acme.write() as session:
            number = await session.move(Versioned.FACTS)
            await asyncio.sleep(pause)
            order.append((name, number))

    first = asyncio.create_task(write("first", 0.2))
    await asyncio.sleep(0.05)
    await asyncio.gather(first, write("second", 0))
    assert [name for name, _ in order] == ["first", "second"]
    assert order[1][1] == order[0][1] + 1
