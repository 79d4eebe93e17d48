"""Sync runs and rejected records as the API shows them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec
import strawberry

from backend.ingestion.records import Rejection
from backend.ingestion.rejected import RejectedRecord as RejectedRecordOfRun
from backend.ingestion.rejected import Replay
from backend.ingestion.runs import SyncRun as SyncRunRecord
from backend.ingestion.service import ImportReport
from schema.relay import Node, node_id


@strawberry.enum(description="The way records came in.")
class Origin(Enum):
    FILE = strawberry.enum_value("file", description="A file on the command line.")
    HTTP = strawberry.enum_value("http", description="An upload to `/ingest`.")
    GRAPHQL = strawberry.enum_value("graphql", description="The mutation `importRecords`.")
    DEMO = strawberry.enum_value("demo", description="Generated for the demo tenant.")


@strawberry.enum(description="How far a sync run has come.")
class SyncRunStatus(Enum):
    RUNNING = strawberry.enum_value("running", description="Still reading or applying.")
    APPLIED = strawberry.enum_value("applied", description="All that could be taken is in.")
    REFUSED = strawberry.enum_value("refused", description="Nothing of it was kept.")


@strawberry.type(description="One attempt to bring records in.")
class SyncRun(Node):
    source: str = strawberry.field(description="The source its records belong to.")
    origin: Origin = strawberry.field(description="The way they came.")
    label: str = strawberry.field(description="The file's name, or what the request called itself.")
    status: SyncRunStatus = strawberry.field(description="How far it has come.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null while it runs.")
    rows_read: int = strawberry.field(description="Rows read so far.")
    rows_written: int = strawberry.field(description="Records that were new or changed, of all kinds.")
    rows_unchanged: int = strawberry.field(description="Records that were there already, just so.")
    rows_rejected: int = strawberry.field(description="Rows set aside; see `rejectedRecords`.")
    error: str | None = strawberry.field(description="Why it was refused; null unless it was.")
    actor: str = strawberry.field(description="Who brought it in.")

    @classmethod
    def from_record(cls, run: SyncRunRecord) -> SyncRun:
        """The public side of a run."""
        return cls(
            id=node_id("SyncRun", run.id),
            source=run.source,
            origin=Origin(run.origin),
            label=run.label,
            status=SyncRunStatus(run.status),
            started_at=run.started_at,
            finished_at=run.finished_at,
            rows_read=run.rows_read,
            rows_written=run.rows_written,
            rows_unchanged=run.rows_unchanged,
            rows_rejected=run.rows_rejected,
            error=run.error,
            actor=run.actor,
        )


@strawberry.enum(description="What became of a rejected record.")
class RejectedRecordStatus(Enum):
    OPEN = strawberry.enum_value("open", description="Waiting to be mended.")
    REPLAYED = strawberry.enum_value("replayed", description="Read again, and taken.")
    DISCARDED = strawberry.enum_value("discarded", description="Given up by someone.")


@strawberry.type(description="A row that could not be taken.")
class RejectedRecord:
    id: strawberry.ID = strawberry.field(description="Opaque: what replaying and discarding take.")
    sync_run_id: strawberry.ID = strawberry.field(description="Id of the sync run that first set it aside.")
    source: str = strawberry.field(description="The source it belongs to.")
    line: int = strawberry.field(description="Where it began in its file; 1 is the first line.")
    field: str | None = strawberry.field(
        description="The field at fault; null when it is the row as a whole."
    )
    code: str = strawberry.field(description="Stable reason: see `frontend-contract/error-codes.md`.")
    message: str = strawberry.field(description="The reason as a sentence to show.")
    raw: str = strawberry.field(description="The row as it was read, as JSON text.")
    status: RejectedRecordStatus = strawberry.field(description="What became of it.")
    created_at: datetime = strawberry.field(description="When it was set aside.")
    settled_at: datetime | None = strawberry.field(
        description="When it was replayed or discarded; null while it is open."
    )

    @classmethod
    def from_record(cls, record: RejectedRecordOfRun) -> RejectedRecord:
        """The public side of a rejected record."""
        return cls(
            id=node_id("RejectedRecord", record.id),
            sync_run_id=node_id("SyncRun", record.sync_run_id),
            source=record.source,
            line=record.line,
            field=record.field,
            code=record.code,
            message=record.message,
            raw=msgspec.json.encode(record.raw).decode(),
            status=RejectedRecordStatus(record.status),
            created_at=record.created_at,
            settled_at=record.settled_at,
        )


@strawberry.type(description="A record of a batch that was not taken. It is kept among `rejectedRecords`.")
class RejectedInput:
    index: int = strawberry.field(description="Its place in the list it came in, counted from 0.")
    field: str | None = strawberry.field(
        description="The field at fault; null when it is the record as a whole."
    )
    code: str = strawberry.field(description="Stable reason: see `frontend-contract/error-codes.md`.")
    message: str = strawberry.field(description="The reason as a sentence to show.")

    @classmethod
    def from_rejection(cls, rejection: Rejection) -> RejectedInput:
        """The API's form of a rejection; its line is the place in the list."""
        return cls(
            index=rejection.line,
            field=rejection.field,
            code=rejection.code,
            message=rejection.message,
        )


@strawberry.type(description="What a batch came to.")
class ImportRecordsPayload:
    sync_run_id: strawberry.ID = strawberry.field(description="Id of the sync run that took the batch.")
    read: int = strawberry.field(description="Records in the batch.")
    written: int = strawberry.field(description="Records that were new or changed.")
    unchanged: int = strawberry.field(description="Records that were there already, just so.")
    rejected: list[RejectedInput] = strawberry.field(description="Records not taken, each with the reason.")

    @classmethod
    def from_report(cls, report: ImportReport, rejections: list[Rejection]) -> ImportRecordsPayload:
        """The API's form of an import's report."""
        return cls(
            sync_run_id=node_id("SyncRun", report.sync_run_id),
            read=report.rows_read,
            written=sum(report.written.values()),
            unchanged=sum(report.unchanged.values()),
            rejected=[RejectedInput.from_rejection(rejection) for rejection in rejections],
        )


@strawberry.type(description="What reading rejected records again came to.")
class ReplayPayload:
    replayed: int = strawberry.field(description="Records that were taken now.")
    still_rejected: int = strawberry.field(
        description="Records that stay open, with the reason of this time."
    )

    @classmethod
    def from_replay(cls, replay: Replay) -> ReplayPayload:
        """The API's form of a replay."""
        return cls(replayed=replay.replayed, still_rejected=replay.still_rejected)


@strawberry.type(description="What giving rejected records up came to.")
class DiscardPayload:
    discarded: int = strawberry.field(description="Records that were open until now.")
