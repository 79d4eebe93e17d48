"""Tables of bringing data in: sources, runs, rejected records, and the staging tables made from SHAPES."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.ingestion.shapes import SHAPES, FieldType, Shape
from tenants.storage import STAGED as STAGED_TABLE
from tenants.tables import TENANT

ORIGINS = ("file", "http", "graphql", "demo")
RUN_STATES = ("running", "applied", "refused")
REJECTED_STATES = ("open", "replayed", "discarded")

source = Table(
    "source",
    TENANT,
    Column("name", Text, primary_key=True, comment="What the facts carry in their column `source`."),
    Column("mapping", Text, comment="The mapping used last, as TOML; null for records that came mapped."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

sync_run = Table(
    "sync_run",
    TENANT,
    Column("id", Uuid, primary_key=True, comment="Time-ordered."),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("label", Text, nullable=False, comment="The file's name, or what the request called itself."),
    Column("mapping", Text, comment="The mapping as TOML, for replays; null for records that came mapped."),
    Column("status", Text, nullable=False, server_default="running"),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("rows_read", BigInteger, nullable=False, server_default=text("0")),
    Column(
        "rows_written",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Records that were new or changed, of all kinds.",
    ),
    Column("rows_unchanged", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_rejected", BigInteger, nullable=False, server_default=text("0")),
    Column("error", Text, comment="Why it was refused; null unless it was."),
    Column("actor", Text, nullable=False),
    CheckConstraint("origin IN ('" + "', '".join(ORIGINS) + "')", name="origin"),
    CheckConstraint("status IN ('" + "', '".join(RUN_STATES) + "')", name="status"),
    Index(None, "started_at", postgresql_where=text("status = 'running'")),
)


def _rejection() -> list[Column[Any]]:
    return [
        Column(
            "line", BigInteger, nullable=False, comment="Where the row begins in its file; 1 is the first."
        ),
        Column("field", Text),
        Column("code", Text, nullable=False),
        Column("message", Text, nullable=False),
        Column("raw", JSONB, nullable=False, comment="The row as it was read."),
    ]


rejected_record = Table(
    "rejected_record",
    TENANT,
    Column(
        "id", Uuid, primary_key=True, comment="Made from source, raw row and field: twice the same is one."
    ),
    Column(
        "sync_run_id",
        Uuid,
        nullable=False,
        comment="The run that set it aside; its mapping replays it.",
    ),
    Column("source", Text, nullable=False),
    *_rejection(),
    Column("status", Text, nullable=False, server_default="open"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column(
        "settled_at", DateTime(timezone=True), comment="When it was replayed or discarded; null while open."
    ),
    CheckConstraint("status IN ('" + "', '".join(REJECTED_STATES) + "')", name="status"),
    Index(None, "sync_run_id", "line"),
)

_STORED: dict[FieldType, Any] = {
    FieldType.TEXT: Text,
    FieldType.REFERENCE: Text,
    FieldType.CHOICE: Text,
    FieldType.INTERACTION: Uuid,
    FieldType.MOMENT: DateTime(timezone=True),
    FieldType.DURATION: BigInteger,
    FieldType.MONEY: BigInteger,
    FieldType.INTEGER: Integer,
    FieldType.SCORE: Integer,
    FieldType.BOOLEAN: Boolean,
}


def _staging(shape: Shape) -> Table:
    named: list[Column[Any]] = [
        Column(field.column, _STORED[field.type]) for field in shape.fields if field.column != "external_id"
    ]
    return Table(
        f"staged_{shape.kind}",
        TENANT,
        Column("sync_run_id", Uuid, nullable=False),
        Column("line", BigInteger, nullable=False),
        Column("id", Uuid, nullable=False),
        Column("source", Text, nullable=False),
        Column("external_id", Text, nullable=False),
        *named,
        Column("attributes", JSONB),
        PrimaryKeyConstraint("sync_run_id", "line", "id"),
        **STAGED_TABLE,
    )


STAGED: dict[str, Table] = {kind: _staging(shape) for kind, shape in SHAPES.items()}

staged_rejection = Table(
    "staged_rejection",
    TENANT,
    Column("sync_run_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    *_rejection(),
    PrimaryKeyConstraint("sync_run_id", "line", "id"),
    **STAGED_TABLE,
)
