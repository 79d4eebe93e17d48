"""Pages of interactions: order, filters, what they name, and what an agent may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.interactions import models
from tests.backend.metrics.builders import START, minutes_after
from tests.schema.desk import Desk

PAGE = """
query Page($filter: InteractionFilter, $first: Int! = 20, $after: String) {
  interactions(filter: $filter, first: $first, after: $after) {
    nodes { externalId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
BAD_CURSORS = ["", "x", "====", "bnVsbA", "WzFd", "WyJ4IiwgIngiXQ", "W251bGwsIG51bGxd", "é", "W" * 5000]


async def shown(desk: Desk, filter: dict[str, Any] | None = None, **options: Any) -> list[str]:
    """External ids of the interactions that a filter finds, in order."""
    data = await desk.data(PAGE, {"filter": filter}, **options)
    return [node["externalId"] for node in data["interactions"]["nodes"]]


async def test_pages_run_through_all_interactions_once_newest_first(desk: Desk) -> None:
    rows = [{"started_at": minutes_after(i // 2)} for i in range(11)]  # pairs share a moment
    stored = await desk.world.interact(*rows, {"started_at": None}, {"started_at": None})
    seen, after = [], None
    while True:
        data = await desk.data(PAGE, {"first": 4, "after": after})
        page = data["interactions"]
        seen += [node["externalId"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    newest_first = sorted(
        stored,
        key=lambda row: (row["started_at"] is None, row["started_at"] or START, row["id"]),
        reverse=True,
    )
    assert seen == [row["external_id"] for row in newest_first]


async def test_an_empty_page_has_no_cursors(desk: Desk) -> None:
    data = await desk.data(PAGE)
    assert data["interactions"] == {
        "nodes": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_a_cursor_of_another_list_is_refused(desk: Desk, cursor: str) -> None:
    for query in (
        PAGE,
        "query ($after: String) { agents(after: $after) { totalCount } }",
        "query ($after: String) { customers(after: $after) { nodes { id } } }",
        "query ($after: String) { kpis(after: $after) { totalCount } }",
        "query ($after: String) { syncRuns(after: $after) { nodes { id } } }",
    ):
        if query.count("kpis") and cursor == "WzFd":
            continue
        answer = await desk.answer(query, {"after": cursor})
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes in (["CURSOR_INVALID"], []), (query, cursor)
        if cursor not in ("WzFd",):
            assert codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize("first", [0, -1, 201, 2**31 - 1])
async def test_a_page_has_bounds(desk: Desk, first: int) -> None:
    for query in (PAGE, "query ($first: Int!) { agents(first: $first) { totalCount } }"):
        answer = await desk.answer(query, {"first": first})
        assert answer["errors"][0]["extensions"]["code"] in ("PAGE_SIZE_INVALID", "LIMIT_EXCEEDED")


async def test_an_interaction_shows_seconds_decimals_and_what_it_names(desk: Desk) -> None:
    world = desk.world
    team = await world.name(models.team, "north")
    agent = await world.name(models.agent, "ann", team_id=team["north"])
    customer = await world.name(models.customer, "c-1", segment="vip")
    issue = await world.name(models.issue_type, "billing")
    await world.interact(
        {
            "channel": "call",
            "agent_id": agent["ann"],
            "team_id": team["north"],
            "customer_id": customer["c-1"],
            "issue_type_id": issue["billing"],
            "handle_time": 90_500,
            "amount": 1999,
            "currency": "JPY",
            "answered": True,
            "accepted_at": minutes_after(1),
        }
    )
    data = await desk.data("""{ interactions { nodes {
        __typename id channel source startedAt acceptedAt handleTime waitTime amount currency
        answered resolved
        agent { id externalId name active team { name } } team { externalId } queue { name }
        customer { externalId segment } issueType { name } product { name } attributes { key value }
    } } }""")
    [shown] = data["interactions"]["nodes"]
    assert shown.pop("id")
    assert shown["agent"].pop("id")
    assert shown == {
        "__typename": "Interaction",
        "channel": "CALL",
        "source": "test",
        "startedAt": "2026-02-02T09:00:00+00:00",
        "acceptedAt": "2026-02-02T09:01:00+00:00",
        "handleTime": 90.5,
        "waitTime": None,
        "amount": "1999",
        "currency": "JPY",
        "answered": True,
        "resolved": None,
        "agent": {"externalId": "ann", "name": "Ann", "active": True, "team": {"name": "North"}},
        "team": {"externalId": "north"},
        "queue": None,
        "customer": {"externalId": "c-1", "segment": "vip"},
        "issueType": {"name": "Billing"},
        "product": None,
        "attributes": [],
    }


async def test_filters_hold_together(desk: Desk) -> None:
    world = desk.world
    agents = await world.name(models.agent, "ann", "bob")
    stored = await world.interact(
        {"channel": "chat", "agent_id": agents["ann"], "answered": True},
        {"channel": "call", "agent_id": agents["ann"], "answered": True, "exclusion": "test"},
        {"channel": "call", "agent_id": agents["bob"], "abandoned": True},
        {
            "channel": "call",
            "agent_id": agents["bob"],
            "answered": True,
            "started_at": START + timedelta(days=1),
        },
    )
    name = [row["external_id"] for row in stored]
    assert set(await shown(desk)) == set(name)
    assert set(await shown(desk, {"agents": ["ann"]})) == {name[0], name[1]}
    assert set(await shown(desk, {"agents": ["ann", "bob", "nobody"]})) == set(name)
    assert await shown(desk, {"agents": []}) == []
    assert await shown(desk, {"agents": ["ann"], "channels": ["CALL"]}) == [name[1]]
    assert await shown(desk, {"agents": ["ann"], "excluded": False}) == [name[0]]
    assert set(await shown(desk, {"answered": True, "channels": ["CALL"]})) == {name[1], name[3]}
    assert await shown(desk, {"abandoned": True}) == [name[2]]
    assert await shown(desk, {"externalIds": [name[2]], "sources": ["test"]}) == [name[2]]
    assert await shown(desk, {"window": {"from": "2026-02-03", "to": "2026-02-04"}}) == [name[3]]
    assert await shown(desk, {"window": {"from": "2026-02-03T09:00:01Z", "to": "2026-02-04"}}) == []
    assert await shown(desk, {"externalIds": ["' OR 1=1 --", "%"]}) == []


async def test_a_list_in_a_filter_has_bounds(desk: Desk) -> None:
    assert await desk.code(PAGE, {"filter": {"agents": ["x"] * 201}}) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "9999-01-01",
        "0001-01-01",
        "2026-02-01T25:00",
        "2026-02-01Z",
        5,
        None,
        [],
        "２０２６-02-01",
    ],
)
async def test_a_moment_that_is_none_is_refused(desk: Desk, moment: Any) -> None:
    window = {"from": moment, "to": "2026-03-01"}
    assert await desk.code(PAGE, {"filter": {"window": window}}) == "BAD_USER_INPUT"


async def test_named_things_come_by_name_and_are_counted(desk: Desk) -> None:
    await desk.world.name(models.agent, *[f"agent-{i:02}" for i in range(7)])
    await desk.world.name(models.queue, "b", "a")
    first = await desk.data(
        "{ agents(first: 5) { totalCount nodes { name } pageInfo { endCursor } } "
        "queues { nodes { externalId } } teams { totalCount } }"
    )
    assert [node["name"] for node in first["agents"]["nodes"]] == [f"Agent-{i:02}" for i in range(5)]
    assert first["agents"]["totalCount"] == 7
    assert [node["externalId"] for node in first["queues"]["nodes"]] == ["a", "b"]
    rest = await desk.data(
        "query ($after: String) { agents(first: 5, after: $after) { nodes { name } } }",
        {"after": first["agents"]["pageInfo"]["endCursor"]},
    )
    assert [node["name"] for node in rest["agents"]["nodes"]] == ["Agent-05", "Agent-06"]


async def test_an_agent_sees_their_own_and_nobody_elses(desk: Desk) -> None:
    world = desk.world
    teams = await world.name(models.team, "north", "south")
    agents = await world.name(models.agent, "ann", team_id=teams["north"])
    agents |= await world.name(models.agent, "bob", team_id=teams["north"])
    customers = await world.name(models.customer, "c-1", "c-2")
    mine, _ = await world.interact(
        {"agent_id": agents["ann"], "customer_id": customers["c-1"]},
        {"agent_id": agents["bob"], "customer_id": customers["c-2"]},
    )
    everything = await desk.data("""{ interactions { nodes { id externalId } }
        agents { nodes { id externalId } }
        customers { nodes { id externalId } } }""")
    token = await desk.token("agent", agent="ann")
    assert await shown(desk, token=token) == [mine["external_id"]]
    assert await shown(desk, {"agents": ["bob"]}, token=token) == []
    data = await desk.data(
        """{ agents { totalCount nodes { externalId } } teams { totalCount nodes { externalId } }
        customers { nodes { externalId } } }""",
        token=token,
    )
    assert data == {
        "agents": {"totalCount": 1, "nodes": [{"externalId": "ann"}]},
        "teams": {"totalCount": 1, "nodes": [{"externalId": "north"}]},
        "customers": {"nodes": [{"externalId": "c-1"}]},
    }
    for kind, own in (("interactions", mine["external_id"]), ("agents", "ann"), ("customers", "c-1")):
        for node in everything[kind]["nodes"]:
            found = await desk.data(
                "query ($id: ID!) { node(id: $id) { id } }", {"id": node["id"]}, token=token
            )
            assert found["node"] == ({"id": node["id"]} if node["externalId"] == own else None)


async def test_an_agent_nobody_has_heard_of_sees_nothing(desk: Desk) -> None:
    await desk.world.interact({})
    token = await desk.token("agent", agent="A-1")  # globex has one of that name
    assert await desk.code(PAGE, token=token) == "AGENT_UNKNOWN"
