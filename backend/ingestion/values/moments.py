"""Moments: text, epoch numbers and spreadsheet dates to instants in UTC. ISO 8601 is always understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from backend.core.errors import Invalid
from backend.ingestion.formats.batch import Cell
from backend.ingestion.values.faults import Fault, shown
from backend.ingestion.values.numbers import decimal
from backend.ingestion.values.text import narrow

FIRST_YEAR, LAST_YEAR = 1970, 2100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPREADSHEET_EPOCH = datetime(1899, 12, 30)
EPOCH_UNITS = {"s": Decimal(1_000_000), "ms": Decimal(1_000), "us": Decimal(1)}

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}
MONTH = r"[A-Za-z]{3,9}"
OFFSET = r"Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::?\d{2})?"
DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?|上午|下午)",
    "b": rf"(?P<b>{MONTH})\.?",
    "B": rf"(?P<b>{MONTH})",
    "z": rf"(?P<z>{OFFSET})",
    "Z": rf"(?P<z>{OFFSET})",
    "a": r"[^\W\d]+\.?",
    "A": r"[^\W\d]+",
    "%": "%",
}
NUMERIC = frozenset("ymdHIMS")

CLOCK = (
    r"(?:[T,]? ?(?:(?P<p0>上午|下午) ?)?"
    r"(?P<H>\d{1,2})[:时点](?P<M>\d{1,2})(?:[:分](?P<S>\d{1,2})?)?秒?"
    rf"(?:[.,](?P<f>\d{{1,9}}))?(?: ?(?P<p>[AaPp]\.?[Mm]\.?))?(?: ?(?P<z>{OFFSET}))?)?"
)
ISO_LIKE = re.compile(r"(?P<Y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?" + CLOCK, re.ASCII)
DAY_FIRST = re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<Y>\d{4}|\d{2})" + CLOCK, re.ASCII)
MONTH_FIRST = re.compile(r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<Y>\d{4}|\d{2})" + CLOCK, re.ASCII)
NAMED_DAY_FIRST = re.compile(
    rf"(?P<d>\d{{1,2}})[-/. ]{{1,2}}(?P<b>{MONTH})\.?[-/., ]{{1,2}}(?P<Y>\d{{4}}|\d{{2}})" + CLOCK
)
NAMED_MONTH_FIRST = re.compile(
    rf"(?P<b>{MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<Y>\d{{4}})" + CLOCK
)

Reader = Callable[[str], datetime | None]


def compile_format(pattern: str) -> Reader:
    """A reader for one strptime-like format; stricter than strptime (digits only) and several times as fast.

    Raises Invalid (MAPPING_FORMAT) for directives it does not know and formats without a full date.
    """
    regex = ""
    used: set[str] = set()
    tokens = re.findall(r"%.?|\s+|[^%\s]+", pattern)
    for position, token in enumerate(tokens):
        if not token.startswith("%"):
            regex += r"\s+" if token.isspace() else re.escape(token)
            continue
        letter = token[1:]
        if letter not in DIRECTIVES:
            raise Invalid(
                f"The format “{pattern}” has “{token}”, which is not a date directive.", code="MAPPING_FORMAT"
            )
        part = DIRECTIVES[letter]
        beside = tokens[max(position - 1, 0) : position] + tokens[position + 1 : position + 2]
        if letter in NUMERIC and any(t[:1] == "%" and t[1:] in NUMERIC | {"Y"} for t in beside):
            part = part.replace(r"\d{1,2}", r"\d{2}")  # without a separator only the width tells fields apart
        group = re.match(r"\(\?P<(\w)>", part)
        if group and group[1] in used:
            raise Invalid(f"The format “{pattern}” gives one part of the date twice.", code="MAPPING_FORMAT")
        used.add(group[1] if group else "")
        regex += part
    if not ({"Y", "y"} & used and {"m", "b"} & used and "d" in used):
        raise Invalid(f"The format “{pattern}” lacks a year, month or day.", code="MAPPING_FORMAT")
    compiled = re.compile(regex, re.ASCII if pattern.isascii() and not used & {"p"} else 0)
    names = [name for name in ("Y" if "Y" in used else "y", *"mdHMS") if name in used]
    if used - {""} == set(names) and names[1:] == list("mdHMS")[: len(names) - 1]:
        return _numeric_reader(compiled, names)
    return lambda text: _assembled(found.groupdict()) if (found := compiled.fullmatch(text)) else None


def _numeric_reader(compiled: re.Pattern[str], names: Sequence[str]) -> Reader:
    """The quick way for the usual formats: only digits, no half days, fractions or offsets."""

    def read(text: str) -> datetime | None:
        found = compiled.fullmatch(text)
        if found is None:
            return None
        year, *rest = found.group(*names)
        return datetime(_full_year(year), *map(int, rest))  # type: ignore[arg-type]

    return read


def split_readers(formats: Sequence[str], day_first: bool | None) -> tuple[Reader, Reader] | None:
    """Readers for a day and for a time of day in two columns; None when a format mixes the two.

    The second gives the moment on the first of January 2000.
    """
    if not formats:
        usual = _usual(day_first)
        return usual, lambda text: usual(f"2000-01-01 {text}")
    day, space, clock = formats[0].partition(" ")
    if len(formats) > 1 or not space or re.search(r"%[HIMSfpzZ]", day) or re.search(r"%[^HIMSfp]", clock):
        return None
    if clock in ("%H:%M:%S", "%H:%M"):
        return compile_format(day), _clock_reader(clock.count(":") + 1)
    read_clock = compile_format(f"%Y-%m-%d {clock}")
    return compile_format(day), lambda text: read_clock(f"2000-01-01 {text}")


def _clock_reader(parts: int) -> Reader:
    def read(text: str) -> datetime | None:
        numbers = text.split(":")
        if len(numbers) != parts or len(text) > 8 or not all(n.isdigit() and n.isascii() for n in numbers):
            return None
        return datetime(2000, 1, 1, *map(int, numbers))  # type: ignore[arg-type]

    return read


def moment(
    zone: str,
    *,
    formats: Sequence[str] = (),
    day_first: bool | None = None,
    unit: str | None = None,
) -> Callable[[Cell], datetime | None]:
    """A converter to instants in UTC.

    Text without an offset is wall-clock time of `zone`: an hour that daylight saving repeats means its first
    pass, one that it skips is counted on with the offset before. `unit` (s, ms, us, or days for spreadsheet
    serials) reads plain numbers.
    """
    wall = UTC if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)
    readers: list[Reader] = [compile_format(pattern) for pattern in formats]
    if not readers:
        readers.append(_usual(day_first))

    def convert(cell: Cell) -> datetime | None:
        if cell is None:
            return None
        if cell.__class__ is str:
            naive = _read(str(cell), readers, unit, explicit=bool(formats))
        elif isinstance(cell, datetime):
            naive = cell
        else:
            raise Fault("BAD_DATE", f"{shown(cell)} is not a date.")
        return _instant(naive, wall, cell)

    return convert


def _read(text: str, readers: Sequence[Reader], unit: str | None, *, explicit: bool) -> datetime:
    try:
        if unit is not None and (found := _number(text, unit)) is not None:
            return found
        for read in readers:
            if (found := read(text)) is not None:
                return found
        if text[4:5] == "-" and (found := _iso(text)) is not None:
            return found
    except (ValueError, OverflowError):
        raise Fault("BAD_DATE", f"{shown(text)} is not a date that exists.") from None
    if not explicit and DAY_FIRST.fullmatch(text):
        raise Fault(
            "AMBIGUOUS_DATE", f"{shown(text)}: say day_first = true or false, or a format, in the mapping."
        )
    raise Fault("BAD_DATE", f"{shown(text)} is not a date{' in the given format' if explicit else ''}.")


def _instant(found: datetime, wall: tzinfo, cell: object) -> datetime:
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Fault("YEAR_RANGE", f"{shown(cell)} lies outside the years {FIRST_YEAR} to {LAST_YEAR}.")
    if found.tzinfo is None:
        found = found.replace(tzinfo=wall, fold=0)
    return found if found.tzinfo is UTC else found.astimezone(UTC)


def _usual(day_first: bool | None) -> Reader:
    numeric = {None: (), True: (DAY_FIRST,), False: (MONTH_FIRST,)}[day_first]
    patterns = (ISO_LIKE, NAMED_DAY_FIRST, NAMED_MONTH_FIRST, *numeric)

    def read(text: str) -> datetime | None:
        if text[4:5] == "-" and (found := _iso(text)) is not None:
            return found
        if len(text) > 60:
            return None
        for pattern in patterns:
            if match := pattern.fullmatch(text):
                return _assembled(match.groupdict())
        plain = narrow(text)
        return read(plain) if plain != text else None

    return read


def _iso(text: str) -> datetime | None:
    """ISO 8601 with dashes; the compact forms are numbers to most people, so they need a format."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        match = ISO_LIKE.fullmatch(text)
        return _assembled(match.groupdict()) if match else None


