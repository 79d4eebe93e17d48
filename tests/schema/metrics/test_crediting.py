"""Attribution over the API: what it tells of a rule, and what an agent sees by it."""

from __future__ import annotations

from typing import Any

from backend.interactions import models
from tests.backend.metrics.crediting import take_part
from tests.schema.desk import Desk
from tests.schema.metrics.test_kpi_values import WEEK

VALUES = """
query Values($input: KpiValuesInput!) {
  kpiValues(input: $input) {
    problems { code nearest span { start end } }
    answer {
      dimensions { keys }
      series { values overCount total { value n } previous { overCount } }
    }
  }
}
"""
PROOF = """
query Proof($input: KpiValuesInput!, $cell: CellInput) {
  kpiProof(input: $input, cell: $cell) {
    proofs { cell { value n } aggregates { credit population counted } }
  }
}
"""
DRILL = """
query Drill($input: KpiValuesInput!, $cell: CellInput) {
  drill(input: $input, cell: $cell) { nodes { externalId value share interaction { externalId } } }
}
"""


def asking(formula: str, **given: Any) -> dict[str, Any]:
    return {"formulas": [{"name": "x", "formula": formula}], "window": WEEK, **given}


async def handed_on(desk: Desk) -> list[dict[str, Any]]:
    """A chat that ann began and bob, its owner, solved; one of cy's alone; one of which nothing is known, ann's."""
    world = desk.world
    agents = await world.name(models.agent, "ann", "bob", "cy")
    rows = await world.interact(
        {"agent_id": agents["bob"], "handle_time": 60_000},
        {"agent_id": agents["cy"], "handle_time": 30_000},
        {"agent_id": agents["ann"], "handle_time": 90_000},
    )
    of = [row["id"] for row in rows]
    await take_part(
        world.tenant,
        {"interaction_id": of[0], "agent_id": agents["ann"], "first": True, "time_share": 250_000},
        {
            "interaction_id": of[0],
            "agent_id": agents["bob"],
            "last": True,
            "resolver": True,
            "time_share": 750_000,
            "message_share": 1_000_000,
        },
        {
            "interaction_id": of[1],
            "agent_id": agents["cy"],
            "first": True,
            "last": True,
            "time_share": 1_000_000,
            "message_share": 1_000_000,
        },
    )
    return rows


async def series(desk: Desk, given: dict[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values by member, and the series they stand in."""
    answer = (await desk.data(VALUES, {"input": given}, **options))["kpiValues"]["answer"]
    [found] = answer["series"]
    keys = answer["dimensions"][0]["keys"] if answer["dimensions"] else [None]
    return dict(zip(keys, found["values"], strict=True)), found


async def test_agents_and_what_they_count_beyond_the_total(desk: Desk) -> None:
    await handed_on(desk)
    by_agent = {"dimensions": ["agent"]}
    values, found = await series(desk, asking("count() credited to participants", **by_agent))
    assert values == {"ann": 2, "bob": 1, "cy": 1}
    assert (found["total"], found["overCount"]) == ({"value": 3, "n": 3}, 1)
    values, found = await series(desk, asking("sum(handle_time) credited to time_share", **by_agent))
    assert values == {"ann": 105, "bob": 45, "cy": 30}
    assert (found["total"], found["overCount"]) == ({"value": 180, "n": 3}, None)
    compared = asking("count() credited to participants", compare="PREVIOUS_PERIOD", **by_agent)
    assert (await series(desk, compared))[1]["previous"]["overCount"] == 0


async def test_a_cell_names_its_rule_and_opens(desk: Desk) -> None:
    rows = await handed_on(desk)
    asked = {
        "input": asking("sum(handle_time) credited to time_share", dimensions=["agent"]),
        "cell": {"members": [{"dimension": "agent", "key": "ann"}]},
    }
    [proof] = (await desk.data(PROOF, asked))["kpiProof"]["proofs"]
    assert proof == {
        "cell": {"value": 105, "n": 2},
        "aggregates": [{"credit": "time_share", "population": 2, "counted": 2}],
    }
    nodes = (await desk.data(DRILL, asked))["drill"]["nodes"]
    assert {node["externalId"]: (node["value"], node["share"]) for node in nodes} == {
        rows[0]["external_id"]: (15, 0.25),
        rows[2]["external_id"]: (90, 1),
    }
    [proof] = (await desk.data(PROOF, {"input": asking("count()")}))["kpiProof"]["proofs"]
    assert proof["aggregates"][0]["credit"] == "owner"


async def test_an_agent_sees_what_is_credited_to_them(desk: Desk) -> None:
    rows = await handed_on(desk)
    token = await desk.token("agent", agent="ann")
    seen = {
        "owner": 1, "first": 2, "last": 1, "resolver": 1, "participants": 2, "time_share": 1.25,
        "message_share": 1,
    }  # fmt: skip
    for rule, count in seen.items():
        values, found = await series(desk, asking(f"count() credited to {rule}"), token=token)
        assert values == {None: count}, rule
        nodes = await desk.data(DRILL, {"input": asking(f"count() credited to {rule}")}, token=token)
        drilled = {node["externalId"] for node in nodes["drill"]["nodes"]}
        assert len(drilled) == found["total"]["n"]
        assert drilled <= {rows[0]["external_id"], rows[2]["external_id"]}
    # the row counts for ann, who took part; the interaction itself is opened by its owner only
    given = asking("count() credited to first")
    nodes = (await desk.data(DRILL, {"input": given}, token=token))["drill"]["nodes"]
    opened = {node["externalId"]: node["interaction"] for node in nodes}
    assert opened[rows[0]["external_id"]] is None
    assert opened[rows[2]["external_id"]] is not None


async def test_an_unknown_rule_is_pointed_at(desk: Desk) -> None:
    text = "count() credited to lst"
    payload = (await desk.data(VALUES, {"input": asking(text)}))["kpiValues"]
    [problem] = payload["problems"]
    assert (problem["code"], problem["nearest"]) == ("CREDIT_UNKNOWN", "last")
    assert text[problem["span"]["start"] : problem["span"]["end"]] == "lst"


async def test_the_vocabulary_lists_the_rules(desk: Desk) -> None:
    query = "{ vocabulary { attributionRules { name labels { en zh } doc shares overcounts } } }"
    found = (await desk.data(query))["vocabulary"]["attributionRules"]
    assert [one["name"] for one in found] == [
        "owner", "first", "last", "resolver", "time_share", "message_share", "participants",
    ]  # fmt: skip
    assert [one["name"] for one in found if one["shares"]] == ["time_share", "message_share"]
    assert [one["name"] for one in found if one["overcounts"]] == ["participants"]
    assert all(one["doc"].endswith(".") and one["labels"]["zh"] for one in found)
