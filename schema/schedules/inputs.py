"""What may be said about a schedule when it is created, revised, assigned or archived."""

from __future__ import annotations

from datetime import datetime

import strawberry

from backend.core.errors import Invalid, Problem
from backend.core.windows import at_zone
from backend.schedules.hours import HoursDraft, Span
from backend.schedules.timetable import QUEUE, TEAM, TENANT_SCOPE
from schema.scalars import LocalMoment
from schema.schedules.types import MINUTES

_KEEPS = "Null leaves it as it is."
_VERSION = "The `latestVersion` that was seen; once there is a newer one, SCHEDULE_VERSION_STALE."
_SINCE = (
    "The instant it holds from, in the tenant's zone where it has no offset; null is now. One in the past "
    "changes past values, too."
)


@strawberry.input(description="A span that is open, from `from` until just before `to`.")
class OpenSpanInput:
    start: int = strawberry.field(name="from", description="Its first minute.")
    end: int = strawberry.field(name="to", description="The first minute after it.")


@strawberry.input(description="A date with hours of its own, in place of those of its weekday.")
class ScheduleExceptionInput:
    date: str = strawberry.field(description="A local date in the schedule's zone: 2026-12-25.")
    hours: list[OpenSpanInput] = strawberry.field(
        default_factory=list, description="In minutes from the date's 00:00; empty on a holiday."
    )


@strawberry.input(description="Working hours.")
class WorkingHoursInput:
    zone: str = strawberry.field(description="IANA time zone whose wall clock the hours are read by.")
    hours: list[OpenSpanInput] = strawberry.field(
        description=f"{MINUTES}; a span may run over midnight, and over the week's end beyond 10,080."
    )
    exceptions: list[ScheduleExceptionInput] = strawberry.field(
        default_factory=list, description="Holidays, and dates with other hours."
    )

    def to_draft(self) -> HoursDraft:
        """The hours that are asked for."""
        exceptions = tuple((one.date, _spans(one.hours)) for one in self.exceptions)
        return HoursDraft(self.zone, _spans(self.hours), exceptions)


@strawberry.input(description="A new schedule; nobody keeps it until it is assigned.")
class CreateScheduleInput:
    key: str = strawberry.field(
        description="What mutations will call it, for ever: 1 to 63 small letters, digits and underscores."
    )
    name: str = strawberry.field(description="What people call it: 1 to 100 characters.")
    working_hours: WorkingHoursInput = strawberry.field(description="When it is open.")
    effective_from: LocalMoment | None = strawberry.field(
        default=None,
        description="Of no effect while it is the only version, which holds always. Null is now.",
    )


@strawberry.input(description="Other hours for a schedule from an instant on, or another name at once.")
class ReviseScheduleInput:
    key: str = strawberry.field(description="Which schedule.")
    version: int = strawberry.field(description=_VERSION)
    name: str | None = strawberry.field(default=None, description=_KEEPS)
    working_hours: WorkingHoursInput | None = strawberry.field(
        default=None, description=f"All of them, as the next version. {_KEEPS}"
    )
    effective_from: LocalMoment | None = strawberry.field(default=None, description=_SINCE)


@strawberry.input(description="Whose hours a schedule gives from an instant on.")
class AssignScheduleInput:
    key: str = strawberry.field(description="Which schedule.")
    queue: str | None = strawberry.field(
        default=None, description="External id of the queue that keeps it; null for no queue."
    )
    team: str | None = strawberry.field(
        default=None,
        description="External id of the team that keeps it; null for no team. Neither: all else of the tenant.",
    )
    effective_from: LocalMoment | None = strawberry.field(default=None, description=_SINCE)

    def scope(self) -> tuple[str, str | None]:
        """Scope and external id. Raises Invalid where two are named."""
        if self.queue is not None and self.team is not None:
            message = "Name a queue or a team, not both."
            code = "SCHEDULE_SCOPE_UNKNOWN"
            raise Invalid(message, code=code, problems=[Problem(code, message, ("team",))])
        if self.queue is not None:
            return QUEUE, self.queue
        return (TENANT_SCOPE, None) if self.team is None else (TEAM, self.team)


@strawberry.input(description="A schedule that is to be taken out of use.")
class ArchiveScheduleInput:
    key: str = strawberry.field(description="Which schedule.")
    version: int = strawberry.field(description=_VERSION)


def instant_in(moment: LocalMoment | None, zone: str) -> datetime | None:
    """A moment as an instant, read in the tenant's zone."""
    return None if moment is None else at_zone(moment, zone)


def _spans(given: list[OpenSpanInput]) -> tuple[Span, ...]:
    return tuple((one.start, one.end) for one in given)
