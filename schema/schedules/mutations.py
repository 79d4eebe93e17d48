"""Changing the tenant's working hours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated

import strawberry

from backend.core.errors import Invalid
from backend.core.errors import Problem as DomainProblem
from backend.interactions import scheduling
from backend.interactions.scheduling import Planner
from backend.schedules.timetable import Schedule as DomainSchedule
from backend.web.access import EDIT_SCHEDULES
from schema.context import Context, Info
from schema.metrics.drafts import place_of
from schema.metrics.types import Problem, problems_of
from schema.schedules.inputs import (
    ArchiveScheduleInput,
    AssignScheduleInput,
    CreateScheduleInput,
    ReviseScheduleInput,
    instant_in,
)
from schema.schedules.types import Schedule, SchedulePayload
from tenants.database import WriteSession

_ADMINS = "For admins."
_OF_HOURS = ("zone", "hours", "exceptions")  # what stands inside `workingHours`


@strawberry.type
class ScheduleMutations:
    @strawberry.mutation(description=f"Adds working hours that nobody keeps yet. {_ADMINS}")
    async def create_schedule(
        self,
        info: Info,
        input: Annotated[CreateScheduleInput, strawberry.argument(description="The schedule.")],
    ) -> SchedulePayload:
        zone = info.context.scope.tenant.zone
        return await _change(
            info.context,
            lambda session, planner: scheduling.create(
                session,
                input.key,
                input.name,
                input.working_hours.to_draft(),
                planner,
                effective_from=instant_in(input.effective_from, zone),
            ),
        )

    @strawberry.mutation(
        description="Gives a schedule other hours from an instant on, also a past one: values of formulas with "
        f"business hours then change. {_ADMINS}"
    )
    async def revise_schedule(
        self,
        info: Info,
        input: Annotated[ReviseScheduleInput, strawberry.argument(description="What changes.")],
    ) -> SchedulePayload:
        zone = info.context.scope.tenant.zone
        hours = input.working_hours
        return await _change(
            info.context,
            lambda session, planner: scheduling.revise(
                session,
                input.key,
                planner,
                version=input.version,
                draft=None if hours is None else hours.to_draft(),
                name=input.name,
                effective_from=instant_in(input.effective_from, zone),
            ),
        )

    @strawberry.mutation(
        description="Makes a schedule's hours those of a queue, a team or all else of the tenant. " + _ADMINS
    )
    async def assign_schedule(
        self,
        info: Info,
        input: Annotated[AssignScheduleInput, strawberry.argument(description="Which one, and whose.")],
    ) -> SchedulePayload:
        zone = info.context.scope.tenant.zone

        async def change(session: WriteSession, planner: Planner) -> DomainSchedule:
            since = instant_in(input.effective_from, zone)
            return await scheduling.assign(session, input.key, *input.scope(), planner, effective_from=since)

        return await _change(info.context, change)

    @strawberry.mutation(
        description="Takes a schedule out of use; for the time when somebody kept it, it still counts. Refused "
        f"while it is assigned, now or later. {_ADMINS}"
    )
    async def archive_schedule(
        self,
        info: Info,
        input: Annotated[ArchiveScheduleInput, strawberry.argument(description="Which one.")],
    ) -> SchedulePayload:
        return await _change(
            info.context,
            lambda session, planner: scheduling.archive(session, input.key, planner, version=input.version),
        )


async def _change(
    context: Context, change: Callable[[WriteSession, Planner], Awaitable[DomainSchedule]]
) -> SchedulePayload:
    context.require(EDIT_SCHEDULES)
    planner = Planner(context.scope.principal.subject, context.clock())
    try:
        async with context.scope.write() as session:
            changed = await change(session, planner)
            listed = await scheduling.get_schedule(session, changed.key)
            return SchedulePayload(schedule=Schedule.from_domain(listed), problems=[])
    except Invalid as error:
        problems = [Problem.from_domain(_place_of(problem)) for problem in problems_of(error)]
        return SchedulePayload(schedule=None, problems=problems)


def _place_of(problem: DomainProblem) -> DomainProblem:
    """A problem with its path written as the inputs here are."""
    inside = problem.path[:1] and problem.path[0] in _OF_HOURS
    return place_of(replace(problem, path=("working_hours", *problem.path)) if inside else problem)
