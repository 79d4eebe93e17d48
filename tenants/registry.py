"""Tenants as the control namespace knows them. Names of namespaces and roles come from here only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select

from backend.core.errors import NotFound
from tenants.tables import tenant as tenant_table

if TYPE_CHECKING:
    from tenants.database import Database

_NAMESPACE = re.compile(r"t_[0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One row of the registry. The runtime role bears the namespace's name."""

    id: UUID
    slug: str
    name: str
    namespace: str
    database: str
    zone: str
    currency: str
    locale: str
    status: str
    revision: str | None

    def __post_init__(self) -> None:
        check_namespace(self.namespace)

    @property
    def active(self) -> bool:
        """Whether its people may come in: not while it is made, suspended or dropped."""
        return self.status == "active"

    @property
    def readonly_role(self) -> str:
        """Reads, and nothing else: formulas and exports run as this role."""
        return readonly_role(self.namespace)


def check_namespace(name: str) -> str:
    """The name itself when it may stand in SQL as a namespace or role; ValueError otherwise."""
    if not _NAMESPACE.fullmatch(name):
        raise ValueError(f"not a tenant's namespace: {name!r}")
    return name


def readonly_role(namespace: str) -> str:
    """The role that only reads in a namespace."""
    return namespace + "_ro"


def owner_role(namespace: str) -> str:
    """The role that owns a namespace and all in it; nobody works as this role."""
    return namespace + "_owner"


def as_tenant(row: Row[Any]) -> Tenant:
    """The tenant in a row that holds `TENANT_COLUMNS`, and perhaps others."""
    return Tenant(**{name: row._mapping[name] for name in Tenant.__slots__})


SPARE = tenant_table.c.status == "spare"  # made beforehand, and nobody's
TENANT_COLUMNS = [tenant_table.c[name] for name in Tenant.__slots__]


async def find_tenant(database: Database, slug: str) -> Tenant | None:
    """The tenant with this slug, whatever its status, or None."""
    return await _find(database, tenant_table.c.slug == slug)


async def get_tenant(database: Database, slug: str) -> Tenant:
    """The tenant with this slug, whatever its status.

    Raises NotFound (TENANT_NOT_FOUND).
    """
    found = await find_tenant(database, slug)
    if found is None:
        raise NotFound(f"There is no tenant “{slug}”.", code="TENANT_NOT_FOUND")
    return found


async def list_tenants(database: Database) -> list[Tenant]:
    """All tenants, whatever their status, by slug; spares are nobody's yet and not among them."""
    async with database.control() as session:
        rows = await session.execute(select(*TENANT_COLUMNS).where(~SPARE).order_by(tenant_table.c.slug))
        return [as_tenant(row) for row in rows]


async def _find(database: Database, which: ColumnElement[bool]) -> Tenant | None:
    async with database.control() as session:
        row = (await session.execute(select(*TENANT_COLUMNS).where(which, ~SPARE))).one_or_none()
    return None if row is None else as_tenant(row)
