"""Tables of what is worked out beforehand: the packs, and the questions that they are for."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from tenants.storage import AS_IT_IS, REPLACED
from tenants.tables import TENANT

pack = Table(
    "pack",
    TENANT,
    Column("series", Uuid, primary_key=True, comment="Made of what its content is of: see series.py."),
    Column("first_day", Date, primary_key=True),
    Column("last_day", Date, primary_key=True, comment="Included."),
    Column("as_of", BigInteger, nullable=False, comment="The data version that it was worked out at."),
    Column("parts", Text, nullable=False, comment="What it holds of each group: ids, by spaces."),
    Column("content", LargeBinary, nullable=False, info=AS_IT_IS, comment="Arrays: see packing.py."),
    comment="Of a day that several packs hold the newest one counts.",
    **REPLACED,
)

demand = Table(
    "demand",
    TENANT,
    Column("id", Uuid, primary_key=True),
    Column(
        "question", JSONB, nullable=False, comment="KPIs, dimensions, grain and filter, without a window."
    ),
    Column("times", Integer, nullable=False, comment="How often it was asked."),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index(None, "asked_at"),
    comment="Questions whose packs are kept; one that nobody asks any more goes.",
)
