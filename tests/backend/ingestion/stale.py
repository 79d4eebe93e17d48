"""Imports that began and never ended."""

from __future__ import annotations

from uuid import UUID

from backend.core.clock import Clock
from backend.ingestion import runs
from tenants.database import TenantDatabase


async def begun(tenant: TenantDatabase, clock: Clock) -> UUID:
    """A run that begins now; its id."""
    async with tenant.write() as session:
        return await runs.start(
            session,
            source="phone",
            origin="http",
            label="calls.csv",
            mapping=None,
            actor="ana",
            now=clock(),
        )


async def status_of(tenant: TenantDatabase, run: UUID) -> str:
    """What has become of it."""
    async with tenant.read() as session:
        return (await runs.get_run(session, run)).status
