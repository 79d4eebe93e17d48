"""Changing a tenant's working hours: create, revise, assign and archive schedules.

Each is one transaction that notes who did it. Whatever a person can mend is raised as Invalid with problems,
and nothing is stored. It stands beside the facts and not with the clock, for it names queues and teams and
moves the data version: other hours give other numbers, also of what is past.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert, select

from backend.core.errors import Conflict, Invalid, NotFound, Problem
from backend.interactions import changes
from backend.interactions.identity import new_id
from backend.interactions.models import audit_entry, queue, team
from backend.schedules import repository
from backend.schedules.hours import YEARS, Hours, HoursDraft
from backend.schedules.timetable import (
    QUEUE,
    TEAM,
    TENANT_SCOPE,
    Assignment,
    Schedule,
    ScheduleVersion,
    Timetable,
)
from tenants.database import ReadSession, WriteSession

MOST_SCHEDULES = 200  # of one tenant, archived ones too
MOST_TIMELINES = 100  # that queues and teams keep: every statement that asks carries the clocks of all
LONGEST_NAME = 100

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NAMED: Mapping[str, Table] = {QUEUE: queue, TEAM: team}


@dataclass(frozen=True, slots=True)
class Planner:
    """Who changes a schedule, and when."""

    subject: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Assigned:
    """An assignment with what its queue or team is called; both None where it is all of the tenant."""

    scope: str
    external_id: str | None
    name: str | None
    effective_from: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A schedule and whose it is or was, oldest assignment of each scope first."""

    schedule: Schedule
    assignments: tuple[Assigned, ...]


async def list_schedules(session: ReadSession, *, archived: bool | None = False) -> list[Listed]:
    """Schedules by key, with all versions: those in use; `archived` True gives the others, None all."""
    timetable = await repository.read_timetable(session)
    assigned: dict[str, list[Assigned]] = {}
    named = await _names(session, timetable)
    for one in timetable.assignments:
        external_id, name = named.get((one.scope, one.scope_id), (None, None))
        told = Assigned(one.scope, external_id, name, one.effective_from, one.created_by)
        assigned.setdefault(one.schedule_key, []).append(told)
    return [
        Listed(one, tuple(assigned.get(one.key, ())))
        for one in timetable.schedules
        if archived is None or (one.archived_at is not None) is archived
    ]


async def get_schedule(session: ReadSession, key: str) -> Listed:
    """The schedule of that key, archived or not; raises NotFound."""
    found = next(
        (one for one in await list_schedules(session, archived=None) if one.schedule.key == key), None
    )
    if found is None:
        raise NotFound(f"There is no schedule “{key}”.")
    return found


async def create(
    session: WriteSession,
    key: str,
    name: str,
    draft: HoursDraft,
    planner: Planner,
    *,
    effective_from: datetime | None = None,
) -> Schedule:
    """Stores a schedule, nobody's yet; its hours hold from an instant on (now) and for all time before.

    Raises Invalid with problems.
    """
    desk = await _Desk.open(session, planner)
    problems = _key_faults(key) + _name_faults(name) + _instant_faults(effective_from)
    if (known := desk.timetable.find(key)) is not None:
        hint = "It is archived." if known.archived_at is not None else "Revise that one."
        message = f"There is already a schedule “{key}”."
        problems.append(Problem("SCHEDULE_EXISTS", message, ("key",), hint=hint))
    if len(desk.timetable.schedules) >= MOST_SCHEDULES:
        message = f"A tenant has at most {MOST_SCHEDULES} schedules, archived ones too."
        problems.append(Problem("TOO_MANY_SCHEDULES", message))
    hours = _settled(draft, problems, "The schedule cannot be stored as it is.")
    one = Schedule(key, name, (desk.version(1, hours, effective_from),))
    if not await repository.insert_schedule(session, one, now=planner.now):
        # a tenant without any schedule has no row to lock: two firsts may meet here
        raise Conflict(f"There is already a schedule “{key}”.", code="ALREADY_EXISTS")
    await desk.note("create schedule", key, _told(one.versions[0]) | {"name": name})
    return one


