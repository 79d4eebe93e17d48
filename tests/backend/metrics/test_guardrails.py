"""A gain that another KPI pays for is said to be one, over real facts in two windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from backend.core.windows import Comparison, Grain, Window
from backend.interactions import models
from backend.metrics.judging import Judgement, Verdict
from backend.metrics.kpi import Band
from backend.metrics.models import kpi
from backend.metrics.questions import Answer, CellState, KpiAsk, Question, Restriction
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import START, WEEK, World, asked, seconds

BEFORE = START - timedelta(days=7)
COMPARED: dict[str, Any] = {"comparison": Comparison.PREVIOUS_PERIOD}
IMPROVED, AT_COST = Judgement(Verdict.IMPROVED), Judgement(Verdict.IMPROVED_AT_COST, ("fcr",))
WORSE, UNCHANGED, NOTHING = Judgement(Verdict.WORSE), Judgement(Verdict.UNCHANGED), Judgement()


def contacts(
    start: datetime, handle_time: float, solved: int, of: int = 10, **row: Any
) -> Iterator[dict[str, Any]]:
    """Contacts of one handle time, some of them solved at once."""
    for at in range(of):
        yield {
            "started_at": start,
            "handle_time": seconds(handle_time),
            "resolved_on_first_contact": at < solved,
            **row,
        }


async def two_weeks(world: World, before: tuple[float, int], now: tuple[float, int], **row: Any) -> None:
    """Handle time and contacts solved at once of ten, in the week before and in this one."""
    await world.interact(*contacts(BEFORE, *before, **row), *contacts(START, *now, **row))


def judgements(answer: Answer) -> list[Judgement]:
    """The judgements on the totals, which are also those of the only row."""
    assert answer.total_judgements is not None
    assert [column.judgements for column in answer.columns] == [[one] for one in answer.total_judgements]
    return answer.total_judgements


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((300, 8), (240, 6), AT_COST),
        ((300, 8), (240, 8), IMPROVED),
        ((300, 8), (240, 9), IMPROVED),
        ((300, 8), (360, 6), WORSE),
        ((300, 8), (298.5, 6), UNCHANGED),  # 0.5 % is noise, whatever it cost
        ((300, 8), (301.5, 6), UNCHANGED),
    ],
)
async def test_a_shorter_handle_time_that_costs_resolution_is_no_gain(
    world: World, before: tuple[float, int], now: tuple[float, int], expected: Judgement
):
    await two_weeks(world, before, now)
    answer = await world.ask("@aht", **COMPARED)
    assert judgements(answer) == [expected]
    assert [column.kpi.key for column in answer.columns] == ["aht"]
    assert len(answer.totals) == 1


async def test_a_faster_reply_that_brings_customers_back_is_no_gain(world: World):
    for name, start, reply, again in (("old", BEFORE, 60, 0), ("new", START, 30, 4)):
        customers = await world.name(models.customer, *(f"{name}{number}" for number in range(8)))
        for number, customer in enumerate(customers.values()):
            row = {"customer_id": customer, "started_at": start, "first_response_time": seconds(reply)}
            await world.interact(row)
            if number < again:
                await world.interact(row | {"started_at": start + timedelta(days=1)})
    answer = await world.ask("@first_response_time", **COMPARED)
    assert judgements(answer) == [Judgement(Verdict.IMPROVED_AT_COST, ("no_repeat_contact_rate",))]


async def test_what_may_still_change_raises_nothing(world: World, clock: Any):
    clock.now = WEEK.end  # contacts of this week may be repeated for seven days more
    await two_weeks(world, (300, 8), (240, 6))
    answer = await world.ask("@no_repeat_contact_rate", "@aht", **COMPARED)
    assert answer.totals[0].state in (CellState.NO_DATA, CellState.PROVISIONAL)
    assert judgements(answer) == [NOTHING, AT_COST]


async def test_a_guardrail_on_too_few_rows_raises_nothing(world: World, ann: Ann):
    await two_weeks(world, (300, 8), (240, 6))
    await ann.revise("fcr", 1, minimum_sample=11)
    assert judgements(await world.ask("@aht", **COMPARED)) == [IMPROVED]
    await ann.revise("aht", 1, minimum_sample=11)
    assert judgements(await world.ask("@aht", **COMPARED)) == [NOTHING]


@pytest.mark.parametrize(
    "state",
    [
        {"archived_at": START},
        {"direction": None},
        {"direction": "band", "target_low": None},  # without a band
    ],
)
async def test_a_guardrail_that_cannot_be_judged_is_left_aside(world: World, state: dict[str, Any]):
    await two_weeks(world, (300, 8), (240, 6))
    async with world.tenant.write() as session:
        await session.execute(update(kpi).where(kpi.c.key == "fcr").values(state))
    assert judgements(await world.ask("@aht", **COMPARED)) == [IMPROVED]


async def test_a_guardrail_that_was_never_there_is_left_aside(world: World):
    await two_weeks(world, (300, 8), (240, 6))
    async with world.tenant.write() as session:
        await session.execute(update(kpi).where(kpi.c.key == "aht").values(guardrails=["gone", "fcr"]))
    assert judgements(await world.ask("@aht", **COMPARED)) == [AT_COST]


async def test_each_row_is_judged_by_its_own_members(world: World):
    agents = await world.name(models.agent, "ann", "bob", "cy")
    await two_weeks(world, (300, 8), (240, 6), agent_id=agents["ann"])
    await two_weeks(world, (300, 5), (240, 9), agent_id=agents["bob"])
    await world.interact(*contacts(START, 240, 6, agent_id=agents["cy"]))  # new this week
    answer = await world.ask("@aht", dimensions=("agent",), **COMPARED)
    assert [row[0].key for row in answer.members] == ["ann", "bob", "cy"]
    assert answer.columns[0].judgements == [AT_COST, IMPROVED, NOTHING]
    # of 20 contacts 13 were solved at once, now 21 of 30: better, for all that it got worse with one
    assert answer.total_judgements == [IMPROVED]


async def test_each_bucket_is_judged_beside_the_bucket_of_its_rank(world: World):
    tuesday = timedelta(days=1)
    await two_weeks(world, (300, 8), (240, 6))
    await world.interact(*contacts(BEFORE + tuesday, 300, 8), *contacts(START + tuesday, 360, 8))
    answer = await world.ask("@aht", grain=Grain.DAY, **COMPARED)
    assert answer.columns[0].judgements == [AT_COST, WORSE] + [NOTHING] * 5


async def test_a_day_without_one_to_stand_beside_is_not_judged(world: World):
    march = Window.of_local(START.date().replace(month=3, day=1), START.date().replace(month=4, day=1), "UTC")
    await world.interact(
        *contacts(march.start - timedelta(days=1), 300, 8), *contacts(march.end - timedelta(days=1), 240, 6)
    )
    answer = await world.ask("@aht", window=march, grain=Grain.DAY, **COMPARED)
    assert len(answer.members) == 31
    assert answer.columns[0].judgements == [NOTHING] * 31
    assert answer.total_judgements == [AT_COST]


async def test_a_guardrail_adds_no_row(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    await two_weeks(world, (300, 8), (240, 8), agent_id=agents["ann"])
    await world.survey({"agent_id": agents["bob"], "score": 5000, "responded_at": START})
    answer = await world.ask("@aht", dimensions=("agent",), **COMPARED)
    assert [row[0].key for row in answer.members] == ["ann"]
    assert answer.total_rows == 1
    assert answer.columns[0].judgements == [IMPROVED]


async def test_a_guardrail_of_rows_out_of_reach_is_left_aside(world: World, ann: Ann):
    await two_weeks(world, (300, 8), (240, 6))
    await world.order({"amount": 900, "ordered_at": BEFORE, "paid_at": BEFORE}, {"amount": 100})
    await ann.create("sold", "sum(order.amount)")
    await ann.revise("aht", 1, guardrails=("sold",))
    assert judgements(await world.ask("@aht", **COMPARED)) == [Judgement(Verdict.IMPROVED_AT_COST, ("sold",))]
    answer = await world.ask("@aht", dimensions=("channel",), **COMPARED)
    assert answer.columns[0].judgements == [IMPROVED]
    answer = await world.ask("@aht", where='channel = "chat"', **COMPARED)
    assert answer.total_judgements == [IMPROVED]


async def test_an_agents_own_gain_is_judged_by_the_agents_own_rows(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    await two_weeks(world, (300, 8), (240, 8), agent_id=agents["ann"])
    await two_weeks(world, (300, 8), (240, 1), agent_id=agents["bob"])
    question = asked("@aht", **COMPARED)
    [everything] = await world.ask_all(question)
    [own] = await world.ask_all(question, restriction=Restriction(agent_id=agents["ann"]))
    assert isinstance(everything, Answer)
    assert isinstance(own, Answer)
    assert (judgements(everything), judgements(own)) == ([AT_COST], [IMPROVED])


async def test_a_formula_has_no_direction_and_its_name_guards_nothing(world: World):
    await two_weeks(world, (300, 8), (240, 6))
    named = KpiAsk("fcr", "count(where resolved_on_first_contact is not missing)")
    [answer] = await world.ask_all(Question((KpiAsk("aht"), named), WEEK, **COMPARED))
    assert isinstance(answer, Answer)
    assert [column.kpi.key for column in answer.columns] == ["aht", "fcr"]
    assert judgements(answer) == [AT_COST, NOTHING]


async def test_a_guardrail_that_is_asked_for_is_shown_and_judged_too(world: World):
    await two_weeks(world, (300, 8), (240, 6))
    answer = await world.ask("@fcr", "@aht", **COMPARED)
    assert judgements(answer) == [WORSE, AT_COST]


async def test_a_band_is_better_the_nearer_it_is(world: World, ann: Ann):
    row = {"customer_messages": 10, "started_at": BEFORE, "agent_messages": 20}
    await world.interact(row, row | {"started_at": START, "agent_messages": 16})
    await ann.revise("answer_question_ratio", 1, target=Band())
    assert judgements(await world.ask("@answer_question_ratio", **COMPARED)) == [NOTHING]
    await ann.revise("answer_question_ratio", 2, target=Band(Decimal(1), Decimal("1.5")))
    assert judgements(await world.ask("@answer_question_ratio", **COMPARED)) == [IMPROVED]


async def test_without_a_comparison_nothing_is_judged(world: World):
    await two_weeks(world, (300, 8), (240, 6))
    answer = await world.ask("@aht")
    assert answer.total_judgements is None
    assert answer.columns[0].judgements is None


async def test_a_kpi_without_a_direction_has_nothing_to_guard(world: World, ann: Ann):
    await two_weeks(world, (300, 8), (240, 6))
    await ann.create("some", "avg(handle_time)", direction=None, guardrails=("fcr",))
    assert judgements(await world.ask("@some", **COMPARED)) == [NOTHING]
    question = asked("@some", **COMPARED)
    assert "resolved_on_first_contact" not in await world.explain(question)
    assert "resolved_on_first_contact" in await world.explain(asked("@aht", **COMPARED))
