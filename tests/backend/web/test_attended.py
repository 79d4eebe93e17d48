"""What runs beside the server: word of changes, which makes revoking work at once, hints, and a worker.

The clock stands still, so what was read about a person would be believed for ever: only word of the change ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import httpx2
import pytest_asyncio

from backend.app import attended, create_authenticator, create_hints
from backend.auth.memberships import revoke_membership
from tenants.database import AdminDatabase, Database, TenantDatabase
from tenants.provisioning import resume_tenant, suspend_tenant
from tests.backend.ingestion.stale import begun, status_of
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
async def early_viewer(listening_desk: Desk) -> str:
    """A viewer's token; asked for before `ask`, so that word of the grant cannot come late."""
    return await listening_desk.token("viewer")


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


async def test_what_changed_while_it_was_deaf_is_read_anew(early_viewer: str, ask: Ask, place: Place) -> None:
    assert await ask(early_viewer) == 200
    operator = await asyncpg.connect(place.admin_url)
    await operator.execute("DELETE FROM scoredesk_control.membership")  # nobody says so
    assert await ask(early_viewer) == 200
    await operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'scoredesk listener'"
    )
    await operator.close()
    await until(lambda: ask(early_viewer), 401)


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


def beside(desk: Desk, clock: StandingClock) -> AbstractAsyncContextManager[None]:
    """What runs beside a server of this desk."""
    authenticator = create_authenticator(desk.settings, desk.database, clock)
    return attended(desk.settings, desk.database, authenticator, create_hints(desk.database), clock=clock)


class TestWorker:
    @pytest_asyncio.fixture
    async def working_desk(
        self, database: Database, acme: TenantDatabase, clock: StandingClock, place: Place
    ) -> AsyncIterator[Desk]:
        async with opened(database, acme, clock, worker="inside", database_url=place.app_url) as desk:
            yield desk

    async def test_it_does_the_chores(
        self, working_desk: Desk, globex: TenantDatabase, clock: StandingClock
    ) -> None:
        run = await begun(globex, clock)
        clock.advance(hours=7)
        async with beside(working_desk, clock):
            await until(lambda: status_of(globex, run), "refused")

    async def test_nothing_of_it_is_left_when_the_server_stops(
        self, working_desk: Desk, clock: StandingClock
    ) -> None:
        before = asyncio.all_tasks()
        async with beside(working_desk, clock):
            await asyncio.sleep(0.1)
            assert asyncio.all_tasks() != before
        assert asyncio.all_tasks() == before

    async def test_without_one_the_chores_are_left_to_others(
        self, desk: Desk, globex: TenantDatabase, clock: StandingClock
    ) -> None:
        run = await begun(globex, clock)
        clock.advance(hours=7)
        async with beside(desk, clock):
            await asyncio.sleep(0.2)
        assert await status_of(globex, run) == "running"
