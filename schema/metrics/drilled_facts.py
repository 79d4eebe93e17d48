"""Turns and cycles of interactions, as rows behind a number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from backend.metrics import proofs


@strawberry.type(description="Messages of a customer in a row, and the human reply to them.")
class InteractionTurn:
    position: int = strawberry.field(description="1 is the interaction's first turn.")
    messages: int = strawberry.field(description="How many messages the customer wrote before the reply.")
    started_at: datetime = strawberry.field(description="When the first of them came.")
    replied_at: datetime | None = strawberry.field(description="When a human replied; null while nobody did.")
    wait: float | None = strawberry.field(
        description="From the first message to the reply, in seconds; null while nobody replied."
    )

    @classmethod
    def from_domain(cls, row: proofs.DrilledRow) -> InteractionTurn | None:
        """The turn that a row is; None for rows of another kind."""
        if row.fact != "turn":
            return None
        fields = row.fields
        return cls(
            position=fields["turn.position"],
            messages=fields["turn.messages"],
            started_at=fields["turn.started"],
            replied_at=fields["turn.replied"],
            wait=_seconds(fields["turn.wait"]),
        )


@strawberry.type(description="What lies between an interaction's opening, or a reopening, and its solve.")
class InteractionCycle:
    position: int = strawberry.field(description="1 is from the opening to the first solve.")
    opened_at: datetime = strawberry.field(description="When it was opened or reopened.")
    first_response_at: datetime | None = strawberry.field(
        description="When a human first replied after that; null when nobody did."
    )
    solved_at: datetime | None = strawberry.field(description="When it was solved; null when it was not.")
    first_response_time: float | None = strawberry.field(
        description="From the opening to the first reply, in seconds; null without a reply."
    )
    duration: float | None = strawberry.field(
        description="From the opening to the solve, in seconds; null when not solved."
    )

    @classmethod
    def from_domain(cls, row: proofs.DrilledRow) -> InteractionCycle | None:
        """The cycle that a row is; None for rows of another kind."""
        if row.fact != "cycle":
            return None
        fields = row.fields
        return cls(
            position=fields["cycle.position"],
            opened_at=fields["cycle.opened"],
            first_response_at=fields["cycle.first_response"],
            solved_at=fields["cycle.solved"],
            first_response_time=_seconds(fields["cycle.first_response_time"]),
            duration=_seconds(fields["cycle.duration"]),
        )


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)
