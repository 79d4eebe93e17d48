"""What a credited number rests on, the rows behind it, and which of them an agent may see."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from backend.interactions import models
from backend.metrics.proofs import CellPlace, Drill, Side
from backend.metrics.questions import Answer, Restriction
from tests.backend.metrics.builders import World, asked
from tests.backend.metrics.crediting import (
    MILLION,
    RULES,
    SHARES,
    Hands,
    Pair,
    Row,
    credited,
    gathered,
    in_week,
    take_part,
)
from tests.backend.metrics.evidence import drilled
from tests.backend.metrics.test_evidence import proof, reasons


def every_pair(hands: Hands, rule: str) -> list[Pair]:
    """The interactions of the week, also the excluded ones, with the agents each is credited to."""
    rows = [row for row in hands.interactions if in_week(row["started_at"])]
    return [pair for row in rows for pair in credited(row, rule, hands.participants, row["agent_id"])]


def standing(row: Row) -> str:
    """How a row stands to avg(handle_time where answered)."""
    if row["exclusion"] or row["answered"] is not True:
        return row["exclusion"] or "condition_not_met"
    if row["handle_time"] is not None:
        return "counted"
    return "negative_duration" if "handle_time" in (row["excluded_values"] or {}) else "value_missing"


def of_agent(name: str | None) -> CellPlace:
    return CellPlace(None, (("agent", name),))


@pytest.mark.parametrize("rule", RULES)
async def test_the_cell_of_an_agent_rests_on_the_rows_credited_to_them(hands: Hands, rule: str):
    question = asked(f"avg(handle_time where answered) credited to {rule}", dimensions=("agent",))
    answer = await hands.world.ask(question.kpis[0].formula or "", dimensions=("agent",))
    pairs = every_pair(hands, rule)
    assert len(answer.members) == 4
    for at, (member,) in enumerate(answer.members):
        theirs = [(row, weight) for row, agent, weight in pairs if hands.name(agent) == member.key]
        found = await proof(hands.world, question, of_agent(member.key))
        tally = Counter(standing(row) for row, _ in theirs)
        assert (found.credit, found.population) == (rule, len(theirs))
        assert reasons(found) | {"counted": found.counted} == tally | Counter(counted=0)
        assert found.cell == answer.columns[0].cell(at)
        rows = await drilled(hands.world, question, Drill(of_agent(member.key)))
        weights = {row["id"]: weight for row, weight in theirs if standing(row) == "counted"}
        assert {row.id: round(row.share * MILLION) for row in rows} == weights
        assert len(rows) == found.cell.n
        assert sum(row.value or 0 for row in rows) == pytest.approx(found.cell.numerator)
        assert sum(row.share for row in rows) == pytest.approx(found.cell.denominator)


@pytest.mark.parametrize("rule", RULES)
async def test_a_row_of_several_agents_is_listed_once(hands: Hands, rule: str):
    where = 'agent in ("ann", "bob")'
    question = asked(f"avg(handle_time where answered) credited to {rule}", where=where)
    pieces = gathered(
        [pair for pair in every_pair(hands, rule) if hands.name(pair[1]) in ("ann", "bob")], rule
    )
    found = await proof(hands.world, question)
    tally = Counter(standing(piece.row) for piece in pieces)
    assert found.population == len(pieces)
    assert reasons(found) | {"counted": found.counted} == tally
    rows = await drilled(hands.world, question)
    weights = {piece.row["id"]: piece.weight for piece in pieces if standing(piece.row) == "counted"}
    assert {row.id: round(row.share * MILLION) for row in rows} == weights
    assert found.cell == (await hands.world.total(question.kpis[0].formula or "", where=where))


@pytest.mark.parametrize("rule", RULES)
async def test_a_condition_on_agents_leaves_the_population_whole(hands: Hands, rule: str):
    question = asked(f'count(where agent in ("ann", "bob")) credited to {rule}')
    found = await proof(hands.world, question)
    kept = gathered([pair for pair in hands.pairs(rule) if hands.name(pair[1]) in ("ann", "bob")], rule)
    assert found.population == len({row["id"] for row, _, _ in every_pair(hands, rule)})
    assert found.counted == found.cell.n == len(kept)
    assert found.population == found.counted + sum(one.rows for one in found.exclusions)
    rows = await drilled(hands.world, question)
    assert {row.id for row in rows} == {piece.row["id"] for piece in kept}
    assert sum(row.value or 0 for row in rows) == pytest.approx(found.cell.value)


@pytest.mark.parametrize("rule", SHARES)
async def test_both_sides_of_a_share_are_recomputed_from_their_rows(hands: Hands, rule: str):
    for formula in ("share(resolved)", "sum(handle_time) / count()", "count(where answered) / count()"):
        question = asked(f"{formula} credited to {rule}", dimensions=("agent",))
        answer = await hands.world.ask(question.kpis[0].formula or "", dimensions=("agent",))
        at = [member.key for (member,) in answer.members].index("bob")
        cell = answer.columns[0].cell(at)
        top = await drilled(hands.world, question, Drill(of_agent("bob"), Side.NUMERATOR))
        bottom = await drilled(hands.world, question, Drill(of_agent("bob")))
        assert sum(row.value or 0 for row in top) == pytest.approx(cell.numerator)
        assert sum(row.share for row in bottom) == pytest.approx(cell.denominator)
        assert any(0 < row.share < 1 for row in bottom)
    largest = asked(f"max(handle_time) credited to {rule}", dimensions=("agent",))
    rows = await drilled(hands.world, largest, Drill(of_agent("bob")))
    answer = await hands.world.ask(largest.kpis[0].formula or "", dimensions=("agent",))
    at = [member.key for (member,) in answer.members].index("bob")
    assert max(row.value or 0 for row in rows) == answer.columns[0].values[at]


async def test_an_export_lists_what_is_credited(hands: Hands):
    question = asked("sum(handle_time) credited to time_share", where='agent in ("ann", "cy")')
    rows = [row async for row in hands.world.evaluator.export(question, Drill())]
    listed = await drilled(hands.world, question)
    assert [(row.key, row.value, row.share) for row in rows] == [
        (row.key, row.value, row.share) for row in listed
    ]
    assert {row.fields["agent"] for row in rows} == {"ann", "cy"}


# who may see what


def entitled(hands: Hands, agent: int) -> set[UUID]:
    """The interactions an agent took part in, and those they own where nobody is known to have taken part."""
    return {
        row["id"]
        for row in hands.interactions
        if ((took_part := hands.participants.get(row["id"])) is None and row["agent_id"] == agent)
        or (took_part is not None and agent in [one["agent_id"] for one in took_part])
    }


@pytest.mark.parametrize("rule", RULES)
async def test_an_agent_sees_the_rows_the_rule_credits_to_them(hands: Hands, rule: str):
    ann = hands.agents["ann"]
    only = Restriction(agent_id=ann)
    theirs = [pair for pair in hands.pairs(rule) if pair[1] == ann]
    formula = f"count() credited to {rule}"
    rows = await drilled(hands.world, asked(formula), restriction=only)
    assert {row.id for row in rows} == {row["id"] for row, _, _ in theirs}
    if rule != "owner":  # which shows owners their rows, whoever else took part
        assert {row.id for row in rows} <= entitled(hands, ann)
    [found] = await hands.world.evaluator.prove(asked(formula), restriction=only)
    assert found.aggregates[0].population == sum(agent == ann for _, agent, _ in every_pair(hands, rule))
    expected = sum(weight for _, _, weight in theirs) / MILLION
    for question in (
        asked(formula),
        asked(formula, dimensions=("agent",)),
        asked(formula, dimensions=("channel",)),
    ):
        [answer] = await hands.world.ask_all(question, restriction=only)
        assert isinstance(answer, Answer)
        assert answer.totals[0].value == found.cell.value == pytest.approx(expected)
        assert sum(value or 0 for value in answer.columns[0].values) == pytest.approx(expected)
        if question.dimensions == ("agent",):
            assert [member.key for (member,) in answer.members] == ["ann"]


@pytest.mark.parametrize("rule", RULES)
async def test_no_condition_leads_an_agent_to_the_rows_of_others(hands: Hands, rule: str):
    only = Restriction(agent_id=hands.agents["ann"])
    for where in ('agent = "bob"', 'agent != "ann"', "agent is missing"):
        for question in (
            asked(f"count() credited to {rule}", where=where),
            asked(f"count(where {where}) credited to {rule}"),
            asked(f"count(where {where}) credited to {rule}", dimensions=("agent",)),
        ):
            [answer] = await hands.world.ask_all(question, restriction=only)
            assert isinstance(answer, Answer)
            assert answer.totals[0].value == 0
            assert await drilled(hands.world, question, restriction=only) == []
            [found] = await hands.world.evaluator.prove(question, restriction=only)
            assert found.aggregates[0].counted == 0
    [answer] = await hands.world.ask_all(
        asked("count_distinct(agent) credited to participants"), restriction=only
    )
    assert isinstance(answer, Answer)
    assert answer.totals[0].value == 1


async def test_a_team_sees_its_agents_part_of_rows_without_a_team(world: World):
    teams = await world.name(models.team, "north")
    agents = await world.name(models.agent, "ann", "bob", team_id=teams["north"])
    agents |= await world.name(models.agent, "cy")
    [row] = await world.interact({"agent_id": agents["cy"], "handle_time": 10_000})
    await take_part(
        world.tenant,
        *[
            {"interaction_id": row["id"], "agent_id": agents[name], "last": name == "cy", "time_share": share}
            for name, share in (("ann", 200_000), ("bob", 300_000), ("cy", 500_000))
        ],
    )
    only = Restriction(team_id=teams["north"])
    for rule, seen in (("last", None), ("participants", 10.0), ("time_share", 5.0)):
        question = asked(f"sum(handle_time) credited to {rule}")
        [answer] = await world.ask_all(question, restriction=only)
        assert isinstance(answer, Answer)
        assert answer.totals[0].value == seen
        [found] = await world.evaluator.prove(question, restriction=only)
        assert found.aggregates[0].population == (seen is not None)
