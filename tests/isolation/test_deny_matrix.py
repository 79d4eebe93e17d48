"""Every table of a tenant against everybody who has no business with it, as PostgreSQL itself decides."""

from __future__ import annotations

import asyncpg
import pytest

from tenants.database import PLATFORM_ROLE
from tenants.registry import owner_role, readonly_role
from tenants.roles import APPEND_ONLY, HISTORY
from tenants.tables import TENANT

DENIED = asyncpg.InsufficientPrivilegeError
CHANGES = {
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table}",
    "ALTER": "ALTER TABLE {table} ADD COLUMN planted int",
    "DROP": "DROP TABLE {table}",
    "INDEX": "CREATE INDEX ON {table} ({column})",
    "TRIGGER": (
        "CREATE TRIGGER planted AFTER INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "COPY": "COPY {table} FROM STDIN",
}
EVERYTHING = {
    "SELECT": "SELECT count(*) FROM {table}",
    "LOCK": "LOCK TABLE {table}",
    "GRANT": "GRANT SELECT ON {table} TO PUBLIC",
    **CHANGES,
}
OWNERSHIP = {what: EVERYTHING[what] for what in ("TRUNCATE", "ALTER", "DROP", "INDEX", "TRIGGER")}


class Intruder:
    """A connection of the app's login that says any SQL it likes, as any role it can get."""

    def __init__(self, connection):
        self.connection = connection

    async def refused(self, statement, role=None):
        """Runs one statement, alone in a transaction that is undone; asserts that it is denied."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            if role is not None:
                await self.connection.execute(f'SET LOCAL ROLE "{role}"')
            with pytest.raises(DENIED):
                await self.connection.execute(statement)
        finally:
            await transaction.rollback()


@pytest.fixture
async def intruder(place):
    connection = await asyncpg.connect(place.app_url)
    yield Intruder(connection)
    await connection.close()


@pytest.fixture
async def root(place):
    connection = await asyncpg.connect(place.admin_url)
    yield connection
    await connection.close()


async def tables(root, namespace):
    """Every table of a namespace, with one of its columns."""
    rows = await root.fetch(
        "SELECT table_name, min(column_name) FROM information_schema.columns"
        " WHERE table_schema = $1 GROUP BY 1",
        namespace,
    )
    return dict(rows)


async def contents(root, namespace):
    """How many rows each table holds, and what they are."""
    return {
        name: await root.fetchval(
            f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{namespace}"."{name}" t'
        )
        for name in await tables(root, namespace)
    }


def attempts(statements, namespace, table, column):
    return [s.format(table=f'"{namespace}"."{table}"', column=f'"{column}"') for s in statements.values()]


async def test_the_matrix_covers_every_table(root, globex):
    declared = {table.name for table in TENANT.sorted_tables}
    assert set(await tables(root, globex.tenant.namespace)) == declared | {HISTORY}


async def test_nobody_reaches_another_tenants_tables(intruder, root, acme, globex):
    namespace = globex.tenant.namespace
    before = await contents(root, namespace)
    strangers = [None, acme.tenant.namespace, acme.tenant.readonly_role, PLATFORM_ROLE]
    for table, column in (await tables(root, namespace)).items():
        for role in strangers:
            for statement in attempts(EVERYTHING, namespace, table, column):
                await intruder.refused(statement, role)
    assert await contents(root, namespace) == before
    assert len(set(before.values())) > 20  # there was something to take


async def test_the_readonly_role_changes_nothing_of_its_own_tenant(intruder, root, globex):
    namespace = globex.tenant.namespace
    before = await contents(root, namespace)
    for table, column in (await tables(root, namespace)).items():
        for statement in attempts(CHANGES, namespace, table, column):
            await intruder.refused(statement, globex.tenant.readonly_role)
    assert await contents(root, namespace) == before


async def test_the_runtime_role_owns_nothing_of_its_own_tenant(intruder, root, globex):
    namespace = globex.tenant.namespace
    for table, column in (await tables(root, namespace)).items():
        for statement in attempts(OWNERSHIP, namespace, table, column):
            await intruder.refused(statement, namespace)


@pytest.mark.parametrize("table", [*APPEND_ONLY, HISTORY])
@pytest.mark.parametrize("what", ["UPDATE", "DELETE"])
async def test_what_is_written_for_good_stays(intruder, root, globex, table, what):
    namespace = globex.tenant.namespace
    column = (await tables(root, namespace))[table]
    for statement in attempts({what: CHANGES[what]}, namespace, table, column):
        await intruder.refused(statement, namespace)


async def test_a_tenants_role_gives_nothing_away(intruder, root, acme):
    table = f'"{acme.tenant.namespace}".interaction'
    for role in (acme.tenant.namespace, acme.tenant.readonly_role):
        async with intruder.connection.transaction():
            await intruder.connection.execute(f'SET LOCAL ROLE "{role}"')
            await intruder.connection.execute(f"GRANT SELECT ON {table} TO PUBLIC")  # a warning, and no grant
    assert not await root.fetchval("SELECT has_table_privilege('public', $1, 'SELECT')", table)


async def test_no_tenants_role_reaches_the_control_namespace(intruder, root, acme):
    for table, column in (await tables(root, "scoredesk_control")).items():
        for role in (None, acme.tenant.namespace, acme.tenant.readonly_role):
            for statement in attempts(EVERYTHING, "scoredesk_control", table, column):
                await intruder.refused(statement, role)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE SCHEMA planted",
        "CREATE TABLE public.planted (n int)",
        "CREATE TEMPORARY TABLE planted (n int)",
        'CREATE TABLE "{namespace}".planted (n int)',
        "CREATE FUNCTION \"{namespace}\".planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        'CREATE VIEW "{namespace}".planted AS SELECT 1',
        "CREATE ROLE planted",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/planted'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scoredesk_app'",
    ],
)
async def test_nobody_makes_anything_new(intruder, acme, statement):
    for role in (None, acme.tenant.namespace, acme.tenant.readonly_role, PLATFORM_ROLE):
        if "terminate" in statement and role is None:
            continue  # the login may end its own connections
        await intruder.refused(statement.format(namespace=acme.tenant.namespace), role)


@pytest.mark.parametrize("kind", ["owner", "admin"])
async def test_the_login_cannot_become_an_owner_or_the_admin(intruder, globex, kind):
    role = owner_role(globex.tenant.namespace) if kind == "owner" else "scoredesk_admin"
    await intruder.refused(f'SET LOCAL ROLE "{role}"')
    await intruder.refused(f'SET SESSION AUTHORIZATION "{role}"')


async def test_the_owner_and_the_roles_cannot_be_read_as_login(place, acme):
    """Tenant roles may log in, for Citus; the embedded server lets only its two logins in."""
    for role in (
        acme.tenant.namespace,
        readonly_role(acme.tenant.namespace),
        owner_role(acme.tenant.namespace),
    ):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(place.app_url.replace("scoredesk_app", role))
