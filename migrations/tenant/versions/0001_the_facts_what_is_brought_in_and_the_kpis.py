"""The facts, what is brought in, and the KPIs.

Revision 0001, after nothing. One of: expand, migrate, contract.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The facts, what is brought in, and the KPIs."""
    op.create_table(
        "agent",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("agent_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("agent_external_id_key")),
    )
    op.create_table(
        "agent_activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=True, comment="Milliseconds; null while it goes on."),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True, comment="What that time cost, in minor units."),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("agent_activity_pkey")),
    )
    op.create_index(op.f("agent_activity_started_at_idx"), "agent_activity", ["started_at"], unique=False)
    op.create_table(
        "article_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("article", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("article_view_pkey")),
    )
    op.create_index(
        op.f("article_view_customer_id_viewed_at_idx"),
        "article_view",
        ["customer_id", "viewed_at"],
        unique=False,
    )
    op.create_index(op.f("article_view_interaction_id_idx"), "article_view", ["interaction_id"], unique=False)
    op.create_index(op.f("article_view_viewed_at_idx"), "article_view", ["viewed_at"], unique=False)
    op.create_table(
        "attribute",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=True),
        sa.Column("label_zh", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name=op.f("attribute_key_check")),
        sa.CheckConstraint(
            "type IN ('text', 'number', 'boolean', 'duration', 'money', 'moment')",
            name=op.f("attribute_type_check"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("attribute_pkey")),
        comment="Tenant-defined fields of an interaction: values lie in interaction.attributes by key.",
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_entry_pkey")),
    )
    op.create_table(
        "benchmark",
        sa.Column("kpi_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False, comment="Whose figure it is, or from which report."),
        sa.Column(
            "low", sa.Numeric(), nullable=False, comment="In shown units; a single figure has low = high."
        ),
        sa.Column("high", sa.Numeric(), nullable=False),
        sa.Column(
            "float_low",
            sa.Numeric(),
            nullable=True,
            comment="Fractions the band is said to float by: 0.15 to 0.30.",
        ),
        sa.Column("float_high", sa.Numeric(), nullable=True),
        sa.Column(
            "valid_from", sa.Date(), nullable=True, comment="First local day it speaks of; null for always."
        ),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('industry', 'peer_average', 'peer_best', 'own')", name=op.f("benchmark_kind_check")
        ),
        sa.CheckConstraint("float_low <= float_high", name=op.f("benchmark_float_check")),
        sa.CheckConstraint("low <= high", name=op.f("benchmark_band_check")),
        sa.PrimaryKeyConstraint("kpi_key", "kind", "label", name=op.f("benchmark_pkey")),
        comment="Figures that a KPI is held against.",
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at_risk", sa.Boolean(), nullable=True, comment="Flagged as likely to leave."),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("customer_external_id_key")),
    )
    op.create_table(
        "demand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "question",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="KPIs, dimensions, grain and filter, without a window.",
        ),
        sa.Column("times", sa.Integer(), nullable=False, comment="How often it was asked."),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("demand_pkey")),
        comment="Questions whose packs are kept; one that nobody asks any more goes.",
    )
    op.create_index(op.f("demand_asked_at_idx"), "demand", ["asked_at"], unique=False)
    op.create_table(
        "interaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_response_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_response_time", sa.BigInteger(), nullable=True),
        sa.Column("wait_time", sa.BigInteger(), nullable=True),
        sa.Column("handle_time", sa.BigInteger(), nullable=True),
        sa.Column("talk_time", sa.BigInteger(), nullable=True),
        sa.Column("hold_time", sa.BigInteger(), nullable=True),
        sa.Column("wrap_up_time", sa.BigInteger(), nullable=True),
        sa.Column("silence_time", sa.BigInteger(), nullable=True),
        sa.Column("resolution_time", sa.BigInteger(), nullable=True),
        sa.Column(
            "given",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Bit i set: GIVEN[i] was given by the source, not derived.",
        ),
        sa.Column("customer_messages", sa.Integer(), nullable=True),
        sa.Column("agent_messages", sa.Integer(), nullable=True),
        sa.Column("bot_messages", sa.Integer(), nullable=True),
        sa.Column("reopens", sa.Integer(), nullable=True),
        sa.Column("transfers", sa.Integer(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=True),
        sa.Column("abandoned", sa.Boolean(), nullable=True),
        sa.Column("resolved", sa.Boolean(), nullable=True),
        sa.Column("resolved_on_first_contact", sa.Boolean(), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=True),
        sa.Column("converted", sa.Boolean(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("queue_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("issue_type_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("product_version", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column(
            "problem_id", sa.Text(), nullable=True, comment="Links the interactions of one customer problem."
        ),
        sa.Column(
            "sentiment", sa.Integer(), nullable=True, comment="The customer's, in thousandths: -1000 to 1000."
        ),
        sa.Column(
            "sentiment_model",
            sa.Text(),
            nullable=True,
            comment="Which model or person judged it, with its version.",
        ),
        sa.Column(
            "at_risk", sa.Boolean(), nullable=True, comment="The customer was flagged as likely to leave."
        ),
        sa.Column(
            "exclusion",
            sa.Text(),
            nullable=True,
            comment="Why it is not counted: deleted, merged, spam, test, internal ...",
        ),
        sa.Column(
            "excluded_values",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Durations that came out negative, in ms, kept by name.",
        ),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.CheckConstraint(
            "channel IN ('chat', 'call', 'ticket', 'email', 'social', 'review', 'bot')",
            name=op.f("interaction_channel_check"),
        ),
        sa.CheckConstraint("sentiment BETWEEN -1000 AND 1000", name=op.f("interaction_sentiment_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("interaction_pkey")),
    )
    op.create_index(
        "interaction_accepted_anchor_idx",
        "interaction",
        [sa.literal_column("coalesce(accepted_at, started_at)").label("anchor")],
        unique=False,
        postgresql_using="brin",
        postgresql_ops={"anchor": "timestamptz_minmax_multi_ops"},
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )
    op.create_index(
        "interaction_closed_anchor_idx",
        "interaction",
        [sa.literal_column("coalesce(closed_at, resolved_at, started_at)").label("anchor")],
        unique=False,
        postgresql_using="brin",
        postgresql_ops={"anchor": "timestamptz_minmax_multi_ops"},
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )
    op.create_index(
        op.f("interaction_customer_id_started_at_idx"),
        "interaction",
        ["customer_id", "started_at"],
        unique=False,
    )
    op.create_index(
        "interaction_queued_anchor_idx",
        "interaction",
        [sa.literal_column("coalesce(queued_at, started_at)").label("anchor")],
        unique=False,
        postgresql_using="brin",
        postgresql_ops={"anchor": "timestamptz_minmax_multi_ops"},
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )
    op.create_index(
        "interaction_resolved_anchor_idx",
        "interaction",
        [sa.literal_column("coalesce(resolved_at, closed_at, started_at)").label("anchor")],
        unique=False,
        postgresql_using="brin",
        postgresql_ops={"anchor": "timestamptz_minmax_multi_ops"},
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )
    op.create_index(op.f("interaction_started_at_idx"), "interaction", ["started_at"], unique=False)
    op.create_table(
        "interaction_cycle",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True, comment="Who solved it; null while nobody did."),
        sa.Column(
            "position", sa.Integer(), nullable=False, comment="1 is from the opening to the first solve."
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_response_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_response_time", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=True, comment="From the opening to the solve."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("interaction_cycle_pkey")),
        comment="From an opening to a solve; its id is the interaction's, then that of each reopening's event.",
    )
    op.create_index(
        op.f("interaction_cycle_interaction_id_idx"), "interaction_cycle", ["interaction_id"], unique=False
    )
    op.create_index(op.f("interaction_cycle_opened_at_idx"), "interaction_cycle", ["opened_at"], unique=False)
    op.create_table(
        "interaction_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="message, note, assigned, transferred, solved, reopened ...",
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("public", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.CheckConstraint(
            "actor IN ('customer', 'agent', 'bot', 'system')", name=op.f("interaction_event_actor_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("interaction_event_pkey")),
    )
    op.create_index(
        op.f("interaction_event_interaction_id_happened_at_idx"),
        "interaction_event",
        ["interaction_id", "happened_at"],
        unique=False,
    )
    op.create_table(
        "interaction_turn",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True, comment="Who replied; null while nobody did."),
        sa.Column("position", sa.Integer(), nullable=False, comment="1 is the interaction's first turn."),
        sa.Column("messages", sa.Integer(), nullable=False, comment="Customer messages in the run."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "wait", sa.BigInteger(), nullable=True, comment="From the run's first message to the human reply."
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("interaction_turn_pkey")),
        comment="A run of customer messages until a human reply; its id is that of its first message's event.",
    )
    op.create_index(
        op.f("interaction_turn_interaction_id_idx"), "interaction_turn", ["interaction_id"], unique=False
    )
    op.create_index(op.f("interaction_turn_started_at_idx"), "interaction_turn", ["started_at"], unique=False)
    op.create_table(
        "issue_type",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("issue_type_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("issue_type_external_id_key")),
    )
    op.create_table(
        "kpi",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column(
            "doc",
            sa.Text(),
            nullable=True,
            comment="What it counts and what it leaves out, in a sentence or two.",
        ),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column(
            "direction", sa.Text(), nullable=True, comment="Which way is better; null when neither is."
        ),
        sa.Column(
            "unit",
            sa.Text(),
            nullable=True,
            comment="How values are shown where the formula does not say it: NPS in points.",
        ),
        sa.Column(
            "minimum_sample",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Fewer rows than this and the value is marked as resting on too few.",
        ),
        sa.Column("target_low", sa.Numeric(), nullable=True),
        sa.Column("target_high", sa.Numeric(), nullable=True),
        sa.Column("benchmark_low", sa.Numeric(), nullable=True),
        sa.Column("benchmark_high", sa.Numeric(), nullable=True),
        sa.Column(
            "guardrails",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Keys of the KPIs that must not get worse while this one gets better.",
        ),
        sa.Column("measure_en", sa.Text(), nullable=True, comment="What to do about a gap, in a sentence."),
        sa.Column("measure_zh", sa.Text(), nullable=True),
        sa.Column("builtin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("direction IN ('up', 'down', 'band')", name=op.f("kpi_direction_check")),
        sa.CheckConstraint("family IN ('efficiency', 'quality', 'outcome')", name=op.f("kpi_family_check")),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name=op.f("kpi_key_check")),
        sa.CheckConstraint(
            "unit IN ('none', 'count', 'duration', 'money', 'score', 'ratio', 'points')",
            name=op.f("kpi_unit_check"),
        ),
        sa.CheckConstraint("benchmark_low <= benchmark_high", name=op.f("kpi_benchmark_check")),
        sa.CheckConstraint("minimum_sample >= 1", name=op.f("kpi_minimum_sample_check")),
        sa.CheckConstraint("target_low <= target_high", name=op.f("kpi_target_check")),
        sa.PrimaryKeyConstraint("key", name=op.f("kpi_pkey")),
    )
    op.create_table(
        "kpi_version",
        sa.Column("kpi_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("formula", sa.Text(), nullable=False, comment="In canonical form."),
        sa.Column("effective_from", sa.Date(), nullable=False, comment="First local day it holds for."),
        sa.Column(
            "created_by",
            sa.Text(),
            nullable=False,
            comment="The subject who wrote it, or `scoredesk` for built-ins.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("kpi_version_version_check")),
        sa.PrimaryKeyConstraint("kpi_key", "version", name=op.f("kpi_version_pkey")),
    )
    op.create_table(
        "mark",
        sa.Column("write_id", sa.Uuid(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("write_id", "fact", "hour", name=op.f("mark_pkey")),
        comment="Hours that a write under way has touched; empty between writes.",
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True, comment="The agent the sale is attributed to."),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=True),
        sa.Column("margin", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("order_pkey")),
    )
    op.create_index(
        op.f("order_customer_id_ordered_at_idx"), "order", ["customer_id", "ordered_at"], unique=False
    )
    op.create_index(op.f("order_ordered_at_idx"), "order", ["ordered_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
    )
    op.create_table(
        "pack",
        sa.Column(
            "series", sa.Uuid(), nullable=False, comment="Made of what its content is of: see series.py."
        ),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False, comment="Included."),
        sa.Column(
            "as_of", sa.BigInteger(), nullable=False, comment="The data version that it was worked out at."
        ),
        sa.Column("parts", sa.Text(), nullable=False, comment="What it holds of each group: ids, by spaces."),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="Arrays: see packing.py."),
        sa.PrimaryKeyConstraint("series", "first_day", "last_day", name=op.f("pack_pkey")),
        comment="Of a day that several packs hold the newest one counts.",
        postgresql_with={
            "autovacuum_vacuum_scale_factor": 0.05,
            "toast.autovacuum_vacuum_scale_factor": 0.05,
            "toast.autovacuum_vacuum_threshold": 1000,
        },
    )
    op.create_table(
        "participation",
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column(
            "first", sa.Boolean(), nullable=False, comment="The first agent to act on it; exactly one is."
        ),
        sa.Column(
            "last", sa.Boolean(), nullable=False, comment="The last agent to act on it; exactly one is."
        ),
        sa.Column(
            "resolver", sa.Boolean(), nullable=False, comment="Who solved it last; exactly one is, or none."
        ),
        sa.Column(
            "handled", sa.BigInteger(), nullable=False, comment="Milliseconds it was assigned to the agent."
        ),
        sa.Column("messages", sa.Integer(), nullable=False, comment="Public messages by the agent."),
        sa.Column("time_share", sa.Integer(), nullable=False),
        sa.Column("message_share", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "message_share BETWEEN 0 AND 1000000", name=op.f("participation_message_share_check")
        ),
        sa.CheckConstraint("time_share BETWEEN 0 AND 1000000", name=op.f("participation_time_share_check")),
        sa.PrimaryKeyConstraint("interaction_id", "agent_id", name=op.f("participation_pkey")),
        comment="Agents that events name on an interaction; one that no event tells of has no rows here.",
    )
    op.create_index(op.f("participation_agent_id_idx"), "participation", ["agent_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("product_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("product_external_id_key")),
    )
    op.create_table(
        "qa_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True, comment="Thousandths of a point, 0 to 100 points."),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("critical_fail", sa.Boolean(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.CheckConstraint("score BETWEEN 0 AND 100000", name=op.f("qa_review_score_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("qa_review_pkey")),
    )
    op.create_index(op.f("qa_review_interaction_id_idx"), "qa_review", ["interaction_id"], unique=False)
    op.create_index(op.f("qa_review_reviewed_at_idx"), "qa_review", ["reviewed_at"], unique=False)
    op.create_table(
        "queue",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("queue_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("queue_external_id_key")),
    )
    op.create_table(
        "rejected_record",
        sa.Column(
            "id",
            sa.Uuid(),
            nullable=False,
            comment="Made from source, raw row and field: twice the same is one.",
        ),
        sa.Column(
            "sync_run_id",
            sa.Uuid(),
            nullable=False,
            comment="The run that set it aside; its mapping replays it.",
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "line",
            sa.BigInteger(),
            nullable=False,
            comment="Where the row begins in its file; 1 is the first.",
        ),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column(
            "raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="The row as it was read."
        ),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was replayed or discarded; null while open.",
        ),
        sa.CheckConstraint(
            "status IN ('open', 'replayed', 'discarded')", name=op.f("rejected_record_status_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rejected_record_pkey")),
    )
    op.create_index(
        op.f("rejected_record_sync_run_id_line_idx"), "rejected_record", ["sync_run_id", "line"], unique=False
    )
    op.create_table(
        "schedule",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name=op.f("schedule_key_check")),
        sa.PrimaryKeyConstraint("key", name=op.f("schedule_pkey")),
    )
    op.create_table(
        "schedule_assignment",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False, comment="The queue or team; 0 for all else."),
        sa.Column(
            "effective_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The first assignment of a scope holds for all time before it, too.",
        ),
        sa.Column("schedule_key", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "scope IN ('tenant', 'queue', 'team')", name=op.f("schedule_assignment_scope_check")
        ),
        sa.PrimaryKeyConstraint("scope", "scope_id", "effective_from", name=op.f("schedule_assignment_pkey")),
    )
    op.create_table(
        "schedule_version",
        sa.Column("schedule_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "zone", sa.Text(), nullable=False, comment="IANA zone whose wall clock the hours are read by."
        ),
        sa.Column(
            "hours",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Open spans of a week as [from, to] in minutes from Monday 00:00, to excluded.",
        ),
        sa.Column(
            "exceptions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="By date, the open spans of that day in minutes from its 00:00; none on a holiday.",
        ),
        sa.Column(
            "effective_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The first version holds for all time before it, too.",
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("schedule_version_version_check")),
        sa.PrimaryKeyConstraint("schedule_key", "version", name=op.f("schedule_version_pkey")),
    )
    op.create_table(
        "sla_instance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column(
            "metric", sa.Text(), nullable=False, comment="first_response, next_response, resolution ..."
        ),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column(
            "target",
            sa.BigInteger(),
            nullable=True,
            comment="Milliseconds, as they were when it was applied.",
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("achieved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.PrimaryKeyConstraint("id", name=op.f("sla_instance_pkey")),
    )
    op.create_index(op.f("sla_instance_due_at_idx"), "sla_instance", ["due_at"], unique=False)
    op.create_index(op.f("sla_instance_interaction_id_idx"), "sla_instance", ["interaction_id"], unique=False)
    op.create_table(
        "source",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="What the facts carry in their column `source`."
        ),
        sa.Column(
            "mapping",
            sa.Text(),
            nullable=True,
            comment="The mapping used last, as TOML; null for records that came mapped.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("source_pkey")),
    )
    op.create_table(
        "staged_agent",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("team_name", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_agent_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_agent_activity",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_agent_activity_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_article_view",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("article", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_article_view_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_customer",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at_risk", sa.Boolean(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_customer_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_event",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("public", sa.Boolean(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_event_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_interaction",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_response_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_response_time", sa.BigInteger(), nullable=True),
        sa.Column("wait_time", sa.BigInteger(), nullable=True),
        sa.Column("handle_time", sa.BigInteger(), nullable=True),
        sa.Column("talk_time", sa.BigInteger(), nullable=True),
        sa.Column("hold_time", sa.BigInteger(), nullable=True),
        sa.Column("wrap_up_time", sa.BigInteger(), nullable=True),
        sa.Column("silence_time", sa.BigInteger(), nullable=True),
        sa.Column("resolution_time", sa.BigInteger(), nullable=True),
        sa.Column("customer_messages", sa.Integer(), nullable=True),
        sa.Column("agent_messages", sa.Integer(), nullable=True),
        sa.Column("bot_messages", sa.Integer(), nullable=True),
        sa.Column("reopens", sa.Integer(), nullable=True),
        sa.Column("transfers", sa.Integer(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=True),
        sa.Column("abandoned", sa.Boolean(), nullable=True),
        sa.Column("resolved", sa.Boolean(), nullable=True),
        sa.Column("resolved_on_first_contact", sa.Boolean(), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=True),
        sa.Column("converted", sa.Boolean(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("team_name", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("queue_name", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("issue_type", sa.Text(), nullable=True),
        sa.Column("issue_type_name", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("product_name", sa.Text(), nullable=True),
        sa.Column("product_version", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("problem_id", sa.Text(), nullable=True),
        sa.Column("sentiment", sa.Integer(), nullable=True),
        sa.Column("sentiment_model", sa.Text(), nullable=True),
        sa.Column("at_risk", sa.Boolean(), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_interaction_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_order",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("product_name", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("refunded", sa.BigInteger(), nullable=True),
        sa.Column("margin", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_order_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_qa_review",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("critical_fail", sa.Boolean(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_qa_review_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_rejection",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "line",
            sa.BigInteger(),
            nullable=False,
            comment="Where the row begins in its file; 1 is the first.",
        ),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column(
            "raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="The row as it was read."
        ),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_rejection_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_sla",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("metric", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("target", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("achieved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_sla_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_survey",
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("scale_min", sa.Integer(), nullable=True),
        sa.Column("scale_max", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", "line", "id", name=op.f("staged_survey_pkey")),
        postgresql_with={
            "autovacuum_analyze_threshold": 2147483647,
            "autovacuum_vacuum_insert_threshold": -1,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 1000,
        },
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "survey_response",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "score",
            sa.Integer(),
            nullable=True,
            comment="Thousandths on the scale below; null when invited but not answered.",
        ),
        sa.Column("scale_min", sa.Integer(), nullable=False),
        sa.Column("scale_max", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column(
            "cause",
            sa.Text(),
            nullable=True,
            comment="Why the score was low: product defect, attitude, process ...",
        ),
        sa.Column(
            "solved", sa.Boolean(), nullable=True, comment="Whether the customer says that it was solved."
        ),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("exclusion", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True, comment="The run that wrote it last."),
        sa.CheckConstraint("kind IN ('csat', 'nps', 'ces')", name=op.f("survey_response_kind_check")),
        sa.CheckConstraint("score BETWEEN scale_min AND scale_max", name=op.f("survey_response_score_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("survey_response_pkey")),
    )
    op.create_index(op.f("survey_response_customer_id_idx"), "survey_response", ["customer_id"], unique=False)
    op.create_index(
        op.f("survey_response_interaction_id_idx"), "survey_response", ["interaction_id"], unique=False
    )
    op.create_index(
        op.f("survey_response_responded_at_idx"), "survey_response", ["responded_at"], unique=False
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Time-ordered."),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column(
            "label", sa.Text(), nullable=False, comment="The file's name, or what the request called itself."
        ),
        sa.Column(
            "mapping",
            sa.Text(),
            nullable=True,
            comment="The mapping as TOML, for replays; null for records that came mapped.",
        ),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "rows_written",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Records that were new or changed, of all kinds.",
        ),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True, comment="Why it was refused; null unless it was."),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('file', 'http', 'graphql', 'demo')", name=op.f("sync_run_origin_check")
        ),
        sa.CheckConstraint("status IN ('running', 'applied', 'refused')", name=op.f("sync_run_status_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("sync_run_pkey")),
    )
    op.create_index(
        op.f("sync_run_started_at_idx"),
        "sync_run",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("team_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("team_external_id_key")),
    )
    op.create_table(
        "touched_hour",
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column(
            "hour",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC hour that a moment of a changed row lies in, before or after the change.",
        ),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="The newest data version that touched it."
        ),
        sa.PrimaryKeyConstraint("fact", "hour", name=op.f("touched_hour_pkey")),
        postgresql_with={"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.05},
    )
    op.create_table(
        "version",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="What it is the version of: facts, definitions."
        ),
        sa.Column(
            "number",
            sa.BigInteger(),
            nullable=False,
            comment="Grows by one with each change, in commit order.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("version_pkey")),
        comment="No row: nothing was changed yet.",
        postgresql_with={"autovacuum_analyze_threshold": 2147483647, "autovacuum_vacuum_threshold": 500},
    )
    op.create_table(
        "write_log",
        sa.Column("number", sa.BigInteger(), nullable=False, comment="The data version that it made."),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True),
        sa.Column("rows_changed", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("write_log_pkey")),
    )
    op.execute("ALTER TABLE pack ALTER COLUMN content SET STORAGE EXTERNAL")
