"""Waiting until all that is worked out beforehand is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg

SETTLED = 3.0  # seconds without a new pack or a job, after which all are there
NOTHING = 20.0  # seconds without any pack at all, after which none will come
PATIENCE = 300.0
ASKED = 3  # times that boards are asked first: what is asked once is not worth a pack
_PACKS = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables WHERE relname = 'pack'"
_JOBS = "SELECT count(*) FROM scoredesk_control.job WHERE ready_at IS NOT NULL AND failures = 0"


async def wait_until_built(admin_url: str, ask: Callable[[], Awaitable[object]]) -> float:
    """Asks, then waits until no tenant's packs grow and no job is left to do. Returns the seconds it took."""
    connection = await asyncpg.connect(admin_url)
    try:
        has_jobs = await connection.fetchval("SELECT to_regclass('scoredesk_control.job') IS NOT NULL")
        began = changed = time.monotonic()
        known = 0
        for _ in range(ASKED):
            await ask()
        while (now := time.monotonic()) - began < PATIENCE:
            packs = await connection.fetchval(_PACKS)
            jobs = await connection.fetchval(_JOBS) if has_jobs else 0
            if packs != known or jobs:
                known, changed = packs, now
            elif now - changed > (SETTLED if packs else NOTHING):
                break
            await asyncio.sleep(0.25)
        return changed - began
    finally:
        await connection.close()