async def revise(
    session: WriteSession,
    key: str,
    planner: Planner,
    *,
    version: int,
    draft: HoursDraft | None = None,
    name: str | None = None,
    effective_from: datetime | None = None,
) -> Schedule:
    """Gives a schedule other hours from an instant on (now), as its next version, or another name at once.

    What is None stays, and what changes nothing is not stored. Raises Conflict when `version` is not the
    newest, NotFound, and Invalid with problems.
    """
    desk = await _Desk.open(session, planner)
    found = desk.take(key, version)
    problems = _archived_faults(found) + _instant_faults(effective_from)
    problems += _name_faults(name) if name is not None else []
    newest = found.versions[-1]
    hours = newest.hours
    if draft is not None:
        hours = _settled(draft, problems, "The schedule cannot be revised like this.")
    _refuse(problems, "The schedule cannot be revised like this.")
    details: dict[str, Any] = {}
    if name is not None and name != found.name:
        details["name"] = [found.name, name]
        found = replace(found, name=name)
        await repository.update_schedule(session, found)
    moved = effective_from is not None and effective_from != newest.effective_from
    if hours != newest.hours or (draft is not None and moved):
        following = desk.version(found.latest_version + 1, hours, effective_from)
        await repository.insert_version(session, key, following)
        await desk.moved("schedule")
        details |= _told(following)
        found = replace(found, versions=(*found.versions, following))
    if details:
        await desk.note("revise schedule", key, details)
    return found


async def archive(session: WriteSession, key: str, planner: Planner, *, version: int) -> Schedule:
    """Takes a schedule out of use; for the time when it was somebody's it still counts.

    Raises Conflict when `version` is not the newest, NotFound, and Invalid while it is assigned to anyone,
    now or from a later instant on.
    """
    desk = await _Desk.open(session, planner)
    found = desk.take(key, version)
    if found.archived_at is not None:
        return found
    users = desk.users(key)
    if users:
        named = await _names(session, desk.timetable)
        shown = ", ".join(_called(scope, named.get((scope, scope_id))) for scope, scope_id in users)
        message = f"“{key}” cannot be archived: its hours are those of {shown}."
        hint = "Assign another schedule there first."
        _refuse([Problem("SCHEDULE_IN_USE", message, ("key",), hint=hint)])
    found = replace(found, archived_at=planner.now)
    await repository.update_schedule(session, found)
    await desk.note("archive schedule", key, {"version": found.latest_version})
    return found


async def assign(
    session: WriteSession,
    key: str,
    scope: str,
    external_id: str | None,
    planner: Planner,
    *,
    effective_from: datetime | None = None,
) -> Schedule:
    """Makes a schedule's hours those of a queue, a team or (`tenant`, None) all else, from an instant on (now).

    The first of a scope also holds for all time before; one of the very same instant is replaced. Raises
    NotFound, and Invalid with problems.
    """
    desk = await _Desk.open(session, planner)
    found = desk.get(key)
    problems = _archived_faults(found) + _instant_faults(effective_from)
    scope_id = 0 if scope == TENANT_SCOPE else await _scope_id(session, scope, external_id, problems)
    since = effective_from or planner.now
    one = Assignment(scope, scope_id, key, since, planner.subject)
    if desk.timelines_with(one) > MOST_TIMELINES:
        message = (
            f"The queues and teams of a tenant keep at most {MOST_TIMELINES} different histories of hours."
        )
        hint = "Assign from an instant on that others have, too, or change the team's hours."
        problems.append(Problem("TOO_MANY_SCHEDULES", message, hint=hint))
    _refuse(problems, "The schedule cannot be assigned like this.")
    await repository.put_assignment(session, one, now=planner.now)
    await desk.moved("schedule")
    details = {"scope": scope, "external_id": external_id, "effective_from": since.isoformat()}
    await desk.note("assign schedule", key, details)
    return found


