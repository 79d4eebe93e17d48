"""Tables of working hours. A schedule's hours and its assignments hold from an instant on."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from tenants.tables import TENANT
from tenants.versions import MOVES, Versioned

SCOPES = ("tenant", "queue", "team")

schedule = Table(
    "schedule",
    TENANT,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("archived_at", DateTime(timezone=True)),
    CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name="key"),
)

schedule_version = Table(
    "schedule_version",
    TENANT,
    Column("schedule_key", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("zone", Text, nullable=False, comment="IANA zone whose wall clock the hours are read by."),
    Column(
        "hours",
        JSONB,
        nullable=False,
        comment="Open spans of a week as [from, to] in minutes from Monday 00:00, to excluded.",
    ),
    Column(
        "exceptions",
        JSONB,
        nullable=False,
        server_default=text("'{}'::jsonb"),
        comment="By date, the open spans of that day in minutes from its 00:00; none on a holiday.",
    ),
    Column(
        "effective_from",
        DateTime(timezone=True),
        nullable=False,
        comment="The first version holds for all time before it, too.",
    ),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("version >= 1", name="version"),
)

schedule_assignment = Table(
    "schedule_assignment",
    TENANT,
    Column("scope", Text, primary_key=True),
    Column("scope_id", Integer, primary_key=True, comment="The queue or team; 0 for all else."),
    Column(
        "effective_from",
        DateTime(timezone=True),
        primary_key=True,
        comment="The first assignment of a scope holds for all time before it, too.",
    ),
    Column("schedule_key", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("scope IN ('" + "', '".join(SCOPES) + "')", name="scope"),
)

for _table in (schedule, schedule_version, schedule_assignment):
    _table.info[MOVES] = Versioned.DEFINITIONS
