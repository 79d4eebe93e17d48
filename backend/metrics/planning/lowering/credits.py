"""Whom the rows of a fact are credited to: what `participation` says of the interaction they belong to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.interactions.derived.models import participation
from backend.metrics.language.attribution import WHOLE, AttributionRule


class Credits:
    """The agents that one rule credits a row to.

    `table` stands beside each row once for every such agent; a row without one has NULLs there.
    """

    def __init__(self, rule: AttributionRule, interaction_id: sa.ColumnElement[Any], suffix: str) -> None:
        self._rule, self._interaction_id = rule, interaction_id
        self.table = participation.alias(f"credited{suffix}")
        self._any = participation.alias(f"participant{suffix}")

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """What joins `table` to a row."""
        together = self.table.c.interaction_id == self._interaction_id
        if self._rule.shares:
            return sa.and_(together, self.table.c[self._rule.name] > 0)
        return together if self._rule.overcounts else sa.and_(together, self.table.c[self._rule.name])

    def agent(self, owner: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The agent's id: the owner's where nothing is known of participants, NULL where the rule has nobody."""
        known = sa.exists().where(self._any.c.interaction_id == self._interaction_id)
        credited = self.table.c.agent_id
        return sa.case((credited.is_not(None), credited), (~known, owner))

    def weight(self) -> sa.ColumnElement[Any]:
        """The part of the row that the agent is credited with, in millionths."""
        if not self._rule.shares:
            return whole()
        return func.coalesce(self.table.c[self._rule.name], whole())


def whole() -> sa.ColumnElement[int]:
    """All of a row, in millionths."""
    return sa.literal_column(str(WHOLE), sa.Integer)
