"""Working hours as a schedule's version has them: open spans of a week, other ones on some dates, a zone.

A moment is open if its wall-clock time in the zone lies in an open span of its local date. So the hour that
daylight saving skips does not exist, and the one that it repeats counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend.core.errors import Invalid, Problem
from backend.core.windows import check_zone
from backend.schedules.zones import SECOND, stretches

DAY = 1440  # minutes
WEEK = 7 * DAY
MOST_SPANS = 200  # of a week, or of a day
MOST_EXCEPTIONS = 1_000
YEARS = range(1970, 2200)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Span = tuple[int, int]  # from, until just before; in minutes, in instants further below

_MINUTE = 60 * SECOND
_DAY = DAY * _MINUTE
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours in normal form: spans in order, none touches the next, none crosses the week's end.

    `week` counts minutes from Monday 00:00. `exceptions` are the open spans of single dates, in minutes from
    their 00:00, by date; a date without any is a holiday.
    """

    zone: str
    week: tuple[Span, ...]
    exceptions: tuple[tuple[date, tuple[Span, ...]], ...] = ()

    @classmethod
    def of_stored(cls, zone: str, week: Sequence[Sequence[int]], exceptions: Mapping[str, Any]) -> Hours:
        """What a row of `schedule_version` holds."""
        dated = ((date.fromisoformat(day), _spans(spans)) for day, spans in exceptions.items())
        return cls(zone, _spans(week), tuple(sorted(dated)))

    def as_stored(self) -> dict[str, Any]:
        """The columns of `schedule_version` that hold it."""
        exceptions = {day.isoformat(): [list(span) for span in spans] for day, spans in self.exceptions}
        return {"zone": self.zone, "hours": [list(span) for span in self.week], "exceptions": exceptions}

    def by_weekday(self) -> list[tuple[Span, ...]]:
        """The open spans of each day of the week, from Monday on, in minutes from its 00:00."""
        return [tuple(_within(self.week, day)) for day in range(7)]

    def open_spans(self, start: int, end: int) -> list[Span]:
        """When it is open from `start` until `end`: spans of instants (µs since 1970) that do not touch."""
        exceptions = {day.toordinal() - _EPOCH_DAY: spans for day, spans in self.exceptions}
        weekdays = self.by_weekday()
        found: list[Span] = []
        for since, until, offset in stretches(self.zone, start, end):
            for day in range((since + offset) // _DAY, (until - 1 + offset) // _DAY + 1):
                midnight = day * _DAY - offset
                for opens, closes in exceptions.get(day, weekdays[(day + 3) % 7]):  # 1970 began on a Thursday
                    opened = max(since, midnight + opens * _MINUTE)
                    append_span(found, opened, min(until, midnight + closes * _MINUTE))
        return found


@dataclass(frozen=True, slots=True)
class HoursDraft:
    """Hours as someone gave them. A span of the week may run over its end: Sunday 22:00 to 30:00."""

    zone: str
    week: Sequence[Span]
    exceptions: Sequence[tuple[str, Sequence[Span]]] = ()  # an ISO date, the spans of that day

    def settle(self) -> tuple[Hours | None, list[Problem]]:
        """The hours in normal form, or what a person has to mend first."""
        problems: list[Problem] = []
        try:
            check_zone(self.zone)
        except Invalid as error:
            problems.append(Problem(error.code, error.message, ("zone",)))
        week = _settled(self.week, ("hours",), problems, weekly=True)
        exceptions: dict[date, tuple[Span, ...]] = {}
        if len(self.exceptions) > MOST_EXCEPTIONS:
            message = f"A schedule has at most {MOST_EXCEPTIONS:,} dates with hours of their own."
            problems.append(Problem("SCHEDULE_HOURS_INVALID", message, ("exceptions",)))
        for at, (text, spans) in enumerate(self.exceptions[:MOST_EXCEPTIONS]):
            day = _date(text, ("exceptions", at, "date"), exceptions, problems)
            settled = _settled(spans, ("exceptions", at, "hours"), problems, weekly=False)
            if day is not None:
                exceptions[day] = settled
        if not problems and not week and not any(exceptions.values()):
            problems.append(
                Problem(
                    "SCHEDULE_HOURS_INVALID",
                    "It would never be open.",
                    ("hours",),
                    hint="Give at least one open span: Mon-Fri 09:00-18:00, say.",
                )
            )
        if problems:
            return None, problems
        return Hours(self.zone, week, tuple(sorted(exceptions.items()))), []


def append_span(spans: list[Span], start: int, end: int) -> None:
    """Adds a later span to a list of them, joined with the last one where the two touch; an empty one is none."""
    if start >= end:
        return
    if spans and spans[-1][1] == start:
        spans[-1] = spans[-1][0], end
    else:
        spans.append((start, end))


def spell_minute(minute: int, *, weekly: bool) -> str:
    """Tue 09:00, or 09:00 of a day; 24:00 is its end."""
    day, rest = divmod(minute, DAY) if weekly else (0, minute)
    time = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{DAYS[day % 7]} {time}" if weekly else time


def _spans(stored: Iterable[Sequence[int]]) -> tuple[Span, ...]:
    return tuple((start, end) for start, end in stored)


def _within(week: Iterable[Span], day: int) -> Iterator[Span]:
    """The open spans of one day of the week, in minutes from its 00:00."""
    first = day * DAY
    for start, end in week:
        if start < first + DAY and first < end:
            yield max(start, first) - first, min(end, first + DAY) - first


def _settled(
    given: Sequence[Span], path: tuple[str | int, ...], problems: list[Problem], *, weekly: bool
) -> tuple[Span, ...]:
    """Spans in normal form; the problems of those that have none are added."""
    longest, what = (WEEK, "a week") if weekly else (DAY, "a day")
    if len(given) > MOST_SPANS:
        message = f"{what.capitalize()} has at most {MOST_SPANS} open spans."
        problems.append(Problem("SCHEDULE_HOURS_INVALID", message, path))
        return ()
    pieces: list[tuple[int, int, int]] = []
    for at, (start, end) in enumerate(given):
        if not 0 <= start < longest or not start < end <= (start + WEEK if weekly else DAY):
            problems.append(_impossible(start, end, (*path, at), weekly=weekly))
        elif end <= longest:
            pieces.append((start, end, at))
        else:
            pieces += [(start, longest, at), (0, end - longest, at)]
    pieces.sort()
    merged: list[Span] = []
    for start, end, at in pieces:
        if merged and start < merged[-1][1]:
            time = spell_minute(start, weekly=weekly)
            message = f"Two open spans overlap at {time}."
            hint = "Write them as one, or let the second begin where the first ends."
            problems.append(Problem("SCHEDULE_HOURS_OVERLAP", message, (*path, at), hint=hint))
        append_span(merged, start, end)
    return tuple(merged)


def _impossible(start: int, end: int, path: tuple[str | int, ...], *, weekly: bool) -> Problem:
    if not weekly:
        message = f"A span of a day lies between minute 0 and {DAY}; {start} to {end} does not."
        hint = "Give the hours after midnight to the next date."
    else:
        message = f"A week has {WEEK:,} minutes from Monday 00:00; {start} to {end} does not fit."
        hint = f"A span that crosses the week's end runs on beyond {WEEK:,}: {WEEK - 120} to {WEEK + 360}."
    if start >= end:
        message, hint = f"A span ends after it begins; {start} to {end} is empty.", "Change one of its ends."
    return Problem("SCHEDULE_HOURS_INVALID", message, path, hint=hint)


def _date(
    text: str, path: tuple[str | int, ...], known: Iterable[date], problems: list[Problem]
) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or day.year not in YEARS:
        message = f"“{text[:40]}” is no date between {YEARS[0]} and {YEARS[-1]}."
        problems.append(Problem("SCHEDULE_DATE_INVALID", message, path, hint="Write 2026-12-25."))
        return None
    if day in known:
        message = f"{text} stands twice."
        problems.append(Problem("SCHEDULE_DATE_INVALID", message, path, hint="Put its hours together."))
        return None
    return day
