"""Reads pages and single rows of the facts and of the things they name. Writes nothing; opens no session.

`agent_id` on a function narrows what it returns to what that agent may see: their own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Table, and_, func, or_, select, tuple_

from backend.interactions.models import agent, attribute, customer, interaction, issue_type, queue, team
from tenants.database import ReadSession

StartedKey = tuple[datetime | None, UUID]


@dataclass(frozen=True, slots=True)
class InteractionFilter:
    """Which interactions: every condition that is not None has to hold. Things are named by external id."""

    start: datetime | None = None  # inclusive
    end: datetime | None = None  # exclusive
    channels: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    external_ids: Sequence[str] | None = None
    agents: Sequence[str] | None = None
    teams: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    customers: Sequence[str] | None = None
    issue_types: Sequence[str] | None = None
    answered: bool | None = None
    abandoned: bool | None = None
    resolved: bool | None = None
    excluded: bool | None = None


async def list_interactions(
    session: ReadSession,
    wanted: InteractionFilter,
    *,
    after: StartedKey | None,
    limit: int,
    agent_id: int | None = None,
) -> Sequence[Row[Any]]:
    """Up to `limit` interactions after a key, newest start first; those without a start come before them.

    That order is the one an index on the start gives when it is read backwards.
    """
    c = interaction.c
    conditions = _conditions(wanted)
    if agent_id is not None:
        conditions.append(c.agent_id == agent_id)
    if after is not None:
        started, row_id = after
        if started is None:
            conditions.append(or_(and_(c.started_at.is_(None), c.id < row_id), c.started_at.is_not(None)))
        else:
            conditions.append(c.started_at <= started)
            conditions.append(or_(c.started_at < started, c.id < row_id))
    order = (c.started_at.desc().nulls_first(), c.id.desc())
    found = await session.execute(select(interaction).where(*conditions).order_by(*order).limit(limit))
    return found.all()


async def find_interaction(
    session: ReadSession, interaction_id: UUID, agent_id: int | None = None
) -> Row[Any] | None:
    """The interaction with this id, None when there is none to be seen."""
    wanted = select(interaction).where(interaction.c.id == interaction_id)
    if agent_id is not None:
        wanted = wanted.where(interaction.c.agent_id == agent_id)
    return (await session.execute(wanted)).one_or_none()


async def interactions_by_id(
    session: ReadSession, ids: Collection[UUID], agent_id: int | None = None
) -> dict[UUID, Row[Any]]:
    """The interactions with these ids; those that are not there to be seen are left out."""
    wanted = select(interaction).where(interaction.c.id.in_(sorted(ids)))
    if agent_id is not None:
        wanted = wanted.where(interaction.c.agent_id == agent_id)
    return {row.id: row for row in await session.execute(wanted)}


async def list_named(
    session: ReadSession, table: Table, *, after: tuple[str, int] | None, limit: int, only: int | None = None
) -> Sequence[Row[Any]]:
    """Up to `limit` agents, teams, queues ... after a (name, id), by name; `only` the one with that id."""
    wanted = select(table).order_by(table.c.name, table.c.id).limit(limit)
    if only is not None:
        wanted = wanted.where(table.c.id == only)
    if after is not None:
        wanted = wanted.where(tuple_(table.c.name, table.c.id) > after)
    return (await session.execute(wanted)).all()


async def count_named(session: ReadSession, table: Table, *, only: int | None = None) -> int:
    """How many agents, teams, queues ... there are; of the one with the id `only`, if it is given."""
    wanted = select(func.count()).select_from(table)
    if only is not None:
        wanted = wanted.where(table.c.id == only)
    return int((await session.execute(wanted)).scalar_one())


async def list_customers(
    session: ReadSession, *, after: int | None, limit: int, agent_id: int | None = None
) -> Sequence[Row[Any]]:
    """Up to `limit` customers after an id, in the order they were first seen."""
    wanted = _customers(agent_id).order_by(customer.c.id).limit(limit)
    if after is not None:
        wanted = wanted.where(customer.c.id > after)
    return (await session.execute(wanted)).all()


async def find_customer(
    session: ReadSession, customer_id: int, agent_id: int | None = None
) -> Row[Any] | None:
    """The customer with this id, None when there is none to be seen."""
    wanted = _customers(agent_id).where(customer.c.id == customer_id)
    return (await session.execute(wanted)).one_or_none()


async def rows_by_id(session: ReadSession, table: Table, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Rows of agents, teams, queues, customers ... by internal id; ids that are not there are left out."""
    found = await session.execute(select(table).where(table.c.id.in_(sorted(ids))))
    return {row.id: row for row in found}


async def find_agent(session: ReadSession, external_id: str) -> Row[Any] | None:
    """The agent with this external id, or None."""
    return (await session.execute(select(agent).where(agent.c.external_id == external_id))).one_or_none()


async def attribute_types(session: ReadSession) -> dict[str, str]:
    """The registered attributes of interactions: key -> type."""
    found = await session.execute(select(attribute.c.key, attribute.c.type))
    return {row.key: row.type for row in found}


def _customers(agent_id: int | None) -> Select[Any]:
    wanted = select(customer)
    if agent_id is not None:
        theirs = select(interaction.c.id).where(
            interaction.c.customer_id == customer.c.id, interaction.c.agent_id == agent_id
        )
        wanted = wanted.where(theirs.exists())
    return wanted


def _conditions(wanted: InteractionFilter) -> list[ColumnElement[bool]]:
    c = interaction.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.start is not None:
        conditions.append(c.started_at >= wanted.start)
    if wanted.end is not None:
        conditions.append(c.started_at < wanted.end)
    for column, values in (
        (c.channel, wanted.channels),
        (c.source, wanted.sources),
        (c.external_id, wanted.external_ids),
    ):
        if values is not None:
            conditions.append(column.in_(values))
    for column, table, values in (
        (c.agent_id, agent, wanted.agents),
        (c.team_id, team, wanted.teams),
        (c.queue_id, queue, wanted.queues),
        (c.customer_id, customer, wanted.customers),
        (c.issue_type_id, issue_type, wanted.issue_types),
    ):
        if values is not None:
            conditions.append(column.in_(select(table.c.id).where(table.c.external_id.in_(values))))
    for column, flag in (
        (c.answered, wanted.answered),
        (c.abandoned, wanted.abandoned),
        (c.resolved, wanted.resolved),
    ):
        if flag is not None:
            conditions.append(column.is_(flag))
    if wanted.excluded is not None:
        conditions.append(c.exclusion.is_not(None) if wanted.excluded else c.exclusion.is_(None))
    return conditions
