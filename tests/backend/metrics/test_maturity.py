"""Values that look ahead of their rows: which of them may still change, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from backend.core.windows import Comparison, Grain, Window
from backend.interactions import models
from backend.metrics.questions import CellState
from tests.backend.metrics.builders import START, WEEK, World, asked

DAY = timedelta(days=1)
MONTH = Window(WEEK.start, WEEK.start + 28 * DAY, "UTC")
Row = dict[str, Any]


async def a_month(world: World, seed: int) -> tuple[list[Row], list[Row]]:
    """Four weeks of contacts and orders by few customers."""
    dice = Random(seed)
    customers = list((await world.name(models.customer, *(f"c{at}" for at in range(60)))).values())
    contacts = await world.interact(
        *[
            {
                "customer_id": dice.choice(customers) if dice.random() < 0.9 else None,
                "started_at": MONTH.start + timedelta(minutes=dice.randrange(28 * 1440)),
                "exclusion": "spam" if dice.random() < 0.1 else None,
                "answered": dice.random() < 0.8,
            }
            for _ in range(300)
        ]
    )
    orders = await world.order(
        *[
            {
                "customer_id": dice.choice(customers),
                "amount": 100,
                "ordered_at": (at := MONTH.start + timedelta(minutes=dice.randrange(32 * 1440))),
                "paid_at": at,
            }
            for _ in range(150)
        ]
    )
    return contacts, orders


def follows(row: Row, others: Sequence[Row], moment: str, span: timedelta) -> bool | None:
    """Whether one of the customer's rows comes after, by `moment` or, at one instant, by id."""
    if row["customer_id"] is None:
        return None
    start = row["started_at"]
    return any(
        start <= other[moment] <= start + span
        and (other[moment] > start or moment != "started_at" or other["id"] > row["id"])
        for other in others
        if other["customer_id"] == row["customer_id"] and other["exclusion"] is None
    )


@pytest.mark.parametrize(
    ("formula", "moment", "days"),
    [
        ("share(not contacted_again_within(7d))", "started_at", 7),
        ("share(not followed_within(7d, started))", "started_at", 7),
        ("share(not followed_within(4d, order.paid))", "paid_at", 4),
    ],
)
async def test_the_last_days_are_provisional_until_their_time_has_passed(
    world: World, clock: Any, formula: str, moment: str, days: int
):
    contacts, orders = await a_month(world, seed=days)
    others, span = contacts if moment == "started_at" else orders, days * DAY
    clock.now = MONTH.end
    answer = await world.ask(formula, window=MONTH, grain=Grain.DAY)
    assert answer.buckets is not None
    for at, bucket in enumerate(answer.buckets):
        cell = answer.columns[0].cell(at)
        if bucket + DAY + span <= clock.now:
            assert (cell.state, cell.matured) == (CellState.OK, 1)
        else:
            assert (cell.state, cell.matured) == (CellState.PROVISIONAL, 0)
    known = [row for row in contacts if row["exclusion"] is None and row["customer_id"] is not None]
    passed = [row for row in known if row["started_at"] + span <= clock.now]
    total = answer.totals[0]
    assert total.state is CellState.PROVISIONAL
    assert total.matured == len(passed) / len(known) < 1

    clock.advance(days=days)
    final = await world.ask(formula, window=MONTH, grain=Grain.DAY)
    unmet = sum(follows(row, others, moment, span) is False for row in known)
    settled = final.totals[0]
    assert (settled.value, settled.state, settled.matured) == (unmet / len(known), CellState.OK, 1)
    assert set(final.columns[0].states) == {CellState.OK}
    assert final.columns[0].values == answer.columns[0].values  # nothing new has come


async def test_only_finished_windows_may_be_counted(world: World, clock: Any):
    contacts, _ = await a_month(world, seed=3)
    clock.now = MONTH.end
    formula = "share(not contacted_again_within(7d) where matured(7d))"
    known = [row for row in contacts if row["exclusion"] is None and row["customer_id"] is not None]
    passed = [row for row in known if row["started_at"] + 7 * DAY <= clock.now]
    cell = await world.total(formula, window=MONTH)
    unmet = sum(follows(row, contacts, "started_at", 7 * DAY) is False for row in passed)
    assert (cell.numerator, cell.denominator) == (unmet, len(passed))
    # those that are not counted yet will be: the value may change, and as many of the rows are in it
    assert (cell.state, cell.matured) == (CellState.PROVISIONAL, len(passed) / len(known))
    clock.advance(days=7)
    later = await world.total(formula, window=MONTH)
    assert (later.state, later.matured, later.n) == (CellState.OK, 1, len(known))


