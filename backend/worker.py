"""The composition root of the worker: which jobs and chores there are, and the process that does nothing else."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from backend.core.clock import Clock, system_clock
from backend.core.errors import Invalid
from backend.core.settings import Settings
from backend.ingestion import sweeping
from backend.jobs.kinds import Chore, Kind
from backend.jobs.worker import Worker
from backend.metrics.rollups.refreshing import needs_refresh, refresh
from backend.web.readiness import Readiness
from migrations.histories import CONTROL_HISTORY
from migrations.runner import upgrade_namespace
from tenants.database import AdminDatabase, Database
from tenants.provisioning import keep_spares

DRAIN = 10.0  # seconds a slice has to end in when the server that it runs beside stops


REFRESH = "refresh"  # makes packs that are missing or stale
SPARES_EVERY = 30.0  # seconds
REFRESH_LIMIT = 300.0  # seconds; one statement over a month of rows may take long


def kinds_of(clock: Clock) -> tuple[Kind, ...]:
    """Every kind of job."""
    work = partial(refresh, clock=clock)
    return (
        Kind(
            REFRESH, work, needs=partial(needs_refresh, clock=clock), after_writes=True, limit=REFRESH_LIMIT
        ),
    )


def create_worker(settings: Settings, database: Database, *, clock: Clock = system_clock) -> Worker:
    """A worker on an open pool that does all there is to do; closing the pool is the caller's."""
    return Worker(
        database,
        kinds_of(clock),
        _chores(settings, clock),
        url=settings.listen_database_url or settings.database_url,
        concurrency=settings.worker_concurrency,
    )


def _chores(settings: Settings, clock: Clock) -> list[Chore]:
    chores = [Chore("stale imports", partial(sweeping.sweep, clock=clock), sweeping.EVERY)]
    if settings.spare_tenants and settings.admin_database_url not in (None, settings.database_url):
        chores.append(Chore("spare tenants", partial(_keep_spares, settings), SPARES_EVERY))
    return chores


async def _keep_spares(settings: Settings, _: Database) -> None:
    assert settings.admin_database_url is not None
    admin = AdminDatabase.connect(settings.admin_database_url)
    try:
        await keep_spares(admin, settings.spare_tenants, migrate=upgrade_namespace)
    finally:
        await admin.close()


@asynccontextmanager
async def kept_working(worker: Worker) -> AsyncIterator[None]:
    """Runs a worker beside something else, and lets its slices end when that does."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(task, DRAIN)


def work(settings: Settings, *, on_ready: Callable[[], None] | None = None) -> None:
    """Works until SIGINT or SIGTERM, then ends the slices that are running; `on_ready` is called once it begins.

    Raises Unavailable (NOT_READY) when the database is not fit to work on.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_work(settings, on_ready))


async def _work(settings: Settings, on_ready: Callable[[], None] | None) -> None:
    if settings.database_url is None:
        raise Invalid("SCOREDESK_DATABASE_URL is not set.", code="SETTING_INVALID")
    database = Database.connect(
        settings.database_url,
        pool_size=settings.worker_concurrency + 2,  # a job each, and what is said about jobs and chores
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
    )
    try:
        await Readiness(database, CONTROL_HISTORY.served, dev=settings.dev).check()
        worker = create_worker(settings, database)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        if on_ready is not None:
            on_ready()
        await worker.run()
    finally:
        await database.close()
