"""What was brought in, and what was set aside."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from backend.ingestion import rejected, runs
from backend.web.access import READ_INGESTION
from schema.context import Info
from schema.ingestion.types import RejectedRecord, RejectedRecordStatus, SyncRun
from schema.interactions.queries import After, First
from schema.relay import Connection, connection_of, page_size, parse_cursor, uuid_of


@strawberry.type
class IngestionQueries:
    @strawberry.field(
        description="Sync runs, the newest first. For admins, managers and partners who ingest."
    )
    async def sync_runs(self, info: Info, first: First = 20, after: After = None) -> Connection[SyncRun]:
        info.context.require(READ_INGESTION)
        limit = page_size(first)
        key = parse_cursor(after, UUID)
        async with info.context.reading() as session:
            found = await runs.list_runs(session, first=limit + 1, after=key[0] if key else None)
        return connection_of(found, first, after, lambda run: [run.id], SyncRun.from_record)

    @strawberry.field(
        description="Rows set aside, by run (the oldest first) and line. For admins, managers and "
        "partners who ingest."
    )
    async def rejected_records(
        self,
        info: Info,
        sync_run: Annotated[
            strawberry.ID | None, strawberry.argument(description="Those of one sync run; null for all.")
        ] = None,
        status: Annotated[
            RejectedRecordStatus | None, strawberry.argument(description="Null for all.")
        ] = RejectedRecordStatus.OPEN,
        first: First = 50,
        after: After = None,
    ) -> Connection[RejectedRecord]:
        info.context.require(READ_INGESTION)
        limit = page_size(first)
        key = parse_cursor(after, UUID, int, UUID)
        async with info.context.reading() as session:
            found = await rejected.list_rejected(
                session,
                first=limit + 1,
                after=(key[0], key[1], key[2]) if key else None,
                sync_run_id=uuid_of("SyncRun", sync_run) if sync_run else None,
                status=status.name.lower() if status else None,
            )
        return connection_of(found, first, after, lambda record: list(record.key), RejectedRecord.from_record)
