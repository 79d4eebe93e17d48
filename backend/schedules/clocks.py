"""The business clocks of a tenant: how long its queues and teams were open between two moments.

Each timeline of hours has a clock, and all clocks lie on one line one after the other, each over the same
horizon. A place on the line is a clock's number times the horizon's length, plus the time since the
horizon's start. On the line stand, in order, the places where a clock opens and closes, in turn, with the
open time until there (F): what was open between two places of one clock is F(b) - F(a). A database looks F
up by binary search, in the very same numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from backend.schedules.hours import Span, append_span
from backend.schedules.timetable import QUEUE, TEAM, TENANT_SCOPE, Entries, Timetable, spans_of, versions_of
from backend.schedules.zones import instant_of

LOOK_BACK = 30  # years before now that clocks run at most: a misdated moment must not make them endless
LOOK_AHEAD = 5
MILLISECOND = 1_000  # µs


class Policy(StrEnum):
    """By which schedule a span is counted in which several were in force."""

    ALL = "all"  # each instant by the schedule in force then
    LAST = "last"  # all of it by the schedule in force at its end


@dataclass(frozen=True, slots=True)
class Horizon:
    """The time that clocks run over, from `start` until just before `end`; nothing is known beyond."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, earliest: datetime | None, latest: datetime | None, now: datetime) -> Horizon:
        """Whole years (UTC) around these moments and now, with a year to spare on each side.

        At most LOOK_BACK years before now and LOOK_AHEAD after. Whole years, so that it seldom changes.
        """
        years = [moment.astimezone(UTC).year for moment in (earliest, latest, now) if moment is not None]
        this = now.astimezone(UTC).year
        first, last = max(min(years) - 1, this - LOOK_BACK), min(max(years) + 1, this + LOOK_AHEAD)
        return cls(datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC))

    @property
    def length(self) -> int:
        """µs."""
        return instant_of(self.end) - instant_of(self.start)


@dataclass(frozen=True, slots=True)
class Line:
    """All clocks one after the other: `bounds` are the places where one opens and closes, in turn.

    `bases[i]` is what F is made of from the bound i on: closed, it is F; open, F less the place. The bounds
    begin with a pair at 0, so that every place has a bound before it.
    """

    bounds: array[int]
    bases: array[int]

    def open_until(self, place: int) -> int:
        """F of a place on the line, in µs."""
        bound = bisect_right(self.bounds, place)
        return self.bases[bound - 1] + (place if bound % 2 else 0)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Which clock counts for a queue, for a team, for all else (None: no schedule does), and all their hours.

    `changes` are the places where a clock comes to follow another schedule, `followed` the number of that
    schedule's own clock.
    """

    timetable: Timetable
    horizon: Horizon
    line: Line
    queues: Mapping[int, int]
    teams: Mapping[int, int]
    tenant: int | None
    changes: tuple[int, ...]
    followed: tuple[int, ...]

    def number(self, queue_id: int | None, team_id: int | None) -> int | None:
        """The clock of a row: its queue's, else its team's, else the tenant's."""
        of_team = self.tenant if team_id is None else self.teams.get(team_id, self.tenant)
        return of_team if queue_id is None else self.queues.get(queue_id, of_team)

    def elapsed(
        self,
        start: datetime,
        end: datetime,
        *,
        queue_id: int | None = None,
        team_id: int | None = None,
        policy: Policy = Policy.ALL,
    ) -> int | None:
        """Open milliseconds between two moments, negative if they stand the other way round.

        None where no schedule holds or a moment lies beyond the horizon.
        """
        number = self.number(queue_id, team_id)
        within = all(self.horizon.start <= moment < self.horizon.end for moment in (start, end))
        if number is None or not within:
            return None
        if policy is Policy.LAST:
            number = self.followed[bisect_right(self.changes, self._place(number, end)) - 1]
        open_time = self._open_until(number, end) - self._open_until(number, start)
        milliseconds = abs(open_time) // MILLISECOND
        return milliseconds if open_time >= 0 else -milliseconds

    def _open_until(self, number: int, moment: datetime) -> int:
        return self.line.open_until(self._place(number, moment))

    def _place(self, number: int, moment: datetime) -> int:
        return number * self.horizon.length + instant_of(moment) - instant_of(self.horizon.start)


@lru_cache(maxsize=32)
def clocks_of(timetable: Timetable, horizon: Horizon) -> Clocks:
    """The clocks of a timetable; remembered, for they change as seldom as their schedules do."""
    making = _Making(timetable, horizon)
    scopes = {scope: making.number(entries) for scope, entries in timetable.scopes().items()}
    changes, followed = making.changes()
    return Clocks(
        timetable,
        horizon,
        making.line(),
        {scope_id: number for (scope, scope_id), number in scopes.items() if scope == QUEUE},
        {scope_id: number for (scope, scope_id), number in scopes.items() if scope == TEAM},
        scopes.get((TENANT_SCOPE, 0)),
        changes,
        followed,
    )


@dataclass(slots=True)
class _Making:
    """Clocks by their timelines: equal timelines share one, and a schedule's own is one that never changes."""

    timetable: Timetable
    horizon: Horizon
    numbers: dict[Entries, int] = field(default_factory=dict)

    def number(self, entries: Entries) -> int:
        return self.numbers.setdefault(entries, len(self.numbers))

    def changes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        for key in sorted({key for entries in self.numbers for _, key in entries}):
            self.number(((None, key),))
        places, followed = [], []
        for entries, number in self.numbers.items():
            for since, _, key in spans_of(entries, self.horizon.start, self.horizon.end):
                places.append(self._place(number, instant_of(since)))
                followed.append(self.numbers[((None, key),)])
        return tuple(places), tuple(followed)

    def line(self) -> Line:
        bounds, bases, total = array("q", (0, 0)), array("q", (0, 0)), 0
        for entries, number in self.numbers.items():
            for start, end in self._open_spans(entries):
                opens, closes = self._place(number, start), self._place(number, end)
                bounds.extend((opens, closes))
                bases.append(total - opens)
                total += closes - opens
                bases.append(total)
        return Line(bounds, bases)

    def _open_spans(self, entries: Entries) -> list[Span]:
        found: list[Span] = []
        for since, until, key in spans_of(entries, self.horizon.start, self.horizon.end):
            schedule = self.timetable.find(key)
            for opens, closes, one in versions_of(schedule, since, until) if schedule else ():
                for start, end in one.hours.open_spans(instant_of(opens), instant_of(closes)):
                    append_span(found, start, end)
        return found

    def _place(self, number: int, instant: int) -> int:
        return number * self.horizon.length + instant - instant_of(self.horizon.start)
