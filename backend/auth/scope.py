"""In whose name and in which tenant work is done: what services are handed instead of a database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from backend.auth.principal import Principal, Role
from backend.core.errors import Forbidden
from tenants.database import ReadSession, TenantDatabase, WriteSession
from tenants.registry import Tenant


@dataclass(frozen=True, slots=True)
class Scope:
    """One principal and the door of their tenant; nothing here leads to another one."""

    principal: Principal
    database: TenantDatabase

    def __post_init__(self) -> None:
        if self.principal.tenant.id != self.database.tenant.id:
            raise ValueError("the principal belongs to another tenant than the door")

    @property
    def tenant(self) -> Tenant:
        """The tenant all of this happens in."""
        return self.principal.tenant

    def read(
        self, *, snapshot: bool = False, statement_timeout: float | None = None
    ) -> AbstractAsyncContextManager[ReadSession]:
        """A short read-only transaction; see `TenantDatabase.read`."""
        return self.database.read(snapshot=snapshot, statement_timeout=statement_timeout)

    def write(self, *, statement_timeout: float | None = None) -> AbstractAsyncContextManager[WriteSession]:
        """A short transaction that is kept when its block ends; see `TenantDatabase.write`."""
        return self.database.write(statement_timeout=statement_timeout)

    def require(self, *roles: Role) -> None:
        """Raises Forbidden (ROLE_INSUFFICIENT) unless the principal has one of these roles."""
        if self.principal.role not in roles:
            raise Forbidden("Your role does not allow this.", code="ROLE_INSUFFICIENT")
