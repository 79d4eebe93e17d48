"""Who may do what, as PostgreSQL enforces it: logins, roles, grants, and what is taken from everybody.

The only module that looks at the server's version. Roles carry no customer's name: the catalog is readable
by all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from asyncpg import DuplicateObjectError, UniqueViolationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tenants.connections import driver_of
from tenants.database import PLATFORM_ROLE, AdminDatabase, Database
from tenants.faults import driver_error
from tenants.registry import check_namespace, owner_role, readonly_role
from tenants.tables import CONTROL, CONTROL_NAMESPACE

# Functions that run SQL given as text or change the role within one SELECT, hold a backend asleep, or write
# outside the tenant's namespace. Each would let an injected expression out of its role.
FORBIDDEN_FUNCTIONS = (
    "set_config",
    "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema",
    "cursor_to_xml", "cursor_to_xmlschema",
    "table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema",
    "schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema",
    "database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema",
    "ts_stat", "ts_rewrite",
    "lo_create", "lo_creat", "lo_from_bytea", "lo_import",
    "pg_sleep", "pg_sleep_for", "pg_sleep_until",
    "pg_notify", "pg_logical_emit_message",
)  # fmt: skip
# Updating pg_settings is set_config by another name; the other two show what else this session was asked.
FORBIDDEN_VIEWS = {
    "pg_settings": "UPDATE",
    "pg_prepared_statements": "SELECT",
    "pg_cursors": "SELECT",
}
APPEND_ONLY = ("audit_entry",)
HISTORY = "alembic_version"

_OPEN_TO_ALL = text("""
    SELECT 'EXECUTE ON FUNCTION ' || p.oid::regprocedure FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY(CAST(:functions AS text[]))
      AND has_function_privilege('public', p.oid, 'EXECUTE')
    UNION ALL
    SELECT v.kind || ' ON pg_catalog.' || v.name
    FROM unnest(CAST(:views AS text[]), CAST(:kinds AS text[])) AS v (name, kind)
    WHERE has_table_privilege('public', 'pg_catalog.' || v.name, v.kind)
    UNION ALL
    SELECT format('TEMPORARY ON DATABASE %I', current_database())
    WHERE has_database_privilege('public', current_database(), 'TEMPORARY')
    UNION ALL
    SELECT 'ALL ON SCHEMA public' FROM pg_catalog.pg_namespace n
    WHERE n.nspname = 'public' AND has_schema_privilege('public', n.oid, 'USAGE, CREATE')
    ORDER BY 1
""").bindparams(
    functions=list(FORBIDDEN_FUNCTIONS),
    views=list(FORBIDDEN_VIEWS),
    kinds=list(FORBIDDEN_VIEWS.values()),
)
# Only these: changing an owner locks the table, and after most migrations there is nothing to change.
# By what depends on the namespace: pg_class has no index by namespace, and a hundred rows for each tenant.
_OWNED_BY_OTHERS = text("""
    SELECT place.name, c.relname
    FROM unnest(CAST(:places AS text[]), CAST(:owners AS text[])) AS place (name, owner)
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass
      AND d.refobjid = to_regnamespace(place.name) AND d.classid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_class c ON c.oid = d.objid
    WHERE c.relkind IN ('r', 'p') AND c.relowner <> to_regrole(place.owner)
    ORDER BY 1, 2
""")
_LOGIN = text("""
    SELECT session_user AS name, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls,
           EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner = r.oid) AS owns
    FROM pg_catalog.pg_roles r WHERE r.rolname = session_user
