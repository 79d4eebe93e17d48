"""A tenant's schedules and whose they are, over time. Pure values; what holds when is settled here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from backend.schedules.hours import Hours

TENANT_SCOPE, QUEUE, TEAM = "tenant", "queue", "team"

# What holds from an instant on, in order; the first holds for all time before it, too.
Entries = tuple[tuple[datetime | None, str], ...]


@dataclass(frozen=True, slots=True)
class ScheduleVersion:
    """The hours of a schedule from an instant on. Versions count from 1."""

    version: int
    hours: Hours
    effective_from: datetime
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours under a name; `versions` run as they were written."""

    key: str
    name: str
    versions: tuple[ScheduleVersion, ...]
    archived_at: datetime | None = None

    @property
    def latest_version(self) -> int:
        """Of the newest revision, whose instant may be still to come."""
        return self.versions[-1].version

    def in_force(self) -> list[ScheduleVersion]:
        """The versions that hold at some time, in order of time.

        Of those whose instant has come the newest written holds. The first version written holds for all time
        before the others, whatever its own instant: who sets hours and then dates a change back keeps the hours
        of before that change.
        """
        first, *others = self.versions
        held = [first]
        for one in sorted(others, key=lambda one: (one.effective_from, one.version)):
            if one.version > held[-1].version:
                if len(held) > 1 and held[-1].effective_from == one.effective_from:
                    held.pop()
                held.append(one)
        return held


@dataclass(frozen=True, slots=True)
class Assignment:
    """From an instant on, a queue, a team or (scope id 0) all else of the tenant keeps a schedule's hours."""

    scope: str
    scope_id: int
    schedule_key: str
    effective_from: datetime
    created_by: str = ""

    @property
    def place(self) -> tuple[str, int, datetime]:
        """What no two assignments share."""
        return self.scope, self.scope_id, self.effective_from


@dataclass(frozen=True, slots=True)
class Held:
    """A version of a schedule that was in force at some time of a span."""

    key: str
    version: int
    effective_from: datetime


@dataclass(frozen=True, slots=True)
class Timetable:
    """All schedules of a tenant by key, also archived ones, and all assignments by scope and time."""

    schedules: tuple[Schedule, ...] = ()
    assignments: tuple[Assignment, ...] = ()

    def find(self, key: str) -> Schedule | None:
        """The schedule of that key."""
        return next((one for one in self.schedules if one.key == key), None)

    def scopes(self) -> dict[tuple[str, int], Entries]:
        """By scope and its id, which schedule holds from when on."""
        found: dict[tuple[str, int], list[tuple[datetime | None, str]]] = {}
        for one in sorted(self.assignments, key=lambda one: one.effective_from):
            entries = found.setdefault((one.scope, one.scope_id), [])
            if not entries or entries[-1][1] != one.schedule_key:
                entries.append((one.effective_from if entries else None, one.schedule_key))
        return {scope: tuple(entries) for scope, entries in found.items()}

    def held(self, start: datetime, end: datetime) -> list[Held]:
        """The versions in force at some time from `start` until `end` for any scope, by key and version."""
        found = set()
        for entries in self.scopes().values():
            for since, until, key in spans_of(entries, start, end):
                found |= {Held(key, *told) for told in self._held(key, since, until)}
        return sorted(found, key=lambda one: (one.key, one.version))

    def _held(self, key: str, start: datetime, end: datetime) -> Iterator[tuple[int, datetime]]:
        schedule = self.find(key)
        for since, until, one in versions_of(schedule, start, end) if schedule else ():
            if since < until:
                yield one.version, one.effective_from


def spans_of(entries: Entries, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """From `start` until `end`: which schedule holds from when until when."""
    for at, (since, key) in enumerate(entries):
        until = entries[at + 1][0] if at + 1 < len(entries) else None
        opens = start if since is None else max(start, since)
        closes = end if until is None else min(end, until)
        if opens < closes:
            yield opens, closes, key


def versions_of(
    schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, ScheduleVersion]]:
    """From `start` until `end`: which version of a schedule holds from when until when."""
    held = schedule.in_force()
    firsts: Iterable[datetime] = [start, *(one.effective_from for one in held[1:])]
    lasts: Iterable[datetime] = [*(one.effective_from for one in held[1:]), end]
    for since, until, one in zip(firsts, lasts, held, strict=True):
        if max(since, start) < min(until, end):
            yield max(since, start), min(until, end), one
