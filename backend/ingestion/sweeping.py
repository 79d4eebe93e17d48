"""Cleans up behind imports that a crash or a lost machine left half-way, while others are served."""

from __future__ import annotations

import logging

from backend.core.clock import Clock, system_clock
from backend.ingestion.runs import clean_stale_runs
from tenants.database import Database
from tenants.registry import list_tenants

logger = logging.getLogger("scoredesk.ingestion")

EVERY = 600.0  # seconds


async def sweep(database: Database, *, clock: Clock = system_clock) -> int:
    """Gives up the stale imports of all active tenants; returns how many. What fails is logged, and tried
    again by the next sweep.
    """
    cleaned = 0
    try:
        tenants = await list_tenants(database)
    except Exception as error:
        logger.warning("no sweep for stale imports: %s", type(error).__name__)
        return cleaned
    for tenant in tenants:
        if not tenant.active:
            continue
        try:
            cleaned += await clean_stale_runs(database.of(tenant), clock=clock)
        except Exception as error:  # dropped meanwhile, locked, behind in migrations: the others are swept
            logger.warning("%s is not swept for stale imports: %s", tenant.slug, type(error).__name__)
    return cleaned
