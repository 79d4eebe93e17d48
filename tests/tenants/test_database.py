"""The door: one tenant, one role, one transaction."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import Integer, cast, func, insert, literal, select, text, update

from backend.core.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable
from backend.interactions.identity import new_id
from backend.interactions.models import outbox, team
from tenants import connections
from tenants import database as door
from tenants.database import Database
from tenants.tables import tenant as tenant_table

NAMES = select(team.c.name).order_by(team.c.external_id)
SERIES = select(func.generate_series(1, 2500).column_valued("n"))
SLOW = select(func.count()).select_from(
    func.generate_series(1, 10_000_000).table_valued("n")
)  # some seconds, and it can be cancelled


async def add_team(session, name="North"):
    await session.execute(insert(team).values(external_id=name.lower(), name=name))


async def names(tenant):
    async with tenant.read() as session:
        return list((await session.execute(NAMES)).scalars())


async def setting(session, name):
    return (await session.execute(select(func.current_setting(name)))).scalar_one()


async def test_a_write_is_kept_when_its_block_ends(acme):
    async with acme.write() as session:
        await add_team(session)
    assert await names(acme) == ["North"]


async def test_a_write_is_undone_when_its_block_raises(acme):
    async def write_and_fail():
        async with acme.write() as session:
            await add_team(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()
    assert await names(acme) == []


async def test_a_write_is_undone_when_its_task_is_cancelled(acme):
    begun = asyncio.Event()

    async def write():
        async with acme.write() as session:
            await add_team(session)
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(acme) == []


async def test_a_swallowed_failure_is_not_taken_for_success(acme):
    async def write_twice_and_say_nothing():
        async with acme.write() as session:
            await add_team(session)
            with suppress(Conflict):
                await add_team(session)

    with pytest.raises(RuntimeError, match="nothing was kept"):
        await write_twice_and_say_nothing()
    assert await names(acme) == []


async def test_each_door_has_its_own_role(database, acme):
    who = select(func.current_user(), func.session_user())
    async with acme.read() as session:
        assert (await session.execute(who)).one() == (acme.tenant.readonly_role, door.APP_LOGIN)
    async with acme.write() as session:
        assert (await session.execute(who)).one() == (acme.tenant.namespace, door.APP_LOGIN)
    async with database.control() as session:
        assert (await session.execute(who)).one() == (door.PLATFORM_ROLE, door.APP_LOGIN)


async def test_timeouts_come_with_the_transaction(acme):
    async with acme.read(statement_timeout=1.5) as session:
        assert await setting(session, "statement_timeout") == "1500ms"
        assert await setting(session, "lock_timeout") == "2s"
        assert await setting(session, "idle_in_transaction_session_timeout") == "1min"
        assert await setting(session, "transaction_read_only") == "on"
        assert await setting(session, "transaction_isolation") == "read committed"
    async with acme.write() as session:
        assert await setting(session, "statement_timeout") == "10s"
        assert await setting(session, "transaction_read_only") == "off"


async def test_a_snapshot_does_not_see_what_comes_after_its_first_statement(acme):
    async with acme.read(snapshot=True) as session, acme.read() as plain:
        assert (await session.execute(NAMES)).all() == []
        async with acme.write() as writer:
            await add_team(writer)
        assert (await session.execute(NAMES)).all() == []
        assert (await plain.execute(NAMES)).scalars().all() == ["North"]


async def test_a_reader_cannot_write(acme):
    with pytest.raises(Exception, match=r"read-only transaction|permission denied"):
        async with acme.read() as session:
            await add_team(session)
    assert await names(acme) == []


async def test_copy_appends_and_counts(acme):
    at = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [(new_id(), "score", '{"n": 1}', at), (new_id(), "score", '{"n": 2}', at)]
    async with acme.write() as session:
        count = await session.copy(outbox, ["id", "topic", "payload", "created_at"], iter(rows))
    async with acme.read() as session:
        stored = (await session.execute(select(outbox.c.payload, outbox.c.created_at))).all()
    assert count == 2
    assert sorted(stored, key=str) == [({"n": 1}, at), ({"n": 2}, at)]


async def test_copy_refuses_what_does_not_fit(acme):
    with pytest.raises(Invalid):
        async with acme.write() as session:
            await session.copy(team, ["external_id", "name"], [("north", "N\x00rth")])
    assert await names(acme) == []


async def test_copy_without_a_tenant_reaches_no_tenants_table(database):
    async with database.control() as session:
        with pytest.raises(LookupError):
            await session.copy(team, ["external_id", "name"], [("north", "North")])


async def test_stream_gives_every_row_in_order(acme):
    async with acme.read() as session:
        seen = [row.n async for row in session.stream(SERIES, chunk=100)]
    assert seen == list(range(1, 2501))


async def test_a_stream_may_be_left_early(acme):
    async with acme.read() as session:
        async for _ in session.stream(SERIES):
            break
        assert (await session.execute(select(literal(1)))).scalar_one() == 1


@pytest.mark.parametrize("statement", [text("SELECT 1"), text("SELECT 1 AS n").columns(n=Integer)])
async def test_a_tenants_session_takes_no_text(acme, statement):
    async with acme.read() as session:
        with pytest.raises(TypeError):
            await session.execute(statement)
        with pytest.raises(TypeError):
            [row async for row in session.stream(statement)]


async def test_a_tenant_table_is_nowhere_for_a_session_without_tenant(database):
    with pytest.raises(Exception, match=r'"tenant\.team" does not exist'):
        async with database.control() as session:
            await session.execute(NAMES)


class TestFaults:
    """What the database refuses comes out as an error that may be shown."""

    async def test_a_slow_statement_is_exhausted(self, acme):
        async with acme.read(statement_timeout=0.05) as session:
            with pytest.raises(Exhausted) as refusal:
                await session.execute(SLOW)
        assert refusal.value.code == "STATEMENT_TIMEOUT"
        assert refusal.value.retry_after is not None

    async def test_the_same_thing_twice_is_a_conflict(self, acme):
        async with acme.write() as session:
            await add_team(session)
        with pytest.raises(Conflict) as refusal:
            async with acme.write() as session:
                await add_team(session)
        assert refusal.value.code == "ALREADY_EXISTS"
        assert "team" not in refusal.value.message

    @pytest.mark.parametrize("value", ["a\x00b", "\ud800"])
    async def test_text_that_cannot_be_stored_is_invalid(self, acme, value):
        with pytest.raises(Invalid):
            async with acme.write() as session:
                await add_team(session, value)

    @pytest.mark.parametrize(
        "statement",
        [
            select(literal(1)).limit(-1),
            select(cast(literal("x"), Integer)),
            select(literal(1, Integer) / literal(0, Integer)),
            select(team.c.id).where(team.c.id == 2**40),
            insert(team).values(external_id="north"),
        ],
    )
    async def test_a_value_that_cannot_be_used_is_invalid(self, acme, statement):
        with pytest.raises(Invalid) as refusal:
            async with acme.write() as session:
                await session.execute(statement)
        assert refusal.value.code == "VALUE_INVALID"

    async def test_a_lock_that_is_not_had_is_unavailable(self, place, acme):
        async with acme.write() as session:
            await add_team(session)
        impatient = Database.connect(place.app_url, lock_timeout=0.05)
        change = update(team).values(name="South")
        async with acme.write() as session:
            await session.execute(change)
            with pytest.raises(Unavailable):
                async with impatient.of(acme.tenant).write() as other:
                    await other.execute(change)
        await impatient.close()

    async def test_a_server_that_is_away_is_unavailable(self, acme):
        away = Database.connect("postgresql://scoredesk_app@/x?host=/nonexistent")
        with pytest.raises(Unavailable):
            async with away.of(acme.tenant).read():
                pass

    async def test_a_full_pool_is_unavailable_within_seconds(self, place, acme, monkeypatch):
        monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 0.2)
        small = Database.connect(place.app_url, pool_size=1)
        async with small.of(acme.tenant).read():
            with pytest.raises(Unavailable):
                async with small.of(acme.tenant).read():
                    pass
        await small.close()

    async def test_a_connection_cut_by_the_server_is_unavailable_and_the_next_works(self, place, acme):
        async def write_and_be_cut():
            async with acme.write() as session:
                await add_team(session)
                await cut_connections(place)
                await session.execute(NAMES)

        with pytest.raises(Unavailable):
            await write_and_be_cut()
        assert await names(acme) == []

    async def test_a_dropped_tenant_is_not_found(self, database, acme):
        gone = database.of(replace(acme.tenant, namespace="t_gone"))
        with pytest.raises(NotFound):
            async with gone.read():
                pass

    async def test_a_server_that_was_never_set_up_says_what_to_do(self, database, monkeypatch):
        monkeypatch.setattr(door, "PLATFORM_ROLE", "scoredesk_absent")
        with pytest.raises(Unavailable, match="scoredesk migrate"):
            async with database.control():
                pass


class TestPool:
    """What goes back to the pool, and what does not."""

    @pytest.fixture
    async def single(self, place):
        single = Database.connect(place.app_url, pool_size=1)
        yield single
        await single.close()

    async def backend(self, tenant):
        async with tenant.read() as session:
            return (await session.execute(select(func.pg_backend_pid()))).scalar_one()

    async def test_a_connection_is_used_again(self, single, acme):
        tenant = single.of(acme.tenant)
        assert await self.backend(tenant) == await self.backend(tenant)

    async def test_an_ordinary_error_keeps_the_connection(self, single, acme):
        tenant = single.of(acme.tenant)
        before = await self.backend(tenant)
        with pytest.raises(Invalid):
            async with tenant.read() as session:
                await session.execute(select(literal(1)).limit(-1))
        assert await self.backend(tenant) == before

    async def test_a_cancelled_statement_drops_the_connection_and_ends_the_query(self, single, acme, place):
        tenant = single.of(acme.tenant)
        before = await self.backend(tenant)

        async def slow():
            async with tenant.read() as session:
                await session.execute(SLOW)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await slow()
        assert await self.backend(tenant) != before
        assert before not in await app_backends(place)

    async def test_after_a_restart_the_first_to_come_is_served(self, database, acme, place):
        async with acme.read(), acme.read():
            pass
        await cut_connections(place)
        await asyncio.sleep(0.05)  # until the news has come
        assert await names(acme) == await names(acme) == []

    async def test_a_connection_is_retired_after_so_many_tenants(self, single, acme, globex, monkeypatch):
        monkeypatch.setattr(connections, "MAX_TENANTS", 2)
        first = await self.backend(single.of(acme.tenant))
        assert await self.backend(single.of(acme.tenant)) == first
        assert await self.backend(single.of(globex.tenant)) == first
        assert await self.backend(single.of(globex.tenant)) != first

    async def test_a_session_role_left_behind_changes_nothing(self, single, acme, globex):
        async with single.of(globex.tenant).read() as session:
            raw = await session._connection.get_raw_connection()
            await raw.driver_connection.execute(f'SET SESSION ROLE "{globex.tenant.namespace}"')
        async with single.of(acme.tenant).read() as session:
            row = (await session.execute(select(func.current_user()))).scalar_one()
        assert row == acme.tenant.readonly_role

    async def test_the_platform_role_may_not_move_a_tenant(self, single):
        with pytest.raises(Exception, match="permission denied"):
            async with single.control() as session:
                await session.execute(update(tenant_table).values(namespace="t_other"))


async def cut_connections(place):
    connection = await asyncpg.connect(place.admin_url)
    for backend in await app_backends(place):
        await connection.execute("SELECT pg_terminate_backend($1)", backend)
    await connection.close()


async def app_backends(place):
    connection = await asyncpg.connect(place.admin_url)
    rows = await connection.fetch(
        "SELECT pid FROM pg_stat_activity WHERE usename = 'scoredesk_app' AND datname = current_database()"
    )
    await connection.close()
    return {row["pid"] for row in rows}
