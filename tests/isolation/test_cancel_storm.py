"""Many tasks of two tenants over few connections, half of them cancelled at any moment: nothing mixes."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import asyncpg
from sqlalchemy import func, insert, select

from backend.interactions.models import team
from tenants.database import APP_LOGIN, Database

TASKS = 500
CONNECTIONS = 4
AT_ONCE = 32
LONGEST = 0.03  # seconds until a task is cancelled: from before it has a connection to after it is done

WHO = select(func.current_user(), func.session_user())
BUSY = select(func.count()).select_from(func.generate_series(1, 20_000).table_valued("n"))  # some 5 ms


async def test_a_storm_of_cancelled_tasks_mixes_nothing(place, acme, globex):
    database = Database.connect(place.app_url, pool_size=CONNECTIONS)
    chance = random.Random(7)
    wrong, done, cancelled = [], 0, 0
    places = asyncio.Semaphore(AT_ONCE)

    async def work(tenant, number):
        door = database.of(tenant)
        role = tenant.namespace if number % 2 else tenant.readonly_role
        async with door.write() if number % 2 else door.read(snapshot=True) as session:
            if (await session.execute(WHO)).one() != (role, APP_LOGIN):
                wrong.append(role)
            await session.execute(BUSY)
            if number % 2:
                await session.execute(
                    insert(team).values(external_id=f"{tenant.slug}-{number}", name=tenant.slug)
                )
            names = set((await session.execute(select(team.c.name))).scalars())
            if any((tenant.slug == "globex") != ("globex" in name.lower()) for name in names):
                wrong.append(names)

    async def run(number):
        nonlocal done, cancelled
        tenant = chance.choice([acme, globex]).tenant
        patience = chance.uniform(0, LONGEST) if chance.random() < 0.5 else None
        async with places:
            try:
                async with asyncio.timeout(patience):
                    await work(tenant, number)
                done += 1
            except TimeoutError:
                cancelled += 1

    await asyncio.gather(*[run(number) for number in range(TASKS)])
    assert wrong == []
    assert done > TASKS / 4
    assert cancelled > TASKS / 8

    async with acme.read() as session:
        assert set((await session.execute(select(team.c.name))).scalars()) == {"acme"}
    root = await asyncpg.connect(place.admin_url)
    states = await root.fetch(
        "SELECT state FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()", APP_LOGIN
    )
    await root.close()
    assert {row["state"] for row in states} <= {"idle"}

    async with AsyncExitStack() as stack:  # the pool still has them all, and none has kept a role
        for _ in range(CONNECTIONS):
            connection = await stack.enter_async_context(database._engine.connect())
            assert (await connection.execute(WHO)).one() == (APP_LOGIN, APP_LOGIN)
    await database.close()