""")


async def prepare_server(admin: AdminDatabase) -> None:
    """Makes the app login and the platform role and takes the forbidden rights from PUBLIC; safe to repeat.

    Where a managed server does not let us revoke, `missing_revokes` keeps saying so.
    """
    async with admin.transaction() as connection:
        await _create_role(connection, admin.app_login, "LOGIN NOINHERIT")
        await _seclude(connection, admin.app_login)
        await _create_role(connection, PLATFORM_ROLE, "NOLOGIN")
        await _admit(connection, PLATFORM_ROLE, admin.app_login)
        database = await connection.scalar(text("SELECT quote_ident(current_database())"))
        await connection.execute(text(f"GRANT CONNECT ON DATABASE {database} TO {_quoted(admin.app_login)}"))
        for right in (await connection.scalars(_OPEN_TO_ALL)).all():
            await _revoke(connection, right)


async def create_tenant_roles(admin: AdminDatabase, namespace: str) -> None:
    """The owner, runtime and read-only role of a namespace, committed when this returns; safe to repeat.

    They may log in, but have no password: Citus reaches its other nodes as the current role.
    """
    check_namespace(namespace)
    async with admin.transaction() as connection:
        await _create_role(connection, owner_role(namespace), "LOGIN")
        await _admit_admin(connection, owner_role(namespace))
        for role in (namespace, readonly_role(namespace)):
            await _create_role(connection, role, "LOGIN")
            await _admit(connection, role, admin.app_login)


async def drop_tenant_roles(admin: AdminDatabase, namespace: str) -> None:
    """Drops what `create_tenant_roles` made, once the namespace is gone; safe to repeat."""
    check_namespace(namespace)
    async with admin.transaction() as connection:
        for role in (namespace, readonly_role(namespace), owner_role(namespace)):
            await connection.execute(text(f"DROP ROLE IF EXISTS {_quoted(role)}"))


async def grant_namespace(connection: AsyncConnection, *namespaces: str) -> None:
    """Hands namespaces and what is new in them to their owners and grants their other two roles what they may do.

    Repeated after every migration, so that a new table is covered without being named. It is new as long as its
    owner is not the namespace's: most migrations make none, and granting again would write every table's row.
    """
    owners = [owner_role(check_namespace(namespace)) for namespace in namespaces]
    found = await connection.execute(_OWNED_BY_OTHERS, {"places": list(namespaces), "owners": owners})
    new: dict[str, list[str]] = {}
    for place, table in found:
        new.setdefault(place, []).append(table)
    script = [line for namespace, tables in new.items() for line in _grants(namespace, tables)]
    if script:
        await driver_of(connection).execute(";\n".join(script))


def _grants(namespace: str, tables: list[str]) -> Iterator[str]:
    owner, runtime, readonly = (_quoted(f(namespace)) for f in (owner_role, str, readonly_role))
    place = _quoted(namespace)
    named = {table: f"{place}.{_quoted(table)}" for table in tables}
    # The namespace first: a table's new owner must be able to create in it.
    yield f"ALTER SCHEMA {place} OWNER TO {owner}"
    yield f"GRANT USAGE ON SCHEMA {place} TO {runtime}, {readonly}"
    for name in named.values():
        yield f"ALTER TABLE {name} OWNER TO {owner}"
    if open_to_both := ", ".join(name for table, name in named.items() if table != HISTORY):
        yield f"GRANT SELECT ON {open_to_both} TO {runtime}, {readonly}"
        yield f"GRANT INSERT, UPDATE, DELETE ON {open_to_both} TO {runtime}"
    for table in APPEND_ONLY:
        if table in named:
            yield f"REVOKE UPDATE, DELETE ON {named[table]} FROM {runtime}"


async def grant_control(connection: AsyncConnection) -> None:
    """Lets the platform role work in the control namespace; which tenant is where only the admin changes.

    Tables are named one by one: to find all of a namespace the server reads the whole catalog.
    """
    names = [table.name for table in CONTROL.sorted_tables]
    written = ", ".join(f"{CONTROL_NAMESPACE}.{name}" for name in names if name != "tenant")
    read = ", ".join(f"{CONTROL_NAMESPACE}.{name}" for name in (*names, HISTORY))
    script = [
        f"GRANT USAGE ON SCHEMA {CONTROL_NAMESPACE} TO {PLATFORM_ROLE}",
        f"GRANT SELECT ON {read} TO {PLATFORM_ROLE}",
        f"GRANT INSERT, UPDATE, DELETE ON {written} TO {PLATFORM_ROLE}",
    ]
    await driver_of(connection).execute(";\n".join(script))


async def missing_revokes(database: Database) -> list[str]:
    """What PUBLIC may still do that lets a statement out of its role, as `right ON thing`; empty is good."""
    async with database.control() as session:
        return list((await session.execute(_OPEN_TO_ALL)).scalars())


async def login_faults(database: Database) -> list[str]:
    """Why the app's login must not serve, a sentence each; empty is good."""
    async with database.control() as session:
        login = (await session.execute(_LOGIN)).one()
    if login.rolsuper:
        return [f"The login {login.name} is a superuser, and no role can hold it."]
    powers = {
        "rolcreaterole": "make roles",
        "rolcreatedb": "make databases",
        "rolbypassrls": "pass by row security",
        "owns": "change a namespace that it owns",
    }
    return [f"The login {login.name} may {what}." for power, what in powers.items() if login._mapping[power]]


async def _create_role(connection: AsyncConnection, role: str, options: str) -> None:
    known = text("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = :role")
    if (await connection.execute(known, {"role": role})).first() is not None:
        return
    try:
        async with connection.begin_nested():
            await connection.execute(text(f"CREATE ROLE {_quoted(role)} {options}"))
    except DBAPIError as error:
        if not isinstance(driver_error(error), (DuplicateObjectError, UniqueViolationError)):
            raise  # else someone made it at the same moment


async def _admit(connection: AsyncConnection, role: str, login: str) -> None:
    """Lets a login become the role for a transaction, and inherit nothing from it."""
    separate = " WITH INHERIT FALSE, SET TRUE" if await _version(connection) >= 16 else ""
    await connection.execute(text(f"GRANT {_quoted(role)} TO {_quoted(login)}{separate}"))


async def _admit_admin(connection: AsyncConnection, owner: str) -> None:
    """Lets an admin who is no superuser hand things to the owner role and go on changing them."""
    full = " WITH INHERIT TRUE, SET TRUE" if await _version(connection) >= 16 else ""
    await connection.execute(text(f"GRANT {_quoted(owner)} TO CURRENT_USER{full}"))


async def _seclude(connection: AsyncConnection, login: str) -> None:
    """Before 16 inheriting is a property of the login; an admin who also serves (dev only) keeps it."""
    ours = text(
        "SELECT rolinherit AND NOT rolsuper AND rolname <> current_user"
        " FROM pg_catalog.pg_roles WHERE rolname = :login"
    )
    if await _version(connection) < 16 and await connection.scalar(ours, {"login": login}):
        await connection.execute(text(f"ALTER ROLE {_quoted(login)} NOINHERIT"))


async def _version(connection: AsyncConnection) -> int:
    number = await connection.scalar(text("SELECT current_setting('server_version_num')::int"))
    return int(number or 0) // 10000


async def _revoke(connection: AsyncConnection, right: str) -> None:
    with suppress(DBAPIError):  # a managed server may forbid it; `missing_revokes` then keeps saying so
        async with connection.begin_nested():
            await connection.execute(text(f"REVOKE {right} FROM PUBLIC"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
