"""Pages of interactions and of what they name. An agent's token sees its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from sqlalchemy import Table

from backend.interactions import models, repository
from backend.interactions.repository import InteractionFilter
from backend.web.access import READ_INTERACTIONS
from schema.context import Info
from schema.interactions.inputs import InteractionFilterInput
from schema.interactions.named import Agent, Customer, Named, Queue, Team
from schema.interactions.types import Interaction
from schema.relay import (
    Connection,
    CountedConnection,
    connection_of,
    counted_connection_of,
    page_size,
    parse_cursor,
)

N = TypeVar("N", bound=Named)

First = Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")]
After = Annotated[
    str | None,
    strawberry.argument(description="The `endCursor` of the page before; null for the first page."),
]
Filter = Annotated[
    InteractionFilterInput | None,
    strawberry.argument(description="Which interactions; null for all of them."),
]


@strawberry.type
class InteractionQueries:
    @strawberry.field(
        description="Interactions, the newest start first; those without a known start come before all "
        "others. "
        "An agent sees the ones they served."
    )
    async def interactions(
        self, info: Info, filter: Filter = None, first: First = 20, after: After = None
    ) -> Connection[Interaction]:
        info.context.require(READ_INTERACTIONS)
        limit = page_size(first)
        key = parse_cursor(after, datetime | None, UUID)
        wanted = filter.to_filter(info.context.scope.tenant.zone) if filter else InteractionFilter()
        only = await info.context.only_agent()
        async with info.context.reading() as session:
            rows = await repository.list_interactions(
                session, wanted, after=(key[0], key[1]) if key else None, limit=limit + 1, agent_id=only
            )
        return connection_of(rows, first, after, lambda row: [row.started_at, row.id], Interaction.from_row)

    @strawberry.field(description="Agents by name. An agent sees themselves.")
    async def agents(self, info: Info, first: First = 50, after: After = None) -> CountedConnection[Agent]:
        return await _named(info, models.agent, Agent, first, after, await info.context.only_agent())

    @strawberry.field(description="Teams by name. An agent sees the team they are in.")
    async def teams(self, info: Info, first: First = 50, after: After = None) -> CountedConnection[Team]:
        own = await info.context.own_agent()
        return await _named(info, models.team, Team, first, after, None if own is None else own.team_id or 0)

    @strawberry.field(description="Queues by name.")
    async def queues(self, info: Info, first: First = 50, after: After = None) -> CountedConnection[Queue]:
        return await _named(info, models.queue, Queue, first, after, None)

    @strawberry.field(
        description="Customers in the order they were first seen. An agent sees the ones they served."
    )
    async def customers(self, info: Info, first: First = 50, after: After = None) -> Connection[Customer]:
        info.context.require(READ_INTERACTIONS)
        limit = page_size(first)
        key = parse_cursor(after, int)
        only = await info.context.only_agent()
        async with info.context.reading() as session:
            rows = await repository.list_customers(
                session, after=key[0] if key else None, limit=limit + 1, agent_id=only
            )
        return connection_of(rows, first, after, lambda row: [row.id], Customer.from_row)


async def _named(
    info: Info, table: Table, kind: type[N], first: int, after: str | None, only: int | None
) -> CountedConnection[N]:
    info.context.require(READ_INTERACTIONS)
    limit = page_size(first)
    key = parse_cursor(after, str, int)
    async with info.context.reading() as session:
        rows = await repository.list_named(
            session, table, after=(key[0], key[1]) if key else None, limit=limit + 1, only=only
        )
        total = await repository.count_named(session, table, only=only)
    return counted_connection_of(rows, first, after, lambda row: [row.name, row.id], kind.from_row, total)
