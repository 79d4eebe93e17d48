"""Making, suspending and dropping a tenant: entirely or not at all, and safe to repeat after a crash."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from unicodedata import category

from sqlalchemy import Select, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.core.currencies import check_currency
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.windows import check_zone
from tenants.changes import Change, Changed
from tenants.database import AdminDatabase, WriteSession
from tenants.registry import TENANT_COLUMNS, Tenant, as_tenant
from tenants.roles import create_tenant_roles, drop_tenant_roles, grant_namespace
from tenants.tables import PLACEHOLDER
from tenants.tables import tenant as tenant_table

Migrate = Callable[
    [AsyncConnection, str], Awaitable[str]
]  # all migrations into a namespace -> the revision reached
Seed = Callable[[WriteSession], Awaitable[None]]

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
    """Makes a tenant; `name` defaults to the slug. `seed` fills it in the same transaction as its tables.

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
    namespace = await _reserve(admin, slug, settings)
    await create_tenant_roles(admin, namespace)
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        if tenant.status != "provisioning":  # another process was making it too, and was faster
            raise _exists(slug)
        await connection.execute(text(f'CREATE SCHEMA "{namespace}"'))
        revision = await migrate(connection, namespace)
        await grant_namespace(connection, namespace)
        if seed is not None:
            await connection.execution_options(schema_translate_map={PLACEHOLDER: namespace})
            await seed(WriteSession(connection, tenant))
        return await _change(connection, slug, status="active", revision=revision)


async def suspend_tenant(admin: AdminDatabase, slug: str) -> Tenant:
    """Shuts a tenant's people out and keeps its data. Raises NotFound, Conflict (TENANT_BUSY)."""
    return await _switch(admin, slug, "active", "suspended")


async def resume_tenant(admin: AdminDatabase, slug: str) -> Tenant:
    """Lets a suspended tenant's people in again. Raises NotFound, Conflict (TENANT_BUSY)."""
    return await _switch(admin, slug, "suspended", "active")


async def drop_tenant(admin: AdminDatabase, slug: str) -> None:
    """Erases a tenant: data, roles, memberships. Raises NotFound, Unavailable while it is in use."""
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        await _change(connection, slug, status="dropping")
    async with admin.transaction() as connection:
        await connection.execute(text(f'DROP SCHEMA IF EXISTS "{tenant.namespace}" CASCADE'))
    await drop_tenant_roles(admin, tenant.namespace)
    async with admin.transaction() as connection:
        await connection.execute(delete(tenant_table).where(tenant_table.c.id == tenant.id))


def _check_name(name: str) -> str:
    """The name itself when it can be stored and shown on one line."""
    unshown = any(category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    if unshown or not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(
            f"A tenant's name has 1 to {LONGEST_NAME} characters, and none that controls or breaks the line.",
            code="TENANT_NAME_INVALID",
        )
    return name


async def _reserve(admin: AdminDatabase, slug: str, settings: dict[str, str]) -> str:
    """Writes the row that says "being made"; returns its namespace, or that of an earlier, broken try."""
    async with admin.transaction() as connection:
        row = (await connection.execute(_row_of(slug))).one_or_none()
        if row is None:
            tenant_id = uuid7()
            namespace = f"t_{secrets.token_hex(6)}"
            values = {
                "id": tenant_id,
                "slug": slug,
                "namespace": namespace,
                "status": "provisioning",
                **settings,
            }
            await connection.execute(insert(tenant_table).values(values))
            return namespace
        if row.status != "provisioning":
            raise _exists(slug)
        return (await _change(connection, slug, **settings)).namespace


async def _switch(admin: AdminDatabase, slug: str, before: str, after: str) -> Tenant:
    async with admin.transaction() as connection:
        tenant = await _lock(connection, slug)
        if tenant.status not in (before, after):
            raise Conflict(f"The tenant “{slug}” is {tenant.status} just now.", code="TENANT_BUSY")
        return await _change(connection, slug, status=after)


async def _lock(connection: AsyncConnection, slug: str) -> Tenant:
    row = (await connection.execute(_row_of(slug).with_for_update())).one_or_none()
    if row is None:
        raise NotFound(f"There is no tenant “{slug}”.", code="TENANT_NOT_FOUND")
    return as_tenant(row)


async def _change(connection: AsyncConnection, slug: str, **values: str) -> Tenant:
    change = update(tenant_table).where(tenant_table.c.slug == slug).values(values).returning(*TENANT_COLUMNS)
    tenant = as_tenant((await connection.execute(change)).one())
    await WriteSession(connection, tenant).announce(Change(tenant.id, Changed.TENANT, tenant.id))
    return tenant


def _row_of(slug: str) -> Select[Any]:
    return select(*TENANT_COLUMNS).where(tenant_table.c.slug == slug)


def _exists(slug: str) -> Conflict:
    return Conflict(f"There is already a tenant “{slug}”.", code="TENANT_EXISTS")
