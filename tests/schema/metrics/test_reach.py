"""Agents: their own rows in full, of their team the totals, of everybody else nothing."""

from __future__ import annotations

from typing import Any

import pytest

from backend.interactions import models
from tests.schema.desk import Desk
from tests.schema.metrics.test_kpi_values import VALUES, WEEK, values

CREATE = "mutation ($input: CreateKpiInput!) { createKpi(input: $input) { problems { code } } }"
COUNT = {"formulas": [{"name": "c", "formula": "count()"}], "window": WEEK}


async def two_teams(desk: Desk) -> str:
    """Ann and Bob in the north, Cy in the south: 1, 2 and 4 interactions. Ann's token."""
    world = desk.world
    teams = await world.name(models.team, "north", "south")
    agents = await world.name(models.agent, "ann", "bob", team_id=teams["north"])
    agents |= await world.name(models.agent, "cy", team_id=teams["south"])
    for name, team, count in (("ann", "north", 1), ("bob", "north", 2), ("cy", "south", 4)):
        await world.interact(
            *[{"agent_id": agents[name], "team_id": teams[team], "channel": "chat"} for _ in range(count)]
        )
    return await desk.token("agent", agent="ann")


def total(answer: dict[str, Any]) -> float:
    found: float = answer["series"][0]["total"]["value"]
    return found


async def test_an_agent_sees_their_own_rows(desk: Desk) -> None:
    token = await two_teams(desk)
    assert total(await values(desk, COUNT)) == 7
    assert total(await values(desk, COUNT, token=token)) == 1
    answer = await values(desk, COUNT | {"dimensions": ["agent"]}, token=token)
    assert answer["dimensions"][0]["keys"] == ["ann"]
    assert total(await values(desk, COUNT | {"where": 'agent = "cy" or agent != "cy"'}, token=token)) == 1


async def test_an_agent_sees_the_totals_of_the_team(desk: Desk) -> None:
    token = await two_teams(desk)
    assert total(await values(desk, COUNT | {"reach": "TEAM"}, token=token)) == 3
    answer = await values(desk, COUNT | {"reach": "TEAM", "dimensions": ["channel"]}, token=token)
    assert answer["series"][0]["values"] == [3.0]


@pytest.mark.parametrize(
    "given",
    [
        {"dimensions": ["agent"]},
        {"dimensions": ["channel", "customer"]},
        {"dimensions": ["problem_id"]},
        {"dimensions": ["canary"]},
        {"where": 'agent = "bob"'},
        {"where": 'channel = "chat" and not (customer is missing)'},
        {"where": 'survey.comment contains "bob"'},
        {"formulas": [{"name": "c", "formula": 'count(where agent = "bob")'}]},
        {"formulas": [{"name": "c", "formula": 'count() where agent in ("bob")'}]},
        {"formulas": [{"name": "c", "formula": "count() / count_distinct(customer)"}]},
        {"formulas": [{"name": "c", "formula": 'avg(if(agent = "bob", handle_time, 0s))'}]},
        {"formulas": [{"name": "c", "formula": "count() / count(across agent)"}]},
        {"formulas": [{"name": "c", "formula": "count() across channel, customer"}]},
        {"formulas": [{"name": "c", "formula": 'count(where agent = "bob" while open)'}]},
    ],
)
async def test_nothing_of_the_team_names_a_person(desk: Desk, given: dict[str, Any]) -> None:
    token = await two_teams(desk)
    assert (
        await desk.code(VALUES, {"input": COUNT | given | {"reach": "TEAM"}}, token=token)
        == "TEAM_TOTALS_ONLY"
    )


@pytest.mark.parametrize(
    "formula",
    ["count(across agent)", "count(across agent, channel over 28d)", "count(while open across agent)"],
)
async def test_all_agents_together_are_those_one_may_see(desk: Desk, formula: str) -> None:
    token = await two_teams(desk)
    kpi = {
        "key": "together",
        "names": {"en": "Together", "zh": "合计"},
        "formula": formula,
        "direction": "UP",
        "family": "EFFICIENCY",
    }
    made = await desk.data(CREATE, {"input": kpi}, token=await desk.token("admin"))
    assert made["createKpi"]["problems"] == []
    asked = {"keys": ["together"], "window": WEEK}
    assert total(await values(desk, asked)) == 7
    assert total(await values(desk, asked | {"reach": "TEAM"}, token=token)) == 3
    own = await values(desk, asked | {"dimensions": ["agent"]}, token=token)
    assert (own["dimensions"][0]["keys"], own["series"][0]["values"]) == (["ann"], [1])
    assert (total(own), total(await values(desk, asked | {"where": 'agent != "ann"'}, token=token))) == (1, 0)


FOLLOWED = 'count(where followed_within(1d, started where agent = "bob"))'


@pytest.mark.parametrize(
    "given",
    [
        {"formulas": [{"name": "c", "formula": FOLLOWED}]},
        {"where": 'has(survey.responded where survey.comment contains "bob")'},
        {"where": 'preceded_within(60d, started where team = "billing" and handle_time > 10m)'},
        {"where": "followed_within(30d, order.paid where order.amount > 150)"},
        {"where": 'channel = "chat" and not preceded_within(1d, started where attribute.canary = "x")'},
    ],
)
async def test_other_rows_of_an_agents_customers_name_nobody(desk: Desk, given: dict[str, Any]) -> None:
    token = await two_teams(desk)
    assert await desk.code(VALUES, {"input": COUNT | given}, token=token) == "OTHERS_NOT_YOURS"
    alike = COUNT | {"where": "not followed_within(1d, started, agent)"}
    assert total(await values(desk, alike, token=token)) == 0  # their customer is not known


async def test_an_agent_without_a_team_has_no_team_totals(desk: Desk) -> None:
    await desk.world.name(models.agent, "lone")
    token = await desk.token("agent", agent="lone")
    assert await desk.code(VALUES, {"input": COUNT | {"reach": "TEAM"}}, token=token) == "TEAM_UNKNOWN"


async def test_reach_means_nothing_to_those_who_see_everything(desk: Desk) -> None:
    await two_teams(desk)
    for reach in ("OWN", "TEAM"):
        assert total(await values(desk, COUNT | {"reach": reach})) == 7


@pytest.mark.parametrize(
    ("role", "scopes", "allowed"),
    [
        ("admin", (), {"kpis", "values", "interactions", "runs"}),
        ("manager", (), {"kpis", "values", "interactions", "runs"}),
        ("viewer", (), {"kpis", "values", "interactions"}),
        ("partner", (), set()),
        ("partner", ("kpi:read",), {"kpis", "values"}),
        ("partner", ("interaction:read",), {"interactions"}),
        ("partner", ("ingest:write",), {"runs"}),
    ],
)
async def test_each_role_reads_what_it_may(
    desk: Desk, role: str, scopes: tuple[str, ...], allowed: set[str]
) -> None:
    token = await desk.token(role, scopes=scopes)
    queries = {
        "kpis": "{ kpis { totalCount } }",
        "values": '{ kpiValues(input: {keys: ["aht"]}) { problems { code } } }',
        "interactions": "{ interactions { nodes { id } } agents { totalCount } customers { nodes { id } } }",
        "runs": "{ syncRuns { nodes { id } } }",
    }
    for name, query in queries.items():
        answer = await desk.answer(query, token=token)
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes == (
            set() if name in allowed else {"SCOPE_MISSING" if role == "partner" else "ROLE_INSUFFICIENT"}
        )
