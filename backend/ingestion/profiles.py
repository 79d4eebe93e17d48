"""What the cells of a column look like: moments and in which format, durations, numbers, yes or no, names."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from backend.ingestion.formats.batch import Cell, text_of
from backend.ingestion.values.durations import duration
from backend.ingestion.values.faults import Fault
from backend.ingestion.values.moments import FIRST_YEAR, LAST_YEAR, compile_format, moment
from backend.ingestion.values.numbers import decimal
from backend.ingestion.values.text import boolean

MISSING = frozenset({"", "-", "--", "—", "n/a", "na", "nan", "null", "none", "nil", "#n/a", "无数据"})
ENOUGH = 0.98  # of the cells must agree; a few odd ones do not make a column of dates a text

DAYS = ("%Y-%m-%d", "%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%Y/%m/%d", "%Y%m%d", "%y%m%d")
DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[AaPp]\.?[Mm]\.?)?")
COMPACT = re.compile(r"\d{6}|\d{8}")


class Look(StrEnum):
    """What the cells of a column are."""

    EMPTY = "empty"
    MOMENT = "moment"
    DAY = "day"
    CLOCK = "clock"
    DURATION = "duration"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NESTED = "nested"  # objects or lists
    TEXT = "text"


@dataclass(slots=True)
class Profile:
    """One column. `format` is that of its moments, None for ISO 8601; `unit` is that of epochs.

    `ambiguous`: day first and month first both fit.
    """

    name: str
    look: Look
    texts: list[str | None]
    counts: Counter[str]
    format: str | None = None
    unit: str | None = None
    ambiguous: bool = False
    numbers: tuple[Decimal, Decimal] | None = None
    markers: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether there are rows and none lacks a value."""
        return bool(self.texts) and None not in self.texts

    @property
    def half_day(self) -> bool:
        """Whether its times of day are told by a.m. and p.m., as no duration is."""
        return self.look is Look.CLOCK and any(text[-1:] in "mM." for text in self.counts)

    def clock_format(self) -> str:
        """The format of its times of day."""
        seconds = ":%S" if all(text.count(":") == 2 for text in self.counts) else ""
        if not self.half_day:
            return f"%H:%M{seconds}"
        apart = all(re.search(r"\s", text) for text in self.counts)
        return f"%I:%M{seconds}{' ' if apart else ''}%p"

    def examples(self, count: int = 3) -> list[str]:
        """Its most frequent values, short and on one line."""
        found = [" ".join(text.split())[:40] for text, _ in self.counts.most_common(count)]
        return ["".join(c for c in text if c.isprintable()) for text in found]


def profile(name: str, cells: Sequence[Cell]) -> Profile:
    """Looks at a sample of a column."""
    texts: list[str | None] = []
    markers: set[str] = set()
    for cell in cells:
        text = (text_of(cell) or "").strip()
        missing = text.casefold() in MISSING
        if missing and text:
            markers.add(text)
        texts.append(None if missing else text)
    counts = Counter(text for text in texts if text is not None)
    found = Profile(name, Look.EMPTY, texts, counts, markers=markers)
    if not counts:
        return found
    values = list(counts)[:2_000]
    found.look = _look(found, values)
    return found


def dashed(column: Profile) -> bool:
    """Whether all its values are dates as ISO 8601 writes them."""
    return all(re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", text) for text in column.counts)


def among(column: Profile, *, comment: bool = False) -> str:
    """What is among its values, to stand behind a line."""
    shown = ", ".join(plain(text) for text in column.examples())
    missing = column.texts.count(None)
    note = f"{shown}{f' · {missing:,} missing' if missing else ''}"
    return f"   # {note}" if comment else f" · {note}"


def plain(text: str) -> str:
    """Text that stays on its line."""
    return "".join(c if c.isprintable() else " " for c in text)


def _look(found: Profile, values: list[str]) -> Look:
    if _share(values, _nested) >= 0.5:
        return Look.NESTED
    if len(values) <= 4 and _share(values, boolean) == 1 and set(values) != {"1"} and set(values) != {"0"}:
        return Look.BOOLEAN
    if _share(values, lambda text: CLOCK.fullmatch(text) or None) >= ENOUGH:
        return Look.CLOCK
    if _share(values, _number) >= ENOUGH:
        compact = all(COMPACT.fullmatch(text) for text in values)
        if compact and len(values) > 1 and (pattern := _fitting(values, ("%Y%m%d", "%y%m%d"))):
            found.format = pattern
            if _spans_days(values, pattern):
                return Look.DAY
            found.format = None
        if unit := _epoch(values):
            found.unit = unit
            return Look.MOMENT
        known = [number for text in values if (number := _number(text)) is not None]
        found.numbers = (min(known), max(known))
        return Look.NUMBER
    if _share(values, moment("UTC")) >= ENOUGH:
        return Look.DAY if all(len(text) <= 11 and ":" not in text for text in values) else Look.MOMENT
    patterns = [day + clock for day in (*DAYS, *DAY_FIRST, *MONTH_FIRST) for clock in CLOCKS]
    if pattern := _fitting(values, patterns):
        found.format = pattern
        if pattern.startswith(DAY_FIRST):
            swapped = pattern.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
            found.ambiguous = _fitting(values, (swapped,)) is not None
        return Look.MOMENT if "%H" in pattern or "%I" in pattern else Look.DAY
    if _share(values, duration()) >= ENOUGH:
        return Look.DURATION
    return Look.TEXT


def _nested(text: str) -> object:
    return json.loads(text) if text[:1] in ("{", "[") else None


def _fitting(values: Sequence[str], patterns: Sequence[str]) -> str | None:
    for pattern in patterns:
        read = compile_format(pattern)
        if _share(values, lambda text, read=read: _sane(read(text))) >= ENOUGH:  # type: ignore[misc]
            return pattern
    return None


def _sane(found: datetime | None) -> datetime | None:
    return found if found is not None and FIRST_YEAR <= found.year <= LAST_YEAR else None


def _spans_days(values: Sequence[str], pattern: str) -> bool:
    """Whether digits that could be dates lie as close together as dates do; ids and amounts do not."""
    read = compile_format(pattern)
    known = [found for text in values if (found := read(text)) is not None]
    return (max(known) - min(known)).days < 40 * 366


def _epoch(values: Sequence[str]) -> str | None:
    if all(re.fullmatch(r"1[0-9]{9}(\.\d+)?", text) for text in values) and len(values) > 1:
        return "s"
    return "ms" if all(re.fullmatch(r"1[0-9]{12}", text) for text in values) and len(values) > 1 else None


def _number(text: str) -> Decimal | None:
    try:
        return decimal(text)
    except Fault:
        return None


def _share(values: Sequence[str], read: Callable[[str], object]) -> float:
    """The share of texts that a reader understands."""
    understood = 0
    for text in values:
        try:
            understood += read(text) is not None
        except (Fault, ValueError, RecursionError):
            continue
    return understood / len(values)