def _number(text: str, unit: str) -> datetime | None:
    try:
        value = decimal(text)
    except Fault:
        return None
    if value is None or abs(value) > Decimal("1e17"):
        return None
    if unit == "days":
        return SPREADSHEET_EPOCH + timedelta(milliseconds=round(value * 86_400_000))
    return EPOCH + timedelta(microseconds=int(value * EPOCH_UNITS[unit]))


def _assembled(parts: dict[str, str | None]) -> datetime | None:
    """The datetime of a match's groups; None when a month's name is none. Raises ValueError out of range."""
    year = parts.get("Y") or parts.get("y") or ""
    name = parts.get("b")
    month = MONTHS.get(name.casefold()) if name else int(parts.get("m") or 0)
    if month is None:
        return None
    hour = int(parts.get("H") or 0)
    half = (parts.get("p") or parts.get("p0") or "").casefold().replace(".", "")
    if half in ("am", "pm", "上午", "下午"):
        if not 1 <= hour <= 12:
            raise ValueError("hour of a half day")
        hour = hour % 12 + (12 if half in ("pm", "下午") else 0)
    fraction = (parts.get("f") or "")[:6].ljust(6, "0")
    return datetime(
        _full_year(year),
        month,
        int(parts.get("d") or 0),
        hour,
        int(parts.get("M") or 0),
        int(parts.get("S") or 0),
        int(fraction),
        tzinfo=_offset(parts.get("z")),
    )


def _full_year(year: str) -> int:
    if len(year) == 4:
        return int(year)
    short = int(year)
    return 1900 + short if short >= 69 else 2000 + short  # as POSIX strptime


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:4])
    if minutes >= 24 * 60 or int(digits[2:4]) > 59:
        raise ValueError("offset")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