@dataclass(frozen=True, slots=True)
class _Desk:
    """All schedules of a tenant, locked: what one change is checked against."""

    session: WriteSession
    planner: Planner
    timetable: Timetable

    @classmethod
    async def open(cls, session: WriteSession, planner: Planner) -> _Desk:
        await repository.lock_schedules(session)
        return cls(session, planner, await repository.read_timetable(session))

    def get(self, key: str) -> Schedule:
        found = self.timetable.find(key)
        if found is None:
            raise NotFound(f"There is no schedule “{key}”.")
        return found

    def take(self, key: str, version: int) -> Schedule:
        found = self.get(key)
        if found.latest_version != version:
            message = f"“{key}” was revised meanwhile: its newest version is {found.latest_version}."
            raise Conflict(message, code="SCHEDULE_VERSION_STALE", current=found.latest_version)
        return found

    def users(self, key: str) -> list[tuple[str, int]]:
        """The scopes whose hours it gives now or will."""
        found = []
        for scope, entries in self.timetable.scopes().items():
            ends = [*(since for since, _ in entries[1:]), None]
            if any(
                named == key and (end is None or end > self.planner.now)
                for (_, named), end in zip(entries, ends, strict=True)
            ):
                found.append(scope)
        return found

    def timelines_with(self, one: Assignment) -> int:
        """How many different timelines the scopes have with one more assignment."""
        others = (each for each in self.timetable.assignments if each.place != one.place)
        return len(set(replace(self.timetable, assignments=(*others, one)).scopes().values()))

    def version(self, number: int, hours: Hours, effective_from: datetime | None) -> ScheduleVersion:
        since = effective_from or self.planner.now
        return ScheduleVersion(number, hours, since, self.planner.subject, self.planner.now)

    async def note(self, action: str, key: str, details: Mapping[str, Any]) -> None:
        await self.session.execute(
            insert(audit_entry).values(
                id=new_id(),
                actor=self.planner.subject,
                action=action,
                subject=key,
                details=details,
                happened_at=self.planner.now,
            )
        )

    async def moved(self, cause: str) -> None:
        """Moves the data version: no fact changed, but what is worked out from them may have."""
        await changes.note(self.session, changes.Write(cause, self.planner.now))


def _told(version: ScheduleVersion) -> dict[str, Any]:
    """What an audit entry keeps of a version."""
    since = version.effective_from.isoformat()
    return {"version": version.version, "effective_from": since, **version.hours.as_stored()}


def _called(scope: str, names: tuple[str, str] | None) -> str:
    return "all of the tenant" if scope == TENANT_SCOPE else f"the {scope} “{names[0] if names else '?'}”"


async def _names(session: ReadSession, timetable: Timetable) -> dict[tuple[str, int], tuple[str, str]]:
    """External id and name of every queue and team that has a schedule."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for scope, table in _NAMED.items():
        ids = {one.scope_id for one in timetable.assignments if one.scope == scope}
        if ids:
            columns = (table.c.id, table.c.external_id, table.c.name)
            for row in await session.execute(select(*columns).where(table.c.id.in_(ids))):
                found[scope, row.id] = row.external_id, row.name
    return found


async def _scope_id(
    session: ReadSession, scope: str, external_id: str | None, problems: list[Problem]
) -> int:
    table = _NAMED[scope]
    if external_id is not None:
        wanted = select(table.c.id).where(table.c.external_id == external_id)
        scope_id: int | None = (await session.execute(wanted)).scalar_one_or_none()
        if scope_id is not None:
            return scope_id
    message = f"There is no {scope} “{external_id or ''}”."
    hint = f"Name a {scope} by its external id; it is there once an interaction has named it."
    problems.append(Problem("SCHEDULE_SCOPE_UNKNOWN", message, (scope,), hint=hint))
    return 0


def _settled(draft: HoursDraft, problems: Sequence[Problem], message: str) -> Hours:
    hours, faults = draft.settle()
    _refuse([*problems, *faults], message)
    assert hours is not None
    return hours


def _key_faults(key: str) -> list[Problem]:
    if _KEY.fullmatch(key):
        return []
    message = "A key is 1 to 63 small letters, digits and underscores, a letter first."
    return [Problem("SCHEDULE_KEY_INVALID", message, ("key",))]


def _name_faults(name: str) -> list[Problem]:
    if name.strip() and len(name) <= LONGEST_NAME and name.isprintable():
        return []
    message = f"A name has 1 to {LONGEST_NAME} characters that can be shown."
    return [Problem("SCHEDULE_NAME_INVALID", message, ("name",))]


def _instant_faults(effective_from: datetime | None) -> list[Problem]:
    if effective_from is None or effective_from.year in YEARS:
        return []
    message = f"Hours hold from an instant between {YEARS[0]} and {YEARS[-1]} on."
    return [Problem("SCHEDULE_DATE_INVALID", message, ("effective_from",))]


def _archived_faults(found: Schedule) -> list[Problem]:
    if found.archived_at is None:
        return []
    return [Problem("SCHEDULE_ARCHIVED", f"“{found.key}” is archived.", ("key",), hint="Take another one.")]


def _refuse(problems: Sequence[Problem], message: str | None = None) -> None:
    """Raises Invalid when there are problems; the first one's sentence where no other is given."""
    if problems:
        raise Invalid(message or problems[0].message, code=problems[0].code, problems=problems)
