"""Small batches of records."""

from __future__ import annotations

from typing import Annotated

import strawberry

from backend.ingestion import rejected
from backend.ingestion.mapping import built_in
from backend.ingestion.normalize import Normalizer
from backend.ingestion.service import import_source
from backend.web.access import INGEST
from schema.context import Info
from schema.guard.limits import check
from schema.ingestion.inputs import ImportRecordsInput, as_record
from schema.ingestion.types import DiscardPayload, ImportRecordsPayload, ReplayPayload
from schema.relay import uuid_of

Records = Annotated[list[strawberry.ID], strawberry.argument(description="Rejected records; at most 500.")]


@strawberry.type
class IngestionMutations:
    @strawberry.mutation(
        description="Brings a batch in, all in one transaction. A record that is there already is "
        "updated, one that is "
        "just so is left alone, so sending a batch again changes nothing. Records that cannot be taken "
        "are set aside."
    )
    async def import_records(
        self,
        info: Info,
        input: Annotated[ImportRecordsInput, strawberry.argument(description="The batch.")],
    ) -> ImportRecordsPayload:
        context = info.context
        context.require(INGEST)
        kind, records = input.only_kind()
        check("records", len(records))
        tenant = context.scope.tenant
        normalizer = Normalizer(
            built_in(kind, source=input.source), None, zone=tenant.zone, currency=tenant.currency
        )
        chunk = normalizer.records([as_record(record) for record in records])
        report = await import_source(
            context.scope.database,
            [chunk],
            normalizer.layouts,
            source=input.source,
            origin="graphql",
            label=f"{len(records)} {kind} records",
            mapping_text=normalizer.mapping.text,
            actor=context.scope.principal.subject,
            rejected_share=1.0,  # the caller sees every rejection, so good records need not wait for bad ones
            clock=context.clock,
        )
        return ImportRecordsPayload.from_report(report, chunk.rejections)

    @strawberry.mutation(
        description="Reads open rejected records again with the mapping used last for their source, and "
        "takes what can "
        "be taken now. Records that are not open are left alone."
    )
    async def replay_rejected_records(self, info: Info, ids: Records) -> ReplayPayload:
        context = info.context
        context.require(INGEST)
        check("records", len(ids))
        wanted = [uuid_of("RejectedRecord", id) for id in ids]
        replay = await rejected.replay(
            context.scope.database, wanted, actor=context.scope.principal.subject, clock=context.clock
        )
        return ReplayPayload.from_replay(replay)

    @strawberry.mutation(
        description="Gives open rejected records up. Records that are not open are left alone."
    )
    async def discard_rejected_records(self, info: Info, ids: Records) -> DiscardPayload:
        context = info.context
        context.require(INGEST)
        check("records", len(ids))
        wanted = [uuid_of("RejectedRecord", id) for id in ids]
        async with context.scope.write() as session:
            discarded = await rejected.discard(
                session, wanted, actor=context.scope.principal.subject, now=context.clock()
            )
        return DiscardPayload(discarded=discarded)
