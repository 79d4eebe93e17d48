"""The tables that rows of a fact are read from, and where each field lies in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.sql.selectable import NamedFromClause

from backend.interactions import models
from backend.interactions.derived import models as derived
from backend.interactions.derived.cycles import every_cycle
from backend.metrics.language.attribution import AGENT, OWNER, AttributionRule
from backend.metrics.language.fields import BASE, CUSTOMER
from backend.metrics.language.types import Fact, Field, Kind, Origin, Type, Unit
from backend.metrics.planning.lowering.credits import Credits, whole
from backend.metrics.planning.lowering.lookups import first_csat, second_score
from backend.metrics.planning.reach import has_interaction

Value: TypeAlias = sa.ColumnElement[Any]
Condition: TypeAlias = sa.ColumnElement[bool]

TABLES: Mapping[str, NamedFromClause] = {
    "interaction": models.interaction,
    "survey": models.survey_response,
    "event": models.interaction_event,
    "review": models.qa_review,
    "activity": models.agent_activity,
    "article": models.article_view,
    "order": models.order,
    "sla": models.sla_instance,
    "turn": derived.interaction_turn,
    "cycle": every_cycle(),
    "base": models.customer,
}

_OF_INTERACTION = "interaction."

NAMED: Mapping[str, sa.Table] = {
    "agent": models.agent,
    "team": models.team,
    "queue": models.queue,
    "customer": models.customer,
    "issue_type": models.issue_type,
    "product": models.product,
}


class Tables:
    """A fact's table, the interaction its rows belong to, and the named things that are asked of them.

    `suffix` names the tables apart from those of another reading of the same fact in one statement. With a
    `rule` the agent is whom it credits, and a row stands there once for each of them.
    """

    def __init__(
        self,
        fact: Fact,
        currency: str,
        *,
        including_excluded: bool = False,
        suffix: str = "",
        rule: AttributionRule = OWNER,
    ) -> None:
        self.fact = fact
        self._currency, self._including_excluded, self._suffix = currency, including_excluded, suffix
        self.own: sa.FromClause = self._named_apart(TABLES[fact.name])
        self.interaction: sa.FromClause | None = None
        if fact.name == "interaction":
            self.interaction = self.own
        elif has_interaction(fact):
            self.interaction = self._named_apart(models.interaction)
        self._named: dict[str, sa.FromClause] = {}
        self._credits: Credits | None = None
        if rule is not OWNER:
            home = self.own.c.id if self.own is self.interaction else self.own.c.interaction_id
            self._credits = Credits(rule, home, suffix)

    def another(self, fact: Fact) -> Tables:
        """A second reading, of any fact, in the same statement."""
        return Tables(fact, self._currency, suffix="other")

    def joined(self) -> sa.FromClause:
        """All tables that were asked for until now, joined."""
        tables: sa.FromClause = self.own
        if self.interaction is not None and self.interaction is not self.own:
            tables = tables.outerjoin(self.interaction, self.interaction.c.id == self.own.c.interaction_id)
        if self._credits is not None:
            tables = tables.outerjoin(self._credits.table, self._credits.condition)
        for name, named in self._named.items():
            tables = tables.outerjoin(named, named.c.id == self.owned(name))
        return tables

    def exclusions(self) -> list[Value]:
        """Why a row is kept but not counted: its own reason, then its interaction's."""
        tables = dict.fromkeys(table for table in (self.own, self.interaction) if table is not None)
        return [table.c.exclusion for table in tables if "exclusion" in table.c]

    def identity(self) -> tuple[Value, Value, Value]:
        """A row's id, source and external id. Customers are counted, so their number is written as a UUID."""
        own = self.own.c
        if self.fact.name != BASE:
            return own.id, own.source, own.external_id
        number = func.lpad(func.to_hex(own.id), 32, "0")
        return sa.cast(number, sa.Uuid), sa.literal(CUSTOMER, sa.Text), own.external_id

    def anchor(self, name: str) -> Value:
        """The moment that places a row in time."""
        return self.first_of(self.fact.anchors[name])

    def near(self, name: str, within: Callable[[Value], Condition]) -> Condition | None:
        """What holds for rows that an anchor places within some time, where it takes moments of the interaction.

        No index is on moments of two tables, nor does PostgreSQL see that such rows have an interaction; so each
        way in which a row may get there is looked up by an index of its own.
        """
        if self.interaction is None or self.interaction is self.own:
            return None
        own = [moment for moment in self.fact.anchors[name] if not moment.startswith(_OF_INTERACTION)]
        others = [moment for moment in self.fact.anchors[name] if moment.startswith(_OF_INTERACTION)]
        if not others:
            return None
        away = Tables(self.fact, self._currency, suffix="near")
        assert away.interaction is not None
        of_interaction = select_ids(away.interaction.c.id, within(away.first_of(others)))
        if not own:
            return self.own.c.interaction_id.in_(of_interaction)
        untold = sa.and_(*(away._moment(moment).is_(None) for moment in own))
        ways = sa.union_all(
            select_ids(away.own.c.id, within(away.first_of(own))),
            select_ids(away.own.c.id, untold, away.own.c.interaction_id.in_(of_interaction)),
        )
        return self.own.c.id.in_(ways)

    def first_of(self, moments: Sequence[str]) -> Value:
        """The first moment that is there, of some that are named as for anchors."""
        return coalesced([self._moment(moment) for moment in moments])

    def owned(self, name: str) -> Value:
        """The id of a named thing that a row belongs to: its own, else its interaction's; whom a rule credits."""
        own = self.own if name in self.fact.own or self.own is self.interaction else None
        tables = dict.fromkeys(table for table in (own, self.interaction) if table is not None)
        owner = coalesced([self._id_of(name, table) for table in tables])
        return self._credits.agent(owner) if self._credits is not None and name == AGENT else owner

    def own_id(self, name: str) -> Value:
        """The id of a named thing that a row belongs to by itself."""
        return self._id_of(name, self.own)

    def weight(self) -> Value:
        """What part of a row is credited to its agent, in millionths."""
        return whole() if self._credits is None else self._credits.weight()

    def owns(self, name: str) -> bool:
        """Whether a row belongs to a named thing, itself or through its interaction."""
        return self.interaction is not None or name in self.fact.own

    @property
    def including_excluded(self) -> bool:
        """Whether what is left out elsewhere counts: excluded rows, negative durations."""
        return self._including_excluded

    def stored(self, field: Field) -> Value:
        """A field as stored: the id of a named thing. Calendar fields are not stored."""
        if field.origin is Origin.NAMED:
            return self.owned(field.name)
        if field.origin is Origin.LOOKED_UP:
            return self._looked_up(field)
        return self._column(self.home(field), field)

    def compared(self, field: Field) -> Value:
        """A field as formulas compare it: the external id of a named thing."""
        if field.origin is Origin.NAMED:
            return self._named_table(field.name).c.external_id
        return self.stored(field)

    def happened(self, field: Field) -> Condition:
        """Whether a moment happened."""
        table = self.home(field)
        return table.c[field.truth] if field.truth else self._column(table, field).is_not(None)

    def home(self, field: Field) -> sa.FromClause:
        """The table that a field lies in."""
        if field.fact == CUSTOMER:
            return self._named_table(CUSTOMER)
        home = self.own if field.fact == self.fact.name else self.interaction
        if home is None:
            raise ValueError(f"{self.fact.name} does not reach {field.name}")
        return home

    def is_put_aside(self, field: Field) -> bool:
        """Whether negative values of a field are kept apart."""
        own = field.origin is Origin.COLUMN and self.home(field) is self.interaction
        return own and field.column in models.DURATIONS

    def _named_apart(self, table: NamedFromClause) -> sa.FromClause:
        return table.alias(f"{table.name}_{self._suffix}") if self._suffix else table

    def _named_table(self, name: str) -> sa.FromClause:
        """The table of a named thing, joined to the rows from now on."""
        if name not in self._named:
            self.owned(name)  # what it is joined by has to be there before it
            self._named[name] = NAMED[name].alias(f"{name}_named{self._suffix}")
        return self._named[name]

    def _id_of(self, name: str, table: sa.FromClause) -> Value:
        """The id of a named thing on a row of a table: its column, the row itself, or by the row's agent."""
        if f"{name}_id" in table.c:
            return table.c[f"{name}_id"]
        if TABLES[self.fact.name] is NAMED[name]:
            return table.c.id
        return self._named_table("agent").c[f"{name}_id"]

    def _looked_up(self, field: Field) -> Value:
        if field.name == "review.second_score":
            return second_score(self.own)
        around = [table for table in (self.own, self.interaction) if table is not None]
        return first_csat(self.owned(CUSTOMER), around)

    def _moment(self, name: str) -> Value:
        home, _, moment = name.rpartition(".")
        table = self.interaction if home else self.own
        if table is None:
            raise ValueError(f"{self.fact.name} belongs to no interaction")
        return table.c[f"{moment}_at"]

    def _column(self, table: sa.FromClause, field: Field) -> Value:
        if field.origin is Origin.ATTRIBUTE:
            return _attribute(table.c.attributes[field.column], field.type)
        column = table.c[field.column]
        if field.origin is Origin.LINKING:
            return func.coalesce(column, sa.cast(table.c.id, sa.Text))
        if field.type.unit is Unit.MONEY:
            # amounts of two currencies do not add up: another one's counts as missing
            return sa.case((table.c.currency == self._currency, column))
        if self._including_excluded and self.is_put_aside(field):
            return func.coalesce(column, sa.cast(table.c.excluded_values[field.column].astext, sa.BigInteger))
        return column


def select_ids(column: Value, *met: Condition) -> sa.Select[Any]:
    """The ids of rows that meet conditions."""
    return sa.select(column).where(*met)


def coalesced(columns: Sequence[Value]) -> Value:
    """The first value that is there."""
    return columns[0] if len(columns) == 1 else func.coalesce(*columns)


def _attribute(value: Any, kind: Type) -> Value:
    # a value of another type than the attribute's is left from before it was retyped: missing, not an error
    match kind.kind:
        case Kind.NUMBER:
            return sa.case((func.jsonb_typeof(value) == "number", sa.cast(value.astext, sa.Numeric)))
        case Kind.BOOLEAN:
            return sa.case((func.jsonb_typeof(value) == "boolean", sa.cast(value.astext, sa.Boolean)))
        case Kind.MOMENT:
            return sa.cast(value.astext, sa.DateTime(timezone=True))
        case _:
            return cast(Value, value.astext)
