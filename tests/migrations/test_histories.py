"""The migrations make exactly what the table modules declare."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, text

from migrations.draft import render_difference
from migrations.histories import CONTROL_HISTORY, TENANT_HISTORY, statements
from tenants.roles import HISTORY
from tenants.storage import AS_IT_IS, REPLACED
from tenants.tables import CONTROL, PLACEHOLDER, TENANT

# Everything that makes a table what it is, as PostgreSQL spells it, without the name of the namespace.
SHAPE = """
    WITH tables AS (
        SELECT oid AS id, relname, relpersistence, reloptions FROM pg_class
        WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname <> $2
    )
    SELECT relname, 'table', relpersistence::text || coalesce(reloptions::text, '')
           || coalesce(obj_description(id, 'pg_class'), '') FROM tables
    UNION ALL
    SELECT relname, 'column ' || attnum || ' ' || attname,
           concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity,
                     pg_get_expr(adbin, adrelid), col_description(id, attnum))
    FROM tables JOIN pg_attribute ON attrelid = id AND attnum > 0 AND NOT attisdropped
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT relname, 'constraint ' || conname, pg_get_constraintdef(c.oid)
    FROM tables JOIN pg_constraint c ON conrelid = id
    UNION ALL
    SELECT relname, 'index', pg_get_indexdef(indexrelid) FROM tables JOIN pg_index ON indrelid = id
    ORDER BY 1, 2, 3
"""


@pytest.fixture
async def root(place):
    connection = await asyncpg.connect(place.admin_url)
    yield connection
    await connection.close()


async def shape(root, namespace):
    rows = await root.fetch(SHAPE, namespace, HISTORY)
    return [tuple(str(cell).replace(f"{namespace}.", "") for cell in row) for row in rows]


def create_all(connection: Connection, metadata: MetaData, namespace: str):
    translated = connection.execution_options(schema_translate_map={metadata.schema: namespace})
    metadata.create_all(translated, checkfirst=False)


@pytest.mark.parametrize("history", [CONTROL_HISTORY, TENANT_HISTORY], ids=["control", "tenant"])
async def test_alembic_finds_no_difference(admin, acme, history):
    async with admin.transaction() as connection:
        namespace = history.namespace or acme.tenant.namespace
        assert await connection.run_sync(render_difference, history, namespace) == ""


@pytest.mark.parametrize("metadata", [CONTROL, TENANT], ids=["control", "tenant"])
async def test_a_migrated_namespace_is_what_the_tables_say(admin, root, acme, metadata):
    async with admin.transaction() as connection:
        await connection.execute(text("CREATE SCHEMA declared"))
        await connection.run_sync(create_all, metadata, "declared")
    migrated = acme.tenant.namespace if metadata.schema == PLACEHOLDER else metadata.schema
    assert await shape(root, migrated) == await shape(root, "declared")


async def test_a_draft_says_how_columns_are_kept(admin, root, acme):
    longer = MetaData(naming_convention=TENANT.naming_convention)
    for table in TENANT_HISTORY.metadata.tables.values():
        table.to_metadata(longer)._prefixes = table._prefixes
    content = Column("content", LargeBinary, info=AS_IT_IS)
    Table(
        "parcel", longer, Column("id", Integer, primary_key=True), Column("n", Integer), content, **REPLACED
    )
    longer.tables["team"].append_column(Column("emblem", LargeBinary, info=AS_IT_IS))
    async with admin.transaction() as connection:
        changes = await connection.run_sync(
            render_difference, replace(TENANT_HISTORY, metadata=longer), acme.tenant.namespace
        )
    for line in (
        'op.execute("ALTER TABLE parcel ALTER COLUMN content SET STORAGE EXTERNAL")',
        'op.execute("ALTER TABLE team ALTER COLUMN emblem SET STORAGE EXTERNAL")',
        "'toast.autovacuum_vacuum_threshold': 1000",
    ):
        assert line in changes
    compile(f"def upgrade():\n    {changes}", "draft", "exec")


async def test_a_draft_of_the_control_namespace_names_it(admin):
    longer = MetaData(schema=CONTROL.schema, naming_convention=CONTROL.naming_convention)
    for table in CONTROL.tables.values():
        table.to_metadata(longer)
    content = Column("content", LargeBinary, info=AS_IT_IS)
    Table("parcel", longer, Column("id", Integer, primary_key=True), content)
    history = replace(CONTROL_HISTORY, metadata=longer)
    async with admin.transaction() as connection:
        changes = await connection.run_sync(render_difference, history, CONTROL.schema)
    assert (
        f'op.execute("ALTER TABLE {CONTROL.schema}.parcel ALTER COLUMN content SET STORAGE EXTERNAL")'
        in changes
    )


async def test_columns_are_kept_as_they_say(root, acme):
    for table in TENANT.tables.values():
        for column in table.c:
            kept = await root.fetchval(
                "SELECT attstorage FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2",
                f'{acme.tenant.namespace}."{table.name}"',
                column.name,
            )
            assert kept != b"e" or column.info == AS_IT_IS
            assert column.info != AS_IT_IS or kept == b"e"


async def test_every_tenant_table_has_a_primary_key_and_no_enum(root, acme):
    without = await root.fetch(
        "SELECT relname FROM pg_class c WHERE relnamespace = $1::regnamespace AND relkind = 'r'"
        " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)",
        acme.tenant.namespace,
    )
    types = await root.fetch(
        "SELECT typname FROM pg_type WHERE typnamespace = $1::regnamespace AND typtype IN ('e', 'd')",
        acme.tenant.namespace,
    )
    triggers = await root.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    assert (without, types, triggers) == ([], [], [])


async def test_everything_in_a_tenants_namespace_is_its_owners(root, acme):
    others = await root.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'S', 'v')"
        " AND pg_get_userbyid(relowner) <> $1::text || '_owner'",
        acme.tenant.namespace,
    )
    assert others == []


def test_a_tenants_statements_name_no_namespace():
    assert statements(TENANT_HISTORY, None)
    for statement in statements(TENANT_HISTORY, None):
        assert PLACEHOLDER + "." not in statement
        assert "search_path" not in statement


def test_from_the_head_there_is_nothing_to_do():
    assert statements(TENANT_HISTORY, TENANT_HISTORY.head) == ()
