"""How far a tenant's data and definitions are now. Requests that arrive together look once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.core.clock import Clock
from tenants.database import TenantDatabase
from tenants.versions import FETCH_VERSIONS, Versions, versions_in


@dataclass(frozen=True, slots=True)
class Sighting:
    """The versions that the database had at some instant not before `at`."""

    versions: Versions
    at: datetime


class Lookout:
    """Reads versions, at most once at a time for a tenant.

    Whoever comes while a look is under way waits for the next one: the one under way may have seen what was
    before a change that the newcomer knows of.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[UUID, asyncio.Task[Sighting]] = {}
        self._turns: dict[UUID, asyncio.Lock] = {}

    async def look(self, database: TenantDatabase) -> Sighting:
        """The versions, read after this was called."""
        tenant = database.tenant.id
        look = self._next.get(tenant)
        if look is None:
            look = self._next[tenant] = asyncio.create_task(self._look(database))
            look.add_done_callback(_seen)
        return await asyncio.shield(look)

    async def _look(self, database: TenantDatabase) -> Sighting:
        tenant = database.tenant.id
        turn = self._turns.setdefault(tenant, asyncio.Lock())
        try:
            async with turn:
                del self._next[tenant]  # from here on one is too late for this look
                at = self._clock()
                async with database.read() as session:
                    return Sighting(versions_in(await session.fetch(FETCH_VERSIONS)), at)
        finally:
            if tenant not in self._next:
                self._turns.pop(tenant, None)


def _seen(look: asyncio.Task[Sighting]) -> None:
    """All who waited may have gone; then nobody else takes note of an error."""
    if not look.cancelled():
        look.exception()
