"""Benchmarks and gap tables over the API."""

from __future__ import annotations

from typing import Any

import pytest

from backend.interactions import models
from tests.backend.metrics.builders import START, seconds
from tests.canaries import CANARY
from tests.schema.desk import Desk
from tests.statements import counted

FIGURE = (
    "benchmark { kpi kind label low high reference floatLow floatHigh validFrom } problems { code path hint }"
)
SET = f"mutation ($input: SetBenchmarkInput!) {{ setBenchmark(input: $input) {{ {FIGURE} }} }}"
REMOVE = f"mutation ($input: RemoveBenchmarkInput!) {{ removeBenchmark(input: $input) {{ {FIGURE} }} }}"
LIST = """query ($kpi: String, $first: Int! = 200, $after: String) {
  benchmarks(kpi: $kpi, first: $first, after: $after) {
    totalCount nodes { kpi kind label low high floatLow floatHigh } pageInfo { hasNextPage endCursor }
  }
}"""
GAPS = """query ($input: GapTableInput!) {
  gapTable(input: $input) {
    problems { code path }
    table {
      zone history { from to }
      rows {
        kpi { key name unit direction } members { dimension key label }
        current { value n state } gap gapPoints standing withinBand withinFloat measure
        reference { value low high benchmark { label kind } history { value n } }
      }
    }
  }
}"""
PEER: dict[str, Any] = {"kpi": "csat", "kind": "PEER_BEST", "label": "同行同层优秀", "low": 0.93}
WEEK = {"from": "2026-02-02", "to": "2026-02-09"}
CORE = {"keys": ["csat", "first_response_time", "resolution_rate"], "window": WEEK, "reference": "INDUSTRY"}


async def change(desk: Desk, mutation: str, role: str = "admin", **given: Any) -> dict[str, Any]:
    data = await desk.data(mutation, {"input": given}, token=await desk.token(role))
    [payload] = data.values()
    found: dict[str, Any] = payload
    return found


