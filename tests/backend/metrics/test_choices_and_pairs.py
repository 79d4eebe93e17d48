"""Choices between values of a cell, quotients of a row, agreement of two scores, spans that overlap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from backend.interactions import models
from backend.metrics.proofs import Drill, Side
from backend.metrics.questions import CellState
from tests.backend.metrics.builders import START, World, asked, minutes_after, seconds, table

Rows = list[dict[str, Any]]


async def test_a_choice_takes_one_of_two_values_in_each_cell(world: World):
    ids = await world.name(models.team, "big", "small")
    await world.interact(
        *[{"team_id": ids["big"], "handle_time": seconds(100 + at)} for at in range(5)],
        {"team_id": ids["small"], "handle_time": seconds(7)},
    )
    answer = await world.ask("if(count() >= 5, avg(handle_time), 1h)", dimensions=("team",))
    assert table(answer) == {"big": 102.0, "small": 3600.0}
    assert answer.totals[0].value == pytest.approx((100 + 101 + 102 + 103 + 104 + 7) / 6)
    assert answer.totals[0].numerator is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("avg(talk_time) > 1s", False),  # no data: open, so it does not hold
        ("not avg(talk_time) > 1s", False),
        ("avg(talk_time) is missing", True),
        ("avg(handle_time) is not missing", True),
        ("avg(talk_time) > 1s or count() = 2", True),
        ("avg(talk_time) > 1s and count() = 2", False),
        ("not (avg(talk_time) > 1s and count() = 3)", True),
        ("avg(handle_time) = 15s", True),
        ("avg(handle_time) != 15s", False),
        ("avg(handle_time) <= 14.999s", False),
        ("3 * count() >= 6 and count() < 3", True),
    ],
)
async def test_conditions_on_cells(world: World, condition: str, holds: bool):
    await world.interact({"handle_time": seconds(10)}, {"handle_time": seconds(20)})
    cell = await world.total(f"if({condition}, 1 + 0 * count(), 0 * count())")
    assert cell.value == float(holds)


async def test_a_choice_without_rows_has_no_data_but_for_counts(world: World):
    cell = await world.total("if(count() > 0, avg(handle_time), avg(wait_time))")
    assert (cell.value, cell.state) == (None, CellState.NO_DATA)
    assert (await world.total("if(count() > 0, count(), 0)")).value == 0.0


async def test_numbers_that_are_chosen_rest_on_the_rows_they_were_chosen_for(world: World):
    tiers = "if(avg(handle_time) > 10s, 2, if(avg(handle_time) > 5s, 1, 0))"
    empty = await world.total(tiers)
    assert (empty.value, empty.state) == (None, CellState.NO_DATA)
    await world.interact({"handle_time": seconds(6)}, {"handle_time": seconds(7)}, {})
    cell = await world.total(tiers)
    assert (cell.value, cell.n) == (1.0, 2)


async def test_one_pair_of_scores_says_nothing(world: World):
    await world.interact({"customer_messages": 1, "agent_messages": 4})
    cell = await world.total("agreement(customer_messages, agent_messages)")
    assert (cell.value, cell.n) == (None, 1)


async def test_a_choice_between_kpis_keeps_their_conditions(world: World):
    await world.interact(
        {"resolved": True, "closed_at": START, "channel": "chat"},
        {"resolved": False, "closed_at": START, "channel": "chat"},
        {"resolved": True, "closed_at": START, "channel": "call"},
    )
    cell = await world.total('if(count() >= 2, @resolution_rate, @fcr) where channel = "chat"')
    assert cell.value == 0.5


async def test_quotients_of_rows_are_rounded_to_a_millionth(world: World):
    await world.interact(
        {"talk_time": seconds(1), "handle_time": seconds(3)},
        {"talk_time": seconds(2), "handle_time": seconds(3)},
        {"talk_time": seconds(2), "handle_time": 0},  # over zero: missing
        {"talk_time": None, "handle_time": seconds(3)},
    )
    cell = await world.total("exact_p50(talk_time / handle_time)")
    assert (cell.value, cell.n) == (0.5, 2)
    assert (await world.total("max(talk_time / handle_time)")).value == 0.666667
    assert (await world.total("count(where talk_time / handle_time > 0.5)")).value == 1
    assert (await world.total("avg(handle_time / 60)")).value == 0.0375


async def test_agreement_is_quadratically_weighted_kappa(world: World):
    dice = Random(5)
    ids = await world.name(models.team, "a", "b", "c")
    rows: Rows = [
        {
            "team_id": dice.choice(list(ids.values())),
            "customer_messages": dice.choice([None, *range(6)]),
            "agent_messages": dice.choice([None, *range(6)]),
            "exclusion": dice.choice([None] * 9 + ["test"]),
        }
        for _ in range(200)
    ]
    await world.interact(*rows)
    formula = "agreement(customer_messages, agent_messages)"
    answer = await world.ask(formula, dimensions=("team",))
    counted = [row for row in rows if row["exclusion"] is None]
    for name, value in table(answer).items():
        assert value == float(_kappa([row for row in counted if row["team_id"] == ids[name]]))
    assert answer.totals[0].value == float(_kappa(counted))
    [proof] = await world.evaluator.prove(asked(formula))
    [part] = proof.aggregates
    assert part.counted == answer.totals[0].n == len(list(_pairs(counted)))
    assert part.population == part.counted + sum(one.rows for one in part.exclusions) == len(rows)


async def test_where_nothing_varies_there_is_nothing_to_agree_on(world: World):
    await world.interact(*[{"customer_messages": 2, "agent_messages": 2}] * 3)
    assert (await world.total("agreement(customer_messages, agent_messages)")).state is CellState.NO_DATA


def _pairs(rows: Rows) -> Iterable[tuple[int, int]]:
    both = ((row["customer_messages"], row["agent_messages"]) for row in rows)
    return ((x, y) for x, y in both if x is not None and y is not None)


def _kappa(rows: Rows) -> Fraction:
    """By its definition: observed against expected disagreement, over a table of all pairs of scores."""
    pairs = list(_pairs(rows))
    observed = Fraction(sum((x - y) ** 2 for x, y in pairs), len(pairs))
    expected = Fraction(sum((x - y) ** 2 for x, _ in pairs for _, y in pairs), len(pairs) ** 2)
    return 1 - observed / expected


async def test_overlapping_spans_of_an_agent_count_once(world: World):
    dice = Random(11)
    agents = list((await world.name(models.agent, "ann", "bob", "cy")).values())
    rows: Rows = []
    for _ in range(150):
        accepted = START + timedelta(minutes=dice.randrange(600))
        rows.append(
            {
                "agent_id": dice.choice([None, *agents]),
                "accepted_at": dice.choice([accepted] * 9 + [None]),
                "closed_at": accepted + timedelta(seconds=dice.randrange(-60, 3600)),
                "channel": dice.choice(["chat", "call"]),
            }
        )
    await world.interact(*rows)
    formula = "union_time(accepted, closed)"
    answer = await world.ask(formula, dimensions=("agent",))
    for name, value in table(answer).items():
        assert value == (None if name is None else _union([r for r in rows if _name(world, r) == name]))
    assert answer.totals[0].value == _union(rows)
    split = await world.ask(formula, dimensions=("channel",))
    for channel, value in table(split).items():
        assert value == _union([row for row in rows if row["channel"] == channel])
    ratio = await world.ask(
        f"sum(closed - accepted where closed >= accepted and agent is not missing) / {formula}"
    )
    assert ratio.totals[0].value is not None
    assert ratio.totals[0].value > 1
    drilled = await world.evaluator.drill(asked(formula), Drill(side=Side.DENOMINATOR), limit=1000)
    assert len(drilled) == answer.totals[0].n == len(_spans(rows))
    assert sum(row.value or 0 for row in drilled) == sum(
        (to - at).total_seconds() for _, at, to in _spans(rows)
    )


async def test_a_span_touching_another_adds_nothing_twice(world: World):
    ids = await world.name(models.agent, "ann", "bob")
    span = {"accepted_at": START, "closed_at": minutes_after(10)}
    await world.interact(
        {**span, "agent_id": ids["ann"]},
        {"accepted_at": minutes_after(10), "closed_at": minutes_after(12), "agent_id": ids["ann"]},
        {**span, "agent_id": ids["bob"]},
    )
    assert (await world.total("union_time(accepted, closed)")).value == 22 * 60


def _name(world: World, row: dict[str, Any]) -> str | None:
    return None if row["agent_id"] is None else world.names["agent", row["agent_id"]]


def _spans(rows: Rows) -> list[tuple[int, datetime, datetime]]:
    found = [(row["agent_id"], row["accepted_at"], row["closed_at"]) for row in rows]
    return [(agent, at, to) for agent, at, to in found if agent is not None and at is not None and at <= to]


def _union(rows: Rows) -> float:
    """Second by second."""
    busy = {
        (agent, at + timedelta(seconds=second))
        for agent, at, to in _spans(rows)
        for second in range(int((to - at).total_seconds()))
    }
    return float(len(busy))
