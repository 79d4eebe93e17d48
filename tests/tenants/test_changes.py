"""Word of changes: what is said, who hears it, and a connection that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend.auth.memberships import grant_membership, revoke_membership
from migrations.runner import upgrade_namespace
from tenants.changes import CHANNEL, Change, Changed
from tenants.listening import listen
from tenants.provisioning import create_tenant, drop_tenant, resume_tenant, suspend_tenant

LISTENERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'scoredesk listener'"
)


@asynccontextmanager
async def ear(url, **options):
    """A listener; `heard` is what it was told, from the first moment at which it listens."""
    heard: list[Change | None] = []
    task = asyncio.create_task(listen(url, heard.append, **options))
    try:
        await until(lambda: heard)
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    """Waits until something is so."""
    for _ in range(250):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


@asynccontextmanager
async def overheard(url):
    """The payloads on the channel, as PostgreSQL delivers them."""
    connection = await asyncpg.connect(url)
    payloads: list[str] = []
    try:
        await connection.add_listener(CHANNEL, lambda *message: payloads.append(message[-1]))
        yield payloads
    finally:
        await connection.close()


@pytest.fixture
async def operator(place):
    """A connection that sees all others."""
    connection = await asyncpg.connect(place.admin_url)
    yield connection
    await connection.close()


class TestWhatIsSaid:
    def test_a_change_reads_back(self):
        change = Change(uuid4(), Changed.MEMBERSHIP, uuid4())
        assert Change.read(change.payload) == change

    @pytest.mark.parametrize(
        "payload",
        ["", "x", f"{uuid4()} tenant", f"{uuid4()} board {uuid4()}", f"{uuid4()} tenant {uuid4()}\n"],
    )
    def test_what_is_no_change_is_none(self, payload):
        assert Change.read(payload) is None

    @pytest.mark.parametrize("forged", ["'; DROP TABLE x; --", "o'clock", uuid4().hex])
    def test_nothing_but_ids_gets_into_the_statement(self, forged):
        with pytest.raises(ValueError, match="not a change"):
            _ = Change(uuid4(), Changed.TENANT, forged).statement
        with pytest.raises(ValueError, match="not a change"):
            _ = Change(uuid4(), cast(Changed, SimpleNamespace(value=forged)), uuid4()).statement

    async def test_granting_and_revoking_say_who_by_id_alone(self, database, acme, place):
        async with overheard(place.app_url) as payloads:
            async with database.control() as session:
                granted = await grant_membership(session, acme.tenant, "ana@acme", "manager")
            async with database.control() as session:
                await revoke_membership(session, acme.tenant, "ana@acme")
            await until(lambda: len(payloads) == 2)
        assert payloads == [f"{acme.tenant.id} membership {granted.user_id}"] * 2

    async def test_each_change_of_a_tenant_is_said(self, admin, acme, place):
        other = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        async with overheard(place.app_url) as payloads:
            await suspend_tenant(admin, "acme")
            await resume_tenant(admin, "acme")
            await drop_tenant(admin, "initech")
            await until(lambda: len(payloads) == 3)
        ids = [acme.tenant.id, acme.tenant.id, other.id]
        assert payloads == [f"{one} tenant {one}" for one in ids]

    async def test_what_was_undone_is_not_said(self, database, acme, place):
        kept = Change(acme.tenant.id, Changed.TENANT, acme.tenant.id)
        async with overheard(place.app_url) as payloads:
            with suppress(ZeroDivisionError):
                async with database.control() as session:
                    await grant_membership(session, acme.tenant, "ana", "manager")
                    raise ZeroDivisionError
            async with acme.write() as session:
                await session.announce(kept)
            await until(lambda: payloads)
        assert payloads == [kept.payload]

    async def test_a_tenants_session_speaks_of_that_tenant_only(self, acme, globex):
        change = Change(globex.tenant.id, Changed.TENANT, globex.tenant.id)
        async with acme.write() as session:
            with pytest.raises(ValueError, match="that tenant only"):
                await session.announce(change)


class TestListening:
    async def test_it_hears_changes_and_at_first_that_it_missed_some(self, database, acme, place):
        async with ear(place.app_url) as heard:
            async with database.control() as session:
                granted = await grant_membership(session, acme.tenant, "ana", "manager")
            await until(lambda: len(heard) == 2)
        assert heard == [None, Change(acme.tenant.id, Changed.MEMBERSHIP, granted.user_id)]

    async def test_a_hint_it_cannot_read_may_mean_anything(self, operator, place):
        async with ear(place.app_url) as heard:
            await operator.execute(f"NOTIFY {CHANNEL}, 'of a later release'")
            await until(lambda: len(heard) == 2)
        assert heard == [None, None]

    async def test_it_listens_as_the_login_and_may_read_nothing(self, operator, acme, place):
        async with ear(place.app_url):
            user, transaction = await operator.fetchrow(f"SELECT usename, xact_start {LISTENERS}")
        assert transaction is None
        allowed = "SELECT has_schema_privilege($1, $2, 'USAGE')"
        assert [
            await operator.fetchval(allowed, user, namespace)
            for namespace in (acme.tenant.namespace, "scoredesk_control")
        ] == [False, False]

    async def test_it_comes_back_when_it_was_cut_off(self, database, operator, acme, place):
        async with ear(place.app_url) as heard:
            for cut in range(1, 3):
                assert await operator.fetchval(f"SELECT count(pg_terminate_backend(pid)) {LISTENERS}") == 1
                await until(lambda: heard == [None] * (cut + 1))  # noqa: B023
            async with database.control() as session:
                await grant_membership(session, acme.tenant, "ana", "manager")
            await until(lambda: len(heard) == 4)
            assert await operator.fetchval(f"SELECT count(*) {LISTENERS}") == 1

    async def test_it_waits_for_a_server_that_is_away(self, database, operator, place, caplog):
        wrong = place.app_url.replace("scoredesk_app", "nobody_at_all")
        assert wrong != place.app_url
        heard: list[Change | None] = []
        task = asyncio.create_task(listen(wrong, heard.append))
        await asyncio.sleep(1)
        assert (heard, task.done()) == ([], False)
        task.cancel()
        [line] = [record for record in caplog.records if record.name == "scoredesk.tenants"]
        assert "nobody_at_all" not in line.getMessage()

    async def test_a_quiet_connection_is_asked_whether_it_lives(self, operator, place):
        async with ear(place.app_url, probe_every=0.05) as heard:
            asked = f"SELECT count(*) {LISTENERS} AND query = 'SELECT 1'"
            for _ in range(100):
                if await operator.fetchval(asked):
                    break
                await asyncio.sleep(0.02)
            assert await operator.fetchval(asked) == 1
            assert heard == [None]

    async def test_nothing_is_left_when_it_stops(self, operator, place):
        async with ear(place.app_url):
            assert await operator.fetchval(f"SELECT count(*) {LISTENERS}") == 1
        for _ in range(100):
            if not await operator.fetchval(f"SELECT count(*) {LISTENERS}"):
                break
            await asyncio.sleep(0.02)
        assert await operator.fetchval(f"SELECT count(*) {LISTENERS}") == 0


def test_a_change_names_ids_and_a_kind_and_nothing_else():
    change = Change(UUID(int=1), Changed.TENANT, UUID(int=2))
    assert change.statement == f"NOTIFY {CHANNEL}, '{UUID(int=1)} tenant {UUID(int=2)}'"
    assert replace(change, what=Changed.MEMBERSHIP).payload == f"{UUID(int=1)} membership {UUID(int=2)}"
