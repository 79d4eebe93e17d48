"""The caller and the tenant, as the caller may see them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from backend.auth.principal import Principal
from tenants.registry import Tenant as TenantRecord


@strawberry.enum(description="What a member of a tenant may do.")
class Role(Enum):
    ADMIN = strawberry.enum_value("admin", description="Everything.")
    MANAGER = strawberry.enum_value("manager", description="Everything but members and keys.")
    AGENT = strawberry.enum_value("agent", description="Their own results and the totals of their team.")
    VIEWER = strawberry.enum_value("viewer", description="Reads all numbers and interactions.")
    PARTNER = strawberry.enum_value("partner", description="What its scopes say.")


@strawberry.type(description="Whoever the token speaks for.")
class Viewer:
    subject: str = strawberry.field(description="The token's `sub`.")
    role: Role = strawberry.field(description="The role in this tenant.")
    agent: str | None = strawberry.field(
        description="External id of the agent this person is; null unless the role is AGENT."
    )
    scopes: list[str] = strawberry.field(
        description="What a partner may do: `kpi:read`, `interaction:read`, `ingest:write`. Empty for people."
    )
    expires_at: datetime = strawberry.field(description="When the token ends.")

    @classmethod
    def from_principal(cls, principal: Principal) -> Viewer:
        """The public side of a principal."""
        return cls(
            subject=principal.subject,
            role=Role(principal.role.value),
            agent=principal.agent,
            scopes=sorted(principal.scopes),
            expires_at=principal.expires_at,
        )


@strawberry.type(description="The company whose data the token opens.")
class Tenant:
    slug: str = strawberry.field(description="Its short name, unique on this installation.")
    name: str = strawberry.field(description="What people call it.")
    zone: str = strawberry.field(description="IANA time zone that days and hours are cut in.")
    currency: str = strawberry.field(description="ISO 4217 code of amounts that name no currency.")
    locale: str = strawberry.field(description="`en` or `zh`: the language for readers who prefer neither.")

    @classmethod
    def from_record(cls, tenant: TenantRecord) -> Tenant:
        """The public side of a registry row."""
        return cls(
            slug=tenant.slug,
            name=tenant.name,
            zone=tenant.zone,
            currency=tenant.currency,
            locale=tenant.locale,
        )
