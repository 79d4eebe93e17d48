"""The rows behind a number. Interactions are found by their ids, as an agent may see them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from backend.metrics import proofs
from schema.context import Info
from schema.interactions.types import Interaction
from schema.loaders import found
from schema.metrics.drilled_facts import InteractionCycle, InteractionTurn
from schema.metrics.enums import SurveyKind


@strawberry.type(description="What a customer answered to a survey.")
class SurveyResponse:
    kind: SurveyKind = strawberry.field(description="Which survey.")
    score: float | None = strawberry.field(
        description="The answer, from `scaleMin` to `scaleMax`; null when invited but not answered."
    )
    scale_min: float = strawberry.field(description="The lowest score there is.")
    scale_max: float = strawberry.field(description="The highest score there is.")
    comment: str | None = strawberry.field(description="What the customer wrote; null when nothing.")
    invited_at: datetime | None = strawberry.field(
        description="When the customer was asked; null if unknown."
    )
    responded_at: datetime | None = strawberry.field(
        description="When the customer answered; null when not answered or unknown."
    )

    @classmethod
    def from_domain(cls, row: proofs.DrilledRow) -> SurveyResponse | None:
        """The response that a row is; None for rows of another kind."""
        if row.fact != "survey":
            return None
        fields = row.fields
        score = fields["survey.score"]
        return cls(
            kind=SurveyKind(fields["survey.kind"]),
            score=None if score is None else float(score),
            scale_min=float(fields["survey.scale_min"]),
            scale_max=float(fields["survey.scale_max"]),
            comment=fields["survey.comment"],
            invited_at=fields["survey.invited"],
            responded_at=fields["survey.responded"],
        )


@strawberry.type(description="One row behind a number.")
class DrilledRow:
    fact: str = strawberry.field(
        description="The kind of row: interaction, survey, order, event, review, activity, article, sla, turn, "
        "cycle, or base for customers."
    )
    source: str = strawberry.field(description="The source it came from.")
    external_id: str = strawberry.field(description="Its id there; unique within source and kind.")
    anchored_at: datetime | None = strawberry.field(
        description="The moment that puts it into its window and bucket; null when it has none."
    )
    value: float | None = strawberry.field(
        description="What it adds: its value in shown units, 1 or 0 for a share, 1 for a count. Null for "
        "texts, and where several aggregates are listed together. Where the attribution rule divides rows "
        "among agents, the part that is the cell's agent's; `min` and `max` take it whole."
    )
    share: float = strawberry.field(
        description="Which part of the row is credited to the agents of the cell; 1 but under a rule that "
        "divides rows."
    )
    survey: SurveyResponse | None = strawberry.field(
        description="The response; null for other kinds of rows."
    )
    turn: InteractionTurn | None = strawberry.field(description="The turn; null for other kinds of rows.")
    cycle: InteractionCycle | None = strawberry.field(description="The cycle; null for other kinds of rows.")

    interaction_id: strawberry.Private[UUID | None]

    @classmethod
    def from_domain(cls, row: proofs.DrilledRow) -> DrilledRow:
        """The API's form of a row."""
        return cls(
            fact=row.fact,
            source=row.source,
            external_id=row.external_id,
            anchored_at=row.anchored_at,
            value=row.value,
            share=row.share,
            survey=SurveyResponse.from_domain(row),
            turn=InteractionTurn.from_domain(row),
            cycle=InteractionCycle.from_domain(row),
            interaction_id=row.interaction_id,
        )

    @strawberry.field(
        description="The interaction that it is or belongs to; null when it belongs to none, to one that "
        "has not arrived, or to one you may not see."
    )
    async def interaction(self, info: Info) -> Interaction | None:
        row = await found(info.context.loaders.interactions, self.interaction_id)
        return None if row is None else Interaction.from_row(row)
