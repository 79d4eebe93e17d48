"""Schedules as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum

import strawberry

from backend.interactions.scheduling import Assigned, Listed
from backend.schedules.hours import Span
from backend.schedules.timetable import Held as DomainHeld
from backend.schedules.timetable import ScheduleVersion as DomainVersion
from backend.schedules.wording import spell_day, spell_week
from schema.metrics.types import Problem

MINUTES = "Minutes from Monday 00:00 by the schedule's wall clock"


@strawberry.enum(description="Whose hours a schedule gives.")
class ScheduleScope(Enum):
    TENANT = strawberry.enum_value(
        "tenant", description="All that no queue or team has hours of its own for."
    )
    QUEUE = strawberry.enum_value("queue", description="One queue; before all else.")
    TEAM = strawberry.enum_value("team", description="One team, where the queue has none of its own.")


@strawberry.type(description="A span that is open, from `from` until just before `to`.")
class OpenSpan:
    start: int = strawberry.field(name="from", description="Its first minute.")
    end: int = strawberry.field(name="to", description="The first minute after it.")

    @classmethod
    def from_domain(cls, span: Span) -> OpenSpan:
        """The API's form of a span."""
        return cls(start=span[0], end=span[1])


@strawberry.type(description="A date with hours of its own, in place of those of its weekday.")
class ScheduleException:
    date: date = strawberry.field(description="A local date in the schedule's zone.")
    hours: list[OpenSpan] = strawberry.field(
        description="In minutes from the date's 00:00; empty on a holiday."
    )
    summary: str = strawberry.field(description="As people write it: `09:00-13:00`; empty on a holiday.")


@strawberry.type(description="The hours of a schedule from an instant on.")
class ScheduleVersion:
    version: int = strawberry.field(description="Counts the schedule's revisions, from 1.")
    zone: str = strawberry.field(description="IANA time zone whose wall clock the hours are read by.")
    hours: list[OpenSpan] = strawberry.field(
        description=f"{MINUTES}, in order; those that touched are joined."
    )
    summary: list[str] = strawberry.field(description="The week as people write it: `Mon-Fri 09:00-18:00`.")
    exceptions: list[ScheduleException] = strawberry.field(description="By date.")
    effective_from: datetime = strawberry.field(
        description="The instant it holds from; of those whose instant has come the newest version holds, and "
        "the first holds for all time before it, too."
    )
    created_by: str = strawberry.field(description="The subject of who wrote it.")
    created_at: datetime = strawberry.field(description="When it was written.")

    @classmethod
    def from_domain(cls, version: DomainVersion) -> ScheduleVersion:
        """The API's form of a version."""
        hours = version.hours
        return cls(
            version=version.version,
            zone=hours.zone,
            hours=[OpenSpan.from_domain(span) for span in hours.week],
            summary=spell_week(hours),
            exceptions=[
                ScheduleException(
                    date=day,
                    hours=[OpenSpan.from_domain(span) for span in spans],
                    summary=spell_day(spans),
                )
                for day, spans in hours.exceptions
            ],
            effective_from=version.effective_from,
            created_by=version.created_by,
            created_at=version.created_at,
        )


@strawberry.type(description="From an instant on, somebody keeps a schedule's hours.")
class ScheduleAssignment:
    scope: ScheduleScope = strawberry.field(description="Whether a queue, a team or all else of the tenant.")
    external_id: str | None = strawberry.field(description="Of the queue or team; null for the tenant.")
    name: str | None = strawberry.field(
        description="What people call the queue or team; null for the tenant."
    )
    effective_from: datetime = strawberry.field(
        description="Until the next assignment of the same scope; the first one holds for all time before it, "
        "too."
    )
    created_by: str = strawberry.field(description="The subject of who assigned it.")

    @classmethod
    def from_domain(cls, one: Assigned) -> ScheduleAssignment:
        """The API's form of an assignment."""
        return cls(
            scope=ScheduleScope(one.scope),
            external_id=one.external_id,
            name=one.name,
            effective_from=one.effective_from,
            created_by=one.created_by,
        )


@strawberry.type(description="Working hours under a name: what `business(…)` in a formula goes by.")
class Schedule:
    key: str = strawberry.field(description="What mutations call it; stable.")
    name: str = strawberry.field(description="What people call it.")
    latest_version: int = strawberry.field(
        description="Of its newest revision, whose instant may be still to come; what mutations take as `version`."
    )
    versions: list[ScheduleVersion] = strawberry.field(description="All of them, newest first.")
    assignments: list[ScheduleAssignment] = strawberry.field(
        description="Whose hours it gives or gave, each scope's oldest first."
    )
    archived_at: datetime | None = strawberry.field(
        description="When it was taken out of use; null while it is in use."
    )

    @classmethod
    def from_domain(cls, listed: Listed) -> Schedule:
        """The API's form of a schedule."""
        one = listed.schedule
        return cls(
            key=one.key,
            name=one.name,
            latest_version=one.latest_version,
            versions=[ScheduleVersion.from_domain(version) for version in reversed(one.versions)],
            assignments=[ScheduleAssignment.from_domain(each) for each in listed.assignments],
            archived_at=one.archived_at,
        )


@strawberry.type(description="A version of a schedule that a number was reckoned by.")
class HeldSchedule:
    key: str = strawberry.field(description="Which schedule.")
    version: int = strawberry.field(description="Which of its versions.")
    effective_from: datetime = strawberry.field(description="The instant that version holds from.")

    @classmethod
    def from_domain(cls, held: DomainHeld) -> HeldSchedule:
        """The API's form of a version in force."""
        return cls(key=held.key, version=held.version, effective_from=held.effective_from)


@strawberry.type(description="A schedule that was changed, or why it was not.")
class SchedulePayload:
    schedule: Schedule | None = strawberry.field(description="As it is now; null when there are problems.")
    problems: list[Problem] = strawberry.field(
        description="What to mend; nothing was stored unless this is empty."
    )
