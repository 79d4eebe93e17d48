"""Tables of what is worked out from an interaction's events, anew whenever they change: turns, cycles, and
who took part. Durations in milliseconds, shares in millionths.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Uuid

from backend.interactions.models import moment, origin, written
from tenants.tables import TENANT

SHARES = 1_000_000  # what the shares of one interaction's participants add up to, exactly

interaction_turn = Table(
    "interaction_turn",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid, nullable=False),
    Column("agent_id", Integer, comment="Who replied; null while nobody did."),
    Column("position", Integer, nullable=False, comment="1 is the interaction's first turn."),
    Column("messages", Integer, nullable=False, comment="Customer messages in the run."),
    moment("started_at", nullable=False),
    moment("replied_at"),
    Column("wait", BigInteger, comment="From the run's first message to the human reply."),
    *written(),
    Index(None, "interaction_id"),
    Index(None, "started_at"),
    comment="A run of customer messages until a human reply; its id is that of its first message's event.",
)

interaction_cycle = Table(
    "interaction_cycle",
    TENANT,
    *origin(),
    Column("interaction_id", Uuid, nullable=False),
    Column("agent_id", Integer, comment="Who solved it; null while nobody did."),
    Column("position", Integer, nullable=False, comment="1 is from the opening to the first solve."),
    moment("opened_at", nullable=False),
    moment("first_response_at"),
    moment("solved_at"),
    Column("first_response_time", BigInteger),
    Column("duration", BigInteger, comment="From the opening to the solve."),
    *written(),
    Index(None, "interaction_id"),
    Index(None, "opened_at"),
    comment="From an opening to a solve; its id is the interaction's, then that of each reopening's event.",
)

participation = Table(
    "participation",
    TENANT,
    Column("interaction_id", Uuid, primary_key=True),
    Column("agent_id", Integer, primary_key=True),
    Column("first", Boolean, nullable=False, comment="The first agent to act on it; exactly one is."),
    Column("last", Boolean, nullable=False, comment="The last agent to act on it; exactly one is."),
    Column("resolver", Boolean, nullable=False, comment="Who solved it last; exactly one is, or none."),
    Column("handled", BigInteger, nullable=False, comment="Milliseconds it was assigned to the agent."),
    Column("messages", Integer, nullable=False, comment="Public messages by the agent."),
    Column("time_share", Integer, nullable=False),
    Column("message_share", Integer, nullable=False),
    CheckConstraint("time_share BETWEEN 0 AND 1000000", name="time_share"),
    CheckConstraint("message_share BETWEEN 0 AND 1000000", name="message_share"),
    Index(None, "agent_id"),
    comment="Agents that events name on an interaction; one that no event tells of has no rows here.",
)
