"""The rows of one scan: which they are, what they are grouped by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import distinct_on

from backend.core.windows import Grain
from backend.interactions import models
from backend.metrics.language.attribution import rule_of
from backend.metrics.language.bound import Row
from backend.metrics.language.types import Origin, Vocabulary
from backend.metrics.planning.calendar import DATED
from backend.metrics.planning.histogram import BOUNDS
from backend.metrics.planning.lowering.arrays import array_of, rank
from backend.metrics.planning.lowering.expressions import LARGEST, Expressions
from backend.metrics.planning.lowering.placing import place
from backend.metrics.planning.lowering.tables import Condition, Tables, Value, coalesced
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Key, Scan
from backend.metrics.questions import Restriction
from backend.schedules.clocks import Clocks


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all statements of an evaluation: whose data it is and what of it may be seen.

    `zone` cuts calendar fields where a scan has no window. `now` is the instant of the answer.
    `clocks` are the business clocks, where a formula asks for one and a schedule is assigned.
    """

    vocabulary: Vocabulary
    zone: str
    currency: str
    restriction: Restriction
    now: datetime
    clocks: Clocks | None = None


class Rows:
    """The rows of one scan: its tables, its window, and what row expressions mean on them."""

    def __init__(self, scan: Scan, setting: Setting) -> None:
        basis = scan.basis
        self._scan, self._restriction = scan, setting.restriction
        fact = setting.vocabulary.facts[basis.fact]
        self._rule = rule_of(basis.credit)
        self._tables = Tables(
            fact, setting.currency, including_excluded=basis.including_excluded, rule=self._rule
        )
        self.gathered = self._rule.several and not scan.per_agent  # a row once for all its agents
        self._placing = place(scan, self._tables, setting.now)
        zone = scan.window.zone if scan.window else setting.zone
        self._expressions = Expressions(
            self._tables,
            self._placing,
            zone,
            facts=setting.vocabulary.facts,
            now=setting.now,
            clocks=setting.clocks,
        )

    def select(self, columns: Sequence[Any], *, excluded: bool = False) -> sa.Subquery:
        """The inner select; OFFSET 0 makes PostgreSQL compute each column once per row, not once per use.

        With `excluded` the rows that the scan leaves out by their exclusion are there, too.
        """
        rows = self.listed(columns or [sa.literal_column("1").label("row")], excluded=excluded)
        return rows.offset(sa.literal_column("0")).subquery("rows")

    def listed(
        self, columns: Sequence[Any], *conditions: Condition, excluded: bool = False
    ) -> sa.Select[Any]:
        """The rows themselves, those that meet further conditions."""
        met = [*self._conditions(excluded), *conditions]  # first: they may need a named table
        tables, repeated = self._tables.joined(), self._placing.repeated
        if repeated is not None:
            tables = tables.join(repeated, sa.true())
        select = sa.select(*columns).select_from(tables).where(*met)
        return select.ext(distinct_on(*self._identity)) if self.gathered else select

    @property
    def anchor(self) -> Value:
        """The moment that places a row in time."""
        return self._placing.anchor

    def own(self, column: str) -> Value:
        """A column of the fact's own row."""
        return self._tables.own.c[column]

    def weight(self) -> Value:
        """What part of a row is credited to the agents that it is there for, in millionths."""
        merge = func.sum if self._rule.shares else func.max  # in full for two agents is still in full
        return self.over_agents(merge, self._tables.weight())

    def weighted(self, value: Value) -> Value:
        """A value times that."""
        return self.over_agents(func.sum, value * self._tables.weight())

    def over_agents(self, merge: Callable[[Value], Any], value: Value) -> Value:
        """A value that each agent of a row has, as one of the row where it is there once for all of them."""
        if not self.gathered:
            return value
        return cast(Value, merge(value).over(partition_by=self._identity))

    @property
    def agent(self) -> Value:
        """Whom a row belongs to, by the scan's attribution rule."""
        return self._tables.owned("agent")

    def identity(self) -> tuple[Value, Value, Value]:
        """A row's id (a UUID), source and external id."""
        return self._tables.identity()

    @property
    def has_interaction(self) -> bool:
        """Whether a row is an interaction or belongs to one."""
        return self._tables.interaction is not None

    def exclusion(self) -> Value:
        """Why a row is kept but not counted: its own reason, else its interaction's; NULL where it counts."""
        reasons = self._tables.exclusions()
        return coalesced(reasons) if reasons else sa.cast(sa.null(), sa.Text)

    def negative(self, row: Row) -> Condition:
        """Whether a duration that a row expression reads came out negative and was put aside."""
        return self._expressions.negative(row)

    def measured(self, row: Row) -> Value:
        """A row expression where only its presence and identity count: named things go by id."""
        return self._expressions.measured(row)

    def value(self, row: Row) -> Value:
        """A row expression as SQL, in stored units."""
        return self._expressions.value(row)

    def key(self, key: Key) -> Value:
        """What rows are grouped by: a bucket's rank from 1, an id, a value, the first day of a month ..."""
        if isinstance(key, Grain):
            return self._placing.rank(key)
        if key.origin is not Origin.CALENDAR:
            return self._tables.stored(key)
        if key.column == "hour_of_day":
            return sa.cast(func.date_part("hour", self._expressions.local()), sa.Integer)
        if key.column == "weekday":
            return sa.cast(func.date_part("isodow", self._expressions.local()), sa.Integer)
        return sa.cast(func.date_trunc(DATED[key.column], self._expressions.local()), sa.Date)

    def bucket(self, part: Part) -> Value:
        """The histogram bucket of a part's value, NULL where the row does not count."""
        if part.value is None:
            raise ValueError("a histogram needs a value")
        value = self.value(part.value)
        size = sa.cast(func.least(func.abs(value), LARGEST), sa.BigInteger)
        index = rank(size, array_of(BOUNDS, sa.BigInteger()))
        signed = sa.case((value < 0, -index), (value >= 0, index))  # LEAST takes NULL for a number
        return signed if part.condition is None else sa.case((self.value(part.condition), signed))

    @property
    def _identity(self) -> tuple[Value, ...]:
        """What the agents of one row have in common, and no two rows, nor two cells of one."""
        repeated = self._placing.repeated
        return (self.own("id"), *(() if repeated is None else repeated.c))

    def _conditions(self, excluded: bool) -> Iterator[Condition]:
        if not (excluded or self._scan.basis.including_excluded):
            yield from (exclusion.is_(None) for exclusion in self._tables.exclusions())
        yield from self._placing.conditions()
        if self._scan.where is not None:
            yield self.value(self._scan.where)
        if self._restriction.agent_id is not None:
            yield self.agent == self._restriction.agent_id
        if self._restriction.team_id is not None:
            yield self._of_team(self._restriction.team_id)

    def _of_team(self, team_id: int) -> Condition:
        members = sa.select(models.agent.c.id).where(models.agent.c.team_id == team_id)
        by_agent = self.agent.in_(members)
        if self._tables.interaction is None:
            return by_agent
        team = self._tables.interaction.c.team_id
        return sa.or_(team == team_id, sa.and_(team.is_(None), by_agent))
