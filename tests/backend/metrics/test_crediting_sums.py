"""What agents add up to under each attribution rule, and what belongs to an interaction going where it goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from backend.core.windows import Grain
from backend.interactions import models
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.planning.arithmetic import last_step
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import Setting, lower
from backend.metrics.planning.parts import empty, parts_in
from backend.metrics.planning.planner import ALL, plan
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Answer, Restriction
from tests.backend.metrics.builders import START, World, asked, table
from tests.backend.metrics.crediting import (
    RULES,
    SHARES,
    Hands,
    Piece,
    credited,
    in_week,
    take_part,
)


async def exact(world: World, formula: str, *dimensions: str) -> tuple[list[Any], Any]:
    """A formula's results before any division: of each group, and of all rows."""
    preparation = Preparation.of(CATALOGUE, (), "UTC", "USD", Restriction())
    task = preparation.prepare(asked(formula, dimensions=dimensions)).task
    setting = Setting(preparation.vocabulary, "UTC", "USD", Restriction(), START)
    frames = Frames()
    async with world.tenant.read() as session:
        for statement in plan([task]).statements:
            lowered = lower(statement, setting)
            frames.add(lowered, (await session.execute(lowered.select)).all())
    expression = task.formulas[0].expression
    parts, step = parts_in(expression), last_step(expression)

    def result(split: Any, key: Any) -> Any:
        found = [
            frames.groups(task.scan(one, task.window, split), split, one).get(key, empty(one.collect))
            for one in parts
        ]
        return step(found)

    keys = {
        key
        for one in parts
        for key in frames.groups(task.scan(one, task.window, task.split), task.split, one)
    }
    return [result(task.split, key) for key in keys], result(ALL, ())


@pytest.mark.parametrize("rule", SHARES)
async def test_agents_add_up_to_the_total_exactly(hands: Hands, rule: str):
    def added(results: Sequence[Any], side: str) -> Fraction:
        return sum((Fraction(*found) for one in results if (found := getattr(one, side))), Fraction(0))

    for dimensions in (("agent",), ("agent", "channel")):
        for formula in ("count()", "count(where answered)", "sum(handle_time)"):
            groups, whole = await exact(hands.world, f"{formula} credited to {rule}", *dimensions)
            assert len(groups) > 3
            assert added(groups, "value") == Fraction(*whole.value)
        for formula in ("avg(handle_time)", "share(resolved)", "sum(handle_time) / count()"):
            groups, whole = await exact(hands.world, f"{formula} credited to {rule}", *dimensions)
            assert added(groups, "top") == Fraction(*whole.top)
            assert added(groups, "bottom") == Fraction(*whole.bottom)


async def test_what_participants_count_twice_is_told(hands: Hands):
    pairs, rows = hands.pairs("participants"), hands.counted()
    extra = len(pairs) - len(rows)
    assert extra > 50
    formulas = {
        "count() credited to participants": extra,
        "sum(handle_time) / 1h credited to participants": (
            sum(row["handle_time"] or 0 for row, _, _ in pairs) - sum(row["handle_time"] or 0 for row in rows)
        )
        / 1000,
        "share(resolved) credited to participants": (
            sum(row["resolved"] is True for row, _, _ in pairs) - sum(row["resolved"] is True for row in rows)
        ),
        "count(where answered credited to participants) / count()": (
            sum(row["answered"] is True for row, _, _ in pairs) - sum(row["answered"] is True for row in rows)
        ),
        "1 - share(resolved) credited to participants": None,
        "max(handle_time) credited to participants": None,
        "count() credited to last": None,
        "count() credited to time_share": None,
        "count()": None,
    }
    for question in (
        {"dimensions": ("agent",)},
        {"dimensions": ("channel", "agent"), "limit": 1},
        {"dimensions": ("agent",), "grain": Grain.DAY},
    ):
        answer = await hands.world.ask(*formulas, **question)
        found = [column.overcount for column in answer.columns]
        assert [one is None for one in found] == [one is None for one in formulas.values()]
        assert [one for one in found if one is not None] == pytest.approx(
            [one for one in formulas.values() if one is not None]
        )
    answer = await hands.world.ask(*formulas, dimensions=("channel",))
    assert {column.overcount for column in answer.columns} == {None}
    two = [pair for pair in pairs if hands.name(pair[1]) in ("ann", "bob")]
    answer = await hands.world.ask(
        "count() credited to participants", where='agent in ("ann", "bob")', dimensions=("agent",)
    )
    assert answer.columns[0].overcount == len(two) - len({row["id"] for row, _, _ in two}) > 0


