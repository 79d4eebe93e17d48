"""Takes a server through both histories: the control namespace first, then every tenant, several at a time.

The only module that sets a `search_path`, and only within its own transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DomainError, Unavailable
from migrations.histories import CONTROL_HISTORY, TENANT_HISTORY, statements
from tenants.database import AdminDatabase
from tenants.registry import TENANT_COLUMNS, Tenant, as_tenant, check_namespace
from tenants.roles import HISTORY, grant_control, grant_namespace, prepare_server
from tenants.tables import CONTROL_NAMESPACE
from tenants.tables import tenant as tenant_table

PARALLEL = 4  # connections of the admin's pool
TRIES = 4  # for a lock that someone holds; each waits at most the transaction's lock_timeout
PAUSE = 0.5  # seconds before the second try, doubled for each further one
CONTROL_LOCK = (
    7_035_541_801  # any number, the same in every process: one at a time migrates the control namespace
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the tenants are: how many of `total` are behind us, and how many of those failed."""

    done: int
    failed: int
    total: int


@dataclass(slots=True)
class MigrationReport:
    """What one run did, by slug. A tenant that failed stands on its old revision and is served there."""

    migrated: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


async def upgrade(
    admin: AdminDatabase, *, progress: Callable[[Progress], None] | None = None
) -> MigrationReport:
    """Prepares the server's roles, then migrates the control namespace and all tenants. Safe to repeat."""
    await prepare_server(admin)
    await upgrade_control(admin)
    return await upgrade_tenants(admin, progress=progress)


async def upgrade_control(admin: AdminDatabase) -> None:
    """Makes or migrates the control namespace."""
    async with admin.transaction(
        lock_timeout=60
    ) as connection:  # another process may be migrating; wait for it
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({CONTROL_LOCK})"))
        await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {CONTROL_NAMESPACE}"))
        revision = await _revision(connection, CONTROL_NAMESPACE)
        if revision != CONTROL_HISTORY.head:
            for statement in statements(CONTROL_HISTORY, revision):
                await connection.exec_driver_sql(statement)
        await grant_control(connection)


async def upgrade_namespace(connection: AsyncConnection, namespace: str) -> str:
    """Runs what a namespace lacks, in the caller's transaction; returns the revision it then stands on."""
    check_namespace(namespace)
    head = TENANT_HISTORY.head
    assert head is not None
    revision = await _revision(connection, namespace)
    if revision != head:
        await connection.execute(text(f'SET LOCAL search_path TO "{namespace}"'))
        for statement in statements(TENANT_HISTORY, revision):
            await connection.exec_driver_sql(statement)
        await connection.execute(text("SET LOCAL search_path TO DEFAULT"))
    return head


async def upgrade_tenants(
    admin: AdminDatabase, *, progress: Callable[[Progress], None] | None = None
) -> MigrationReport:
    """Migrates every tenant that the registry says is behind, one transaction each.

    A tenant that fails is noted in the registry and in the report, and the others go on.
    """
    behind = or_(tenant_table.c.revision.is_(None), tenant_table.c.revision != TENANT_HISTORY.head)
    query = select(*TENANT_COLUMNS).where(behind, tenant_table.c.status.in_(["active", "suspended"]))
    async with admin.transaction() as connection:
        waiting = [as_tenant(row) for row in await connection.execute(query.order_by(tenant_table.c.slug))]
    report, total = MigrationReport(), len(waiting)

    async def work() -> None:
        while waiting:
            await _upgrade_tenant(admin, waiting.pop(0), report)
            if progress is not None:
                failed = len(report.failed)
                progress(Progress(len(report.migrated) + failed, failed, total))

    await asyncio.gather(*[work() for _ in range(PARALLEL)])
    return report


async def _upgrade_tenant(admin: AdminDatabase, tenant: Tenant, report: MigrationReport) -> None:
    try:
        await _with_patience(admin, tenant)
    except Exception as error:  # whatever it is, it must not stop the others
        reason = error.message if isinstance(error, DomainError) else str(error).partition("\n")[0]
        report.failed[tenant.slug] = reason
        async with admin.transaction() as connection:
            await _note(connection, tenant, migration_error=reason)
    else:
        report.migrated.append(tenant.slug)


async def _with_patience(admin: AdminDatabase, tenant: Tenant) -> None:
    for attempt in range(TRIES):
        try:
            async with admin.transaction() as connection:
                row = select(tenant_table.c.id).where(tenant_table.c.id == tenant.id).with_for_update()
                await connection.execute(row)  # two runners at once: the second finds it done
                revision = await upgrade_namespace(connection, tenant.namespace)
                await grant_namespace(connection, tenant.namespace)
                await _note(connection, tenant, revision=revision, migration_error=None)
            return
        except Unavailable:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(PAUSE * 2**attempt)


async def _note(connection: AsyncConnection, tenant: Tenant, **values: str | None) -> None:
    await connection.execute(update(tenant_table).where(tenant_table.c.id == tenant.id).values(values))


async def _revision(connection: AsyncConnection, namespace: str) -> str | None:
    """The revision that a namespace itself says it stands on; None when it is new."""
    table = f'"{namespace}".{HISTORY}'
    if await connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return None
    found: str | None = await connection.scalar(text(f"SELECT version_num FROM {table}"))
    return found
