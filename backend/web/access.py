"""Who may do what, as one table: roles by name, partners by the scopes of their membership."""

from __future__ import annotations

from dataclasses import dataclass

from backend.auth.principal import Principal, Role
from backend.core.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that may be allowed: to these roles, and to partners with this scope (None: to none)."""

    roles: frozenset[Role]
    scope: str | None


_EVERYBODY = frozenset({Role.ADMIN, Role.MANAGER, Role.AGENT, Role.VIEWER})
_LEADERS = frozenset({Role.ADMIN, Role.MANAGER})

READ_KPIS = Permission(_EVERYBODY, "kpi:read")
EDIT_KPIS = Permission(frozenset({Role.ADMIN}), None)
READ_KPI_HISTORY = Permission(_LEADERS, None)
READ_SCHEDULES = Permission(_LEADERS, None)
EDIT_SCHEDULES = Permission(frozenset({Role.ADMIN}), None)
READ_INTERACTIONS = Permission(_EVERYBODY, "interaction:read")
INGEST = Permission(_LEADERS, "ingest:write")
EXCLUDE = Permission(_LEADERS, None)
READ_INGESTION = Permission(_LEADERS, "ingest:write")


def require(principal: Principal, permission: Permission) -> None:
    """Raises Forbidden (ROLE_INSUFFICIENT, SCOPE_MISSING) when the principal may not."""
    if principal.role is Role.PARTNER:
        if permission.scope is None or permission.scope not in principal.scopes:
            needed = permission.scope or "no scope allows this"
            raise Forbidden(f"This needs the scope {needed}.", code="SCOPE_MISSING")
    elif principal.role not in permission.roles:
        raise Forbidden("Your role does not allow this.", code="ROLE_INSUFFICIENT")
