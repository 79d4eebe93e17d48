"""Tables of the facts and of the things they name. Durations in milliseconds, money in minor units, scores in
thousandths; missing is NULL, never 0.

Ids of facts are made from source and external id (`identity.fact_id`), so that writing the same record twice
meets the same row and a survey can name its interaction before that has arrived.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tenants.storage import STAGED, TOUCHED
from tenants.tables import TENANT
from tenants.versions import MOVES, Versioned

CHANNELS = ("chat", "call", "ticket", "email", "social", "review", "bot")
MOMENTS = ("started", "queued", "accepted", "first_response", "resolved", "closed")
DURATIONS = (
    "first_response_time",
    "wait_time",
    "handle_time",
    "talk_time",
    "hold_time",
    "wrap_up_time",
    "silence_time",
    "resolution_time",
)
COUNTS = ("customer_messages", "agent_messages", "bot_messages", "reopens", "transfers")
OUTCOMES = ("answered", "abandoned", "resolved", "resolved_on_first_contact", "escalated", "converted")
# What may be derived, so that it matters whether the source gave it: bit i of `given` is GIVEN[i].
GIVEN = (*DURATIONS, *OUTCOMES, "first_response_at", *COUNTS)
SCORE_SCALE = 1000  # scores and numeric attributes: three decimals, exact


def moment(name: str, *, nullable: bool = True) -> Column[Any]:
    """A column of an instant."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def written() -> list[Column[Any]]:
    """When a fact was written, and by which run."""
    return [
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("sync_run_id", Uuid, comment="The run that wrote it last."),
    ]


def origin() -> list[Column[Any]]:
    """What identifies a fact."""
    return [
        Column("id", Uuid, primary_key=True),
        Column("source", Text, nullable=False),
        Column("external_id", Text, nullable=False),
    ]


def _named(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        TENANT,
        Column("id", Integer, Identity(), primary_key=True),
        Column("external_id", Text, nullable=False),
        Column("name", Text, nullable=False),
        *columns,
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        UniqueConstraint("external_id"),
        info={MOVES: Versioned.DEFINITIONS},
    )


team = _named("team")
queue = _named("queue")
issue_type = _named("issue_type")
product = _named("product")
agent = _named(
    "agent",
    Column("team_id", Integer),
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

customer = Table(
    "customer",
    TENANT,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("external_id", Text, nullable=False),
    Column("name", Text),
    Column("segment", Text),
    moment("joined_at"),
    moment("lost_at"),
    Column("at_risk", Boolean, comment="Flagged as likely to leave."),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("external_id"),
    info={MOVES: Versioned.FACTS},
)

interaction = Table(
    "interaction",
    TENANT,
    *origin(),
    Column("channel", Text, nullable=False),
    *[moment(f"{name}_at") for name in MOMENTS],
    *[Column(name, BigInteger) for name in DURATIONS],
    Column(
        "given",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Bit i set: GIVEN[i] was given by the source, not derived.",
    ),
    *[Column(name, Integer) for name in COUNTS],
    *[Column(name, Boolean) for name in OUTCOMES],
    Column("amount", BigInteger),
    Column("currency", Text),
    Column("agent_id", Integer),
    Column("team_id", Integer),
    Column("queue_id", Integer),
    Column("customer_id", BigInteger),
    Column("issue_type_id", Integer),
    Column("product_id", Integer),
    Column("product_version", Text),
    Column("priority", Text),
    Column("language", Text),
    Column("segment", Text),
    Column("problem_id", Text, comment="Links the interactions of one customer problem."),
    Column("sentiment", Integer, comment="The customer's, in thousandths: -1000 to 1000."),
    Column("sentiment_model", Text, comment="Which model or person judged it, with its version."),
    Column("at_risk", Boolean, comment="The customer was flagged as likely to leave."),
    Column("exclusion", Text, comment="Why it is not counted: deleted, merged, spam, test, internal ..."),
    Column("excluded_values", JSONB, comment="Durations that came out negative, in ms, kept by name."),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    *written(),
    CheckConstraint("channel IN ('" + "', '".join(CHANNELS) + "')", name="channel"),
    CheckConstraint("sentiment BETWEEN -1000 AND 1000", name="sentiment"),
    Index(None, "started_at"),
    Index(None, "customer_id", "started_at"),
)

# The moments that place interactions in time where a formula does not go by their start, each with what stands in
# for it. Such an index costs next to nothing to keep: it knows of each stretch of the table which days are in it.
for _name, *_moments in (
    ("queued", "queued_at", "started_at"),
    ("accepted", "accepted_at", "started_at"),
    ("resolved", "resolved_at", "closed_at", "started_at"),
    ("closed", "closed_at", "resolved_at", "started_at"),
):
    Index(
        f"interaction_{_name}_anchor_idx",
        func.coalesce(*(interaction.c[_moment] for _moment in _moments)).label("anchor"),
        postgresql_using="brin",
        postgresql_ops={"anchor": "timestamptz_minmax_multi_ops"},
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )

interaction_event = Table(
    "interaction_event",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid, nullable=False),
    moment("happened_at", nullable=False),
    Column(
        "kind", Text, nullable=False, comment="message, note, assigned, transferred, solved, reopened ..."
    ),
    Column("actor", Text, nullable=False),
    Column("agent_id", Integer),
    Column("public", Boolean, nullable=False, server_default=text("true")),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("content", Text),
    *written(),
    CheckConstraint("actor IN ('customer', 'agent', 'bot', 'system')", name="actor"),
    Index(None, "interaction_id", "happened_at"),
)

