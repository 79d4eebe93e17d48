"""Questions to answers: what a cell says when there is nothing, order, comparison, who may see what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from backend.core.errors import DomainError, Invalid
from backend.core.windows import Comparison, Grain, Window
from backend.interactions import models
from backend.metrics.language.types import Unit
from backend.metrics.models import kpi
from backend.metrics.planning import shaping
from backend.metrics.questions import Answer, CellState, KpiAsk, Order, Question, Restriction
from tenants.database import Database
from tests.backend.metrics.builders import START, WEEK, World, asked, table
from tests.statements import counted

DAY = timedelta(days=1)


def of(answer: Answer | DomainError) -> Answer:
    assert isinstance(answer, Answer), answer
    return answer


# nothing there


async def test_no_data_is_not_zero(world: World):
    answer = await world.ask(
        "count()", "avg(handle_time)", "share(resolved)", "count(where answered) / count()"
    )
    assert [(cell.value, cell.n, cell.state) for cell in answer.totals] == [
        (0.0, 0, CellState.OK),
        (None, 0, CellState.NO_DATA),
        (None, 0, CellState.NO_DATA),
        (None, 0, CellState.NO_DATA),
    ]
    await world.interact({"resolved": False, "handle_time": 0})
    answer = await world.ask("avg(handle_time)", "share(resolved)")
    assert [(cell.value, cell.n, cell.state) for cell in answer.totals] == [
        (0.0, 1, CellState.OK),
        (0.0, 1, CellState.OK),
    ]


async def test_an_answer_without_rows_has_no_rows_but_a_total(world: World):
    answer = await world.ask("count()", dimensions=("agent",))
    assert (answer.members, answer.total_rows, answer.totals[0].value) == ([], 0, 0.0)
    series = await world.ask("count()", grain=Grain.DAY)
    assert series.columns[0].values == [0.0] * 7
    assert (await world.ask("count()", grain=Grain.DAY, dimensions=("agent",))).members == []


async def test_the_other_tenants_rows_are_never_counted(world: World, globex):
    # globex has an interaction inside this window, a survey, an order ...
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC), "UTC")
    questions = [
        Question((KpiAsk("n", formula),), window, dimensions=("agent",))
        for formula in (
            "count()",
            'count(where survey.kind = "csat")',
            "count(where order.ordered)",
            "count(where review.reviewed)",
            "count(where event.happened)",
        )
    ]
    for answer in await world.ask_all(*questions):
        assert (of(answer).totals[0].value, of(answer).members) == (0.0, [])
    assert (await world.total("count()", window=None)).value == 0.0


# what a column is about


async def test_a_column_says_what_it_is(world: World):
    answer = await world.ask("@csat", "@nps", "avg( handle_time )at closed", "sum(order.amount)")
    csat, nps, own, money = (column.kpi for column in answer.columns)
    assert (csat.key, csat.name_en, csat.name_zh, csat.unit, csat.direction) == (
        "csat",
        "CSAT",
        "客户满意度",
        Unit.RATIO,
        "up",
    )
    assert nps.unit is Unit.POINTS
    assert (own.key, own.name_en, own.formula, own.anchor, own.unit) == (
        "c",
        "c",
        "avg(handle_time) at closed",
        "closed",
        Unit.DURATION,
    )
    assert (money.unit, money.currency, money.anchor) == (Unit.MONEY, "USD", "ordered")


async def test_values_over_too_few_rows_are_marked(world: World):
    async with world.tenant.write() as session:
        await session.execute(update(kpi).where(kpi.c.key == "resolution_rate").values(minimum_sample=3))
    await world.interact({"resolved": True}, {"resolved": True})
    total = await world.total("@resolution_rate")
    assert (total.value, total.state) == (1.0, CellState.BELOW_MINIMUM_SAMPLE)
    await world.interact({"resolved": True})
    assert (await world.total("@resolution_rate")).state is CellState.OK


async def test_a_value_that_may_still_change_is_provisional(world: World, clock):
    customers = await world.name(models.customer, "one")
    last = WEEK.end - timedelta(hours=1)
    await world.interact(
        {"customer_id": customers["one"]}, {"customer_id": customers["one"], "started_at": last}
    )
    clock.now = WEEK.end + timedelta(hours=22)
    answer = await world.ask("share(contacted_again_within(24h))", "count()", grain=Grain.DAY)
    assert (answer.totals[0].state, answer.totals[0].matured) == (CellState.PROVISIONAL, 0.5)
    assert answer.columns[0].states[0] is CellState.OK  # its day has had its 24 hours
    assert answer.columns[0].states[6] is CellState.PROVISIONAL
    assert answer.columns[0].matured == [1, None, None, None, None, None, 0]
    assert (answer.totals[1].state, answer.totals[1].matured) == (CellState.OK, None)
    clock.advance(hours=1)
    total = await world.total("share(contacted_again_within(24h))")
    assert (total.state, total.matured) == (CellState.OK, 1)


async def test_a_reference_to_another_kpi(world: World):
    await world.interact(
        {"resolved": True, "reopens": 1}, {"resolved": True, "reopens": 0}, {"resolved": False}
    )
    total = await world.total("@resolution_rate - @reopen_rate")
    assert total.value == pytest.approx(2 / 3 - 1 / 2)


# several kinds of rows in one formula


async def test_a_formula_over_two_facts_meets_by_bucket_and_member(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    rows = await world.interact(
        {"agent_id": agents["ann"]},
        {"agent_id": agents["ann"]},
        {"agent_id": agents["bob"]},
        {"agent_id": agents["ann"], "started_at": START + DAY},
    )
    await world.survey(
        {"interaction_id": rows[0]["id"], "score": 5000},
        {"interaction_id": rows[3]["id"], "score": 1000, "responded_at": START + DAY},
    )
    formula = "count(where survey.score is not missing) / count()"
    assert table(await world.ask(formula, dimensions=("agent",))) == {"ann": 2 / 3, "bob": 0.0}
    by_day = await world.ask(formula, grain=Grain.DAY)
    assert by_day.columns[0].values[:3] == [1 / 3, 1.0, None]
    assert (by_day.totals[0].numerator, by_day.totals[0].denominator) == (2.0, 4.0)


async def test_orders_are_split_by_their_own_agent(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    await world.order(
        {"agent_id": agents["ann"], "amount": 1250},
        {"agent_id": agents["bob"], "amount": 800},
        {"agent_id": None, "amount": 99},
        {"agent_id": agents["bob"], "amount": 1, "paid_at": None},
    )
    answer = await world.ask("@service_sales", dimensions=("agent",))
    assert table(answer) == {"ann": 12.5, "bob": 8.0, None: None}
    assert answer.totals[0].value == 20.5


# order and limit


async def test_rows_are_ordered_by_a_kpi_with_the_valueless_last(world: World):
    queues = await world.name(models.queue, "a", "b", "c", "d")
    await world.interact(
        *[
            {"queue_id": queues[name], "handle_time": value}
            for name, value in (("a", 1000), ("b", 3000), ("c", None), ("d", 3000))
        ]
    )
    down = await world.ask("avg(handle_time)", dimensions=("queue",), order=Order("a"))
    assert [member.key for (member,) in down.members] == ["b", "d", "a", "c"]
    up = await world.ask("avg(handle_time)", dimensions=("queue",), order=Order("a", descending=False))
    assert [member.key for (member,) in up.members] == ["a", "b", "d", "c"]
    by_name = await world.ask("avg(handle_time)", dimensions=("queue",), order=Order("queue"), limit=2)
    assert [member.key for (member,) in by_name.members] == ["d", "c"]


async def test_a_limit_cuts_rows_and_never_totals(world: World):
    queues = await world.name(models.queue, *"abcde")
    await world.interact(*[{"queue_id": queues[name]} for name in "aabbbcde"])
    answer = await world.ask(
        "count()", "count_distinct(queue)", dimensions=("queue",), order=Order("a"), limit=2
    )
    assert table(answer) == {"b": 3.0, "a": 2.0}
    assert (answer.total_rows, answer.totals[0].value, answer.totals[1].value) == (5, 8.0, 5.0)


async def test_of_series_whole_members_are_picked(world: World):
    queues = await world.name(models.queue, *"abc")
    await world.interact(
        *[
            {"queue_id": queues[name], "started_at": START + day * DAY}
            for name, day in (("a", 0), ("a", 1), ("b", 1), ("b", 2), ("b", 2), ("c", 3))
        ]
    )
    for formula in ("count()", "count_distinct(source)"):
        answer = await world.ask(
            formula, "count()", grain=Grain.DAY, dimensions=("queue",), order=Order("b"), limit=2
        )
        assert [member.key for (member,) in answer.members] == ["b", "a"] * 7
        assert (answer.total_rows, answer.totals[1].value) == (21, 6.0)
    newest = await world.ask("count()", grain=Grain.DAY, order=Order("bucket"), limit=2)
    assert newest.buckets is not None
    assert [bucket.day for bucket in newest.buckets] == [8, 7]
    busiest = await world.ask("count()", grain=Grain.DAY, order=Order("a"), limit=2)
    assert busiest.columns[0].values == [2.0, 2.0]


# comparison


async def test_the_previous_period_lies_beside_by_rank(world: World):
    await world.interact(*[{"started_at": START + days * DAY} for days in (0, 0, 1, -7, -6, -6, -6)])
    answer = await world.ask("count()", grain=Grain.DAY, comparison=Comparison.PREVIOUS_PERIOD)
    assert answer.previous_window is not None
    assert answer.previous_window.start == WEEK.start - timedelta(days=7)
    assert answer.previous_columns is not None
    assert answer.previous_totals is not None
    assert answer.columns[0].values[:3] == [2.0, 1.0, 0.0]
    assert answer.previous_columns[0].values[:3] == [1.0, 3.0, 0.0]
    assert (answer.totals[0].value, answer.previous_totals[0].value) == (3.0, 4.0)


async def test_a_shorter_previous_month_leaves_its_missing_days_without_data(world: World):
    march = Window.of_local(datetime(2026, 3, 1), datetime(2026, 4, 1), "UTC")
    await world.interact(
        {"started_at": datetime(2026, 2, 28, tzinfo=UTC)}, {"started_at": datetime(2026, 3, 31, tzinfo=UTC)}
    )
    answer = await world.ask("count()", window=march, grain=Grain.DAY, comparison=Comparison.PREVIOUS_PERIOD)
    assert answer.previous_columns is not None
    previous = answer.previous_columns[0]
    assert (previous.values[27], previous.values[28]) == (1.0, None)
    assert (previous.states[27], previous.states[28]) == (CellState.OK, CellState.NO_DATA)


async def test_the_previous_year_by_member(world: World):
    queues = await world.name(models.queue, "a", "b", "gone")
    last_year = datetime(2025, 2, 3, tzinfo=UTC)
    await world.interact(
        {"queue_id": queues["a"]},
        {"queue_id": queues["b"]},
        {"queue_id": queues["b"], "started_at": last_year},
        {"queue_id": queues["gone"], "started_at": last_year},
    )
    answer = await world.ask(
        "count()", "avg(handle_time)", dimensions=("queue",), comparison=Comparison.PREVIOUS_YEAR
    )
    assert answer.previous_columns is not None
    assert answer.previous_totals is not None
    assert [member.key for (member,) in answer.members] == ["a", "b"]
    assert answer.previous_columns[0].values == [0.0, 1.0]
    assert answer.previous_columns[1].values == [None, None]
    assert answer.previous_totals[0].value == 2.0


# who may see what


async def test_an_agent_sees_own_rows_of_every_fact(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    mine, other = await world.interact({"agent_id": agents["ann"]}, {"agent_id": agents["bob"]})
    await world.survey(
        {"interaction_id": mine["id"], "score": 5000}, {"interaction_id": other["id"], "score": 1000}
    )
    await world.order(
        {"agent_id": agents["ann"], "amount": 100},
        {"agent_id": agents["bob"], "amount": 900},
        {"agent_id": None, "amount": 9900},
    )
    questions = [asked("count()", "avg(survey.score)", "sum(order.amount)", dimensions=("agent",))]
    [all_rows] = await world.ask_all(*questions)
    [own] = await world.ask_all(*questions, restriction=Restriction(agent_id=agents["ann"]))
    assert len(of(all_rows).members) == 3
    assert [member.key for (member,) in of(own).members] == ["ann"]
    assert [cell.value for cell in of(own).totals] == [1.0, 5.0, 1.0]


async def test_a_team_sees_its_rows(world: World):
    teams = await world.name(models.team, "red", "blue")
    agents = await world.name(models.agent, "ann", team_id=teams["red"])
    agents |= await world.name(models.agent, "bob", team_id=teams["blue"])
    red, blue = await world.interact(
        {"team_id": teams["red"], "agent_id": agents["bob"]},
        {"team_id": teams["blue"], "agent_id": agents["ann"]},
    )
    await world.interact({"team_id": None, "agent_id": agents["ann"]})
    await world.survey(
        {"interaction_id": red["id"], "score": 5000},
        {"interaction_id": blue["id"], "score": 1000},
        {"score": 4000, "agent_id": agents["ann"], "responded_at": START},
    )
    await world.order({"agent_id": agents["ann"], "amount": 100}, {"agent_id": agents["bob"], "amount": 900})
    [answer] = await world.ask_all(
        asked("count()", "avg(survey.score)", "sum(order.amount)"),
        restriction=Restriction(team_id=teams["red"]),
    )
    assert [cell.value for cell in of(answer).totals] == [2.0, 4.5, 1.0]


# what cannot be answered


async def test_one_bad_question_leaves_the_others_alone(world: World):
    await world.interact({})
    good, bad, also_good = await world.ask_all(
        asked("count()"), asked("avg(handle_tme)"), asked("@contacts_offered")
    )
    assert (of(good).totals[0].value, of(also_good).totals[0].value) == (1.0, 1.0)
    assert isinstance(bad, Invalid)


async def test_an_answer_too_large_is_refused(world: World, monkeypatch):
    monkeypatch.setattr(shaping, "MOST_CELLS", 10)
    queues = await world.name(models.queue, "a", "b")
    await world.interact({"queue_id": queues["a"]}, {"queue_id": queues["b"]})
    with pytest.raises(Invalid) as refusal:
        await world.ask("count()", grain=Grain.DAY, dimensions=("queue",))
    assert refusal.value.code == "ANSWER_TOO_LARGE"
    assert len((await world.ask("count()", grain=Grain.DAY, dimensions=("queue",), limit=1)).members) == 7


# one snapshot, few statements


async def test_a_board_costs_few_statements(world: World, database: Database):
    await world.interact({})
    async with counted(database) as count:
        answers = await world.ask_all(
            asked("count()", "avg(handle_time)", "share(resolved)"),
            asked("@first_response_time", grain=Grain.DAY),
            asked("share(first_response_time > 30s)", grain=Grain.WEEK, dimensions=("channel",)),
            asked("p90(handle_time)", dimensions=("agent",), order=Order("a"), limit=10),
            asked("count()", dimensions=("weekday", "hour_of_day")),
            asked("@csat", "@csat_mean", grain=Grain.DAY),
            asked("count()", dimensions=("issue_type",), order=Order("a"), limit=5),
            asked("@fcr", dimensions=("team",)),
        )
    assert all(isinstance(answer, Answer) for answer in answers)
    # versions, definitions and attributes, then: interactions, their histogram, surveys
    assert count.statements == 6


async def test_a_question_can_be_explained(world: World):
    text = await world.explain(asked("avg(handle_time)", where='priority = "it\'s"'))
    assert text.startswith("parts of interaction at started")
    assert "FROM tenant.interaction" in text
    assert "priority = 'it''s'" in text
