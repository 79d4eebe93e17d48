"""Asking again by id: what is there comes back, everything else is null, whoever's it is."""

from __future__ import annotations

import base64

import pytest

from backend.interactions import models
from backend.interactions.identity import fact_id
from tests.canaries import CANARY
from tests.schema.desk import Desk

NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on Interaction { externalId } } }"
BAD_IDS = [
    "",
    "x",
    "SW50ZXJhY3Rpb246",
    "SW50ZXJhY3Rpb246bm8",
    "QWdlbnQ6MQ==",
    "Tm90aGluZzox",
    "=",
    "é",
    "A" * 4000,
    *[
        base64.urlsafe_b64encode(text.encode()).decode()
        for text in (
            "Agent:-1",
            "Agent:1e9",
            "Agent:99999999999999999999",
            "Agent:2147483648",
            "Agent:１",
            "Agent: 1",
            "Interaction:' OR 1=1",
            "Interaction:\x00",
            "Customer:1;drop table x",
            "__class__:1",
        )
    ],
]


@pytest.mark.parametrize("id", BAD_IDS)
async def test_an_id_that_is_nobodys_gives_null(desk: Desk, id: str) -> None:
    assert await desk.data(NODE, {"id": id}) == {"node": None}


async def test_everything_with_an_id_can_be_asked_for_again(desk: Desk) -> None:
    world = desk.world
    named = {
        "agent_id": "agent",
        "team_id": "team",
        "queue_id": "queue",
        "customer_id": "customer",
        "issue_type_id": "issue_type",
        "product_id": "product",
    }
    ids = {column: (await world.name(getattr(models, table), "x"))["x"] for column, table in named.items()}
    await world.interact(ids)
    data = await desk.data("""{ interactions { nodes { id agent { id } team { id } queue { id }
        customer { id }
        issueType { id } product { id } } } }""")
    [interaction] = data["interactions"]["nodes"]
    own = interaction.pop("id")
    for id in (own, *[part["id"] for part in interaction.values()]):
        assert (await desk.data(NODE, {"id": id}))["node"]["id"] == id


async def test_ids_of_another_tenant_give_null_both_ways(desk: Desk) -> None:
    query = """{ interactions { nodes { id } } agents { nodes { id } } teams { nodes { id } }
        queues { nodes { id } }
        customers { nodes { id } } syncRuns { nodes { id } } }"""
    other = await desk.token("admin", "globex")
    theirs = await desk.answer(query, token=other)
    assert CANARY not in str(theirs.get("errors", ""))
    ids = [node["id"] for kind in theirs["data"].values() for node in kind["nodes"]]
    assert len(ids) >= 10
    answers = [await desk.answer(NODE, {"id": id}) for id in ids]
    assert all(answer == {"data": {"node": None}} for answer in answers)
    [mine] = await desk.world.interact({"external_id": "ours", "id": fact_id("test", "ours")})
    [node] = (await desk.data(query))["interactions"]["nodes"]
    assert await desk.data(NODE, {"id": node["id"]}, token=other) == {"node": None}
    assert (await desk.data(NODE, {"id": node["id"]}))["node"]["externalId"] == mine["external_id"]
