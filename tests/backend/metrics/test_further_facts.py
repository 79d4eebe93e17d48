"""Sentiment, causes, costs, teams, SLA instances and second reviews, each against a count made in Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from backend.interactions import models
from backend.metrics.questions import Restriction
from tests.backend.metrics.builders import START, WEEK, World, asked, minutes_after, seconds, table
from tests.backend.metrics.storing import Row, mean, store


async def test_sentiment_is_averaged_in_its_own_units_by_model(world: World):
    await world.interact(
        {"sentiment": -1000, "sentiment_model": "m-1", "at_risk": True},
        {"sentiment": 250, "sentiment_model": "m-1", "at_risk": False},
        {"sentiment": 400, "sentiment_model": "m-2"},
        {},
    )
    answer = await world.ask("avg(sentiment)", "share(at_risk)", dimensions=("sentiment_model",))
    assert table(answer) == {"m-1": -0.375, "m-2": 0.4, None: None}
    assert answer.totals[0].value == pytest.approx(-0.35 / 3)
    assert (answer.totals[1].value, answer.totals[1].denominator) == (0.5, 2)
    assert table(await world.ask("count()", dimensions=("at_risk",))) == {"true": 1, "false": 1, None: 2}


async def test_causes_and_call_backs_of_low_scores(world: World):
    rows = [
        (1000, "product", None, 30),
        (2000, "attitude", False, None),
        (2000, "product", True, 90),
        (5000, None, True, None),
    ]
    await store(
        world,
        models.survey_response,
        *[
            {
                "kind": "csat",
                "scale_min": 1000,
                "scale_max": 5000,
                "score": score,
                "cause": cause,
                "solved": solved,
                "responded_at": START,
                "called_back_at": back and minutes_after(back),
            }
            for score, cause, solved, back in rows
        ],
    )
    answer = await world.ask(
        "share(survey.called_back where survey.score <= 2)",
        "avg(survey.called_back - survey.responded)",
        "share(survey.solved)",
        dimensions=("survey.cause",),
    )
    assert [cell.value for cell in answer.totals] == [2 / 3, 3600.0, 2 / 3]
    assert table(answer) == {"attitude": 0.0, "product": 1.0, None: None}
    assert table(answer, 2) == {"attitude": 0.0, "product": 1.0, None: 1.0}


async def test_costs_of_another_currency_are_missing(world: World):
    own = world.tenant.tenant.currency
    other = "EUR" if own != "EUR" else "USD"
    agents = await world.name(models.agent, "ann", "bob")
    base = {"state": "busy", "started_at": START, "ended_at": minutes_after(60), "duration": seconds(3600)}
    await store(
        world,
        models.agent_activity,
        {**base, "agent_id": agents["ann"], "cost": 2050, "currency": own},
        {**base, "agent_id": agents["ann"], "cost": 900, "currency": other},
        {**base, "agent_id": agents["bob"], "cost": 1000, "currency": own},
        {**base, "agent_id": agents["bob"], "cost": None},
    )
    answer = await world.ask(
        "sum(activity.cost)", "count(where activity.cost is not missing)", dimensions=("agent",)
    )
    assert answer.totals[0].value == 30.5
    assert table(answer) == {"ann": 20.5, "bob": 10.0}
    assert table(answer, 1) == {"ann": 1, "bob": 1}


async def test_activities_and_orders_belong_to_the_team_of_their_agent(world: World):
    teams = await world.name(models.team, "north", "south")
    agents = {
        **await world.name(models.agent, "ann", "bob", team_id=teams["north"]),
        **await world.name(models.agent, "cy", team_id=teams["south"]),
        **await world.name(models.agent, "dee"),
    }
    dice = Random(4)
    activities: list[Row] = [
        {
            "agent_id": dice.choice(list(agents.values())),
            "state": dice.choice(["busy", "away"]),
            "started_at": START,
            "ended_at": START,
            "duration": seconds(dice.randrange(60)),
        }
        for _ in range(60)
    ]
    await store(world, models.agent_activity, *activities)
    sales: list[Row] = [
        {"agent_id": dice.choice([*agents.values(), None]), "amount": 100 * n} for n in range(40)
    ]
    await world.order(*sales)
    team_of = dict.fromkeys(agents.values()) | {
        agents["ann"]: "north", agents["bob"]: "north", agents["cy"]: "south", None: None
    }  # fmt: skip
    busy: dict[Any, float] = defaultdict(float)
    for row in activities:
        if row["state"] == "busy":
            busy[team_of[row["agent_id"]]] += row["duration"] / 1000
    sold: dict[Any, float] = defaultdict(float)
    for sale in sales:
        sold[team_of[sale["agent_id"]]] += sale["amount"] / 100
    both = await world.ask(
        'sum(activity.duration where activity.state = "busy")', "sum(order.amount)", dimensions=("team",)
    )
    assert table(both) == busy
    assert table(both, 1) == sold
    of_north = await world.total("sum(order.amount)", where='team = "north"')
    assert of_north.value == sold["north"]

    # both dimensions at once, and an agent's question for the team's totals sees no other team's
    split: dict[Any, Any] = table(await world.ask("sum(order.amount)", dimensions=("team", "agent")))
    assert split["north", "ann"] + split["north", "bob"] == sold["north"]
    [seen] = await world.ask_all(
        asked("sum(activity.duration)", "sum(order.amount)", dimensions=("team",)),
        restriction=Restriction(team_id=teams["south"]),
    )
    every = sum(row["duration"] for row in activities if row["agent_id"] == agents["cy"]) / 1000
    assert table(seen) == {"south": every}  # type: ignore[arg-type]
    assert table(seen, 1) == {"south": sold["south"]}  # type: ignore[arg-type]


async def test_sla_instances_lie_where_they_were_due_and_reach_their_interaction(world: World):
    dice = Random(5)
    tickets = await world.interact(
        *[
            {
                "channel": dice.choice(["ticket", "email"]),
                "exclusion": dice.choice([None, None, None, "spam"]),
            }
            for _ in range(30)
        ]
    )
    rows: list[Row] = []
    for _ in range(150):
        ticket = dice.choice([*tickets, None])
        applied = WEEK.start + timedelta(hours=dice.randrange(-48, 8 * 24))
        due = dice.choice([applied + timedelta(hours=8), None])
        rows.append(
            {
                "interaction_id": ticket and ticket["id"],
                "metric": dice.choice(["first_response", "resolution"]),
                "policy": dice.choice(["gold", None]),
                "target": seconds(8 * 3600),
                "applied_at": applied,
                "due_at": due,
                "achieved_at": dice.choice([None, applied + timedelta(hours=dice.randrange(16))]),
                "exclusion": dice.choice([None, None, None, None, "paused"]),
            }
        )
    await store(world, models.sla_instance, *rows)
    by_id = {row["id"]: row for row in tickets}

    def counts(row: Row, anchor: datetime | None) -> bool:
        ticket = by_id.get(row["interaction_id"])
        inside = anchor is not None and WEEK.start <= anchor < WEEK.end
        return inside and row["exclusion"] is None and (ticket is None or ticket["exclusion"] is None)

    expected = [row for row in rows if counts(row, row["due_at"] or row["applied_at"])]
    achieved = [row for row in rows if counts(row, row["achieved_at"])]
    answer = await world.ask(
        "share(sla.achieved <= sla.due)",
        "avg(sla.achieved - sla.applied) at achieved",
        "sum(sla.target)",
        'count(where sla.metric = "resolution") at started',
    )
    kept = [row["achieved_at"] <= row["due_at"] for row in expected if row["achieved_at"] and row["due_at"]]
    took = [(row["achieved_at"] - row["applied_at"]).total_seconds() for row in achieved]
    at_start = [
        row for row in rows if row["metric"] == "resolution" and row["interaction_id"] and counts(row, START)
    ]
    assert [cell.value for cell in answer.totals] == [
        pytest.approx(mean(kept)),
        pytest.approx(mean(took)),
        8 * 3600 * len(expected),
        len(at_start),
    ]
    by_channel = Counter(
        (row["policy"], by_id[row["interaction_id"]]["channel"] if row["interaction_id"] else None)
        for row in expected
    )
    split = await world.ask("count(where sla.applied)", dimensions=("sla.policy", "channel"))
    assert table(split) == by_channel


async def test_a_pair_of_reviews_is_met_once(world: World):
    dice = Random(8)
    contacts = [row["id"] for row in await world.interact(*[{} for _ in range(25)])]
    reviews = await store(
        world,
        models.qa_review,
        *[
            {
                "interaction_id": dice.choice([*contacts, None]),
                "reviewer": dice.choice(["eve", "fay", None]),
                "score": dice.choice([None, *range(60_000, 100_000, 5_000)]),
                "reviewed_at": minutes_after(dice.randrange(40)),
                "exclusion": dice.choice([None, None, None, None, "trial"]),
            }
            for _ in range(110)
        ],
    )

    def second(row: Row) -> int | None:
        if row["interaction_id"] is None or row["reviewer"] is None:
            return None
        later = [
            (other["reviewed_at"], other["id"], other["score"])
            for other in reviews
            if other["interaction_id"] == row["interaction_id"]
            and other["reviewer"] not in (None, row["reviewer"])
            and (other["reviewed_at"], other["id"]) > (row["reviewed_at"], row["id"])
            and other["score"] is not None
            and other["exclusion"] is None
        ]
        return min(later)[2] if later else None

    counted = [row for row in reviews if row["exclusion"] is None]
    apart = [
        (row["score"] - other) / 1000
        for row in counted
        if row["score"] is not None and (other := second(row)) is not None
    ]
    cell = await world.total("avg(review.score - review.second_score)")
    assert len(apart) > 15
    assert cell.value == pytest.approx(mean(apart))
    assert cell.denominator == len(apart)
    pairs = await world.total("count(where review.second_score is not missing)")
    assert pairs.value == sum(second(row) is not None for row in counted)
    agreed = await world.total("share(review.score = review.second_score)")
    assert agreed.value == pytest.approx(mean(gap == 0 for gap in apart))
