"""Hints that a tenant has work of a kind: cheap to give, sent together once a second, repaired by the sweep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import NoReturn
from uuid import UUID

from backend.jobs.kinds import Kind
from tenants.database import Database
from tenants.jobs import ask
from tenants.registry import Tenant

logger = logging.getLogger("scoredesk.jobs")

EVERY = 1.0  # seconds


class Hints:
    """What this process has noticed and not yet told the workers."""

    def __init__(self, database: Database, kinds: Collection[Kind], *, every: float = EVERY) -> None:
        self._database = database
        self._kinds = tuple(kind for kind in kinds if kind.after_writes)
        self._every = every
        self._pending: set[tuple[str, UUID]] = set()
        self._given = asyncio.Event()

    def give(self, kind: str, tenant: Tenant) -> None:
        """A tenant may have work of a kind. Never fails and never waits; call it in the loop's thread."""
        self._pending.add((kind, tenant.id))
        self._given.set()

    def committed(self, tenant: Tenant) -> None:
        """A tenant's facts or definitions have changed: for `Database.committed`."""
        for kind in self._kinds:
            self.give(kind.name, tenant)

    async def keep_sending(self) -> NoReturn:
        """Asks for what was hinted at, at once and then at most once in `every` seconds, until it is cancelled.

        What could not be asked for is kept; of faults in a row the first is logged.
        """
        failing = False
        while True:
            await self._given.wait()
            self._given.clear()
            sending, self._pending = self._pending, set()
            try:
                await ask(self._database, sending)
                failing = False
            except Exception as error:
                if not failing:
                    logger.warning("jobs cannot be asked for: %s; trying again", type(error).__name__)
                failing = True
                self._pending |= sending
                self._given.set()
            await asyncio.sleep(self._every)
