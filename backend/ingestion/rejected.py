"""Rejected records: rows set aside by imports, to be looked at, read again, or given up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, tuple_, update

from backend.core.clock import Clock, system_clock
from backend.core.errors import Invalid
from backend.ingestion import mapping as mappings
from backend.ingestion import models
from backend.ingestion.models import rejected_record, sync_run
from backend.ingestion.normalize import Normalizer
from backend.ingestion.records import Rejection
from backend.ingestion.service import import_source
from backend.interactions.identity import new_id
from backend.interactions.models import audit_entry
from tenants.database import ReadSession, TenantDatabase, WriteSession

PageKey = tuple[UUID, int, UUID]


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A row that could not be taken: where it stood in which run's file, why, and the row as it was read."""

    id: UUID
    sync_run_id: UUID
    source: str
    line: int
    field: str | None
    code: str
    message: str
    raw: dict[str, Any]
    status: str
    created_at: datetime
    settled_at: datetime | None

    @property
    def key(self) -> PageKey:
        """Its place in `list_rejected`."""
        return self.sync_run_id, self.line, self.id


@dataclass(frozen=True, slots=True)
class Replay:
    """What reading rows again came to: how many records were settled, and how many are still rejected."""

    replayed: int
    still_rejected: int


_COLUMNS = tuple(rejected_record.c[name] for name in RejectedRecord.__dataclass_fields__)
_ORDER = (rejected_record.c.sync_run_id, rejected_record.c.line, rejected_record.c.id)


async def list_rejected(
    session: ReadSession,
    *,
    first: int,
    after: PageKey | None = None,
    sync_run_id: UUID | None = None,
    status: str | None = "open",
) -> Sequence[RejectedRecord]:
    """Up to `first` of them by run (oldest first), line and id; `after` is the key of the last one seen."""
    statement = select(*_COLUMNS).order_by(*_ORDER).limit(first)
    if status is not None:
        statement = statement.where(rejected_record.c.status == status)
    if sync_run_id is not None:
        statement = statement.where(rejected_record.c.sync_run_id == sync_run_id)
    if after is not None:
        statement = statement.where(tuple_(*_ORDER) > after)
    return [_record(row) for row in await session.execute(statement)]


async def discard(session: WriteSession, ids: Collection[UUID], *, actor: str, now: datetime) -> int:
    """Gives records up, until an import sets the same rows aside again. Returns how many were open."""
    settled = await _settle(session, rejected_record.c.id.in_(ids), "discarded", now)
    await _audit(session, "discard rejected records", actor, now, settled)
    return settled


async def replay(
    database: TenantDatabase,
    ids: Collection[UUID],
    *,
    actor: str,
    mapping_text: str | None = None,
    clock: Clock = system_clock,
) -> Replay:
    """Reads the raw rows of open records again and applies what can be taken now.

    The mapping is the one given, else the one used last for the source. A row that fails again stays open,
    with the new reason. Raises Invalid (REPLAY_NO_MAPPING) for records of a source that has no mapping.
    """
    async with database.read() as session:
        wanted = select(*_COLUMNS).where(rejected_record.c.id.in_(ids), rejected_record.c.status == "open")
        found = [_record(row) for row in await session.execute(wanted.order_by(*_ORDER))]
    replayed = still = 0
    for run_id, records in groupby(found, key=lambda record: record.sync_run_id):
        done, left = await _replay_run(database, run_id, list(records), actor, mapping_text, clock)
        replayed, still = replayed + done, still + left
    return Replay(replayed, still)


async def _replay_run(
    database: TenantDatabase,
    run_id: UUID,
    records: Sequence[RejectedRecord],
    actor: str,
    mapping_text: str | None,
    clock: Clock,
) -> tuple[int, int]:
    source = records[0].source
    text, label = await _mapping_of(database, run_id, source)
    text = mapping_text or text
    if text is None:
        raise Invalid(
            f"The records of “{source}” came without a mapping; send them again instead.",
            code="REPLAY_NO_MAPPING",
        )
    tenant = database.tenant
    normalizer = Normalizer(
        mappings.load(text, source=source), None, zone=tenant.zone, currency=tenant.currency
    )
    rows = {
        record.line: record.raw for record in records
    }  # one row may have been rejected for several fields
    chunk = normalizer.records(list(rows.values()), list(rows))
    failed = {rejection.line: rejection for rejection in chunk.rejections}
    chunk.rejections = []  # they are known already
    await import_source(
        database,
        [chunk],
        normalizer.layouts,
        source=source,
        origin="file",
        label=f"{label} (replay)",
        mapping_text=text,
        actor=actor,
        clock=clock,
    )
    now = clock()
    async with database.write() as session:
        taken = [record.id for record in records if record.line not in failed]
        settled = await _settle(session, rejected_record.c.id.in_(taken), "replayed", now)
        await _renew(session, records, failed)
        await _audit(session, "replay rejected records", actor, now, settled)
    return settled, len(records) - len(taken)


async def _mapping_of(database: TenantDatabase, run_id: UUID, source: str) -> tuple[str | None, str]:
    latest = select(models.source.c.mapping).where(models.source.c.name == source).scalar_subquery()
    async with database.read() as session:
        statement = select(
            func.coalesce(latest, sync_run.c.mapping).label("mapping"), sync_run.c.label
        ).where(sync_run.c.id == run_id)
        row = (await session.execute(statement)).one()
    return row.mapping, row.label


def _record(row: Row[Any]) -> RejectedRecord:
    return RejectedRecord(**row._mapping)


async def _renew(
    session: WriteSession, records: Sequence[RejectedRecord], failed: dict[int, Rejection]
) -> None:
    for record in records:
        if (reason := failed.get(record.line)) is not None:
            await session.execute(
                update(rejected_record)
                .where(rejected_record.c.id == record.id)
                .values(field=reason.field, code=reason.code, message=reason.message)
            )


async def _settle(session: WriteSession, which: Any, status: str, now: datetime) -> int:
    settled = await session.execute(
        update(rejected_record)
        .where(which, rejected_record.c.status == "open")
        .values(status=status, settled_at=now)
        .returning(rejected_record.c.id)
    )
    return len(settled.all())


async def _audit(session: WriteSession, action: str, actor: str, now: datetime, records: int) -> None:
    await session.execute(
        insert(audit_entry).values(
            id=new_id(), actor=actor, action=action, details={"records": records}, happened_at=now
        )
    )