async def test_rows_that_do_not_meet_the_condition_yet_are_waited_for(world: World, clock: Any):
    ids = await world.name(models.customer, "one", "two")
    await world.interact(
        {"customer_id": ids["one"], "answered": True},
        {"customer_id": ids["one"], "answered": True, "started_at": START + DAY},
        {"customer_id": ids["two"], "answered": True, "started_at": START + 3 * DAY},
        {"customer_id": ids["two"], "answered": False, "started_at": START + 3 * DAY},
    )
    clock.now = START + 4 * DAY
    cell = await world.total("count(where answered and followed_within(2d, started))")
    assert (cell.value, cell.n, cell.state, cell.matured) == (2, 2, CellState.PROVISIONAL, 2 / 3)
    combined = await world.total("count(where followed_within(2d, started)) / count(where answered)")
    assert combined.matured == 2 / 4  # of the aggregate that looks ahead


async def test_looking_back_or_not_at_all_is_settled_at_once(world: World, clock: Any):
    ids = await world.name(models.customer, "one")
    await world.interact({"customer_id": ids["one"]})
    clock.now = START
    answer = await world.ask(
        "share(preceded_within(7d, started))", "count(where has(survey.responded))", "count()"
    )
    assert [(cell.state, cell.matured) for cell in answer.totals] == [(CellState.OK, None)] * 3


async def test_where_there_are_no_rows_nothing_is_waited_for(world: World, clock: Any):
    clock.now = WEEK.end
    answer = await world.ask("share(contacted_again_within(7d))", "count(where contacted_again_within(7d))")
    assert [(cell.value, cell.state, cell.matured) for cell in answer.totals] == [
        (None, CellState.NO_DATA, None),
        (0, CellState.OK, None),
    ]


async def test_a_row_without_the_moment_has_nothing_to_wait_for(world: World, clock: Any):
    ids = await world.name(models.customer, "one")
    await world.interact(
        {"customer_id": ids["one"], "started_at": None}, {"customer_id": ids["one"], "started_at": START}
    )
    clock.now = START + 8 * DAY
    cell = await world.total("count(where not followed_within(7d, started))", window=None)
    assert (cell.value, cell.state, cell.matured) == (1, CellState.OK, 1)


async def test_it_is_told_by_member_and_for_the_compared_window(world: World, clock: Any):
    ids = await world.name(models.customer, "one")
    agents = await world.name(models.agent, "ann", "bob")
    await world.interact(
        {"customer_id": ids["one"], "agent_id": agents["ann"]},
        {"customer_id": ids["one"], "agent_id": agents["ann"], "started_at": WEEK.end - DAY},
        {"customer_id": ids["one"], "agent_id": agents["bob"], "started_at": WEEK.end - DAY},
        {"customer_id": ids["one"], "agent_id": agents["bob"], "started_at": START - 7 * DAY},
    )
    clock.now = WEEK.end
    answer = await world.ask(
        "share(contacted_again_within(3d))",
        dimensions=("agent",),
        comparison=Comparison.PREVIOUS_PERIOD,
    )
    assert answer.columns[0].matured == [0.5, 0]
    assert answer.totals[0].matured == 1 / 3
    assert answer.previous_columns is not None
    assert answer.previous_columns[0].matured == [None, 1]
    assert answer.previous_columns[0].states == [CellState.NO_DATA, CellState.OK]


async def test_a_time_is_counted_from_where_the_condition_counts_it(world: World, clock: Any):
    ids = await world.name(models.customer, "one")
    await world.interact(
        {"customer_id": ids["one"], "started_at": START, "resolved_at": START + 5 * DAY, "resolved": True}
    )
    clock.now = START + 8 * DAY
    again = await world.total("share(contacted_again_within(7d)) at resolved")
    followed = await world.total("share(followed_within(7d, started)) at resolved")
    assert (again.matured, followed.matured) == (1, 0)


async def test_a_filter_that_looks_ahead_leaves_values_open(world: World, clock: Any):
    ids = await world.name(models.customer, "one")
    await world.interact({"customer_id": ids["one"]}, {"customer_id": ids["one"]})
    clock.now = WEEK.end
    cell = await world.total("count()", where="followed_within(2d, started)")
    assert (cell.value, cell.state, cell.matured) == (1, CellState.PROVISIONAL, None)
    clock.advance(days=2)
    cell = await world.total("count()", where="followed_within(2d, started)")
    assert cell.state is CellState.OK


async def test_all_of_one_answer_is_of_one_instant(world: World, acme: Any):
    moments = iter(START + timedelta(seconds=at) for at in range(100))
    ticking = World(acme, type(world.evaluator)(acme, lambda: next(moments)))
    await ticking.interact({"started_at": START - DAY})
    [answer] = await ticking.ask_all(asked("max(now - started)", "min(now - started)"))
    values = [cell.value for cell in answer.totals]  # type: ignore[union-attr]
    assert values[0] == values[1]
    assert isinstance(START, datetime)
