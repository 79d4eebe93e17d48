"""From a field's type and its rule to one function: cell (or joined cells) in, stored form out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from backend.core.errors import Invalid
from backend.ingestion.formats.batch import Cell, text_of
from backend.ingestion.rules import AttributeRule, Mapping, Rule
from backend.ingestion.shapes import FieldType, ShapeField
from backend.ingestion.values import durations, moments, numbers, text
from backend.ingestion.values.faults import Fault
from backend.interactions.identity import fact_id

Convert = Callable[[Any], Any]
AtOnce = Callable[[Sequence[Any]], Sequence[Any] | None]

DURATION_FORMATS = ("m:ss", "h:mm")
UNITS: dict[FieldType, tuple[str, ...]] = {
    FieldType.DURATION: tuple(durations.UNITS),
    FieldType.MOMENT: (*moments.EPOCH_UNITS, "days"),
    FieldType.MONEY: ("major", "minor"),
}
# What an attribute's type means for its cells; numbers are kept in thousandths, as scores are.
ATTRIBUTE_TYPES = {
    "text": FieldType.TEXT,
    "number": FieldType.SCORE,
    "boolean": FieldType.BOOLEAN,
    "duration": FieldType.DURATION,
    "money": FieldType.MONEY,
    "moment": FieldType.MOMENT,
}
NAMES = frozenset(
    {
        "external_id",
        "currency",
        "state",
        "article",
        "kind",
        "product_version",
        "priority",
        "language",
        "segment",
        "problem_id",
        "sentiment_model",
        "cause",
        "metric",
        "policy",
    }
)  # texts that are grouped by or looked up: bounded like references


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule does not say itself: the tenant's zone and currency, where mapping and row say nothing."""

    zone: str = "UTC"
    currency: str = "USD"


def converter(field: ShapeField, rule: Rule, mapping: Mapping, around: Surroundings) -> Convert:
    """The function from a cell of the rule's column, or a tuple of cells of its columns, to the stored form.

    It gives None for a missing value and raises Fault for one that cannot be taken. Raises Invalid for a
    rule that cannot mean anything.
    """
    return _prepared(rule, mapping, field.type, _typed(field, rule, mapping, around))


def major_units(rule: Rule, mapping: Mapping) -> Convert:
    """The function for amounts whose currency stands in the same row: the plain number."""
    return _prepared(rule, mapping, FieldType.MONEY, partial(numbers.decimal, mark=mapping.decimal))


def fragment(attribute: AttributeRule, rule: Rule, mapping: Mapping, around: Surroundings) -> Convert:
    """The function from a cell to `"key":value`, the attribute's part of the JSON text of all attributes."""
    key = attribute.attribute.key
    field = ShapeField(key, attribute.type, key)
    convert = converter(field, rule, mapping, around)
    prefix = f'"{key}":'

    def encoded(cell: Any) -> str | None:
        value = convert(cell)
        if value is None:
            return None
        if isinstance(value, datetime):
            value = value.isoformat().replace("+00:00", "Z")
        return prefix + msgspec.json.encode(value).decode()

    return encoded


def whole_column(field: ShapeField, rule: Rule, mapping: Mapping) -> AtOnce | None:
    """The function from a whole column of plain names to their stored form, where the rule allows one.

    It gives None for a column that the converter has to look at cell by cell.
    """
    names = field.type is FieldType.REFERENCE or (field.name in NAMES and field.name != "currency")
    if not names or len(rule.columns) != 1 or rule.values is not None or rule.default is not None:
        return None
    return partial(text.identifiers, null=mapping.null | rule.null | {""})


def constant(convert: Convert, rule: Rule) -> Any:
    """The stored form of a rule's constant value.

    Raises Invalid (MAPPING_VALUE) when it does not fit the field.
    """
    try:
        return convert(rule.value)
    except Fault as fault:
        raise Invalid(fault.message, code="MAPPING_VALUE") from None


