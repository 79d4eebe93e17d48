"""Short words for schedules, and a counter of open time that shares no code with the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from backend.schedules.hours import Hours, HoursDraft, Span
from backend.schedules.timetable import Assignment, Schedule, ScheduleVersion

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
OFFICE = tuple((day * 1440 + 540, day * 1440 + 1080) for day in range(5))  # Mon-Fri 9 to 18
ALWAYS = ((0, 7 * 1440),)

# The two schedules of a published example, counted from Monday: noon to 2 at night every day, and
# Monday to Friday 15:00 to 00:30.
LATE = tuple((day * 1440 + 720, day * 1440 + 1560) for day in range(7))
EVENING = tuple((day * 1440 + 900, day * 1440 + 1470) for day in range(5))


def hours_of(
    zone: str, week: Sequence[Span], exceptions: Mapping[str, Sequence[Span]] | None = None
) -> Hours:
    """Hours that are sound."""
    hours, problems = HoursDraft(zone, week, tuple((exceptions or {}).items())).settle()
    assert hours is not None, problems
    return hours


def schedule_of(key: str, *versions: tuple[datetime, Hours]) -> Schedule:
    """A schedule with these versions, in the order they were written."""
    made = (
        ScheduleVersion(number, hours, since, "ann", LONG_AGO)
        for number, (since, hours) in enumerate(versions, 1)
    )
    return Schedule(key, key.title(), tuple(made))


def assigned(key: str, since: datetime = LONG_AGO, scope: str = "tenant", scope_id: int = 0) -> Assignment:
    """An assignment, of the whole tenant if nobody else is named."""
    return Assignment(scope, scope_id, key, since, "ann")


class Counter:
    """Counts open time in steps, by asking of each step what the wall clock shows.

    `schedules` are, by key, (from, zone, week, exceptions) in the order they were written; `entries` are
    (from, key) of one scope. Whole steps only: every moment has to lie on one.
    """

    def __init__(
        self,
        schedules: Mapping[str, Sequence[tuple[datetime, str, Sequence[Span], Mapping[str, Sequence[Span]]]]],
        entries: Iterable[tuple[datetime, str]],
        step: timedelta,
    ) -> None:
        self._schedules = schedules
        self._entries = sorted(entries, key=lambda one: one[0])
        self._step = step

    def elapsed(self, start: datetime, end: datetime, *, last: bool = False) -> int:
        """Milliseconds."""
        at, steps = start, 0
        while at < end:
            key = self._key(end if last else at)
            steps += self._is_open(key, at)
            at += self._step
        return steps * (self._step // timedelta(milliseconds=1))

    def _key(self, at: datetime) -> str:
        passed = [key for since, key in self._entries if since <= at]
        return passed[-1] if passed else self._entries[0][1]

    def _is_open(self, key: str, at: datetime) -> bool:
        versions = self._schedules[key]
        come = [version for version in versions[1:] if version[0] <= at] or versions[:1]
        _, zone, week, exceptions = come[-1]
        local = at.astimezone(ZoneInfo(zone))
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        special = exceptions.get(local.date().isoformat())
        if special is not None:
            return any(opens * 60 <= seconds < closes * 60 for opens, closes in special)
        place = local.weekday() * 86_400 + seconds
        turns = (place, place + 7 * 86_400)  # a span may run on over the week's end
        return any(opens * 60 <= turn < closes * 60 for opens, closes in week for turn in turns)
