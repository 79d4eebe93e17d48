"""Who is asking, once that is proven: values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tenants.registry import Tenant


class Role(StrEnum):
    """What a person may do in one tenant."""

    ADMIN = "admin"
    MANAGER = "manager"
    AGENT = "agent"
    VIEWER = "viewer"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Principal:
    """A member of an active tenant.

    `subject` is the token's; `agent` is the external id of the agent this person is, None for people who
    are none; `scopes` are what a partner may do, empty for other roles; after `expires_at` nothing more may
    be done.
    """

    subject: str
    user_id: UUID
    tenant: Tenant
    role: Role
    agent: str | None
    scopes: frozenset[str]
    expires_at: datetime
