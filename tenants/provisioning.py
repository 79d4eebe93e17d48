"""Making, suspending and dropping a tenant: entirely or not at all, and safe to repeat after a crash."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any
from unicodedata import category

from sqlalchemy import Select, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.core.currencies import check_currency
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.windows import check_zone
from tenants.changes import Change, Changed
from tenants.database import AdminDatabase, WriteSession
from tenants.registry import SPARE, TENANT_COLUMNS, Tenant, as_tenant
from tenants.roles import create_tenant_roles, drop_tenant_roles, grant_namespace
from tenants.tables import PLACEHOLDER
from tenants.tables import tenant as tenant_table

Migrate = Callable[
    [AsyncConnection, str], Awaitable[str]
]  # all migrations into a namespace -> the revision reached
Seed = Callable[[WriteSession], Awaitable[None]]

# What stands in a spare's row until somebody takes it.
_NOBODYS = {"name": "spare", "zone": "UTC", "currency": "USD", "locale": "en"}

LOCALES = ("en", "zh")
LONGEST_NAME = 200
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,40}")


async def create_tenant(
    admin: AdminDatabase,
    slug: str,
    *,
    name: str | None = None,
    zone: str = "UTC",
    currency: str = "USD",
    locale: str = "en",
    migrate: Migrate,
    seed: Seed | None = None,
) -> Tenant:
    """Makes a tenant; `name` defaults to the slug. `seed` fills it in the transaction that opens it.

    A spare is taken where one lies ready (`keep_spares`): that is one short transaction.

    Raises Invalid (SLUG_INVALID, TENANT_NAME_INVALID, ZONE_UNKNOWN, CURRENCY_UNKNOWN, LOCALE_UNKNOWN),
    Conflict (TENANT_EXISTS).
    """
    if not _SLUG.fullmatch(slug):
        raise Invalid(
            f"“{slug}” cannot name a tenant: 2 to 41 of a-z, 0-9 and -, the first a letter.",
            code="SLUG_INVALID",
        )
    if locale not in LOCALES:
        raise Invalid(f"“{locale}” is not a language we speak; use en or zh.", code="LOCALE_UNKNOWN")
    settings = {
        "name": _check_name(name or slug),
        "zone": check_zone(zone),
        "currency": check_currency(currency),
        "locale": locale,
    }
    claimed = await _claim(admin, slug, settings, migrate, seed)
    if claimed is not None:
        return claimed
    namespace = await _reserve(admin, slug, settings)
    return await _build(admin, slug, namespace, "active", migrate, seed)


async def keep_spares(admin: AdminDatabase, count: int, *, migrate: Migrate) -> int:
    """Sees to it that `count` tenants lie ready for `create_tenant`; returns how many there were too few.

    A spare has its namespace, roles, tables and grants, and no people: it is not listed and not served. What a
    crash left half made is finished first. Too many are dropped, the oldest first. Safe to repeat, and to run
    from several processes at once, which may make a few too many.
    """
    mine = select(*TENANT_COLUMNS).where(tenant_table.c.slug == tenant_table.c.namespace)
    async with admin.transaction() as connection:
        found = [as_tenant(row) for row in await connection.execute(mine.order_by(tenant_table.c.id))]
    ready = [spare for spare in found if spare.status == "spare"]
    for spare in found:
        if spare.status == "dropping":
            await _erase(admin, spare)
    for spare in ready[: max(len(ready) - count, 0)]:
        with suppress(NotFound):  # it has just been given away
            await _drop(admin, spare.slug, ("spare",))
    lacking = max(count - len(ready), 0)
    begun = [spare.namespace for spare in found if spare.status == "provisioning"]
    for namespace in begun:
        await _build(admin, namespace, namespace, "spare", migrate)
    for _ in range(lacking - len(begun)):
        namespace = new_namespace()
        await _reserve(admin, namespace, _NOBODYS, namespace)
        await _build(admin, namespace, namespace, "spare", migrate)
    return lacking


async def suspend_tenant(admin: AdminDatabase, slug: str) -> Tenant:
    """Shuts a tenant's people out and keeps its data. Raises NotFound, Conflict (TENANT_BUSY)."""
    return await _switch(admin, slug, "active", "suspended")


async def resume_tenant(admin: AdminDatabase, slug: str) -> Tenant:
    """Lets a suspended tenant's people in again. Raises NotFound, Conflict (TENANT_BUSY)."""
    return await _switch(admin, slug, "suspended", "active")


async def drop_tenant(admin: AdminDatabase, slug: str) -> None:
    """Erases a tenant: data, roles, memberships. Raises NotFound, Unavailable while it is in use."""
    await _drop(admin, slug, ("provisioning", "active", "suspended", "dropping"))


def new_namespace() -> str:
    """A name for a namespace that tells nothing of whose it is."""
    return f"t_{secrets.token_hex(6)}"


