"""The rows of one scan, and what row expressions mean on them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias, assert_never, cast

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.sql.elements import Grouping

from backend.core.windows import Grain, bucket_starts
from backend.interactions import models
from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.types import Field, Kind, Origin, Type, Unit, Vocabulary
from backend.metrics.planning.calendar import DATED, WEEKDAYS, look_ahead
from backend.metrics.planning.histogram import BOUNDS
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Key, Scan
from backend.metrics.planning.reach import has_interaction, leaves_of
from backend.metrics.questions import Restriction

Value: TypeAlias = sa.ColumnElement[Any]
Condition: TypeAlias = sa.ColumnElement[bool]

TABLES: Mapping[str, sa.Table] = {
    "interaction": models.interaction,
    "survey": models.survey_response,
    "event": models.interaction_event,
    "review": models.qa_review,
    "activity": models.agent_activity,
    "article": models.article_view,
    "order": models.order,
}

NAMED: Mapping[str, sa.Table] = {
    "agent": models.agent,
    "team": models.team,
    "queue": models.queue,
    "customer": models.customer,
    "issue_type": models.issue_type,
    "product": models.product,
}

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all statements of an evaluation: whose data it is and what of it may be seen.

    `zone` cuts calendar fields where a scan has no window.
    """

    vocabulary: Vocabulary
    zone: str
    currency: str
    restriction: Restriction


