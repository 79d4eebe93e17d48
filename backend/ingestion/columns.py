"""Whole columns converted at once: memos for what repeats, plain loops for what does not."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backend.ingestion.converters import (
    AtOnce,
    Convert,
    Surroundings,
    constant,
    converter,
    fragment,
    major_units,
    whole_column,
)
from backend.ingestion.iso_moments import IsoMoments, iso_moments
from backend.ingestion.memo import Memo
from backend.ingestion.rules import AttributeRule, Mapping, Rule
from backend.ingestion.shapes import FieldType, ShapeField
from backend.ingestion.values.faults import Fault
from backend.ingestion.values.moments import FIRST_YEAR, LAST_YEAR, Reader, split_readers
from backend.ingestion.vectors import Column, listed

MIDNIGHT = datetime(2000, 1, 1)
UNSURE = object()  # a day or time that only the slow way can judge


class Converted(Memo):
    """What a converter made of each cell: the stored form, or the Fault. `faulty` once there was any.

    `at_once` takes a column that hardly repeats as a whole, or gives up on it.
    """

    def __init__(self, convert: Convert, at_once: AtOnce | None = None) -> None:
        super().__init__(self._made)
        self._convert = convert
        self._at_once = at_once
        self.faulty = False

    def of(self, values: Sequence[Any]) -> Sequence[Any]:
        """The made values of a column."""
        if self._repeats:
            return super().of(values)
        if self._at_once is not None and (made := self._at_once(values)) is not None:
            return made
        try:
            return list(map(self._convert, values))
        except Fault:
            return list(map(self._made, values))

    def _made(self, cell: Any) -> Any:
        try:
            return self._convert(cell)
        except Fault as fault:
            self.faulty = True
            return fault.with_traceback(None)


class Filler:
    """Fills one column of a record. `name` is what a person calls it, `column` where it is stored."""

    def __init__(
        self,
        name: str,
        column: str,
        required: bool,
        rule: Rule,
        convert: Convert,
        at_once: AtOnce | None = None,
    ) -> None:
        self.name = name
        self.column = column
        self.required = required
        self.columns = rule.columns
        self._defaults = rule.default is not None
        self._when = rule.when
        self._memo = Converted(convert, at_once)
        self._constant = None if rule.columns else constant(convert, rule)
        self._quick: SplitMoments | IsoMoments | None = None

    @classmethod
    def of_field(
        cls,
        field: ShapeField,
        rule: Rule,
        mapping: Mapping,
        around: Surroundings,
        *,
        prefix: str,
        by_row: bool,
    ) -> Filler:
        """The filler of a shape's field. `by_row`: amounts wait for the currency of their row."""
        if field.type is FieldType.MONEY and by_row:
            convert = major_units(rule, mapping)
        else:
            convert = converter(field, rule, mapping, around)
        at_once = whole_column(field, rule, mapping)
        filler = cls(prefix + field.name, field.column, field.required, rule, convert, at_once)
        if field.type is FieldType.MOMENT:
            filler._quick = split_moments(rule, mapping, around) or iso_moments(rule, mapping, around)
        return filler

    @classmethod
    def of_attribute(
        cls, attribute: AttributeRule, rule: Rule, mapping: Mapping, around: Surroundings
    ) -> Filler:
        """The filler of an attribute: its part of the JSON text."""
        key = attribute.attribute.key
        return cls(f"attributes.{key}", key, False, rule, fragment(attribute, rule, mapping, around))

    def silent(self, cells: Map[str, Sequence[Any]]) -> bool:
        """Whether no cell of these says anything, so that no row has a value."""
        told = any(column.count(None) < len(column) for column in map(cells.__getitem__, self.columns))
        return bool(self.columns) and not self._defaults and not told

    @property
    def faulty(self) -> bool:
        """Whether any cell so far could not be taken."""
        return self._memo.faulty

    def fill(self, cells: Map[str, Sequence[Any]], count: int) -> Column:
        """The values of all rows; Fault objects where a cell could not be taken."""
        quick = self._quick.of(cells) if self._quick else None
        made: Column
        if quick is not None:
            made = quick
        elif not self.columns:
            made = [self._constant] * count
        elif len(self.columns) == 1:
            made = self._memo.of(cells[self.columns[0]])
        else:
            made = self._memo.of(list(zip(*(cells[name] for name in self.columns), strict=True)))
        if self._when is None:
            return made
        texts, negated = self._when.texts, self._when.negated
        return [
            value if ((cell.strip() if cell.__class__ is str else "") in texts) is not negated else None
            for value, cell in zip(listed(made), cells[self._when.column], strict=True)
        ]


class SplitMoments:
    """A moment from a column of days and one of times: both repeat, so that each row costs one addition.

    Gives up on a batch (None) as soon as one cell is not plainly a day or a time; the slow way then says why.
    """

    def __init__(
        self, columns: tuple[str, ...], null: frozenset[str], read_day: Reader, read_clock: Reader, zone: str
    ) -> None:
        self._day_column, self._clock_column = columns
        self._null = null
        self._read_day, self._read_clock = read_day, read_clock
        self._wall = None if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)
        self._days = Memo(self._day, always=True)
        self._clocks = Memo(self._clock, always=True)

    def of(self, cells: Map[str, Sequence[Any]]) -> list[Any] | None:
        """The instants in UTC, None where day or time is missing."""
        days, clocks = self._days.of(cells[self._day_column]), self._clocks.of(cells[self._clock_column])
        if UNSURE in days or UNSURE in clocks:
            return None
        made = [d + c if d is not None and c is not None else None for d, c in zip(days, clocks, strict=True)]
        if self._wall is None:
            return made
        wall = self._wall
        return [m if m is None else m.replace(tzinfo=wall).astimezone(UTC) for m in made]

    def _day(self, cell: Any) -> Any:
        found = self._read(cell, self._read_day)
        if not isinstance(found, datetime):
            return found
        if found.tzinfo is not None or found.time() != MIDNIGHT.time():
            return UNSURE
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            return UNSURE
        return found.replace(tzinfo=UTC) if self._wall is None else found

    def _clock(self, cell: Any) -> Any:
        found = self._read(cell, self._read_clock)
        if not isinstance(found, datetime):
            return found
        if found.tzinfo is not None or not MIDNIGHT <= found < MIDNIGHT + timedelta(days=1):
            return UNSURE
        return found - MIDNIGHT

    def _read(self, cell: Any, read: Reader) -> Any:
        if cell is None:
            return None
        if cell.__class__ is not str:
            return UNSURE
        text = cell.strip()
        if text in self._null:
            return None
        try:
            return read(text) or UNSURE
        except (ValueError, OverflowError):
            return UNSURE


def split_moments(rule: Rule, mapping: Mapping, around: Surroundings) -> SplitMoments | None:
    """The quick way for a moment in two columns, where its rule allows one."""
    simple = rule.values is None and rule.default is None and rule.unit is None and rule.join in (None, " ")
    if len(rule.columns) != 2 or not simple:
        return None
    readers = split_readers(rule.formats, mapping.day_first)
    if readers is None:
        return None
    null = mapping.null | rule.null | {""}
    return SplitMoments(rule.columns, null, *readers, rule.zone or mapping.zone or around.zone)
