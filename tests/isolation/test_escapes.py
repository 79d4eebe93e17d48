"""What an injected expression or statement could try to leave its tenant: known tricks, all shown to fail."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy import ColumnElement, Select, func, literal_column, select, text

from backend.interactions.models import team
from tests.canaries import CANARY

# Each is one expression, as a hole in the formula compiler would place it in a SELECT.
EXPRESSIONS = {
    "set_config": "set_config('role', '{other}', true)",
    "set_config and query_to_xml": (
        "set_config('role', '{other}', true)"
        " || query_to_xml('SELECT * FROM {other}.team', true, true, '')::text"
    ),
    "query_to_xml": "query_to_xml('SELECT * FROM {other}.team', true, true, '')::text",
    "query_to_xml_and_xmlschema": "query_to_xml_and_xmlschema('TABLE {other}.team', true, true, '')::text",
    "table_to_xml": "table_to_xml('{other}.team', true, true, '')::text",
    "schema_to_xml": "schema_to_xml('{other}', true, true, '')::text",
    "database_to_xml": "database_to_xml(true, true, '')::text",
    "ts_stat": "(SELECT string_agg(word, ' ') FROM ts_stat('SELECT to_tsvector(name) FROM {other}.team'))",
    "ts_rewrite": "ts_rewrite('a', 'SELECT ''a''::tsquery, to_tsquery(name) FROM {other}.team')::text",
    "subquery": "(SELECT string_agg(name, ' ') FROM {other}.team)",
    "union": "1::text FROM (SELECT 1) x UNION SELECT name FROM {other}.team",
    "regclass": "(SELECT count(*)::text FROM {other}.team)",
    "dblink": "dblink('dbname=scoredesk', 'SELECT 1')",
    "large object": "lo_from_bytea(0, 'x')::text",
    "server file": "pg_read_file('/etc/passwd')",
    "log": "pg_current_logfile()",
    "sleep": "pg_sleep(10)::text",
    "notify": "pg_notify('interaction', 'forged')::text",
    "wal message": "pg_logical_emit_message(false, 'x', 'y')::text",
    "terminate": "pg_terminate_backend(pg_backend_pid())::text",
    "prepared statements": "(SELECT string_agg(statement, ' ') FROM pg_prepared_statements)",
    "cursors": "(SELECT string_agg(statement, ' ') FROM pg_cursors)",
    "password hashes": "(SELECT string_agg(rolpassword, ' ') FROM pg_authid)",
    "statistics": "(SELECT string_agg(most_common_vals::text, ' ') FROM pg_statistic)",
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("door", ["read", "write"])
async def test_an_injected_expression_does_not_get_out(acme, globex, name, door):
    expression = EXPRESSIONS[name].format(other=globex.tenant.namespace)
    with pytest.raises(Exception) as refusal:
        async with getattr(acme, door)() as session:
            await session.execute(select(literal_column(expression)))
    reason = str(refusal.value)
    assert "permission denied" in reason or "does not exist" in reason or "must be" in reason, reason
    assert CANARY not in reason


async def test_pg_settings_cannot_be_updated_into_another_role(acme, globex, place):
    connection = await asyncpg.connect(place.app_url)
    async with connection.transaction():
        await connection.execute(f'SET LOCAL ROLE "{acme.tenant.namespace}"')
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "UPDATE pg_settings SET setting = $1 WHERE name = 'role'", globex.tenant.namespace
            )
    await connection.close()


@pytest.mark.parametrize(
    "tail", ["; RESET ROLE", "; SET ROLE {other}", "; SELECT * FROM {other}.team", "; COMMIT; BEGIN"]
)
async def test_a_stacked_statement_is_refused_as_a_whole(acme, globex, tail):
    stacked: ColumnElement[int] = literal_column("1" + tail.format(other=globex.tenant.namespace))
    with pytest.raises(Exception, match="cannot insert multiple commands"):
        async with acme.read() as session:
            await session.execute(select(stacked))
    async with acme.read() as session:
        assert (await session.execute(select(func.current_user()))).scalar_one() == acme.tenant.readonly_role


@pytest.mark.parametrize(
    "statement", ["RESET ROLE", "SET ROLE {other}", "SET SESSION ROLE {other}", "COMMIT"]
)
async def test_a_statement_that_is_text_never_leaves_the_process(acme, globex, statement):
    async with acme.write() as session:
        with pytest.raises(TypeError):
            await session.execute(text(statement.format(other=globex.tenant.namespace)))
        assert (await session.execute(select(func.current_user()))).scalar_one() == acme.tenant.namespace


async def test_a_role_that_was_reset_reads_nothing(acme, globex, place):
    """Should `RESET ROLE` ever get through: the login itself has no right to anything."""
    connection = await asyncpg.connect(place.app_url)
    for tenant in (acme.tenant, globex.tenant):
        async with connection.transaction():
            await connection.execute(f'SET LOCAL ROLE "{tenant.namespace}"')
            await connection.execute("RESET ROLE")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f'SELECT * FROM "{tenant.namespace}".team')
    await connection.close()


async def test_a_statement_outside_a_transaction_fails_closed(acme, place):
    """A forgotten BEGIN makes SET LOCAL a no-op; what follows has no rights."""
    connection = await asyncpg.connect(place.app_url)
    await connection.execute(f'SET LOCAL ROLE "{acme.tenant.namespace}"')
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch(f'SELECT * FROM "{acme.tenant.namespace}".team')
    await connection.close()


async def test_a_statement_with_no_tenant_finds_no_table(database):
    with pytest.raises(Exception, match="does not exist"):
        async with database.control() as session:
            await session.execute(select(team.c.name))


async def test_the_platform_role_reads_no_tenant(database, globex):
    bound: Select[tuple[int]] = select(
        literal_column(f'(SELECT count(*) FROM "{globex.tenant.namespace}".team)')
    )
    with pytest.raises(Exception, match="permission denied"):
        async with database.control() as session:
            await session.execute(bound)


async def test_the_two_tenants_see_the_same_ids_and_their_own_rows(acme, globex):
    by_id = select(team.c.name).where(team.c.external_id == "1")
    async with acme.read() as session:
        assert (await session.execute(by_id)).all() == []
    async with globex.read() as session:
        assert CANARY in (await session.execute(by_id)).scalar_one()
