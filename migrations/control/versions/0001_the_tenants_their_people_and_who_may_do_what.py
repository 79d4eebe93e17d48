"""The tenants, their people, and who may do what.

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
    """The tenants, their people, and who may do what."""
    op.create_table(
        "app_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="The token's `sub`."),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("app_user_pkey")),
        sa.UniqueConstraint("subject", name=op.f("app_user_subject_key")),
        schema="scoredesk_control",
    )
    op.create_table(
        "chore",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=False, comment="When it is somebody's turn again."
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("chore_pkey")),
        schema="scoredesk_control",
        comment="What one worker does now and then for the whole installation.",
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False, comment="The name people use; a spare's namespace."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False, comment="Also the runtime role's name."),
        sa.Column(
            "database", sa.Text(), server_default="main", nullable=False, comment="Which server holds it."
        ),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column(
            "revision", sa.Text(), nullable=True, comment="The tenant history's revision it stands on."
        ),
        sa.Column(
            "migration_error",
            sa.Text(),
            nullable=True,
            comment="Why its last migration failed; null when it did not.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("locale IN ('en', 'zh')", name=op.f("tenant_locale_check")),
        sa.CheckConstraint(
            "status IN ('provisioning', 'spare', 'active', 'suspended', 'dropping')",
            name=op.f("tenant_status_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("tenant_pkey")),
        sa.UniqueConstraint("namespace", name=op.f("tenant_namespace_key")),
        sa.UniqueConstraint("slug", name=op.f("tenant_slug_key")),
        schema="scoredesk_control",
    )
    op.create_table(
        "job",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "ready_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it may be taken: in its turn, after a pause, or once its holder is silent. Null: never.",
        ),
        sa.Column(
            "holder",
            sa.Uuid(),
            nullable=True,
            comment="Who runs it, another each time; null while nobody does.",
        ),
        sa.Column(
            "asked_again",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether it was asked for while it ran.",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="How often it failed, in a row.",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["scoredesk_control.tenant.id"],
            name=op.f("job_tenant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", name=op.f("job_pkey")),
        schema="scoredesk_control",
        comment="What is to be done for a tenant: one row a kind, which stays when it is done.",
        postgresql_with={
            "fillfactor": 70,
            "autovacuum_vacuum_scale_factor": 0,
            "autovacuum_vacuum_threshold": 500,
            "autovacuum_analyze_scale_factor": 0,
            "autovacuum_analyze_threshold": 5000,
        },
    )
    op.create_index(op.f("job_ready_at_idx"), "job", ["ready_at"], unique=False, schema="scoredesk_control")
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "agent",
            sa.Text(),
            nullable=True,
            comment="External id of the agent this person is; needed for role agent.",
        ),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role <> 'agent' OR agent IS NOT NULL", name=op.f("membership_agent_named_check")),
        sa.CheckConstraint(
            "role IN ('admin', 'manager', 'agent', 'viewer', 'partner')", name=op.f("membership_role_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["scoredesk_control.tenant.id"],
            name=op.f("membership_tenant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["scoredesk_control.app_user.id"],
            name=op.f("membership_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("membership_pkey")),
        sa.UniqueConstraint("tenant_id", "user_id", name=op.f("membership_tenant_id_user_id_key")),
        schema="scoredesk_control",
    )
    op.create_index(
        op.f("membership_user_id_idx"), "membership", ["user_id"], unique=False, schema="scoredesk_control"
    )
