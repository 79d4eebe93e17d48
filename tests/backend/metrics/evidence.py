"""A week of facts with everything in it that a number may leave out; the same rows stay in Python."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert

from backend.interactions import models
from backend.interactions.identity import fact_id
from backend.metrics.proofs import Drill, DrilledRow
from backend.metrics.questions import Question, Restriction
from tests.backend.metrics.builders import EVERYTHING, WEEK, World

Rows = list[dict[str, Any]]
WHOLE = Drill()
DURATIONS = (
    "first_response_time",
    "wait_time",
    "handle_time",
    "resolution_time",
    "silence_time",
    "talk_time",
)


async def a_messy_week(world: World, seed: int, count: int = 240) -> tuple[Rows, Rows, Rows]:
    """Interactions, surveys and orders: some excluded, without a value, or with a negative duration."""
    dice = Random(seed)

    def some(value: Any, often: float = 0.8) -> Any:
        return value if dice.random() < often else None

    def moment() -> datetime:
        return WEEK.start + timedelta(seconds=dice.randrange(-86_400, 8 * 86_400))

    agents = list((await world.name(models.agent, "ann", "bob", "cy")).values())
    customers = list((await world.name(models.customer, *(f"c{i}" for i in range(40)))).values())
    rows = []
    for _ in range(count):
        started = moment()
        aside = [name for name in DURATIONS if dice.random() < 0.08]
        row = {name: None if name in aside else some(dice.randrange(0, 90_000)) for name in DURATIONS}
        row |= {
            "excluded_values": dict.fromkeys(aside, -5000) if aside else None,
            "channel": dice.choice(["chat", "call", "email", "bot"]),
            "started_at": some(started, 0.97),
            "queued_at": some(started + timedelta(minutes=1)),
            "accepted_at": some(started + timedelta(minutes=3), 0.7),
            "first_response_at": some(started + timedelta(minutes=4), 0.7),
            "resolved_at": some(started + timedelta(hours=dice.randrange(1, 60)), 0.6),
            "closed_at": some(started + timedelta(hours=61), 0.6),
            "customer_messages": some(dice.randrange(4)),
            "agent_messages": some(dice.randrange(4)),
            "bot_messages": some(dice.randrange(2)),
            "transfers": some(dice.randrange(3)),
            "reopens": some(dice.randrange(2)),
            "agent_id": some(dice.choice(agents)),
            "customer_id": some(dice.choice(customers)),
            "exclusion": some(dice.choice(["spam", "test"]), 0.15),
        }
        for name in models.OUTCOMES:
            row[name] = some(dice.random() < 0.6)
        rows.append(row)
    interactions = await world.interact(*rows)
    surveys = await world.survey(
        *[
            {
                "kind": kind,
                "scale_min": 0,
                "scale_max": 10_000,
                "score": some(1000 * dice.randrange(6 if kind == "csat" else 11), 0.7),
                "comment": some("fine"),
                "invited_at": some(moment()),
                "responded_at": some(moment()),
                "agent_id": some(dice.choice(agents), 0.3),
                "interaction_id": some(dice.choice(interactions)["id"], 0.9),
                "exclusion": some("staff", 0.1),
            }
            for kind in dice.choices(["csat", "nps", "ces"], k=count)
        ]
    )
    orders = await world.order(
        *[
            {
                "amount": dice.randrange(1, 90_000),
                "refunded": some(dice.randrange(500), 0.3),
                "customer_id": some(dice.choice(customers)),
                "agent_id": some(dice.choice(agents)),
                "currency": dice.choice(["USD", "USD", "EUR"]),
                "ordered_at": moment(),
                "paid_at": some(moment()),
                "exclusion": some("test", 0.1),
            }
            for _ in range(count)
        ]
    )
    async with world.tenant.write() as session:
        reviews = [
            {
                "id": fact_id("qa", str(at)),
                "source": "qa",
                "external_id": str(at),
                "agent_id": some(dice.choice(agents)),
                "interaction_id": some(dice.choice(interactions)["id"]),
                "score": some(dice.randrange(100_000)),
                "passed": some(dice.random() < 0.5),
                "reviewed_at": moment(),
                "exclusion": some("calibration", 0.1),
            }
            for at in range(count // 4)
        ]
        await session.execute(insert(models.qa_review), reviews)
    return interactions, surveys, orders


async def drilled(
    world: World, question: Question, drill: Drill = WHOLE, restriction: Restriction = EVERYTHING
) -> list[DrilledRow]:
    """All rows behind a cell, page by page; checks that pages neither repeat nor skip."""
    found: list[DrilledRow] = []
    while True:
        after = found[-1].key if found else None
        page = await world.evaluator.drill(question, drill, limit=50, after=after, restriction=restriction)
        found += page
        if len(page) < 50:
            break
    assert len({row.id for row in found}) == len(found)
    dated = [row.anchored_at for row in found if row.anchored_at is not None]
    assert dated == sorted(dated, reverse=True)
    return found