class Rows:
    """The rows of one scan: its tables, its window, and what row expressions mean on them."""

    def __init__(self, scan: Scan, setting: Setting) -> None:
        vocabulary = setting.vocabulary
        self._scan, self._fact = scan, vocabulary.facts[scan.fact]
        self._restriction, self._currency = setting.restriction, setting.currency
        self._zone = scan.window.zone if scan.window else setting.zone
        self._table = TABLES[scan.fact]
        self._interaction = models.interaction if has_interaction(self._fact) else None
        self._named: dict[str, Any] = {}
        moments = self._fact.anchors[scan.anchor]
        self._anchor = _coalesced([self._moment(name) for name in moments])

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
        return sa.select(*columns).select_from(self._joined()).where(*met)

    @property
    def anchor(self) -> Value:
        """The moment that places a row in time."""
        return self._anchor

    def own(self, column: str) -> Value:
        """A column of the fact's own row."""
        return self._table.c[column]

    @property
    def interaction(self) -> sa.Table | None:
        """The interaction that a row is or belongs to; None where rows of the fact have none."""
        return self._interaction

    def exclusion(self) -> Value:
        """Why a row is kept but not counted: its own reason, else its interaction's; NULL where it counts."""
        reasons = [table.c.exclusion for table in self._tables() if "exclusion" in table.c]
        return _coalesced(reasons) if reasons else sa.cast(sa.null(), sa.Text)

    def negative(self, row: Row) -> Condition:
        """Whether a duration that a row expression reads came out negative and was put aside."""
        kept = [
            self._home(leaf.field).c.excluded_values[leaf.field.column].is_not(None)
            for leaf in leaves_of(row)
            if isinstance(leaf, bound.FieldValue) and self._is_put_aside(leaf.field)
        ]
        return func.coalesce(sa.or_(*kept), sa.false()) if kept else sa.false()

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
            return self._field(key)
        if key.column == "hour_of_day":
            return sa.cast(func.date_part("hour", self._local()), sa.Integer)
        if key.column == "weekday":
            return sa.cast(func.date_part("isodow", self._local()), sa.Integer)
        return sa.cast(func.date_trunc(DATED[key.column], self._local()), sa.Date)

    def bucket(self, part: Part) -> Value:
        """The histogram bucket of a part's value, NULL where the row does not count."""
        if part.value is None:
            raise ValueError("a histogram needs a value")
        value = self.value(part.value)
        size = sa.cast(func.least(func.abs(value), _LARGEST), sa.BigInteger)
        index = func.width_bucket(size, _array(BOUNDS, sa.BigInteger()), type_=sa.Integer)
        signed = sa.case((value < 0, -index), (value >= 0, index))  # LEAST takes NULL for a number
        return signed if part.condition is None else sa.case((self.value(part.condition), signed))

    def measured(self, row: Row) -> Value:
        """A row expression where only its presence and identity count: named things go by id."""
        if isinstance(row, bound.FieldValue) and row.field.origin is Origin.NAMED:
            return self._field(row.field)
        return self.value(row)

    def value(self, row: Row) -> Value:
        """A row expression as SQL, in stored units."""
        match row:
            case bound.Literal(value=value, type=kind):
                return _literal(value, kind)
            case bound.FieldValue(field=field):
                return self._field_value(field)
            case bound.Happened(field=field):
                return self._happened(field)
            case bound.Arithmetic(op=op, left=left, right=right):
                return self._arithmetic(op, left, right)
            case bound.Scaled(operand=operand, factor=factor):
                return sa.cast(self.value(operand), sa.Numeric) * factor
            case bound.Compare(op="contains", left=left, right=right):
                return func.strpos(func.lower(self.value(left)), func.lower(self.value(right))) > 0
            case bound.Compare(op=op, left=left, right=right):
                return _COMPARE[op](self.value(left), self.value(right))
            case bound.OneOf(operand=operand, options=options, negated=negated):
                among = sa.or_(sa.false(), *(self.value(operand) == self.value(option) for option in options))
                return ~among if negated else among
            case bound.IsMissing(operand=operand, negated=negated):
                value = self.measured(operand)
                return value.is_not(None) if negated else value.is_(None)
            case bound.Logic(op=op, operands=operands):
                return (sa.and_ if op == "and" else sa.or_)(*(self.value(one) for one in operands))
            case bound.Not(operand=operand):
                return Grouping(~self.value(operand))  # NOT x IS NULL would be NOT (x IS NULL)
            case bound.Choose(condition=condition, then=then, otherwise=otherwise):
                return sa.case((self.value(condition), self.value(then)), else_=self.value(otherwise))
            case bound.ContactedAgain(within=within):
                return self._contacted_again(within)
            case _:
                assert_never(row)

    def _joined(self) -> sa.FromClause:
        tables: sa.FromClause = self._table
        if self._interaction is not None and self._interaction is not self._table:
            own = self._table.c.interaction_id
            tables = tables.outerjoin(self._interaction, self._interaction.c.id == own)
        for name, named in self._named.items():
            tables = tables.outerjoin(named, named.c.id == self._owned(name))
        return tables

    def _tables(self) -> list[sa.Table]:
        return list(dict.fromkeys(table for table in (self._table, self._interaction) if table is not None))

    def _conditions(self, excluded: bool) -> Iterator[Condition]:
        if not (excluded or self._scan.including_excluded):
            yield from (table.c.exclusion.is_(None) for table in self._tables() if "exclusion" in table.c)
        if self._scan.window is not None:
            yield self._anchor >= _instant(self._scan.window.start)
            yield self._anchor < _instant(self._scan.window.end)
        if self._scan.where is not None:
            yield self.value(self._scan.where)
        if self._restriction.agent_id is not None:
            yield self._owned("agent") == self._restriction.agent_id
        if self._restriction.team_id is not None:
            yield self._of_team(self._restriction.team_id)

    def _of_team(self, team_id: int) -> Condition:
        members = sa.select(models.agent.c.id).where(models.agent.c.team_id == team_id)
        by_agent = self._owned("agent").in_(members)
        if self._interaction is None:
            return by_agent
        team = self._interaction.c.team_id
        return sa.or_(team == team_id, sa.and_(team.is_(None), by_agent))

    def _moment(self, name: str) -> Value:
        home, _, moment = name.rpartition(".")
        table = self._interaction if home else self._table
        if table is None:
            raise ValueError(f"{self._fact.name} belongs to no interaction")
        return table.c[f"{moment}_at"]

    def _local(self) -> Value:
        return func.timezone(self._zone, self._anchor, type_=sa.DateTime)

    def _owned(self, name: str) -> Value:
        """The id of a named thing that a row belongs to: its own, else its interaction's."""
        own = self._table if name in self._fact.own or self._table is self._interaction else None
        tables = dict.fromkeys(table for table in (own, self._interaction) if table is not None)
        return _coalesced([table.c[f"{name}_id"] for table in tables])

    def _field(self, field: Field) -> Value:
        """A field as stored: the id of a named thing."""
        if field.origin is Origin.NAMED:
            return self._owned(field.name)
        return self._column(self._home(field), field)

    def _field_value(self, field: Field) -> Value:
        """A field as formulas compare it: the external id of a named thing."""
        if field.origin is Origin.CALENDAR:
            return self._calendar(field)
        if field.origin is Origin.NAMED:
            return cast(Value, self._named_table(field.name).c.external_id)
        return self._field(field)

    def _named_table(self, name: str) -> sa.FromClause:
        """The table of a named thing, joined to the rows from now on."""
        return cast(sa.FromClause, self._named.setdefault(name, NAMED[name].alias(f"{name}_named")))

    def _home(self, field: Field) -> sa.FromClause:
        if field.fact == CUSTOMER:
            return self._named_table(CUSTOMER)
        home = self._table if field.fact == self._fact.name else self._interaction
        if home is None:
            raise ValueError(f"{self._fact.name} does not reach {field.name}")
        return home

    def _column(self, table: sa.FromClause, field: Field) -> Value:
        if field.origin is Origin.ATTRIBUTE:
            return _attribute(table.c.attributes[field.column], field.type)
        column = table.c[field.column]
        if field.type.unit is Unit.MONEY:
            # amounts of two currencies do not add up: another one's counts as missing
            return sa.case((table.c.currency == self._currency, column))
        if self._scan.including_excluded and self._is_put_aside(field):
            return func.coalesce(column, sa.cast(table.c.excluded_values[field.column].astext, sa.BigInteger))
        return column

    def _is_put_aside(self, field: Field) -> bool:
        own = field.origin is Origin.COLUMN and self._home(field) is models.interaction
        return own and field.column in models.DURATIONS

    def _happened(self, field: Field) -> Condition:
        table = self._home(field)
        return table.c[field.truth] if field.truth else self._column(table, field).is_not(None)

    def _calendar(self, field: Field) -> Value:
        def part(name: str) -> Value:
            return sa.cast(func.date_part(name, self._local()), sa.Integer)

        def digits(name: str, width: int) -> Value:
            return func.lpad(sa.cast(part(name), sa.Text), width, "0")

        match field.column:
            case "weekday":
                return sa.case(dict(enumerate(WEEKDAYS, 1)), value=part("isodow"))
            case "date":
                return sa.cast(self._local(), sa.Date)
            case "iso_week":
                return digits("isoyear", 4) + "-W" + digits("week", 2)
            case "month":
                return digits("year", 4) + "-" + digits("month", 2)
            case "quarter":
                return digits("year", 4) + "-Q" + digits("quarter", 1)
            case "year" if field.type.kind is Kind.TEXT:
                return digits("year", 4)
            case column:
                return part(column.removesuffix("_of_day"))  # hour_of_day, and the year as a number

    def _arithmetic(self, op: str, one: Row, other: Row) -> Value:
        left, right = self.value(one), self.value(other)
        if _is_moment(one):
            return sa.cast(func.trunc(sa.extract("epoch", left - right) * 1000), sa.BigInteger)
        # numeric: neither a sum of two counts nor money times seconds may overflow
        return _ARITHMETIC[op](sa.cast(left, sa.Numeric), sa.cast(right, sa.Numeric))

    def _contacted_again(self, within: int) -> Value:
        this, later = self._interaction, models.interaction.alias("later")
        if this is None:
            raise ValueError(f"{self._fact.name} belongs to no interaction")
        # a tie is settled by id, so that of two contacts of one instant exactly one is followed
        found = sa.exists().where(
            later.c.customer_id == this.c.customer_id,
            later.c.started_at >= this.c.started_at,
            later.c.started_at <= this.c.started_at + look_ahead(within),
            sa.or_(later.c.started_at > this.c.started_at, later.c.id > this.c.id),
            later.c.exclusion.is_(None),
        )
        return sa.case((sa.and_(this.c.customer_id.is_not(None), this.c.started_at.is_not(None)), found))


