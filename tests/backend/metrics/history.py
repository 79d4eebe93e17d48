"""A past full of contacts, orders, surveys, reviews and reads, and how Python finds its way through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert

from backend.interactions import models
from backend.interactions.identity import fact_id
from tests.backend.metrics.builders import WEEK, World

Row = dict[str, Any]
Truth = bool | None
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Past:
    """Everything that happened, and how Python looks through it."""

    interactions: list[Row]
    orders: list[Row]
    surveys: list[Row]
    reviews: list[Row]
    views: list[Row]

    def interaction(self, row: Row) -> Row:
        """The interaction that a row is or belongs to; empty when there is none."""
        if "channel" in row:
            return row
        return next((one for one in self.interactions if one["id"] == row["interaction_id"]), {})

    def customer(self, row: Row) -> int | None:
        own: int | None = row.get("customer_id")
        if own is None and "interaction_id" in row:
            own = self.interaction(row).get("customer_id")
        return own

    def counted(self, rows: list[Row]) -> Iterator[Row]:
        for row in rows:
            linked = self.interaction(row) if "interaction_id" in row else {}
            if row.get("exclusion") is None and linked.get("exclusion") is None:
                yield row

    def near(
        self,
        row: Row,
        start: datetime | None,
        rows: list[Row],
        moment: str,
        span: timedelta,
        *,
        ahead: bool = True,
        meets: Callable[[Row], Truth] = lambda other: True,
    ) -> Truth:
        """Whether a row is followed (or preceded) by one of `rows`; None when nobody can tell."""
        customer = self.customer(row)
        if customer is None or start is None:
            return None
        same_kind = any(one is row for one in rows)
        for other in self.counted(rows):
            at = other[moment]
            if other is row or at is None or self.customer(other) != customer or not meets(other):
                continue
            if same_kind and at == start:
                close = (other["id"] > row["id"]) is ahead
            elif ahead:
                close = start <= at <= start + span
            else:
                close = start - span <= at < start
            if close:
                return True
        return False

    def linked(self, row: Row, rows: list[Row], moment: str, meets: Callable[[Row], Truth]) -> Truth:
        own = row["id"] if "channel" in row else row["interaction_id"]
        if own is None:
            return None
        found = (one for one in self.counted(rows) if one["interaction_id"] == own)
        return any(one[moment] is not None and bool(meets(one)) for one in found)


async def a_past(world: World, seed: int) -> Past:
    """Few customers, and hours that repeat, so that rows meet often and at one instant."""
    dice = Random(seed)

    def some(value: Any, often: float = 0.8) -> Any:
        return value if dice.random() < often else None

    def moment() -> datetime:
        return WEEK.start + 3 * HOUR * dice.randrange(-8, 9 * 8)

    customers = list((await world.name(models.customer, *(f"c{at}" for at in range(12)))).values())
    issues = list((await world.name(models.issue_type, "late", "broken")).values())
    agents = list((await world.name(models.agent, "ann", "bob")).values())
    products = list((await world.name(models.product, "pro", "lite")).values())
    interactions = await world.interact(
        *[
            {
                "channel": dice.choice(["chat", "call"]),
                "started_at": some(started := moment(), 0.95),
                "resolved_at": some(started + HOUR * dice.randrange(30), 0.7),
                "customer_id": some(dice.choice(customers), 0.9),
                "issue_type_id": some(dice.choice(issues)),
                "agent_id": some(dice.choice(agents)),
                "product_id": some(dice.choice(products)),
                "handle_time": some(dice.randrange(100_000)),
                "exclusion": some("spam", 0.1),
            }
            for _ in range(220)
        ]
    )
    orders = await world.order(
        *[
            {
                "customer_id": some(dice.choice(customers), 0.9),
                "product_id": some(dice.choice(products)),
                "amount": dice.randrange(3000),
                "currency": dice.choice(["USD", "USD", "EUR"]),
                "ordered_at": (placed := moment()),
                "paid_at": some(placed + HOUR * dice.randrange(20), 0.7),
                "exclusion": some("test", 0.1),
            }
            for _ in range(120)
        ]
    )
    surveys = await world.survey(
        *[
            {
                "interaction_id": some(dice.choice(interactions)["id"], 0.9),
                "customer_id": some(dice.choice(customers), 0.3),
                "score": some(1000 * dice.randrange(1, 6)),
                "responded_at": some(moment()),
                "exclusion": some("staff", 0.1),
            }
            for _ in range(120)
        ]
    )

    def origin(kind: str, at: int) -> Row:
        return {"id": fact_id(kind, str(at)), "source": kind, "external_id": str(at)}

    reviews = [
        {
            **origin("qa", at),
            "interaction_id": some(dice.choice(interactions)["id"], 0.9),
            "score": some(dice.randrange(100_000)),
            "reviewed_at": moment(),
            "exclusion": some("calibration", 0.15),
        }
        for at in range(90)
    ]
    views = [
        {
            **origin("help", at),
            "interaction_id": some(dice.choice(interactions)["id"], 0.4),
            "customer_id": some(dice.choice(customers), 0.5),
            "article": dice.choice(["reset", "refund"]),
            "viewed_at": moment(),
        }
        for at in range(120)
    ]
    async with world.tenant.write() as session:
        await session.execute(insert(models.qa_review), reviews)
        await session.execute(insert(models.article_view), views)
    return Past(interactions, orders, surveys, reviews, views)
