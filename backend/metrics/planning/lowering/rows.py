"""The rows of one scan: which they are, what they are grouped by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.core.windows import Grain, bucket_starts
from backend.interactions import models
from backend.metrics.language.bound import Row
from backend.metrics.language.types import Origin, Vocabulary
from backend.metrics.planning.calendar import DATED
from backend.metrics.planning.histogram import BOUNDS
from backend.metrics.planning.lowering.expressions import LARGEST, Expressions, instant
from backend.metrics.planning.lowering.tables import Condition, Tables, Value, coalesced
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Key, Scan
from backend.metrics.questions import Restriction


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all statements of an evaluation: whose data it is and what of it may be seen.

    `zone` cuts calendar fields where a scan has no window. `now` is the instant of the answer.
    """

    vocabulary: Vocabulary
    zone: str
    currency: str
    restriction: Restriction
    now: datetime


class Rows:
    """The rows of one scan: its tables, its window, and what row expressions mean on them."""

    def __init__(self, scan: Scan, setting: Setting) -> None:
        basis = scan.basis
        self._scan, self._restriction = scan, setting.restriction
        fact = setting.vocabulary.facts[basis.fact]
        self._tables = Tables(fact, setting.currency, including_excluded=basis.including_excluded)
        self._anchor = self._tables.anchor(basis.anchor)
        zone = scan.window.zone if scan.window else setting.zone
        self._expressions = Expressions(self._tables, self._anchor, zone)

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
        return sa.select(*columns).select_from(self._tables.joined()).where(*met)

    @property
    def anchor(self) -> Value:
        """The moment that places a row in time."""
        return self._anchor

    def own(self, column: str) -> Value:
        """A column of the fact's own row."""
        return self._tables.own.c[column]

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
            if self._scan.window is None:
                raise ValueError("buckets need a window")
            starts = [start.astimezone(UTC).isoformat() for start in bucket_starts(self._scan.window, key)]
            return func.width_bucket(
                self._anchor, _array(starts, sa.DateTime(timezone=True)), type_=sa.Integer
            )
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
        index = func.width_bucket(size, _array(BOUNDS, sa.BigInteger()), type_=sa.Integer)
        signed = sa.case((value < 0, -index), (value >= 0, index))  # LEAST takes NULL for a number
        return signed if part.condition is None else sa.case((self.value(part.condition), signed))

    def _conditions(self, excluded: bool) -> Iterator[Condition]:
        if not (excluded or self._scan.basis.including_excluded):
            yield from (exclusion.is_(None) for exclusion in self._tables.exclusions())
        if self._scan.window is not None:
            yield self._anchor >= instant(self._scan.window.start)
            yield self._anchor < instant(self._scan.window.end)
        if self._scan.where is not None:
            yield self.value(self._scan.where)
        if self._restriction.agent_id is not None:
            yield self._tables.owned("agent") == self._restriction.agent_id
        if self._restriction.team_id is not None:
            yield self._of_team(self._restriction.team_id)

    def _of_team(self, team_id: int) -> Condition:
        members = sa.select(models.agent.c.id).where(models.agent.c.team_id == team_id)
        by_agent = self._tables.owned("agent").in_(members)
        if self._tables.interaction is None:
            return by_agent
        team = self._tables.interaction.c.team_id
        return sa.or_(team == team_id, sa.and_(team.is_(None), by_agent))


def _array(values: Iterable[object], kind: sa.types.TypeEngine[Any]) -> Value:
    # As one text: for a bound array the driver would first ask each new connection about its type, by a
    # function that tenants' roles may not call. In a sub-select, so that it is read once and not per row.
    text = sa.literal("{" + ",".join(f'"{value}"' for value in values) + "}", sa.Text)
    return sa.select(sa.cast(text, sa.ARRAY(kind))).scalar_subquery()