async def table(desk: Desk, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    payload = (await desk.data(GAPS, {"input": given}, **options))["gapTable"]
    assert payload["problems"] == []
    found: dict[str, Any] = payload["table"]
    return found


async def a_shop(desk: Desk, **row: Any) -> None:
    """CSAT 70 %, replies after 60 s, 75 % resolved."""
    await desk.world.survey(
        *({"score": score, "responded_at": START, **row} for score in [5000] * 7 + [2000] * 3)
    )
    reply = {"first_response_time": seconds(60), "closed_at": START, **row}
    await desk.world.interact(*(reply | {"resolved": number < 15} for number in range(20)))


async def test_figures_are_listed_page_by_page(desk: Desk) -> None:
    found, after = [], None
    for more in (True, True, False):
        page = (await desk.data(LIST, {"first": 1, "after": after}))["benchmarks"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, more)
    label = {"kind": "INDUSTRY", "label": "industry baseline"}
    assert found == [
        {"kpi": "csat", **label, "low": 0.75, "high": 0.85, "floatLow": 0.15, "floatHigh": 0.3},
        {"kpi": "first_response_time", **label, "low": 30, "high": 60, "floatLow": 0.15, "floatHigh": 0.3},
        {"kpi": "resolution_rate", **label, "low": 0.8, "high": 0.9, "floatLow": None, "floatHigh": None},
    ]
    one = (await desk.data(LIST, {"kpi": "csat"}))["benchmarks"]["nodes"]
    assert one == found[:1]


async def test_a_figure_is_set_and_removed(desk: Desk) -> None:
    stored = await change(desk, SET, **PEER | {"validFrom": "2026-02-01"})
    assert stored == {
        "benchmark": {
            "kpi": "csat",
            "kind": "PEER_BEST",
            "label": "同行同层优秀",
            "low": 0.93,
            "high": 0.93,
            "reference": 0.93,
            "floatLow": None,
            "floatHigh": None,
            "validFrom": "2026-02-01",
        },
        "problems": [],
    }
    answer = await desk.post({"query": LIST}, token=await desk.token("viewer"))
    assert CANARY not in answer.text
    assert "同行同层优秀" in answer.text
    assert "同行" not in (await desk.post({"query": LIST}, token=await desk.token("admin", "globex"))).text
    place = {name: PEER[name] for name in ("kpi", "kind", "label")}
    assert (await change(desk, REMOVE, **place)) == stored
    token = await desk.token("admin")
    assert await desk.code(REMOVE, {"input": place}, token=token) == "NOT_FOUND"


async def test_problems_point_at_their_place(desk: Desk) -> None:
    wrong = PEER | {"kpi": "cast", "high": 0.5, "floatLow": 0.1}
    payload = await change(desk, SET, **wrong)
    assert payload["benchmark"] is None
    assert [(one["code"], one["path"]) for one in payload["problems"]] == [
        ("KPI_UNKNOWN", ["kpi"]),
        ("BAND_INVALID", ["low"]),
        ("BENCHMARK_FLOAT_INVALID", ["floatLow"]),
    ]
    assert "csat" in payload["problems"][0]["hint"]


@pytest.mark.parametrize("role", ["manager", "viewer", "agent", "partner"])
async def test_only_admins_change_figures(desk: Desk, role: str) -> None:
    token = await desk.token(
        role, agent="ann" if role == "agent" else None, scopes=("kpi:read",) if role == "partner" else ()
    )
    place = {"kpi": "csat", "kind": "INDUSTRY", "label": "industry baseline"}
    for mutation, given in ((SET, PEER), (REMOVE, place)):
        assert await desk.code(mutation, {"input": given}, token=token) in (
            "ROLE_INSUFFICIENT",
            "SCOPE_MISSING",
        )
    assert (await desk.data(LIST))["benchmarks"]["totalCount"] == 3


async def test_the_gap_table_of_three_figures_is_one_query(desk: Desk) -> None:
    await a_shop(desk)
    token = await desk.token("viewer")
    await table(desk, CORE, token=token)
    async with counted(desk.database) as count:
        found = await table(
            desk, CORE, token=token, headers={"accept-language": "zh", "cache-control": "no-cache"}
        )
    assert count.transactions == 2  # the numbers, then what they are held against
    csat, response, resolution = found["rows"]
    assert csat == {
        "kpi": {"key": "csat", "name": "客户满意度", "unit": "RATIO", "direction": "UP"},
        "members": [],
        "current": {"value": 0.7, "n": 10, "state": "OK"},
        "gap": 0.1,
        "gapPoints": 10,
        "standing": "BEHIND",
        "withinBand": False,
        "withinFloat": True,
        "measure": csat["measure"],
        "reference": {
            "value": 0.8,
            "low": 0.75,
            "high": 0.85,
            "benchmark": {"label": "industry baseline", "kind": "INDUSTRY"},
            "history": None,
        },
    }
    assert "差评" in csat["measure"]
    assert (response["gap"], response["gapPoints"], response["standing"]) == (15, None, "WITHIN")
    assert (resolution["gapPoints"], resolution["reference"]["value"]) == (10, 0.85)
    assert found["history"] is None


async def test_a_row_without_a_reference_stays(desk: Desk) -> None:
    await a_shop(desk)
    found = await table(desk, CORE | {"reference": "PEER_BEST"})
    assert len(found["rows"]) == 3
    for row in found["rows"]:
        assert row["current"]["value"] is not None
        for name in ("reference", "gap", "gapPoints", "standing", "withinBand", "withinFloat"):
            assert row[name] is None


async def test_an_agent_sees_the_gap_of_its_own_rows(desk: Desk) -> None:
    agents = await desk.world.name(models.agent, "ann", "bob")
    await a_shop(desk, agent_id=agents["ann"])
    await desk.world.survey(
        *({"score": 5000, "responded_at": START, "agent_id": agents["bob"]} for _ in range(10))
    )
    asked = CORE | {"keys": ["csat"], "dimensions": ["agent"]}
    rows = (await table(desk, asked))["rows"]
    assert [(row["members"], row["gapPoints"]) for row in rows] == [
        ([{"dimension": "agent", "key": "ann", "label": "Ann"}], 10),
        ([{"dimension": "agent", "key": "bob", "label": "Bob"}], -20),
    ]
    [own] = (await table(desk, asked, token=await desk.token("agent", agent="ann")))["rows"]
    assert own["members"][0]["key"] == "ann"
    token = await desk.token("agent", agent="bob")
    team = {"input": asked | {"reach": "TEAM"}}
    assert await desk.code(GAPS, team, token=token) == "TEAM_UNKNOWN"


async def test_own_history_says_which_past(desk: Desk) -> None:
    await a_shop(desk)
    found = await table(desk, CORE | {"reference": "OWN_HISTORY", "windows": 2})
    assert found["history"] == {"from": "2026-01-19T00:00:00+00:00", "to": "2026-02-02T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"keys": ["csat", "cast"]}, "KPI_UNKNOWN", ["keys", "1"]),
        ({"where": "chanel"}, "FIELD_UNKNOWN", ["where"]),
        ({"dimensions": ["colour"]}, "DIMENSION_UNKNOWN", ["dimensions", "colour"]),
        ({"reference": "OWN_HISTORY", "windows": 0}, "HISTORY_OUT_OF_RANGE", ["windows"]),
        ({"window": {"from": "2026-02-02", "to": "2026-02-02"}}, "WINDOW_EMPTY", []),
    ],
)
async def test_what_is_wrong_with_the_question_is_a_problem(
    desk: Desk, given: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = (await desk.data(GAPS, {"input": CORE | given}))["gapTable"]
    assert payload == {"table": None, "problems": [{"code": code, "path": path}]}