def _check_name(name: str) -> str:
    """The name itself when it can be stored and shown on one line."""
    unshown = any(category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    if unshown or not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(
            f"A tenant's name has 1 to {LONGEST_NAME} characters, and none that controls or breaks the line.",
            code="TENANT_NAME_INVALID",
        )
    return name


async def _claim(
    admin: AdminDatabase, slug: str, settings: dict[str, str], migrate: Migrate, seed: Seed | None
) -> Tenant | None:
    """A spare as the tenant of this slug; None when there is none, or an earlier try was broken off."""
    spare = (
        select(tenant_table.c.id)
        .where(SPARE, tenant_table.c.migration_error.is_(None))
        .order_by(tenant_table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # whoever comes at the same moment takes the next
    )
    claim = (
        update(tenant_table)
        .where(tenant_table.c.id == spare.scalar_subquery())
        .values(slug=slug, status="active", created_at=func.now(), **settings)
        .returning(*TENANT_COLUMNS)
    )
    try:
        async with admin.transaction() as connection:
            known = (await connection.execute(_row_of(slug))).one_or_none()
            if known is not None:
                if known.status != "provisioning":
                    raise _exists(slug)
                return None
            row = (await connection.execute(claim)).one_or_none()
            if row is None:
                return None
            tenant = as_tenant(row)
            revision = await migrate(connection, tenant.namespace)  # nothing, unless a release came between
            if revision != tenant.revision:
                await grant_namespace(connection, tenant.namespace)
                tenant = await _change(connection, slug, revision=revision)
            await _announce(connection, tenant)
            await _fill(connection, tenant, seed)
            return tenant
    except Conflict as error:
        if error.code == "ALREADY_EXISTS":  # another process took the slug in this very moment
            raise _exists(slug) from error
        raise


async def _reserve(
    admin: AdminDatabase, slug: str, settings: dict[str, str], namespace: str | None = None
) -> str:
    """Writes the row that says "being made"; returns its namespace, or that of an earlier, broken try."""
    async with admin.transaction() as connection:
        row = (await connection.execute(_row_of(slug))).one_or_none()
        if row is None:
            values = {
                "id": uuid7(),
                "slug": slug,
                "namespace": namespace or new_namespace(),
                "status": "provisioning",
                **settings,
            }
            await connection.execute(insert(tenant_table).values(values))
            return str(values["namespace"])
        if row.status != "provisioning":
            raise _exists(slug)
        return (await _change(connection, slug, **settings)).namespace


async def _build(
    admin: AdminDatabase, slug: str, namespace: str, status: str, migrate: Migrate, seed: Seed | None = None
) -> Tenant:
    """Roles, namespace, tables and grants of a tenant that is reserved."""
    await create_tenant_roles(admin, namespace)
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        if tenant.status != "provisioning":  # another process was making it too, and was faster
            if status == "spare":
                return tenant
            raise _exists(slug)
        await connection.execute(text(f'CREATE SCHEMA "{namespace}"'))
        revision = await migrate(connection, namespace)
        await grant_namespace(connection, namespace)
        await _fill(connection, tenant, seed)
        return await _change(connection, slug, status=status, revision=revision)


async def _fill(connection: AsyncConnection, tenant: Tenant, seed: Seed | None) -> None:
    if seed is not None:
        await connection.execution_options(schema_translate_map={PLACEHOLDER: tenant.namespace})
        await seed(WriteSession(connection, tenant))


async def _drop(admin: AdminDatabase, slug: str, when: Collection[str]) -> None:
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        if tenant.status not in when:
            raise _absent(slug)
        await _change(connection, slug, status="dropping")
    await _erase(admin, tenant)


async def _erase(admin: AdminDatabase, tenant: Tenant) -> None:
    async with admin.transaction() as connection:
        await connection.execute(text(f'DROP SCHEMA IF EXISTS "{tenant.namespace}" CASCADE'))
    await drop_tenant_roles(admin, tenant.namespace)
    async with admin.transaction() as connection:
        await connection.execute(delete(tenant_table).where(tenant_table.c.id == tenant.id))


async def _switch(admin: AdminDatabase, slug: str, before: str, after: str) -> Tenant:
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        if tenant.status == "spare":
            raise _absent(slug)
        if tenant.status not in (before, after):
            raise Conflict(f"The tenant “{slug}” is {tenant.status} just now.", code="TENANT_BUSY")
        return await _change(connection, slug, status=after)


async def _lock(connection: AsyncConnection, slug: str) -> Tenant:
    row = (await connection.execute(_row_of(slug).with_for_update())).one_or_none()
    if row is None:
        raise _absent(slug)
    return as_tenant(row)


async def _change(connection: AsyncConnection, slug: str, **values: str) -> Tenant:
    change = update(tenant_table).where(tenant_table.c.slug == slug).values(values).returning(*TENANT_COLUMNS)
    tenant = as_tenant((await connection.execute(change)).one())
    await _announce(connection, tenant)
    return tenant


async def _announce(connection: AsyncConnection, tenant: Tenant) -> None:
    if tenant.status != "spare":  # nobody remembers one
        await WriteSession(connection, tenant).announce(Change(tenant.id, Changed.TENANT, tenant.id))


def _row_of(slug: str) -> Select[Any]:
    return select(*TENANT_COLUMNS).where(tenant_table.c.slug == slug)


def _exists(slug: str) -> Conflict:
    return Conflict(f"There is already a tenant “{slug}”.", code="TENANT_EXISTS")


def _absent(slug: str) -> NotFound:
    return NotFound(f"There is no tenant “{slug}”.", code="TENANT_NOT_FOUND")
