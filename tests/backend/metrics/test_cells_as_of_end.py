"""Proofs of and rows behind single cells, where a cell is not the rows of its own bucket and members."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.core.windows import Grain, Window
from backend.interactions import models
from backend.metrics.proofs import TOTAL, CellPlace, Drill, DrilledRow, Side
from backend.metrics.questions import CellState, Question, Restriction
from tests.backend.metrics.builders import EVERYTHING, START, WEEK, World, asked, minutes_after
from tests.backend.metrics.evidence import Rows, a_messy_week

CHICAGO = "America/Chicago"
FORMULAS = (
    "count(where answered over 3d)",
    "avg(handle_time over week to date)",
    "count(where answered over 2d) / count(over 5d)",
    "count_distinct(customer over 30h)",
    "count(while open)",
    "max(age while waiting)",
    "avg(age where answered while open)",
    "sum(handle_time while handled)",
    "count() / count(across channel)",
    "count(over 2d) / count(over 4d across channel, answered)",
    "count(while open) / count(while open across channel)",
)


async def listed(
    world: World, question: Question, restriction: Any = EVERYTHING, **drill: Any
) -> list[DrilledRow]:
    rows = await world.evaluator.drill(question, Drill(**drill), limit=10_000, restriction=restriction)
    assert len({row.id for row in rows}) == len(rows)
    return rows


@pytest.mark.parametrize(
    "window, grain",
    [
        (WEEK, Grain.DAY),
        (Window(START - timedelta(hours=40), minutes_after(4000), "Asia/Kolkata"), Grain.DAY),
        (Window(START - timedelta(days=9), minutes_after(9000), "Pacific/Auckland"), Grain.WEEK),
        (Window(START, minutes_after(1000), "UTC"), Grain.HOUR),
    ],
)
async def test_the_rows_make_the_cell_again(world: World, window: Window, grain: Grain):
    await a_messy_week(world, seed=11)
    dice = Random(str(window))
    for formula in FORMULAS:
        given: dict[str, Any] = {"window": window, "grain": grain, "dimensions": ("channel", "answered")}
        question, answer = asked(formula, **given), await world.ask(formula, **given)
        assert answer.buckets is not None
        places = [(TOTAL, answer.totals[0])]
        for at in dice.sample(range(len(answer.members)), 6):
            channel, answered = answer.members[at]
            members = (("channel", channel.key), ("answered", answered.key))
            places.append((CellPlace(answer.buckets[at], members), answer.columns[0].cell(at)))
        for place, cell in places:
            [found] = await world.evaluator.prove(question, place)
            assert found.cell == cell, (formula, place)
            for at, one in enumerate(found.aggregates):
                assert one.population == one.counted + sum(each.rows for each in one.exclusions)
                rows = await listed(world, question, place=place, aggregate=at)
                assert len(rows) == one.counted == one.cell.n, (formula, place)
                values = [row.value for row in rows if row.value is not None]
                if formula.startswith("max"):
                    assert one.cell.value == pytest.approx(max(values, default=None))
                elif formula.startswith("avg"):
                    assert one.cell.value == (pytest.approx(sum(values) / len(values)) if values else None)
                elif not formula.startswith("count_distinct"):
                    assert (one.cell.value or 0) == pytest.approx(sum(values))


async def test_a_population_is_that_of_the_time_looked_back_over(world: World):
    interactions, _, _ = await a_messy_week(world, seed=12)
    bucket = WEEK.start + timedelta(days=4)
    question = asked("count(over 3d)", grain=Grain.DAY, where='channel != "bot"')
    [found] = await world.evaluator.prove(question, CellPlace(bucket))
    [one] = found.aggregates
    first, last = bucket - timedelta(days=2), bucket + timedelta(days=1)
    rows = between(interactions, first, last)
    rows = [row for row in rows if row["channel"] != "bot"]
    assert one.population == len(rows)
    assert one.counted == sum(row["exclusion"] is None for row in rows)
    assert one.formula == "count(over 3d)"
    assert found.window == Window(bucket, last, "UTC")  # the cell's own


def between(rows: Rows, first: datetime, last: datetime) -> Rows:
    return [row for row in rows if row["started_at"] is not None and first <= row["started_at"] < last]


async def test_a_population_of_a_state_is_all_that_is_in_it(world: World):
    interactions, _, _ = await a_messy_week(world, seed=13)
    bucket = WEEK.start + timedelta(days=2)
    end = bucket + timedelta(days=1)
    rows = []
    for row in interactions:
        ended = row["resolved_at"] or row["closed_at"]
        unknown = ended is None and (row["resolved"] or row["abandoned"])
        if row["started_at"] is not None and row["started_at"] <= end and not unknown:
            rows += [row] if ended is None or ended > end else []
    question = asked('count(where channel = "chat" while open)', grain=Grain.DAY)
    [found] = await world.evaluator.prove(question, CellPlace(bucket))
    [one] = found.aggregates
    chats = [row for row in rows if row["channel"] == "chat" and row["exclusion"] is None]
    assert (one.population, one.counted, one.anchor) == (len(rows), len(chats), "started")
    assert {row.id for row in await listed(world, question, place=CellPlace(bucket))} == {
        r["id"] for r in chats
    }
    assert one.formula == 'count(where channel = "chat" while open)'


async def test_ages_are_those_of_the_cells_end(world: World):
    await world.interact({"started_at": START}, {"started_at": minutes_after(30)})
    day = Window(START, minutes_after(120), "UTC")
    question = asked("avg(age while open)", window=day, grain=Grain.HOUR)
    assert [row.value for row in await listed(world, question, place=CellPlace(START))] == [1800, 3600]
    assert [row.value for row in await listed(world, question)] == [5400, 7200]


async def test_a_cell_to_come_has_no_rows(world: World, clock: Any):
    clock.now = minutes_after(60)
    await world.interact({"started_at": START}, {"started_at": minutes_after(3000)})
    question = asked("count(while open)", grain=Grain.DAY)
    assert len(await listed(world, question)) == 1
    ahead = CellPlace(WEEK.end - timedelta(days=1))
    assert await listed(world, question, place=ahead) == []
    assert await listed(world, asked("max(age while open)", grain=Grain.DAY), place=ahead) == []
    [found] = await world.evaluator.prove(question, ahead)
    assert (found.cell.value, found.cell.state) == (None, CellState.NO_DATA)
    assert found.aggregates[0].population == 0


async def test_days_of_daylight_saving_are_looked_back_over_whole(world: World):
    zone = ZoneInfo(CHICAGO)
    moments = [datetime(2026, 3, 8, hour, 30, tzinfo=zone) for hour in range(24) if hour != 2]
    before, after = datetime(2026, 3, 7, 23, 59, tzinfo=zone), datetime(2026, 3, 9, 0, 0, tzinfo=zone)
    rows = await world.interact(*({"started_at": one.astimezone(UTC)} for one in (*moments, before, after)))
    window = Window.of_local(datetime(2026, 3, 1), datetime(2026, 3, 12), CHICAGO)
    question = asked("count() over 1d", window=window, grain=Grain.DAY)
    place = CellPlace(datetime(2026, 3, 8, tzinfo=zone))
    assert {row.id for row in await listed(world, question, place=place)} == {row["id"] for row in rows[:23]}
    question = asked("count() over 24h1m", window=window, grain=Grain.DAY)
    found = {row.id for row in await listed(world, question, place=place)}
    assert found == {row["id"] for row in rows[:24]}  # exactly so long, so an hour more of the day before


async def test_the_sides_of_a_share_of_the_whole(world: World):
    rows = await world.interact({"channel": "chat"}, {"channel": "chat"}, {"channel": "call"})
    ids = [row["id"] for row in rows]
    question = asked("count() / count(across channel)", dimensions=("channel",))
    place = CellPlace(None, (("channel", "chat"),))
    top = await listed(world, question, place=place, side=Side.NUMERATOR)
    bottom = await listed(world, question, place=place)
    assert {row.id for row in top} == set(ids[:2])
    assert {row.id for row in bottom} == set(ids)
    [found] = await world.evaluator.prove(question, place)
    assert (found.cell.value, [one.population for one in found.aggregates]) == (2 / 3, [2, 3])
    assert [one.formula for one in found.aggregates] == ["count()", "count(across channel)"]


async def test_a_restriction_holds_for_what_looks_further(world: World):
    ann, bob = (await world.name(models.agent, "ann", "bob")).values()
    await world.interact({"agent_id": ann}, {"agent_id": bob}, {"agent_id": bob})
    only = Restriction(agent_id=ann)
    for formula in ("count(over 28d)", "count(while open)", "count(across agent)"):
        question = asked(formula, grain=Grain.DAY, dimensions=("agent",))
        [answer] = await world.ask_all(question, restriction=only)
        assert not isinstance(answer, Exception)
        assert (answer.totals[0].value, {member.key for (member,) in answer.members}) == (1, {"ann"})
        place = CellPlace(None, (("agent", "bob"),))
        assert len(await listed(world, question, only, place=place)) == (formula == "count(across agent)")
