"""The two table collections, and the control namespace's own tables.

Tenant tables are declared in a placeholder namespace that does not exist: a statement that was never bound
to a tenant fails instead of reading somewhere.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from tenants.storage import COUNTER, QUEUED

PLACEHOLDER = "tenant"
CONTROL_NAMESPACE = "scoredesk_control"

_NAMES = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}

TENANT = MetaData(schema=PLACEHOLDER, naming_convention=_NAMES)
CONTROL = MetaData(schema=CONTROL_NAMESPACE, naming_convention=_NAMES)

version = Table(
    "version",
    TENANT,
    Column("name", Text, primary_key=True, comment="What it is the version of: facts, definitions."),
    Column("number", BigInteger, nullable=False, comment="Grows by one with each change, in commit order."),
    comment="No row: nothing was changed yet.",
    **COUNTER,
)

tenant = Table(
    "tenant",
    CONTROL,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True, comment="The name people use; a spare's namespace."),
    Column("name", Text, nullable=False),
    Column("namespace", Text, nullable=False, unique=True, comment="Also the runtime role's name."),
    Column("database", Text, nullable=False, server_default="main", comment="Which server holds it."),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("revision", Text, comment="The tenant history's revision it stands on."),
    Column("migration_error", Text, comment="Why its last migration failed; null when it did not."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('provisioning', 'spare', 'active', 'suspended', 'dropping')", name="status"),
    CheckConstraint("locale IN ('en', 'zh')", name="locale"),
)

app_user = Table(
    "app_user",
    CONTROL,
    Column("id", Uuid, primary_key=True),
    Column("subject", Text, nullable=False, unique=True, comment="The token's `sub`."),
    Column("name", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

membership = Table(
    "membership",
    CONTROL,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, ForeignKey(tenant.c.id, ondelete="CASCADE"), nullable=False),
    Column("user_id", Uuid, ForeignKey(app_user.c.id, ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),
    Column("agent", Text, comment="External id of the agent this person is; needed for role agent."),
    Column("scopes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("tenant_id", "user_id"),
    CheckConstraint("role IN ('admin', 'manager', 'agent', 'viewer', 'partner')", name="role"),
    CheckConstraint("role <> 'agent' OR agent IS NOT NULL", name="agent_named"),
    Index(None, "user_id"),
)

job = Table(
    "job",
    CONTROL,
    Column("tenant_id", Uuid, ForeignKey(tenant.c.id, ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column(
        "ready_at",
        DateTime(timezone=True),
        comment="When it may be taken: in its turn, after a pause, or once its holder is silent. Null: never.",
    ),
    Column("holder", Uuid, comment="Who runs it, another each time; null while nobody does."),
    Column(
        "asked_again",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Whether it was asked for while it ran.",
    ),
    Column("failures", Integer, nullable=False, server_default="0", comment="How often it failed, in a row."),
    Index(None, "ready_at"),
    comment="What is to be done for a tenant: one row a kind, which stays when it is done.",
    **QUEUED,
)

chore = Table(
    "chore",
    CONTROL,
    Column("name", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="When it is somebody's turn again."),
    comment="What one worker does now and then for the whole installation.",
)
