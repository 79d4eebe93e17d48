"""Tables of the KPI definitions: what a KPI is called and aims at, and the versions of its formula.

Targets and benchmarks are in shown units (seconds, fractions, major units of money) and exact.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Integer,
    Numeric,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tenants.tables import TENANT
from tenants.versions import MOVES, Versioned

FAMILIES = ("efficiency", "quality", "outcome")
DIRECTIONS = ("up", "down", "band")
UNITS = ("none", "count", "duration", "money", "score", "ratio", "points")

kpi = Table(
    "kpi",
    TENANT,
    Column("key", Text, primary_key=True),
    Column("name_en", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("doc", Text, comment="What it counts and what it leaves out, in a sentence or two."),
    Column("family", Text, nullable=False),
    Column("direction", Text, comment="Which way is better; null when neither is."),
    Column("unit", Text, comment="How values are shown where the formula does not say it: NPS in points."),
    Column(
        "minimum_sample",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="Fewer rows than this and the value is marked as resting on too few.",
    ),
    Column("target_low", Numeric),
    Column("target_high", Numeric),
    Column("benchmark_low", Numeric),
    Column("benchmark_high", Numeric),
    Column(
        "guardrails",
        JSONB,
        nullable=False,
        server_default=text("'[]'::jsonb"),
        comment="Keys of the KPIs that must not get worse while this one gets better.",
    ),
    Column("measure_en", Text, comment="What to do about a gap, in a sentence."),
    Column("measure_zh", Text),
    Column("builtin", Boolean, nullable=False, server_default=text("false")),
    Column("archived_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,62}$'", name="key"),
    CheckConstraint("family IN ('" + "', '".join(FAMILIES) + "')", name="family"),
    CheckConstraint("direction IN ('" + "', '".join(DIRECTIONS) + "')", name="direction"),
    CheckConstraint("unit IN ('" + "', '".join(UNITS) + "')", name="unit"),
    CheckConstraint("minimum_sample >= 1", name="minimum_sample"),
    CheckConstraint("target_low <= target_high", name="target"),
    CheckConstraint("benchmark_low <= benchmark_high", name="benchmark"),
)

REFERENCES = ("industry", "peer_average", "peer_best", "own")

benchmark = Table(
    "benchmark",
    TENANT,
    Column("kpi_key", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("label", Text, primary_key=True, comment="Whose figure it is, or from which report."),
    Column("low", Numeric, nullable=False, comment="In shown units; a single figure has low = high."),
    Column("high", Numeric, nullable=False),
    Column("float_low", Numeric, comment="Fractions the band is said to float by: 0.15 to 0.30."),
    Column("float_high", Numeric),
    Column("valid_from", Date, comment="First local day it speaks of; null for always."),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('" + "', '".join(REFERENCES) + "')", name="kind"),
    CheckConstraint("low <= high", name="band"),
    CheckConstraint("float_low <= float_high", name="float"),
    comment="Figures that a KPI is held against.",
)

kpi_version = Table(
    "kpi_version",
    TENANT,
    Column("kpi_key", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("formula", Text, nullable=False, comment="In canonical form."),
    Column("effective_from", Date, nullable=False, comment="First local day it holds for."),
    Column(
        "created_by", Text, nullable=False, comment="The subject who wrote it, or `scoredesk` for built-ins."
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("version >= 1", name="version"),
)

for _table in (kpi, benchmark, kpi_version):
    _table.info[MOVES] = Versioned.DEFINITIONS
