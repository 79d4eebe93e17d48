"""Questions about the caller and the tenant."""

from __future__ import annotations

import strawberry

from schema.context import Info
from schema.tenancy.types import Tenant, Viewer


@strawberry.type
class TenancyQueries:
    @strawberry.field(description="Whoever the token speaks for.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.from_principal(info.context.scope.principal)

    @strawberry.field(description="The company whose data the token opens.")
    def tenant(self, info: Info) -> Tenant:
        return Tenant.from_record(info.context.scope.tenant)
