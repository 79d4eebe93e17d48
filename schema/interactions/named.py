"""Agents, teams, queues, customers, issue types and products: what interactions name by external id."""

from __future__ import annotations

from typing import Any, Self

import strawberry
from sqlalchemy import Row

from schema.context import Info
from schema.loaders import found
from schema.relay import Node, node_id


@strawberry.interface(description="Something that the sources name by an id of theirs.")
class Named(Node):
    external_id: str = strawberry.field(
        description="Its id at the source: the key in filters and in the columns of `kpiValues`."
    )
    name: str = strawberry.field(description="What people call it; the external id where no name came.")

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """The public side of a row."""
        return cls(id=node_id(cls.__name__, row.id), external_id=row.external_id, name=row.name)

    @classmethod
    def from_row_or_none(cls, row: Row[Any] | None) -> Self | None:
        """The public side of a row that may be missing."""
        return None if row is None else cls.from_row(row)


@strawberry.type(description="A group of agents.")
class Team(Named):
    pass


@strawberry.type(description="A line that interactions wait in.")
class Queue(Named):
    pass


@strawberry.type(description="What an interaction was about.")
class IssueType(Named):
    pass


@strawberry.type(description="A product that an interaction was about.")
class Product(Named):
    pass


@strawberry.type(description="A person who serves customers.")
class Agent(Named):
    active: bool = strawberry.field(description="False once the source says that the agent has left.")
    team_id: strawberry.Private[int | None]

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """The public side of a row."""
        return cls(
            id=node_id(cls.__name__, row.id),
            external_id=row.external_id,
            name=row.name,
            active=row.active,
            team_id=row.team_id,
        )

    @strawberry.field(description="The team the agent is in now; null when in none.")
    async def team(self, info: Info) -> Team | None:
        return Team.from_row_or_none(await found(info.context.loaders.teams, self.team_id))


@strawberry.type(description="A person or company that contacts the tenant.")
class Customer(Node):
    external_id: str = strawberry.field(
        description="Its id at the source: the key in filters and in the columns of `kpiValues`."
    )
    name: str | None = strawberry.field(description="Null when the source gave none.")
    segment: str | None = strawberry.field(description="Such as `vip`; null when the source gave none.")

    @classmethod
    def from_row(cls, row: Row[Any]) -> Customer:
        """The public side of a row."""
        return cls(
            id=node_id("Customer", row.id),
            external_id=row.external_id,
            name=row.name,
            segment=row.segment,
        )
