"""Finds the tenants that need a job and were not asked for: a hint got lost, or nobody was there to give it."""

from __future__ import annotations

import logging
from functools import partial

from backend.jobs.kinds import Chore, Kind
from tenants.database import Database
from tenants.jobs import ask
from tenants.registry import list_tenants

logger = logging.getLogger("scoredesk.jobs")


def sweep_of(kind: Kind) -> Chore:
    """The chore that looks after a kind."""
    return Chore(f"sweep {kind.name}", partial(sweep, kind), kind.every)


async def sweep(kind: Kind, database: Database) -> int:
    """Asks for a job for each active tenant that needs it; returns for how many. A tenant that cannot be looked
    at is logged and hinders no other.
    """
    found = 0
    for tenant in await list_tenants(database):
        if not tenant.active:
            continue
        try:
            if await kind.needs(database.of(tenant)):
                await ask(database, [(kind.name, tenant.id)])
                found += 1
        except Exception as error:  # dropped meanwhile, locked, behind in migrations
            logger.warning("%s: tenant %s is not swept: %s", kind.name, tenant.id, type(error).__name__)
    return found