def _typed(field: ShapeField, rule: Rule, mapping: Mapping, around: Surroundings) -> Convert:
    match field.type:
        case FieldType.REFERENCE:
            return text.identifier
        case FieldType.TEXT if field.name == "currency":
            return numbers.currency
        case FieldType.TEXT:
            return text.identifier if field.name in NAMES else text.text
        case FieldType.INTERACTION:
            return _interaction(mapping.source)
        case FieldType.MOMENT:
            return moments.moment(
                rule.zone or mapping.zone or around.zone,
                formats=rule.formats,
                day_first=mapping.day_first,
                unit=rule.unit,
            )
        case FieldType.DURATION:
            two_parts = rule.formats[0] if rule.formats else DURATION_FORMATS[0]
            return durations.duration(rule.unit or "s", mapping.decimal, two_parts=two_parts)
        case FieldType.INTEGER:
            return numbers.integer(mapping.decimal)
        case FieldType.SCORE if field.bounds is not None:
            return numbers.bounded(numbers.thousandths(mapping.decimal), *field.bounds)
        case FieldType.SCORE:
            return numbers.thousandths(mapping.decimal)
        case FieldType.MONEY:
            return numbers.money(around.currency, mapping.decimal, in_minor_units=rule.unit == "minor")
        case FieldType.BOOLEAN:
            return text.boolean
        case FieldType.CHOICE:
            return text.one_of(field.choices)


def _interaction(source: str) -> Convert:
    def convert(cell: Cell) -> Any:
        name = text.identifier(cell)
        return None if name is None else fact_id(source, name)

    return convert


def _prepared(rule: Rule, mapping: Mapping, type: FieldType, typed: Convert) -> Convert:
    """White space, null markers, value map and default, then the type's own conversion."""
    null = mapping.null | rule.null | {""}
    values, other, default = rule.values, rule.other, rule.default

    def mapped(cell: Cell) -> Any:
        if cell is not None and values is not None:
            found = values.get(text_of(cell) or "", other)
            cell = cell if found is None else found or None
        if cell is None:
            cell = default
        return None if cell is None else typed(cell)

    finish: Convert = typed if values is None and default is None else mapped

    def convert(cell: Cell) -> Any:
        if cell.__class__ is str:
            plain = cell.strip()
            return finish(None if plain in null else plain)
        return finish(None if cell is None or text_of(cell) in null else cell)

    if len(rule.columns) < 2:
        return convert
    glue = rule.join if rule.join is not None else " " if type is FieldType.MOMENT else "-"

    def joined(cells: tuple[Cell, ...]) -> Any:
        parts = [cell.strip() if cell.__class__ is str else cell for cell in cells]
        if None in parts or not null.isdisjoint(parts):
            return finish(None)
        return convert(_join(parts, glue))

    return joined


def _join(parts: list[Cell], glue: str) -> Cell:
    match parts:
        case [datetime() as day, time() as clock]:
            return datetime.combine(day.date(), clock, day.tzinfo)
        case [datetime() as day, timedelta() as clock]:
            return datetime(day.year, day.month, day.day, tzinfo=day.tzinfo) + clock
        case _:
            return glue.join([text_of(part) or "" for part in parts])


def linear(value: int, source: tuple[Decimal, Decimal], target: tuple[int, int]) -> int:
    """A score brought from one scale to another, half to even; score and target in thousandths.

    Raises Fault (SCORE_RANGE) when it lies outside the scale it comes from.
    """
    low, high = (int(end * 1_000) for end in source)
    if not min(low, high) <= value <= max(low, high):
        raise Fault(
            "SCORE_RANGE", f"The score {value / 1000:g} lies outside the scale {source[0]} to {source[1]}."
        )
    exact = target[0] + Decimal(value - low) * (target[1] - target[0]) / (high - low)
    return int(exact.to_integral_value())
