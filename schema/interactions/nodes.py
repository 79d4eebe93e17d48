"""Finds again what has an id: one function per type, each seeing no more than the lists show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from backend.interactions import repository
from backend.web.access import READ_INTERACTIONS
from schema.context import Info
from schema.interactions.named import Agent, Customer, IssueType, Product, Queue, Team
from schema.interactions.types import Interaction
from schema.loaders import found
from schema.relay import Find

BIGGEST_ID = (
    2**31 - 1
)  # ids of named things are PostgreSQL integers; a customer's has more room than it will use


async def _interaction(info: Info, key: str) -> Interaction | None:
    info.context.require(READ_INTERACTIONS)
    try:
        interaction_id = UUID(key)
    except ValueError:
        return None
    only = await info.context.only_agent()
    async with info.context.reading() as session:
        row = await repository.find_interaction(session, interaction_id, only)
    return None if row is None else Interaction.from_row(row)


async def _customer(info: Info, key: str) -> Customer | None:
    info.context.require(READ_INTERACTIONS)
    customer_id = _number(key)
    if customer_id is None:
        return None
    only = await info.context.only_agent()
    async with info.context.reading() as session:
        row = await repository.find_customer(session, customer_id, only)
    return None if row is None else Customer.from_row(row)


async def _agent(info: Info, key: str) -> Agent | None:
    info.context.require(READ_INTERACTIONS)
    agent_id, only = _number(key), await info.context.only_agent()
    if only is not None and agent_id != only:
        return None
    return Agent.from_row_or_none(await found(info.context.loaders.agents, agent_id))


def _named(kind: Any, loader: str) -> Find:
    async def find(info: Info, key: str) -> Any:
        info.context.require(READ_INTERACTIONS)
        return kind.from_row_or_none(await found(getattr(info.context.loaders, loader), _number(key)))

    return find


FINDERS: dict[str, Find] = {
    "Interaction": _interaction,
    "Customer": _customer,
    "Agent": _agent,
    "Team": _named(Team, "teams"),
    "Queue": _named(Queue, "queues"),
    "IssueType": _named(IssueType, "issue_types"),
    "Product": _named(Product, "products"),
}


def _number(key: str) -> int | None:
    if not (key.isascii() and key.isdigit() and len(key) <= 10):
        return None
    number = int(key)
    return number if number <= BIGGEST_ID else None
