"""Reads and writes schedules, their versions and their assignments. Checks nothing; opens no session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from backend.schedules.hours import Hours
from backend.schedules.models import schedule, schedule_assignment, schedule_version
from backend.schedules.timetable import Assignment, Schedule, ScheduleVersion, Timetable
from tenants.database import ReadSession, WriteSession


async def read_timetable(session: ReadSession) -> Timetable:
    """All schedules and assignments of the tenant."""
    versions: dict[str, list[ScheduleVersion]] = {}
    each = schedule_version.c
    for row in await session.execute(select(schedule_version).order_by(each.schedule_key, each.version)):
        hours = Hours.of_stored(row.zone, row.hours, row.exceptions)
        versions.setdefault(row.schedule_key, []).append(
            ScheduleVersion(row.version, hours, row.effective_from, row.created_by, row.created_at)
        )
    named = await session.execute(select(schedule).order_by(schedule.c.key))
    schedules = [
        Schedule(row.key, row.name, tuple(versions[row.key]), row.archived_at)
        for row in named
        if row.key in versions
    ]
    return Timetable(tuple(schedules), tuple(await _assignments(session)))


async def lock_schedules(session: WriteSession) -> None:
    """Lets no two changes of schedules run side by side: one could archive what the other assigns."""
    await session.execute(select(schedule.c.key).order_by(schedule.c.key).with_for_update())


async def insert_schedule(session: WriteSession, one: Schedule, *, now: datetime) -> bool:
    """Adds a schedule with its versions; False where there is one of that key already."""
    values = {"key": one.key, "name": one.name, "created_at": now}
    added = await session.execute(
        insert(schedule).values(values).on_conflict_do_nothing().returning(schedule.c.key)
    )
    if added.scalar_one_or_none() is None:
        return False
    for version in one.versions:
        await insert_version(session, one.key, version)
    return True


async def insert_version(session: WriteSession, key: str, one: ScheduleVersion) -> None:
    """Adds a version to a schedule."""
    await session.execute(
        insert(schedule_version).values(
            schedule_key=key,
            version=one.version,
            effective_from=one.effective_from,
            created_by=one.created_by,
            created_at=one.created_at,
            **one.hours.as_stored(),
        )
    )


async def update_schedule(session: WriteSession, one: Schedule) -> None:
    """Stores a schedule's name, and whether it is archived."""
    values = {"name": one.name, "archived_at": one.archived_at}
    await session.execute(update(schedule).where(schedule.c.key == one.key).values(values))


async def put_assignment(session: WriteSession, one: Assignment, *, now: datetime) -> None:
    """Adds an assignment, in place of one of the same scope and instant."""
    said = {"schedule_key": one.schedule_key, "created_by": one.created_by, "created_at": now}
    place = {"scope": one.scope, "scope_id": one.scope_id, "effective_from": one.effective_from}
    statement = insert(schedule_assignment).values(place | said)
    await session.execute(statement.on_conflict_do_update(index_elements=list(place), set_=said))


async def _assignments(session: ReadSession) -> Sequence[Assignment]:
    each = schedule_assignment.c
    found = await session.execute(
        select(schedule_assignment).order_by(each.scope, each.scope_id, each.effective_from)
    )
    return [
        Assignment(row.scope, row.scope_id, row.schedule_key, row.effective_from, row.created_by)
        for row in found
    ]