survey_response = Table(
    "survey_response",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("score", Integer, comment="Thousandths on the scale below; null when invited but not answered."),
    Column("scale_min", Integer, nullable=False),
    Column("scale_max", Integer, nullable=False),
    Column("comment", Text),
    Column("cause", Text, comment="Why the score was low: product defect, attitude, process ..."),
    Column("solved", Boolean, comment="Whether the customer says that it was solved."),
    moment("invited_at"),
    moment("responded_at"),
    moment("called_back_at"),
    Column("agent_id", Integer),
    Column("customer_id", BigInteger),
    Column("exclusion", Text),
    *written(),
    CheckConstraint("kind IN ('csat', 'nps', 'ces')", name="kind"),
    CheckConstraint("score BETWEEN scale_min AND scale_max", name="score"),
    Index(None, "interaction_id"),
    Index(None, "customer_id"),
    Index(None, "responded_at"),
)

qa_review = Table(
    "qa_review",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid),
    Column("agent_id", Integer),
    Column("reviewer", Text),
    Column("form", Text),
    Column("score", Integer, comment="Thousandths of a point, 0 to 100 points."),
    Column("passed", Boolean),
    Column("critical_fail", Boolean),
    moment("reviewed_at", nullable=False),
    Column("exclusion", Text),
    *written(),
    CheckConstraint("score BETWEEN 0 AND 100000", name="score"),
    Index(None, "interaction_id"),
    Index(None, "reviewed_at"),
)

agent_activity = Table(
    "agent_activity",
    TENANT,
    *origin(),
    Column("agent_id", Integer, nullable=False),
    Column("state", Text, nullable=False),
    moment("started_at", nullable=False),
    moment("ended_at"),
    Column("duration", BigInteger, comment="Milliseconds; null while it goes on."),
    Column("capacity", Integer),
    Column("cost", BigInteger, comment="What that time cost, in minor units."),
    Column("currency", Text),
    *written(),
    Index(None, "started_at"),
)

article_view = Table(
    "article_view",
    TENANT,
    *origin(),
    Column("article", Text, nullable=False),
    Column("customer_id", BigInteger),
    Column("interaction_id", Uuid),
    Column("helpful", Boolean),
    moment("viewed_at", nullable=False),
    *written(),
    Index(None, "customer_id", "viewed_at"),
    Index(None, "interaction_id"),
    Index(None, "viewed_at"),
)

order = Table(
    "order",
    TENANT,
    *origin(),
    Column("customer_id", BigInteger),
    Column("agent_id", Integer, comment="The agent the sale is attributed to."),
    Column("product_id", Integer),
    Column("amount", BigInteger, nullable=False),
    Column("refunded", BigInteger),
    Column("margin", BigInteger),
    Column("currency", Text, nullable=False),
    moment("ordered_at", nullable=False),
    moment("paid_at"),
    Column("exclusion", Text),
    *written(),
    Index(None, "ordered_at"),
    Index(None, "customer_id", "ordered_at"),
)

sla_instance = Table(
    "sla_instance",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid),
    Column("metric", Text, nullable=False, comment="first_response, next_response, resolution ..."),
    Column("policy", Text),
    Column("target", BigInteger, comment="Milliseconds, as they were when it was applied."),
    moment("applied_at", nullable=False),
    moment("due_at"),
    moment("achieved_at"),
    Column("exclusion", Text),
    *written(),
    Index(None, "interaction_id"),
    Index(None, "due_at"),
)

attribute = Table(
    "attribute",
    TENANT,
    Column("key", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("label_en", Text),
    Column("label_zh", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("type IN ('text', 'number', 'boolean', 'duration', 'money', 'moment')", name="type"),
    CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name="key"),
    comment="Tenant-defined fields of an interaction: values lie in interaction.attributes by key.",
    info={MOVES: Versioned.DEFINITIONS},
)

write_log = Table(
    "write_log",
    TENANT,
    Column("number", BigInteger, primary_key=True, comment="The data version that it made."),
    Column("cause", Text, nullable=False),
    Column("sync_run_id", Uuid),
    Column("rows_changed", Integer, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

mark = Table(
    "mark",
    TENANT,
    Column("write_id", Uuid, primary_key=True),
    Column("fact", Text, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    comment="Hours that a write under way has touched; empty between writes.",
    **STAGED,
)

touched_hour = Table(
    "touched_hour",
    TENANT,
    Column("fact", Text, primary_key=True),
    Column(
        "hour",
        DateTime(timezone=True),
        primary_key=True,
        comment="UTC hour that a moment of a changed row lies in, before or after the change.",
    ),
    Column("version", BigInteger, nullable=False, comment="The newest data version that touched it."),
    **TOUCHED,
)

audit_entry = Table(
    "audit_entry",
    TENANT,
    Column("id", Uuid, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("details", JSONB),
    Column("happened_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

outbox = Table(
    "outbox",
    TENANT,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("moved_at", DateTime(timezone=True)),
)
