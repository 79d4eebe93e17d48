"""What row expressions mean in SQL, in stored units."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import NUMRANGE
from sqlalchemy.sql.elements import Grouping

from backend.metrics.language import bound
from backend.metrics.language.bound import Row, type_of
from backend.metrics.language.types import Fact, Field, Kind, Origin, Type
from backend.metrics.planning.calendar import WEEKDAYS
from backend.metrics.planning.lowering import relations
from backend.metrics.planning.lowering.business import BusinessTime
from backend.metrics.planning.lowering.placing import Placing, instant
from backend.metrics.planning.lowering.tables import Condition, Tables, Value
from backend.metrics.planning.reach import leaves_of
from backend.schedules.clocks import Clocks

LARGEST = 2**63 - 1
_LINE = 10**15  # milliseconds: thirty thousand years


class Expressions:
    """Row expressions over the tables of one reading; calendar fields are those of the anchor, in `zone`.

    `now` is the instant of the answer; `facts` are the kinds of rows that may be looked for beside. `clocks` as
    in Setting.
    """

    def __init__(
        self,
        tables: Tables,
        placing: Placing,
        zone: str,
        *,
        facts: Mapping[str, Fact],
        now: datetime,
        clocks: Clocks | None,
    ) -> None:
        self._tables, self._placing, self._zone = tables, placing, zone
        self._facts, self._now, self._clocks = facts, now, clocks
        self._business = BusinessTime(tables, clocks)

    def local(self) -> Value:
        """The anchor by the wall clock."""
        return func.timezone(self._zone, self._placing.anchor, type_=sa.DateTime)

    def measured(self, row: Row) -> Value:
        """A row expression where only its presence and identity count: named things go by id."""
        if isinstance(row, bound.FieldValue) and row.field.origin is Origin.NAMED:
            return self._tables.stored(row.field)
        return self.value(row)

    def negative(self, row: Row) -> Condition:
        """Whether a duration that a row expression reads came out negative, and so is missing."""
        kept = list(self._put_aside(row))
        return func.coalesce(sa.or_(*kept), sa.false()) if kept else sa.false()

    def _put_aside(self, row: Row) -> Iterator[Condition]:
        for leaf in leaves_of(row):
            if isinstance(leaf, bound.Business):
                yield self._business.negative(self.value(leaf.start), self.value(leaf.end))
            if isinstance(leaf, bound.FieldValue) and self._tables.is_put_aside(leaf.field):
                kept = self._tables.home(leaf.field).c.excluded_values
                yield kept[leaf.field.column].is_not(None)

    def value(self, row: Row) -> Value:
        """A row expression as SQL, in stored units."""
        match row:
            case bound.Literal(value=value, type=kind):
                return _literal(value, kind)
            case bound.FieldValue(field=field):
                return self._field(field)
            case bound.Happened(field=field):
                return sa.true() if field.origin is Origin.CLOCK else self._tables.happened(field)
            case bound.Arithmetic(op=op, left=left, right=right):
                return self._arithmetic(op, left, right)
            case bound.Quotient():
                return self._quotient(row)
            case bound.Stretch(start=start, end=end):
                return self._stretch(start, end)
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
            case bound.Related(fact=fact):
                return relations.related(
                    row, self._facts[fact], self._tables, self._placing.anchor, self._other
                )
            case bound.Linked(fact=fact):
                return relations.linked(row, self._facts[fact], self._tables, self._other)
            case bound.Matured():
                return relations.matured(row, self._tables, self._placing.anchor, self._now)
            case bound.Combination(rows=rows):
                return self._combination(rows)
            case bound.Business(start=start, end=end, last=last):
                return self._business.elapsed(self.value(start), self.value(end), last=last)
            case _:
                assert_never(row)

    def _field(self, field: Field) -> Value:
        match field.origin:
            case Origin.CLOCK:
                return instant(self._now)
            case Origin.CALENDAR:
                return self._calendar(field)
            case Origin.SNAPSHOT:
                return self._placing.age
            case _:
                return self._tables.compared(field)

    def _other(self, tables: Tables, moment: Value, row: Row) -> Value:
        """A row expression over the tables of another reading."""
        placing = Placing(moment, None)
        other = Expressions(
            tables, placing, self._zone, facts=self._facts, now=self._now, clocks=self._clocks
        )
        return other.value(row)

    def _combination(self, rows: Sequence[Row]) -> Value:
        values = [self._told_apart(one) for one in rows]
        known = sa.and_(*(value.is_not(None) for value in values))
        # Not a row constructor: what it makes cannot be unnested. Bytes are compared, which is quickest.
        text = sa.cast(func.jsonb_build_array(*values), sa.Text)
        return sa.case((known, sa.collate(text, "C")))

    def _told_apart(self, row: Row) -> Value:
        """A value as one that is written alike exactly if it is equal: 1, not 1.0."""
        value = self.measured(row)
        if type_of(row).kind is not Kind.NUMBER:
            return value
        return func.trim_scale(sa.cast(value, sa.Numeric), type_=sa.Numeric)

    def _calendar(self, field: Field) -> Value:
        def part(name: str) -> Value:
            return sa.cast(func.date_part(name, self.local()), sa.Integer)

        def digits(name: str, width: int) -> Value:
            return func.lpad(sa.cast(part(name), sa.Text), width, "0")

        match field.column:
            case "weekday":
                return sa.case(dict(enumerate(WEEKDAYS, 1)), value=part("isodow"))
            case "date":
                return sa.cast(self.local(), sa.Date)
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

    def _quotient(self, row: bound.Quotient) -> Value:
        left, right = (sa.cast(self.value(one), sa.Numeric) for one in (row.left, row.right))
        up = row.type.scale * bound.type_of(row.right).scale
        return func.round(left * up / func.nullif(right * bound.type_of(row.left).scale, 0))

    def _stretch(self, start: Row, end: Row) -> Value:
        # Each agent has a line of its own, far from the next one's, so that one union serves all of them.
        begun, ended, agent = self.value(start), self.value(end), self._tables.owned("agent")
        line = sa.cast(agent, sa.Numeric) * _LINE
        span = func.numrange(line + _milliseconds(begun), line + _milliseconds(ended), type_=NUMRANGE)
        return sa.case((sa.and_(agent.is_not(None), begun <= ended), span))


def _milliseconds(moment: Value) -> Value:
    return func.trunc(sa.extract("epoch", moment) * 1000)


def _is_moment(row: Row) -> bool:
    return isinstance(row, bound.FieldValue | bound.Literal | bound.Choose) and row.type.kind is Kind.MOMENT


def _literal(value: object, kind: Type) -> Value:
    match value:
        case bool():
            return sa.literal(value, sa.Boolean)
        case int():
            return sa.literal(value, sa.BigInteger if abs(value) <= LARGEST else sa.Numeric)
        case datetime():
            return instant(value)
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
