"""What runs beside the server: word of changes, which makes revoking work at once, and the sweep.

The clock stands still, so what was read about a person would be believed for ever: only word of the change ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import select

from backend.app import attended, create_authenticator
from backend.auth.memberships import revoke_membership
from backend.ingestion import runs
from backend.ingestion.models import sync_run
from tenants.database import AdminDatabase, Database, TenantDatabase
from tenants.provisioning import resume_tenant, suspend_tenant
from tests.conftest import Place, StandingClock
from tests.schema.desk import Desk, opened, served

QUERY = {"query": "{ viewer { role } }"}
Ask = Callable[[str], Awaitable[int]]


@pytest_asyncio.fixture
async def listening_desk(
    database: Database, acme: TenantDatabase, clock: StandingClock, place: Place
) -> AsyncIterator[Desk]:
    """A desk whose server listens."""
    async with opened(database, acme, clock, database_url=place.app_url) as desk:
        yield desk


@pytest_asyncio.fixture
async def ask(listening_desk: Desk, clock: StandingClock, place: Place) -> AsyncIterator[Ask]:
    """The status that a token's question is answered with by a real server that listens."""
    async with (
        served(listening_desk, clock) as (_, port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):

        async def ask(token: str) -> int:
            answer = await http.post("/graphql", json=QUERY, headers={"authorization": f"Bearer {token}"})
            return answer.status_code

        await until(lambda: listeners(place), 1)
        yield ask
    await until(lambda: listeners(place), 0)


async def listeners(place: Place) -> int:
    """How many connections listen."""
    connection = await asyncpg.connect(place.admin_url)
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'scoredesk listener' AND query LIKE 'LISTEN%'"
        )
        return count
    finally:
        await connection.close()


async def until(condition: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Waits until an awaited value is what is wanted."""
    for _ in range(200):
        if (found := await condition()) == wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it is {found}")


async def test_a_removed_member_is_out_at_once(listening_desk: Desk, ask: Ask, database: Database) -> None:
    viewer, manager = await listening_desk.token("viewer"), await listening_desk.token("manager")
    assert (await ask(viewer), await ask(manager)) == (200, 200)
    async with database.control() as session:
        await revoke_membership(session, listening_desk.world.tenant.tenant, "viewer@acme")
    await until(lambda: ask(viewer), 401)
    assert await ask(manager) == 200


async def test_a_suspended_tenant_is_shut_at_once_and_its_neighbour_is_not(
    admin: AdminDatabase, listening_desk: Desk, ask: Ask
) -> None:
    ours, theirs = await listening_desk.token("viewer"), await listening_desk.token("viewer", "globex")
    assert (await ask(ours), await ask(theirs)) == (200, 200)
    await suspend_tenant(admin, "acme")
    await until(lambda: ask(ours), 403)
    assert await ask(theirs) == 200
    await resume_tenant(admin, "acme")
    await until(lambda: ask(ours), 200)


async def test_what_changed_while_it_was_deaf_is_read_anew(
    listening_desk: Desk, ask: Ask, place: Place
) -> None:
    viewer = await listening_desk.token("viewer")
    assert await ask(viewer) == 200
    operator = await asyncpg.connect(place.admin_url)
    await operator.execute("DELETE FROM scoredesk_control.membership")  # nobody says so
    assert await ask(viewer) == 200
    await operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'scoredesk listener'"
    )
    await operator.close()
    await until(lambda: ask(viewer), 401)


async def test_without_a_listener_five_seconds_are_the_bound(
    listening_desk: Desk, clock: StandingClock
) -> None:
    viewer = await listening_desk.token("viewer")
    assert (await listening_desk.post(QUERY, token=viewer)).status_code == 200
    async with listening_desk.database.control() as session:
        await revoke_membership(session, listening_desk.world.tenant.tenant, "viewer@acme")
    clock.advance(seconds=4)
    assert (await listening_desk.post(QUERY, token=viewer)).status_code == 200
    clock.advance(seconds=1)
    assert (await listening_desk.post(QUERY, token=viewer)).status_code == 401


class TestSweep:
    async def begin(self, tenant: TenantDatabase, clock: StandingClock) -> None:
        async with tenant.write() as session:
            await runs.start(
                session,
                source="phone",
                origin="http",
                label="calls.csv",
                mapping=None,
                actor="ana",
                now=clock(),
            )

    async def statuses(self, tenant: TenantDatabase) -> list[str]:
        async with tenant.read() as session:
            begun = (
                select(sync_run.c.status)
                .where(sync_run.c.label == "calls.csv")
                .order_by(sync_run.c.started_at)
            )
            return list((await session.execute(begun)).scalars())

    async def test_stale_imports_of_every_active_tenant_are_given_up(
        self,
        desk: Desk,
        admin: AdminDatabase,
        acme: TenantDatabase,
        globex: TenantDatabase,
        clock: StandingClock,
    ) -> None:
        await self.begin(acme, clock)
        await self.begin(globex, clock)
        clock.advance(hours=5)
        await self.begin(globex, clock)
        clock.advance(hours=2)
        await suspend_tenant(admin, "acme")
        authenticator = create_authenticator(desk.settings, desk.database, clock)
        every = timedelta(seconds=0.02)
        async with attended(desk.settings, desk.database, authenticator, clock=clock, sweep_every=every):
            await until(lambda: self.statuses(globex), ["refused", "running"])
            assert await self.statuses(acme) == ["running"]
            await resume_tenant(admin, "acme")
            await until(lambda: self.statuses(acme), ["refused"])

    async def test_a_tenant_that_cannot_be_swept_hinders_no_other(
        self,
        desk: Desk,
        place: Place,
        admin: AdminDatabase,
        acme: TenantDatabase,
        globex: TenantDatabase,
        clock: StandingClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        operator = await asyncpg.connect(place.admin_url)
        rename = "ALTER TABLE {0}.{1} RENAME TO {2}"
        await operator.execute(rename.format(acme.tenant.namespace, "sync_run", "away"))
        await self.begin(globex, clock)
        clock.advance(hours=7)
        authenticator = create_authenticator(desk.settings, desk.database, clock)
        every = timedelta(seconds=0.02)
        async with attended(desk.settings, desk.database, authenticator, clock=clock, sweep_every=every):
            await until(lambda: self.statuses(globex), ["refused"])
            assert "acme is not swept" in caplog.text
            await operator.execute(rename.format(acme.tenant.namespace, "away", "sync_run"))
            clock.advance(hours=-7)
            await self.begin(acme, clock)
            clock.advance(hours=7)
            await until(lambda: self.statuses(acme), ["refused"])
        await operator.close()

    async def test_nothing_of_it_is_left_when_the_server_stops(
        self, desk: Desk, clock: StandingClock
    ) -> None:
        before = asyncio.all_tasks()
        authenticator = create_authenticator(desk.settings, desk.database, clock)
        every = timedelta(seconds=0.001)
        async with attended(desk.settings, desk.database, authenticator, clock=clock, sweep_every=every):
            await asyncio.sleep(0.1)
            assert asyncio.all_tasks() != before
        assert asyncio.all_tasks() == before
