"""Durations to whole milliseconds: h:mm:ss, m:ss, "7小时41分52秒", "1h 2m", ISO 8601, plain numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal

from backend.ingestion.formats.batch import Cell
from backend.ingestion.values.faults import Fault, shown
from backend.ingestion.values.numbers import BIGINT_MAX, decimal, scaled
from backend.ingestion.values.text import narrow

UNITS = {
    "ms": Decimal(1),
    "s": Decimal(1_000),
    "min": Decimal(60_000),
    "h": Decimal(3_600_000),
    "d": Decimal(86_400_000),
}
WORDS = {
    **dict.fromkeys(("d", "day", "days", "天", "日"), UNITS["d"]),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "小时", "时", "小時"), UNITS["h"]),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分钟", "分", "分鐘"), UNITS["min"]),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒", "秒钟"), UNITS["s"]),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "毫秒"), UNITS["ms"]),
}
LIMIT = 100 * 366 * 86_400_000  # a hundred years: more is an instant taken for a duration

CLOCK = re.compile(
    r"([+-])?(?:(\d{1,5}) ?(?:days?|d|天),? ?)?(\d{1,7}):([0-5]?\d)(?::([0-5]?\d)(?:[.,](\d{1,9}))?)?"
)
SPOKEN = re.compile(r"([+-])?((?:\d{1,12}(?:\.\d{1,9})? ?[^\W\d_]{1,12}[ ,]{0,2}){1,5})")
SPOKEN_PART = re.compile(r"(\d+(?:\.\d+)?) ?([^\W\d_]+)")
ISO = re.compile(
    r"([+-])?P(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:[.,]\d{1,9})?)S)?)?",
    re.IGNORECASE,
)


def duration(unit: str = "s", mark: str = ".", *, two_parts: str = "m:ss") -> Callable[[Cell], int | None]:
    """A converter to milliseconds. `unit` is that of plain numbers, `two_parts` says what 9:12 means.

    Negative ones are kept: what they mean is settled where durations are derived.
    """
    factor = UNITS[unit]
    whole = int(factor)
    hours_first = two_parts == "h:mm"

    def convert(cell: Cell) -> int | None:
        if cell is None:
            return None
        if cell.__class__ is not str:
            return _bounded(_native(cell), cell)
        text = str(cell)
        if text.isdigit() and len(text) < 9 and text.isascii() and unit in ("s", "ms"):
            return int(text) * whole  # by far the most; below the limit whatever the digits
        if ":" in text:
            found = CLOCK.fullmatch(text)
            return _bounded(_clock(found, hours_first), text) if found else _fault(text)
        try:
            value = decimal(text, mark)
        except Fault:
            return _bounded(_spoken(text), text)
        return None if value is None else _bounded(scaled(value, factor, BIGINT_MAX, "duration"), text)

    return convert


def _native(cell: Cell) -> int | None:
    if isinstance(cell, timedelta):
        return cell // timedelta(milliseconds=1)
    if isinstance(cell, time):
        return ((cell.hour * 60 + cell.minute) * 60 + cell.second) * 1_000 + cell.microsecond // 1_000
    return None


def _clock(found: re.Match[str], hours_first: bool) -> int:
    sign, days, first, second, third, fraction = found.groups()
    if third is None and not hours_first and days is None:
        total = int(first) * 60 + int(second)
    else:
        total = int(first) * 3_600 + int(second) * 60 + int(third or 0)
    total += int(days or 0) * 86_400
    milliseconds = total * 1_000 + (int(fraction[:3].ljust(3, "0")) if fraction else 0)
    return -milliseconds if sign == "-" else milliseconds


def _spoken(text: str) -> int | None:
    if len(text) > 100:
        return None
    plain = narrow(text).casefold()
    iso = ISO.fullmatch(plain)
    if iso and any(iso.groups()[1:]):
        sign, days, hours, minutes, seconds = iso.groups()
        total = (
            int(days or 0) * UNITS["d"]
            + int(hours or 0) * UNITS["h"]
            + int(minutes or 0) * UNITS["min"]
            + Decimal((seconds or "0").replace(",", ".")) * UNITS["s"]
        )
        return -int(total) if sign == "-" else int(total)
    if not SPOKEN.fullmatch(plain):
        return None
    total = Decimal(0)
    for number, word in SPOKEN_PART.findall(plain):
        if word not in WORDS:
            return None
        total += Decimal(number) * WORDS[word]
    return -int(total) if plain.startswith("-") else int(total)


def _bounded(value: int | None, cell: object) -> int:
    if value is None:
        return _fault(cell)
    if abs(value) > LIMIT:
        raise Fault("DURATION_RANGE", f"{shown(cell)} is longer than a hundred years.")
    return value


def _fault(cell: object) -> int:
    if isinstance(cell, datetime):
        raise Fault("BAD_DURATION", f"{shown(cell)} is a moment, not a duration.")
    raise Fault("BAD_DURATION", f"{shown(cell)} is not a duration.")
