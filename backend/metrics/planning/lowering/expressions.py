"""What row expressions mean in SQL, in stored units."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.sql.elements import Grouping

from backend.interactions import models
from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.types import Field, Kind, Origin, Type
from backend.metrics.planning.calendar import WEEKDAYS, look_ahead
from backend.metrics.planning.lowering.business import BusinessTime
from backend.metrics.planning.lowering.tables import Condition, Tables, Value
from backend.metrics.planning.reach import leaves_of
from backend.schedules.clocks import Clocks

LARGEST = 2**63 - 1


class Expressions:
    """Row expressions over the tables of one reading; calendar fields are of `anchor`, in `zone`."""

    def __init__(self, tables: Tables, anchor: Value, zone: str, clocks: Clocks | None = None) -> None:
        self._tables, self._anchor, self._zone = tables, anchor, zone
        self._business = BusinessTime(tables, clocks)

    def local(self) -> Value:
        """The anchor by the wall clock."""
        return func.timezone(self._zone, self._anchor, type_=sa.DateTime)

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
                return self._tables.happened(field)
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
            case bound.Business(start=start, end=end, last=last):
                return self._business.elapsed(self.value(start), self.value(end), last=last)
            case _:
                assert_never(row)

    def _field(self, field: Field) -> Value:
        return self._calendar(field) if field.origin is Origin.CALENDAR else self._tables.compared(field)

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

    def _contacted_again(self, within: int) -> Value:
        this, later = self._tables.interaction, models.interaction.alias("later")
        if this is None:
            raise ValueError(f"{self._tables.fact.name} belongs to no interaction")
        # a tie is settled by id, so that of two contacts of one instant exactly one is followed
        found = sa.exists().where(
            later.c.customer_id == this.c.customer_id,
            later.c.started_at >= this.c.started_at,
            later.c.started_at <= this.c.started_at + look_ahead(within),
            sa.or_(later.c.started_at > this.c.started_at, later.c.id > this.c.id),
            later.c.exclusion.is_(None),
        )
        return sa.case((sa.and_(this.c.customer_id.is_not(None), this.c.started_at.is_not(None)), found))


def instant(moment: datetime) -> Value:
    """A moment as a parameter."""
    return sa.literal(moment, sa.DateTime(timezone=True))


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
