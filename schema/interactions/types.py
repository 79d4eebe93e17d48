"""An interaction as the API shows it. Durations are in seconds; null means not known, never zero."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from sqlalchemy import Row

from backend.core.currencies import MINOR_DIGITS
from schema.context import Info
from schema.interactions.named import Agent, Customer, IssueType, Product, Queue, Team
from schema.loaders import found
from schema.relay import Node, node_id

_SCALED = {"number": 3, "duration": 3}  # digits after the point of attributes stored as integers


@strawberry.enum(description="The way a contact came.")
class Channel(Enum):
    CHAT = strawberry.enum_value("chat", description="Live chat, in an app or on a page.")
    CALL = strawberry.enum_value("call", description="Telephone.")
    TICKET = strawberry.enum_value("ticket", description="A ticket or form.")
    EMAIL = strawberry.enum_value("email", description="Mail.")
    SOCIAL = strawberry.enum_value("social", description="A post or message on a social network.")
    REVIEW = strawberry.enum_value("review", description="A public review.")
    BOT = strawberry.enum_value("bot", description="A conversation that a bot held.")


@strawberry.type(description="The value of one tenant-defined attribute.")
class Attribute:
    key: str = strawberry.field(description="The attribute's key, as formulas name it.")
    value: str = strawberry.field(
        description="As text: numbers and amounts in decimals, durations in seconds, moments in ISO 8601."
    )


@strawberry.type(description="One contact of a customer, in any channel.")
class Interaction(Node):
    source: str = strawberry.field(description="The source it came from.")
    external_id: str = strawberry.field(description="Its id there; unique within the source.")
    channel: Channel = strawberry.field(description="The way it came.")

    started_at: datetime | None = strawberry.field(
        description="When it began; null when the source does not say."
    )
    queued_at: datetime | None = strawberry.field(
        description="When it began to wait for a person; null if never."
    )
    accepted_at: datetime | None = strawberry.field(description="When a person took it; null if nobody did.")
    first_response_at: datetime | None = strawberry.field(
        description="First public reply by a person; null if there was none."
    )
    resolved_at: datetime | None = strawberry.field(
        description="When it was solved; null if unsolved or unknown."
    )
    closed_at: datetime | None = strawberry.field(description="When it ended; null while it goes on.")

    first_response_time: float | None = strawberry.field(
        description="Seconds to the first reply by a person."
    )
    wait_time: float | None = strawberry.field(description="Seconds waited for a person.")
    handle_time: float | None = strawberry.field(description="Seconds of work on it.")
    talk_time: float | None = strawberry.field(description="Seconds in conversation.")
    hold_time: float | None = strawberry.field(description="Seconds on hold.")
    wrap_up_time: float | None = strawberry.field(description="Seconds of work after the conversation.")
    silence_time: float | None = strawberry.field(description="Seconds in which nobody spoke.")
    resolution_time: float | None = strawberry.field(description="Seconds from start to solution.")

    customer_messages: int | None = strawberry.field(description="Messages by the customer.")
    agent_messages: int | None = strawberry.field(description="Public messages by persons of the tenant.")
    bot_messages: int | None = strawberry.field(description="Messages by bots.")
    reopens: int | None = strawberry.field(description="How often it was opened again after a solution.")
    transfers: int | None = strawberry.field(description="How often it changed hands.")

    answered: bool | None = strawberry.field(description="Whether a person took it.")
    abandoned: bool | None = strawberry.field(
        description="Whether the customer left before a person took it."
    )
    resolved: bool | None = strawberry.field(description="Whether it was solved; null when not marked.")
    resolved_on_first_contact: bool | None = strawberry.field(
        description="Whether no second contact was needed."
    )
    escalated: bool | None = strawberry.field(description="Whether it went to a higher tier.")
    converted: bool | None = strawberry.field(description="Whether a sale followed.")

    amount: Decimal | None = strawberry.field(
        description="Money it moved, in major units of `currency`, exact."
    )
    currency: str | None = strawberry.field(description="ISO 4217 code of `amount`; null without an amount.")
    product_version: str | None = strawberry.field(description="Version of the product.")
    priority: str | None = strawberry.field(description="Priority, in the source's words.")
    language: str | None = strawberry.field(description="Language of the conversation.")
    segment: str | None = strawberry.field(description="The customer's segment at that time.")
    problem_id: str | None = strawberry.field(description="Links the interactions of one customer problem.")
    exclusion: str | None = strawberry.field(
        description="Why it is not counted: spam, test ... Null when it is."
    )

    row: strawberry.Private[Row[Any]]

    @classmethod
    def from_row(cls, row: Row[Any]) -> Interaction:
        """The public side of a row."""
        columns: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
        columns |= {name: _seconds(getattr(row, name)) for name in _DURATIONS}
        return cls(
            id=node_id("Interaction", row.id),
            channel=Channel(row.channel),
            amount=_major(row.amount, row.currency),
            row=row,
            **columns,
        )

    @strawberry.field(description="Who served it; null when nobody did or the source does not say.")
    async def agent(self, info: Info) -> Agent | None:
        return Agent.from_row_or_none(await found(info.context.loaders.agents, self.row.agent_id))

    @strawberry.field(description="The team that served it then; null when unknown.")
    async def team(self, info: Info) -> Team | None:
        return Team.from_row_or_none(await found(info.context.loaders.teams, self.row.team_id))

    @strawberry.field(description="The queue it waited in; null when unknown.")
    async def queue(self, info: Info) -> Queue | None:
        return Queue.from_row_or_none(await found(info.context.loaders.queues, self.row.queue_id))

    @strawberry.field(description="Who made the contact; null when unknown.")
    async def customer(self, info: Info) -> Customer | None:
        row = await found(info.context.loaders.customers, self.row.customer_id)
        return None if row is None else Customer.from_row(row)

    @strawberry.field(description="What it was about; null when nobody marked it.")
    async def issue_type(self, info: Info) -> IssueType | None:
        return IssueType.from_row_or_none(
            await found(info.context.loaders.issue_types, self.row.issue_type_id)
        )

    @strawberry.field(description="The product it was about; null when unknown.")
    async def product(self, info: Info) -> Product | None:
        return Product.from_row_or_none(await found(info.context.loaders.products, self.row.product_id))

    @strawberry.field(description="Tenant-defined attributes it has a value for, by key.")
    async def attributes(self, info: Info) -> list[Attribute]:
        types = await info.context.loaders.attribute_types.load_many(sorted(self.row.attributes))
        pairs = zip(sorted(self.row.attributes), types, strict=True)
        return [
            Attribute(
                key=key, value=_text(self.row.attributes[key], kind, info.context.scope.tenant.currency)
            )
            for key, kind in pairs
        ]


_DURATIONS = [
    "first_response_time",
    "wait_time",
    "handle_time",
    "talk_time",
    "hold_time",
    "wrap_up_time",
    "silence_time",
    "resolution_time",
]
_PLAIN = [
    "source",
    "external_id",
    "started_at",
    "queued_at",
    "accepted_at",
    "first_response_at",
    "resolved_at",
    "closed_at",
    "customer_messages",
    "agent_messages",
    "bot_messages",
    "reopens",
    "transfers",
    "answered",
    "abandoned",
    "resolved",
    "resolved_on_first_contact",
    "escalated",
    "converted",
    "currency",
    "product_version",
    "priority",
    "language",
    "segment",
    "problem_id",
    "exclusion",
]


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _major(minor: int | None, currency: str | None) -> Decimal | None:
    return None if minor is None else Decimal(minor).scaleb(-MINOR_DIGITS.get(currency or "", 2))


def _text(stored: Any, kind: str | None, currency: str) -> str:
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, int):
        digits = MINOR_DIGITS.get(currency, 2) if kind == "money" else _SCALED.get(kind or "", 0)
        return str(Decimal(stored).scaleb(-digits))
    return str(stored)