def _array(values: Iterable[object], kind: sa.types.TypeEngine[Any]) -> Value:
    # As one text: for a bound array the driver would first ask each new connection about its type, by a
    # function that tenants' roles may not call. In a sub-select, so that it is read once and not per row.
    text = sa.literal("{" + ",".join(f'"{value}"' for value in values) + "}", sa.Text)
    return sa.select(sa.cast(text, sa.ARRAY(kind))).scalar_subquery()


def _coalesced(columns: Sequence[Value]) -> Value:
    return columns[0] if len(columns) == 1 else func.coalesce(*columns)


def _instant(instant: datetime) -> Value:
    return sa.literal(instant, sa.DateTime(timezone=True))


def _is_moment(row: Row) -> bool:
    return isinstance(row, bound.FieldValue | bound.Literal | bound.Choose) and row.type.kind is Kind.MOMENT


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


def _literal(value: object, kind: Type) -> Value:
    match value:
        case bool():
            return sa.literal(value, sa.Boolean)
        case int():
            return sa.literal(value, sa.BigInteger if abs(value) <= _LARGEST else sa.Numeric)
        case datetime():
            return _instant(value)
        case date():
            return sa.literal(value, sa.Date)
        case str():
            return sa.literal(value, sa.Text)
        case _:
            raise ValueError(f"no literal of {kind.kind} is a {type(value).__name__}")


_COMPARE: Mapping[str, Callable[[Any, Any], Condition]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
