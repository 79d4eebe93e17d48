"""The tenant's schedules."""

from __future__ import annotations

from typing import Annotated

import strawberry

from backend.interactions.scheduling import list_schedules
from backend.web.access import READ_SCHEDULES
from schema.context import Info
from schema.interactions.queries import After, First
from schema.relay import CountedConnection, counted_connection_of, page_size, parse_cursor
from schema.schedules.types import Schedule


@strawberry.type
class ScheduleQueries:
    @strawberry.field(
        description="Working hours with all versions and whose they are, by key. For admins and managers."
    )
    async def schedules(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        archived: Annotated[
            bool, strawberry.argument(description="True gives those taken out of use, and only those.")
        ] = False,
    ) -> CountedConnection[Schedule]:
        info.context.require(READ_SCHEDULES)
        limit = page_size(first)
        key = parse_cursor(after, str)
        async with info.context.reading() as session:
            found = await list_schedules(session, archived=archived)
        rows = [one for one in found if key is None or one.schedule.key > key[0]][: limit + 1]
        return counted_connection_of(
            rows, first, after, lambda one: [one.schedule.key], Schedule.from_domain, len(found)
        )
