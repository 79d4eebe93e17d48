"""Logins, roles and what is taken from everybody."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy import event, insert, select, text

from backend.interactions.models import team
from migrations.runner import upgrade, upgrade_namespace
from tenants.database import AdminDatabase, Database
from tenants.provisioning import create_tenant, drop_tenant
from tenants.registry import check_namespace
from tenants.roles import grant_namespace, login_faults, missing_revokes, prepare_server


async def add_team(session):
    await session.execute(insert(team).values(external_id="north", name="North"))


async def test_a_prepared_server_has_nothing_to_mend(database):
    assert await missing_revokes(database) == []
    assert await login_faults(database) == []


@pytest.mark.parametrize(
    "right",
    [
        "EXECUTE ON FUNCTION set_config(text,text,boolean)",
        "EXECUTE ON FUNCTION query_to_xml(text,boolean,boolean,text)",
        "EXECUTE ON FUNCTION pg_sleep(double precision)",
        "UPDATE ON pg_catalog.pg_settings",
        "ALL ON SCHEMA public",
    ],
)
async def test_a_right_given_back_is_reported_and_taken_again(admin, database, right):
    async with admin.transaction() as connection:
        await connection.execute(text(f"GRANT {right} TO PUBLIC"))
    assert await missing_revokes(database) == [right]
    await prepare_server(admin)
    assert await missing_revokes(database) == []


async def test_temporary_tables_given_back_are_reported(admin, database):
    async with admin.transaction() as connection:
        name = await connection.scalar(text("SELECT quote_ident(current_database())"))
        await connection.execute(text(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC"))
    assert await missing_revokes(database) == [f"TEMPORARY ON DATABASE {name}"]


async def test_a_superuser_is_no_login_to_serve_with(place):
    database = Database.connect(place.admin_url)
    (fault,) = await login_faults(database)
    assert "superuser" in fault
    await database.close()


async def test_the_login_inherits_nothing(place):
    connection = await asyncpg.connect(place.app_url)
    inherits = await connection.fetch(
        "SELECT rolname FROM pg_roles"
        " WHERE rolname <> session_user AND pg_has_role(session_user, oid, 'USAGE')"
    )
    await connection.close()
    assert inherits == []


@pytest.mark.parametrize("name", ["acme", "t_", 't_a"; DROP', "T_A", "t_a b", "", "public"])
def test_only_a_namespace_of_ours_may_stand_in_sql(name):
    with pytest.raises(ValueError, match="not a tenant's namespace"):
        check_namespace(name)


async def test_admin_and_app_may_be_one_superuser_in_development(server):
    name = await server.create_database()
    admin = AdminDatabase.connect(server.admin_url(name), app_login="scoredesk_admin")
    database = Database.connect(server.admin_url(name))
    await upgrade(admin)
    tenant = await create_tenant(admin, "solo", migrate=upgrade_namespace)
    async with database.of(tenant).write() as session:
        await add_team(session)
    async with database.of(tenant).read() as session:
        assert (await session.execute(select(team.c.name))).scalars().all() == ["North"]
    await drop_tenant(admin, "solo")
    await admin.close()
    await database.close()
    await server.drop_database(name)


async def test_an_admin_without_superuser_provisions_and_migrates(server):
    """As on a managed server: it cannot revoke what is PostgreSQL's own, and all the rest works."""
    name = await server.create_database()
    root = await asyncpg.connect(server.admin_url(name))
    await root.execute("CREATE ROLE installer CREATEROLE LOGIN; CREATE ROLE shop LOGIN")
    await root.execute(f"ALTER DATABASE {name} OWNER TO installer")
    await root.execute("GRANT scoredesk_platform TO installer WITH ADMIN OPTION")
    admin = AdminDatabase.connect(server.admin_url(name), app_login="shop")
    database = Database.connect(server.admin_url(name))
    become(admin._engine, "installer")
    become(database._engine, "shop")
    try:
        await upgrade(admin)
        tenant = await create_tenant(admin, "managed", migrate=upgrade_namespace, seed=add_team)
        async with admin.transaction() as connection:  # what a later migration does
            await connection.execute(text(f'ALTER TABLE "{tenant.namespace}".team ADD COLUMN later int'))
            await grant_namespace(connection, tenant.namespace)
        async with database.of(tenant).read() as session:
            assert (await session.execute(select(team.c.name))).scalars().all() == ["North"]
        assert await login_faults(database) == []
        missing = await missing_revokes(database)
        assert "EXECUTE ON FUNCTION set_config(text,text,boolean)" in missing
        assert "ALL ON SCHEMA public" not in missing
        await drop_tenant(admin, "managed")
    finally:
        await admin.close()
        await database.close()
        await server.drop_database(name)
        await root.close()
        await forget(server, ["installer", "shop"])


def become(engine, login):
    """Every connection is this login's, as far as PostgreSQL can tell; the server itself admits only two."""

    @event.listens_for(engine.sync_engine, "connect")
    def _become(connection, _):
        connection.run_async(lambda driver: driver.execute(f"SET SESSION AUTHORIZATION {login}"))


async def forget(server, logins):
    root = await asyncpg.connect(server.admin_url("postgres"))
    for login in logins:
        await root.execute(f"DROP OWNED BY {login}; DROP ROLE {login}")
    await root.close()
