"""Sync runs: one row for each attempt to bring something in; those left lying are given up and cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.clock import Clock, system_clock
from backend.core.errors import NotFound
from backend.ingestion import models
from backend.ingestion.apply import clear
from backend.ingestion.models import sync_run
from backend.interactions.identity import new_id
from tenants.database import ReadSession, TenantDatabase, WriteSession

STALE_AFTER = timedelta(hours=6)  # an import of 2 GB takes minutes


@dataclass(frozen=True, slots=True)
class SyncRun:
    """One attempt. `rows_written` counts records new or changed; `error` is set when it was refused."""

    id: UUID
    source: str
    origin: str
    label: str
    mapping: str | None
    status: str
    started_at: datetime
    finished_at: datetime | None
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_rejected: int
    error: str | None
    actor: str


async def start(
    session: WriteSession,
    *,
    source: str,
    origin: str,
    label: str,
    mapping: str | None,
    actor: str,
    now: datetime,
) -> UUID:
    """A new run, running; returns its id."""
    run_id = new_id()
    await session.execute(
        insert(sync_run).values(
            id=run_id, source=source, origin=origin, label=label, mapping=mapping, actor=actor, started_at=now
        )
    )
    return run_id


async def finish(session: WriteSession, run_id: UUID, *, now: datetime, **counts: int) -> None:
    """The run is applied; belongs to the transaction that applies it. `counts` are the columns `rows_...`.

    Raises NotFound when the run is no longer running: it was taken for stale and its staging cleaned.
    """
    found = await session.execute(
        update(sync_run)
        .where(sync_run.c.id == run_id, sync_run.c.status == "running")
        .values(status="applied", finished_at=now, **counts)
        .returning(sync_run.c.id)
    )
    if found.one_or_none() is None:
        raise NotFound("The import took too long and was given up; start it again.", code="IMPORT_STALE")


async def refuse(session: WriteSession, run_id: UUID, error: str, *, now: datetime, **counts: int) -> None:
    """The run is refused and its staging emptied; nothing else of it was ever kept."""
    await session.execute(
        update(sync_run)
        .where(sync_run.c.id == run_id, sync_run.c.status == "running")
        .values(status="refused", finished_at=now, error=error, **counts)
    )
    await clear(session, run_id)


async def clean_stale_runs(
    database: TenantDatabase, *, older_than: timedelta = STALE_AFTER, clock: Clock = system_clock
) -> int:
    """Refuses runs that began too long ago to be alive, and empties their staging. Returns how many."""
    now = clock()
    stale = sync_run.c.status == "running", sync_run.c.started_at < now - older_than
    async with database.read() as session:
        ids = (await session.execute(select(sync_run.c.id).where(*stale))).scalars().all()
    for run_id in ids:
        async with database.write() as session:
            await refuse(session, run_id, "It was interrupted and given up.", now=now)
    return len(ids)


async def remember_source(session: WriteSession, name: str, mapping: str | None, now: datetime) -> None:
    """The source exists, with the mapping used last."""
    table = models.source
    addition = insert(table).values(name=name, mapping=mapping, created_at=now)
    kept = addition.on_conflict_do_update(
        index_elements=["name"],
        set_={"mapping": addition.excluded.mapping},
        where=addition.excluded.mapping.is_not(None)
        & table.c.mapping.is_distinct_from(addition.excluded.mapping),
    )
    await session.execute(kept)


async def get_run(session: ReadSession, run_id: UUID) -> SyncRun:
    """One run by id; NotFound when there is none."""
    row = (await session.execute(_select().where(sync_run.c.id == run_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such import.")
    return _run(row)


async def list_runs(session: ReadSession, *, first: int, after: UUID | None = None) -> Sequence[SyncRun]:
    """Newest first; `after` is the id of the last one seen."""
    statement = _select().order_by(sync_run.c.id.desc()).limit(first)
    if after is not None:
        statement = statement.where(sync_run.c.id < after)
    return [_run(row) for row in (await session.execute(statement)).all()]


_COLUMNS = tuple(SyncRun.__dataclass_fields__)


def _select() -> Select[Any]:
    return select(*[sync_run.c[name] for name in _COLUMNS])


def _run(row: Row[Any]) -> SyncRun:
    return SyncRun(**row._mapping)
