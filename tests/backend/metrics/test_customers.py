"""The customers themselves as rows to count, and the first answer that each is known by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from backend.core.errors import Forbidden
from backend.interactions import models
from backend.metrics.proofs import Drill
from backend.metrics.questions import Restriction
from tests.backend.metrics.builders import WEEK, World, asked, minutes_after, table
from tests.backend.metrics.storing import Row, mean, store


async def customers(world: World, *rows: Mapping[str, Any]) -> dict[str, int]:
    """Stores customers; returns their ids by external id."""
    filled = [{"segment": None, "joined_at": None, "lost_at": None, "at_risk": None, **row} for row in rows]
    async with world.tenant.write() as session:
        returned = insert(models.customer).returning(models.customer.c.external_id, models.customer.c.id)
        stored = await session.execute(returned.values(filled))
        return {row.external_id: row.id for row in stored}


async def test_the_customers_themselves_are_counted_by_when_they_came_and_left(world: World):
    dice = Random(6)

    def some_day() -> datetime | None:
        return dice.choice([None, WEEK.start + timedelta(days=dice.randrange(-3, 10))])

    rows: list[Row] = [
        {
            "external_id": f"c{number}",
            "segment": dice.choice(["vip", "new", None]),
            "joined_at": some_day(),
            "lost_at": some_day(),
            "at_risk": dice.choice([True, False, None]),
        }
        for number in range(80)
    ]
    ids = await customers(world, *rows)

    def within(moment: datetime | None) -> bool:
        return moment is not None and WEEK.start <= moment < WEEK.end

    joined = [row for row in rows if within(row["joined_at"])]
    lost = [row for row in rows if within(row["lost_at"])]
    answer = await world.ask(
        "count(where base.joined)", "count(where base.lost) at lost", "share(base.at_risk)",
        dimensions=("customer.segment",),
    )  # fmt: skip
    assert table(answer) == Counter(row["segment"] for row in joined)
    assert table(answer, 1) == Counter(row["segment"] for row in lost)
    known = [row["at_risk"] for row in joined if row["at_risk"] is not None]
    assert answer.totals[2].value == pytest.approx(mean(known))
    by_own = await world.ask("count(where base.lost) at lost", dimensions=("base.segment", "customer"))
    assert set(table(by_own)) == {(row["segment"], row["external_id"]) for row in lost}

    question = asked("count(where base.lost) at lost")
    drilled = await world.evaluator.drill(question, Drill(), limit=100)
    assert {row.id: (row.source, row.external_id, row.anchored_at) for row in drilled} == {
        UUID(int=ids[row["external_id"]]): ("customer", row["external_id"], row["lost_at"]) for row in lost
    }
    assert {row.fields["base.segment"] for row in drilled} == {row["segment"] for row in lost}
    assert all(row.interaction_id is None and row.fact == "base" for row in drilled)
    first = await world.evaluator.drill(question, Drill(), limit=3)
    rest = await world.evaluator.drill(question, Drill(), limit=100, after=first[-1].key)
    assert [*first, *rest] == drilled
    [found] = await world.evaluator.prove(question)
    assert found.aggregates[0].counted == found.aggregates[0].population == len(lost)


async def test_customers_belong_to_no_agent(world: World):
    ann = (await world.name(models.agent, "ann"))["ann"]
    [refused] = await world.ask_all(
        asked("count(where base.lost) at lost"), restriction=Restriction(agent_id=ann)
    )
    assert isinstance(refused, Forbidden)
    assert refused.code == "FACT_NOT_YOURS"


def band(row: Row) -> str:
    share = (row["score"] - row["scale_min"]) / (row["scale_max"] - row["scale_min"])
    return "satisfied" if share >= 0.6 else "dissatisfied" if share <= 0.4 else "neutral"


async def test_a_customer_is_known_by_the_first_answer_that_counts(world: World):
    dice = Random(7)
    ids = list((await customers(world, *[{"external_id": f"c{n}"} for n in range(40)])).values())
    contacts = await world.interact(
        *[
            {
                "customer_id": dice.choice([*ids, None]),
                "exclusion": dice.choice([None, None, None, "test"]),
                "started_at": minutes_after(dice.randrange(500)),
            }
            for _ in range(60)
        ]
    )
    by_id = {row["id"]: row for row in contacts}
    answers: list[Row] = []
    for _ in range(140):
        contact: Any = dice.choice([*contacts, None])
        low, high = dice.choice([(1, 5), (1, 5), (0, 10), (0, 1)])
        answers.append(
            {
                "kind": dice.choice(["csat", "csat", "csat", "nps"]),
                "scale_min": low * 1000,
                "scale_max": high * 1000,
                "score": dice.choice([None, *(1000 * score for score in range(low, high + 1))]),
                "interaction_id": contact and contact["id"],
                "customer_id": dice.choice([None, None, *ids]) if dice.random() < 0.5 else None,
                "responded_at": dice.choice([None, minutes_after(dice.randrange(500))]),
                "exclusion": dice.choice([None, None, None, "staff"]),
            }
        )
    surveys = await store(world, models.survey_response, *answers)
    orders: list[Row] = await world.order(
        *[{"customer_id": dice.choice([*ids, None]), "amount": 100} for _ in range(90)]
    )

    late = minutes_after(10_000)
    met: dict[int, list[tuple[datetime, UUID, str]]] = defaultdict(list)
    for row in surveys:
        contact = by_id.get(row["interaction_id"])
        whose = row["customer_id"] or (contact and contact["customer_id"])
        skipped = row["exclusion"] or (contact and contact["exclusion"])
        if row["kind"] != "csat" or row["score"] is None or skipped or whose is None:
            continue
        moment = row["responded_at"] or (contact["started_at"] if contact else late)
        met[whose].append((moment, row["id"], band(row)))
    bands = {customer: min(found)[2] for customer, found in met.items()}
    assert set(bands.values()) == {"satisfied", "neutral", "dissatisfied"}

    bought = await world.ask(
        "sum(order.amount)", "count(where order.amount > 0)", dimensions=("customer.first_csat",)
    )
    assert table(bought) == Counter(bands.get(row["customer_id"]) for row in orders)
    happy = await world.total("count(where order.amount > 0)", where='customer.first_csat = "satisfied"')
    assert happy.value == table(bought)["satisfied"]
    asked_by = await world.ask("count()", dimensions=("customer.first_csat",))
    assert table(asked_by) == Counter(
        bands.get(row["customer_id"]) for row in contacts if row["exclusion"] is None
    )
    of_surveys = await world.ask(
        'count(where survey.kind = "nps")', dimensions=("customer.first_csat",), window=None
    )
    seen: Counter[str | None] = Counter()
    for row in surveys:
        contact = by_id.get(row["interaction_id"])
        if row["kind"] == "nps" and not (row["exclusion"] or (contact and contact["exclusion"])):
            seen[bands.get(row["customer_id"] or (contact and contact["customer_id"]))] += 1
    assert {key: n for key, n in table(of_surveys).items() if n} == seen
