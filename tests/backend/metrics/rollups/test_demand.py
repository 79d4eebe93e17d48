"""Questions are noticed, written down a little later, and not again for each time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backend.core.errors import DomainError
from backend.core.windows import Comparison, Grain
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import KpiAsk, Question, Restriction
from backend.metrics.rollups import demand as noticing
from backend.metrics.rollups import repository
from backend.metrics.rollups.demand import KEPT, Demand, Demands
from backend.metrics.rollups.models import demand
from tenants.database import Database, TenantDatabase
from tests.backend.metrics.builders import WEEK

AHT = Question((KpiAsk("aht"),), WEEK, ("agent",), Grain.DAY)


async def stored(door: TenantDatabase) -> list[tuple[Any, int]]:
    async with door.read() as session:
        rows = await session.execute(select(demand.c.question, demand.c.times).order_by(demand.c.id))
        return [(Demand.read(row.question), row.times) for row in rows]


def test_a_demand_is_a_question_without_its_window():
    question = Question(
        (KpiAsk("aht"), KpiAsk("x", "count()")), WEEK, ("agent",), Grain.HOUR, ' channel = "chat" '
    )
    one = Demand.of(question)
    assert Demand.read(one.stored) == one
    assert one.question(WEEK).kpis == question.kpis
    assert (one.question(WEEK).grain, one.question(WEEK).where) == (Grain.HOUR, 'channel = "chat"')
    compared = Question(AHT.kpis, WEEK, comparison=Comparison.PREVIOUS_YEAR)
    assert Demand.of(compared).question(WEEK).comparison is not None
    assert Demand.of(AHT) == Demand.of(Question(AHT.kpis, None, AHT.dimensions, Grain.MONTH))
    others = (
        Question((KpiAsk("asa"),), WEEK, ("agent",)),
        Question(AHT.kpis, WEEK),
        Question(AHT.kpis, WEEK, ("agent",), Grain.HOUR),
        Question(AHT.kpis, WEEK, ("agent",), where="answered"),
    )
    assert len({Demand.of(each).id for each in (AHT, *others)}) == 5


async def test_a_question_counts_as_often_as_it_is_asked_at_first(acme, globex, clock):
    demands = Demands()
    demands.note(acme, [AHT])
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 1)]
    demands.note(acme, [AHT])
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 2)]
    async with globex.read() as session:
        kept = await session.execute(select(demand.c.id).where(demand.c.id == Demand.of(AHT).id))
        assert kept.all() == []


async def test_that_it_is_still_asked_is_written_down_once_an_hour(acme, clock, monkeypatch):
    now = 0.0
    monkeypatch.setattr(noticing, "monotonic", lambda: now)
    demands = Demands()
    for _ in range(5):
        demands.note(acme, [AHT])
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 2)]
    clock.advance(hours=2)
    now = noticing.NOTED_EVERY
    for _ in range(5):
        demands.note(acme, [AHT])
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 3)]
    async with acme.read() as session:
        assert (await session.execute(select(demand.c.asked_at))).scalar_one() == clock()


async def test_a_process_holds_a_bounded_number_of_questions(acme, clock, monkeypatch):
    monkeypatch.setattr(noticing, "MOST_WAITING", 3)
    demands = Demands()
    for at in range(10):
        demands.note(acme, [Question((KpiAsk(f"k{at}"),), WEEK)])
        assert len(demands._times) <= 3


async def test_those_asked_last_are_listed_first_and_none_that_nobody_asks(acme, clock):
    keys = ("a", "b", "c")
    for key in keys:
        for _ in range(2):
            demands = Demands()
            demands.note(acme, [Question((KpiAsk(key),), WEEK)])
            await demands.flush(clock)
        clock.advance(days=1)
    async with acme.read() as session:
        listed = await repository.list_demands(session, 2, 2, clock() - KEPT)
        assert [each["kpis"][0][0] for each, _ in listed] == ["c", "b"]
        assert len(await repository.list_demands(session, 3, 9, clock() - KEPT)) == 0
        since = clock() - timedelta(hours=36)
        assert [each["kpis"][0][0] for each, _ in await repository.list_demands(session, 2, 9, since)] == [
            "c"
        ]
    async with acme.write() as session:
        assert await repository.drop_demands(session, since) == 2
    assert [one.kpis[0][0] for one, _ in await stored(acme)] == ["c"]


async def test_what_cannot_be_written_is_a_hint_lost_and_nothing_else(acme, clock, place):
    demands = Demands()
    closed = Database.connect("postgresql://nobody@127.0.0.1:1/none")
    demands.note(closed.of(acme.tenant), [AHT])
    with pytest.raises(DomainError):
        await demands.flush(clock)
    await closed.close()
    demands.note(acme, [AHT])
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 1)]


async def test_only_what_was_understood_and_shows_everything_is_noticed(acme, clock):
    demands = Demands()
    evaluator = Evaluator(acme, clock, demands)
    await evaluator.answer([AHT, Question((KpiAsk("nonsense"),), WEEK)])
    await evaluator.answer([Question((KpiAsk("asa"),), WEEK)], restriction=Restriction(agent_id=1))
    await demands.flush(clock)
    assert await stored(acme) == [(Demand.of(AHT), 1)]
