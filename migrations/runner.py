"""Takes a server through both histories: the control namespace first, then every tenant, several at a time.

The only module that sets a `search_path`, and only within its own transactions.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.errors import DomainError, Unavailable
from migrations.histories import CONTROL_HISTORY, TENANT_HISTORY, statements
from tenants.connections import driver_of
from tenants.database import AdminDatabase
from tenants.registry import TENANT_COLUMNS, Tenant, as_tenant, check_namespace
from tenants.roles import HISTORY, grant_control, grant_namespace, prepare_server
from tenants.tables import CONTROL_NAMESPACE
from tenants.tables import tenant as tenant_table

PARALLEL = 2  # connections: the server's side of DDL takes turns with our own, more gain nothing
BATCH = 25  # tenants that share a transaction, and so one flush to disk
HOLD = 0.25  # seconds after which a batch takes in no more: its locks stand until its end
BATCH_LOCK_TIMEOUT = 0.1  # seconds; whoever else waits behind a lock of ours waits as long
LOCK_TIMEOUT = 0.5
TRIES = 7  # for a lock that someone holds: a query of half a minute is outlasted
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
        revision = (await _revisions(connection, [CONTROL_NAMESPACE])).get(CONTROL_NAMESPACE)
        if revision != CONTROL_HISTORY.head:
            await driver_of(connection).execute(";\n".join(statements(CONTROL_HISTORY, revision)))
        await grant_control(connection)


async def upgrade_namespace(connection: AsyncConnection, namespace: str) -> str:
    """Runs what a namespace lacks, in the caller's transaction; returns the revision it then stands on."""
    script = _script(namespace, (await _revisions(connection, [namespace])).get(namespace))
    if script:
        await driver_of(connection).execute(script)
        await connection.execute(text("SET LOCAL search_path TO DEFAULT"))
    return _head()


async def upgrade_tenants(
    admin: AdminDatabase, *, progress: Callable[[Progress], None] | None = None
) -> MigrationReport:
    """Migrates every tenant and spare that the registry says is behind, a batch in each transaction.

    A batch that meets a lock or a fault is undone, and each of its tenants tried alone. One that fails alone is
    noted in the registry and in the report, and the others go on; one that somebody holds a lock in is tried
    again when all others are done.
    """
    behind = or_(tenant_table.c.revision.is_(None), tenant_table.c.revision != TENANT_HISTORY.head)
    query = select(*TENANT_COLUMNS).where(behind, tenant_table.c.status.in_(["active", "suspended", "spare"]))
    async with admin.transaction() as connection:
        waiting = [as_tenant(row) for row in await connection.execute(query.order_by(tenant_table.c.slug))]
    run = _Run(admin, MigrationReport(), len(waiting), progress or _unseen)
    alone = await run.side_by_side(waiting, BATCH, BATCH_LOCK_TIMEOUT, last=False)
    for attempt in range(TRIES):
        if attempt and alone:
            await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
        alone = await run.side_by_side(alone, 1, LOCK_TIMEOUT, last=attempt == TRIES - 1)
    return run.report


@dataclass(slots=True)
class _Run:
    admin: AdminDatabase
    report: MigrationReport
    total: int
    progress: Callable[[Progress], None]
    done: int = 0

    async def side_by_side(
        self, tenants: list[Tenant], batch: int, lock_timeout: float, *, last: bool
    ) -> list[Tenant]:
        """Migrates tenants, and returns those to be tried again. With `last` there are none: a lock is a failure."""
        waiting, again = deque(tenants), list[Tenant]()

        async def work() -> None:
            while waiting:
                taken = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
                try:
                    reached = await _upgrade_batch(self.admin, taken, lock_timeout)
                except Exception as error:  # whatever it is, it must not stop the others
                    if batch > 1 or (isinstance(error, Unavailable) and not last):
                        again.extend(taken)
                    else:
                        await self._failed(taken[0], error)
                else:
                    waiting.extendleft(reversed(taken[reached:]))
                    self.report.migrated += [tenant.slug for tenant in taken[:reached]]
                    self._advance(reached)

        await asyncio.gather(*[work() for _ in range(PARALLEL)])
        return again

    async def _failed(self, tenant: Tenant, error: Exception) -> None:
        reason = error.message if isinstance(error, DomainError) else str(error).partition("\n")[0]
        self.report.failed[tenant.slug] = reason
        async with self.admin.transaction() as connection:
            await _note(connection, [tenant], migration_error=reason)
        self._advance(1)

    def _advance(self, count: int) -> None:
        for _ in range(count):
            self.done += 1
            self.progress(Progress(self.done, len(self.report.failed), self.total))


async def _upgrade_batch(admin: AdminDatabase, tenants: list[Tenant], lock_timeout: float) -> int:
    """Migrates the first of these tenants, as many as HOLD seconds let in; returns how many."""
    async with admin.transaction(lock_timeout=lock_timeout) as connection:
        rows = tenant_table.c.id.in_([tenant.id for tenant in tenants])
        # Two runners at once: the second finds it done.
        await connection.execute(select(tenant_table.c.id).where(rows).order_by("id").with_for_update())
        revisions = await _revisions(connection, [tenant.namespace for tenant in tenants])
        began, reached = monotonic(), 0
        for tenant in tenants:
            if reached and monotonic() - began > HOLD:
                break
            if script := _script(tenant.namespace, revisions.get(tenant.namespace)):
                await driver_of(connection).execute(script)
            reached += 1
        await connection.execute(text("SET LOCAL search_path TO DEFAULT"))
        await grant_namespace(connection, *[tenant.namespace for tenant in tenants[:reached]])
        await _note(connection, tenants[:reached], revision=_head(), migration_error=None)
    return reached


async def _note(connection: AsyncConnection, tenants: list[Tenant], **values: str | None) -> None:
    rows = tenant_table.c.id.in_([tenant.id for tenant in tenants])
    await connection.execute(update(tenant_table).where(rows).values(values))


async def _revisions(connection: AsyncConnection, namespaces: list[str]) -> dict[str, str]:
    """The revisions that namespaces themselves say they stand on; a new one is not among them."""
    tables = {name: f'"{name}".{HISTORY}' for name in namespaces}
    known = text(
        "SELECT name FROM unnest(CAST(:names AS text[]), CAST(:tables AS text[])) AS t (name, place)"
        " WHERE to_regclass(place) IS NOT NULL"
    )
    found = await connection.scalars(known, {"names": list(tables), "tables": list(tables.values())})
    each = [f"SELECT '{name}', version_num FROM {tables[name]}" for name in found]
    if not each:
        return {}
    rows = await driver_of(connection).fetch(" UNION ALL ".join(each))
    return dict(rows)


def _script(namespace: str, revision: str | None) -> str:
    """What leads a namespace from a revision to the head, as one message; empty when it is there."""
    if revision == _head():
        return ""
    place = f'SET LOCAL search_path TO "{check_namespace(namespace)}"'
    return ";\n".join([place, *statements(TENANT_HISTORY, revision)])


def _head() -> str:
    head = TENANT_HISTORY.head
    assert head is not None
    return head


def _unseen(_: Progress) -> None:
    """For a caller who does not look."""
