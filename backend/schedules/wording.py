"""Working hours as people write them: “Mon-Fri 09:00-18:00”, “Sat,Sun 10:00-14:00”, “daily 22:00-06:00”."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from backend.core.errors import Problem
from backend.schedules.hours import DAY, DAYS, Hours, Span, spell_minute

_DAILY = "daily"
_LINE = re.compile(r"(?P<days>[A-Za-z,\s-]+?)\s+(?P<times>\d[\d:,\s-]*)")
_TIMES = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_EXAMPLE = "Write Mon-Fri 09:00-18:00, Sat,Sun 10:00-14:00 or daily 00:00-24:00."
_DAY_EXAMPLE = "Write 09:00-13:00."


def read_week(
    lines: Sequence[str], path: tuple[str | int, ...] = ("hours",)
) -> tuple[list[Span], list[Problem]]:
    """The spans of a week, in minutes from Monday 00:00, and the lines that cannot be read.

    A span that does not end later than it begins runs on into the next day.
    """
    spans: list[Span] = []
    problems: list[Problem] = []
    for at, line in enumerate(lines):
        found = _LINE.fullmatch(line.strip())
        days = None if found is None else _days(found["days"])
        times = None if found is None else _times(found["times"], over_midnight=True)
        if days is None or times is None:
            problems.append(_unreadable(line, (*path, at), _EXAMPLE))
        else:
            spans += [(day * DAY + start, day * DAY + end) for day in days for start, end in times]
    return spans, problems


def read_day(lines: Sequence[str], path: tuple[str | int, ...]) -> tuple[list[Span], list[Problem]]:
    """The spans of one day, in minutes from its 00:00, and the lines that cannot be read."""
    spans: list[Span] = []
    problems: list[Problem] = []
    for at, line in enumerate(lines):
        times = _times(line, over_midnight=False)
        if times is None:
            problems.append(_unreadable(line, (*path, at), _DAY_EXAMPLE))
        else:
            spans += times
    return spans, problems


def spell_week(hours: Hours) -> list[str]:
    """The hours of a week, a line for each run of days that are alike; days that are closed have none."""
    found: list[tuple[int, int, tuple[Span, ...]]] = []  # first day, last day, their spans
    for day, spans in enumerate(hours.by_weekday()):
        if found and found[-1][2] == spans:
            found[-1] = found[-1][0], day, spans
        else:
            found.append((day, day, spans))
    return [
        f"{DAYS[first] if first == last else f'{DAYS[first]}-{DAYS[last]}'} {spell_day(spans)}"
        for first, last, spans in found
        if spans
    ]


def spell_day(spans: Iterable[Span]) -> str:
    """The hours of one day: 09:00-12:00, 13:00-18:00; empty where it is closed."""
    return ", ".join("-".join(spell_minute(end, weekly=False) for end in span) for span in spans)


def _unreadable(line: str, path: tuple[str | int, ...], hint: str) -> Problem:
    message = f"“{line[:60]}” cannot be read as working hours."
    return Problem("SCHEDULE_HOURS_INVALID", message, path, hint=hint)


def _days(text: str) -> list[int] | None:
    if text.strip().lower() == _DAILY:
        return list(range(7))
    found: list[int] = []
    for part in text.split(","):
        ends = [_day(name) for name in part.split("-")]
        if len(ends) > 2 or None in ends:
            return None
        first, last = (end for end in (ends[0], ends[-1]) if end is not None)
        found += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return found


def _day(name: str) -> int | None:
    """Mon, Monday, in any letter case."""
    written = name.strip().title()
    return next((at for at, full in enumerate(_FULL) if len(written) >= 3 and full.startswith(written)), None)


_FULL = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _times(text: str, *, over_midnight: bool) -> list[Span] | None:
    found = []
    for part in text.split(","):
        ends = list(_minutes(part.strip()))
        if len(ends) != 2:
            return None
        start, end = ends
        found.append((start, end + DAY if over_midnight and end <= start else end))
    return found


def _minutes(text: str) -> Iterator[int]:
    written = _TIMES.fullmatch(text)
    for hour, minute in ((written[1], written[2]), (written[3], written[4])) if written else ():
        total = int(hour) * 60 + int(minute)
        if int(minute) < 60 and total <= DAY:
            yield total