# rows that belong to an interaction


@pytest.mark.parametrize("rule", RULES)
async def test_a_survey_goes_where_its_interaction_goes(hands: Hands, rule: str):
    by_id = {row["id"]: row for row in hands.interactions}
    nobody = {"exclusion": None, "started_at": None, "agent_id": None}
    pieces: dict[Any, list[Piece]] = defaultdict(list)
    for row in hands.surveys:
        linked = by_id.get(row["interaction_id"], nobody)
        moment = row["responded_at"] or linked["started_at"]
        if row["exclusion"] or linked["exclusion"] or row["score"] is None or not in_week(moment):
            continue
        owner = row["agent_id"] or linked["agent_id"]
        for _, agent, weight in credited(row, rule, hands.participants, owner):
            pieces[hands.name(agent)].append(Piece(row, weight))
    answer = await hands.world.ask(f"avg(survey.score) credited to {rule}", dimensions=("agent",))
    found = {key: value for key, value in table(answer).items() if value is not None}
    assert found == pytest.approx(
        {
            key: sum(one.row["score"] * one.weight for one in group) / sum(one.weight for one in group) / 1000
            for key, group in pieces.items()
        }
    )
    assert set(found) == {"ann", "bob", "cy", None}


async def test_who_has_no_part_of_it_is_not_credited(world: World):
    agents = await world.name(models.agent, "ann", "bob", "cy")
    [one, other] = await world.interact(
        {"agent_id": agents["cy"], "handle_time": 5000}, {"agent_id": agents["cy"], "handle_time": 7000}
    )
    await take_part(
        world.tenant,
        {"interaction_id": one["id"], "agent_id": agents["ann"], "first": True, "time_share": 1_000_000},
        {"interaction_id": one["id"], "agent_id": agents["bob"], "last": True, "message_share": 1_000_000},
    )

    async def shown(formula: str) -> dict[Any, float | None]:
        return table(await world.ask(formula, dimensions=("agent",)))

    assert await shown("count()") == {"cy": 2}
    assert await shown("count() credited to owner") == {"cy": 2}
    assert await shown("count() credited to first") == {"ann": 1, "cy": 1}
    assert await shown("count() credited to last") == {"bob": 1, "cy": 1}
    assert await shown("count() credited to resolver") == {None: 1, "cy": 1}
    assert await shown("max(handle_time) credited to time_share") == {"ann": 5, "cy": 7}
    assert await shown("max(handle_time) credited to message_share") == {"bob": 5, "cy": 7}
    assert await shown("count() credited to participants") == {"ann": 1, "bob": 1, "cy": 1}
    # the clause nearest to an aggregate holds
    assert await shown("count(credited to first) - count() credited to last") == {
        "ann": 1,
        "bob": -1,
        "cy": 0,
    }
    assert other["agent_id"] == agents["cy"]


async def test_a_team_stays_the_interactions_own(world: World):
    teams = await world.name(models.team, "north", "south")
    agents = await world.name(models.agent, "ann", team_id=teams["north"])
    agents |= await world.name(models.agent, "bob", "cy", team_id=teams["south"])
    [theirs, nobodys] = await world.interact(
        {"team_id": teams["north"], "agent_id": agents["ann"]}, {"agent_id": agents["ann"]}
    )
    await take_part(
        world.tenant,
        *[
            {
                "interaction_id": row["id"],
                "agent_id": agents[name],
                "first": name == "bob",
                "time_share": share,
            }
            for row in (theirs, nobodys)
            for name, share in (("bob", 300_000), ("cy", 200_000), ("ann", 500_000))
        ],
    )
    for rule in RULES:
        answer = await world.ask(f"count() credited to {rule}", dimensions=("team",))
        assert table(answer) == {"north": 1, None: 1}

    async def seen(team: str, rule: str) -> float | None:
        question = asked(f"count() credited to {rule}")
        [found] = await world.ask_all(question, restriction=Restriction(team_id=teams[team]))
        assert isinstance(found, Answer)
        return found.totals[0].value

    # one without a team is its agents', whom the rule names
    expected = {"owner": (2, 0), "first": (1, 1), "participants": (2, 1), "time_share": (1.5, 0.5)}
    for rule, (north, south) in expected.items():
        assert (await seen("north", rule), await seen("south", rule)) == (north, south), rule
