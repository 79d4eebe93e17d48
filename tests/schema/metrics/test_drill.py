"""Proofs and the rows behind a number over the API; who may see which."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from backend.interactions import models
from tests.backend.metrics.builders import START
from tests.canaries import CANARY
from tests.schema.desk import Desk
from tests.schema.metrics.test_kpi_values import WEEK
from tests.schema.metrics.test_reach import COUNT, two_teams
from tests.statements import counted

PROOF = """
query Proof($input: KpiValuesInput!, $cell: CellInput) {
  kpiProof(input: $input, cell: $cell) {
    problems { code path }
    proofs {
      kpi { key formula } version effectiveFrom zone path window { from to } dataVersion { id writtenAt }
      cell { value n numerator denominator state }
      aggregates {
        formula fact anchor includingExcluded population counted exclusions { kind reason rows }
        cell { value n }
      }
    }
  }
}
"""
DRILL = """
query Drill(
  $input: KpiValuesInput!, $cell: CellInput, $side: Side! = DENOMINATOR, $aggregate: Int,
  $first: Int! = 50, $after: String
) {
  drill(
    input: $input, cell: $cell, side: $side, aggregate: $aggregate, first: $first, after: $after
  ) {
    pageInfo { hasNextPage endCursor }
    nodes {
      fact source externalId anchoredAt value
      survey { kind score scaleMin scaleMax comment invitedAt respondedAt }
      interaction { id externalId channel priority }
    }
  }
}
"""
CSAT = {"keys": ["csat"], "window": WEEK}


async def nodes(desk: Desk, given: dict[str, Any], **variables: Any) -> list[dict[str, Any]]:
    """All rows behind a number, two to a page."""
    token, found, after = variables.pop("token", ...), [], None
    while True:
        asked = {"input": given, "first": 2, "after": after, **variables}
        page = (await desk.data(DRILL, asked, token=token))["drill"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def rated(desk: Desk) -> list[dict[str, Any]]:
    """Four chats with a rating each: 5, 4, 2 and none; the last one is spam."""
    rows = await desk.world.interact({}, {}, {}, {"exclusion": "spam"})
    scores = (5000, 4000, 2000, 5000)
    await desk.world.survey(
        *[
            {"interaction_id": row["id"], "score": score, "comment": "ok", "responded_at": START}
            for row, score in zip(rows, scores, strict=True)
        ],
        {"score": None, "responded_at": START},
    )
    return rows


async def test_a_proof_adds_up_and_names_what_it_rests_on(desk: Desk) -> None:
    await rated(desk)
    version = 7
    async with desk.world.tenant.write() as session:
        row = {"number": version, "cause": "import", "rows_changed": 4}
        await session.execute(insert(models.write_log).values(row))
    payload = (await desk.data(PROOF, {"input": CSAT}))["kpiProof"]
    assert payload["problems"] == []
    [proof] = payload["proofs"]
    assert proof["cell"] == {
        "value": 2 / 3, "n": 3, "numerator": 2.0, "denominator": 3.0, "state": "OK",
    }  # fmt: skip
    assert (proof["version"], proof["effectiveFrom"], proof["path"]) == (1, "1970-01-01", "RAW")
    assert proof["dataVersion"]["id"] == str(version)
    [aggregate] = proof["aggregates"]
    assert aggregate == {
        "formula": 'share(survey.score >= 4 where survey.kind = "csat")',
        "fact": "survey",
        "anchor": "responded",
        "includingExcluded": False,
        "population": 5,
        "counted": 3,
        "exclusions": [
            {"kind": "EXCLUDED", "reason": "spam", "rows": 1},
            {"kind": "VALUE_MISSING", "reason": "value_missing", "rows": 1},
        ],
        "cell": {"value": 2 / 3, "n": 3},
    }


async def test_a_cell_of_a_question_is_proved_and_listed(desk: Desk) -> None:
    agents = await desk.world.name(models.agent, "ann", "bob")
    late = START.replace(day=4)
    rows = await desk.world.interact(
        {"agent_id": agents["ann"]},
        {"agent_id": agents["ann"], "started_at": late},
        {"agent_id": agents["bob"], "started_at": late},
        {"started_at": late},
    )
    given = COUNT | {"dimensions": ["agent"], "grain": "DAY", "limit": 1}
    for key, at in (("ann", 1), ("bob", 2), (None, 3)):
        cell = {"bucket": "2026-02-04T00:00:00+00:00", "members": [{"dimension": "agent", "key": key}]}
        [node] = await nodes(desk, given, cell=cell)
        assert node["externalId"] == node["interaction"]["externalId"] == rows[at]["external_id"]
        assert (node["fact"], node["value"], node["survey"]) == ("interaction", 1.0, None)
        [proof] = (await desk.data(PROOF, {"input": given, "cell": cell}))["kpiProof"]["proofs"]
        assert proof["cell"]["value"] == 1
        assert proof["window"] == {"from": "2026-02-04T00:00:00+00:00", "to": "2026-02-05T00:00:00+00:00"}
    assert len(await nodes(desk, given)) == 4


async def test_surveys_come_with_their_interaction(desk: Desk) -> None:
    rows = await rated(desk)
    found = await nodes(desk, CSAT)
    assert sorted(node["survey"]["score"] for node in found) == [2, 4, 5]
    assert {node["interaction"]["externalId"] for node in found} == {row["external_id"] for row in rows[:3]}
    assert {(one["survey"]["kind"], one["survey"]["comment"], one["fact"]) for one in found} == {
        ("CSAT", "ok", "survey")
    }
    satisfied = await nodes(desk, CSAT, side="NUMERATOR")
    assert sorted(node["survey"]["score"] for node in satisfied) == [4, 5]
    assert [node["value"] for node in satisfied] == [1, 1]


async def test_an_agent_opens_their_own_rows_only(desk: Desk) -> None:
    token = await two_teams(desk)
    assert len(await nodes(desk, COUNT)) == 7
    assert len(await nodes(desk, COUNT, token=token)) == 1
    [proof] = (await desk.data(PROOF, {"input": COUNT}, token=token))["kpiProof"]["proofs"]
    assert proof["aggregates"][0]["population"] == 1
    team = COUNT | {"reach": "TEAM"}
    assert await desk.code(DRILL, {"input": team}, token=token) == "TEAM_TOTALS_ONLY"
    [proof] = (await desk.data(PROOF, {"input": team}, token=token))["kpiProof"]["proofs"]
    assert proof["cell"]["value"] == 3
    cell = {"members": [{"dimension": "agent", "key": "bob"}]}
    assert await desk.code(PROOF, {"input": team, "cell": cell}, token=token) == "TEAM_TOTALS_ONLY"
    assert await nodes(desk, COUNT, cell=cell, token=token) == []
    others = COUNT | {"where": 'followed_within(1d, started where agent = "bob")'}
    assert await desk.code(DRILL, {"input": others}, token=token) == "OTHERS_NOT_YOURS"


async def test_a_survey_does_not_lead_an_agent_to_anothers_interaction(desk: Desk) -> None:
    agents = await desk.world.name(models.agent, "ann", "bob")
    [row] = await desk.world.interact({"agent_id": agents["bob"]})
    own = {"interaction_id": row["id"], "agent_id": agents["ann"], "score": 4000, "responded_at": START}
    await desk.world.survey(own)
    [seen] = await nodes(desk, CSAT)
    assert seen["interaction"]["externalId"] == row["external_id"]
    [seen] = await nodes(desk, CSAT, token=await desk.token("agent", agent="ann"))
    assert (seen["survey"]["score"], seen["interaction"]) == (4, None)


@pytest.mark.parametrize("scopes", [("kpi:read",), ("interaction:read",), ()])
async def test_a_partner_needs_both_scopes_to_see_rows(desk: Desk, scopes: tuple[str, ...]) -> None:
    token = await desk.token("partner", scopes=scopes)
    assert await desk.code(DRILL, {"input": COUNT}, token=token) == "SCOPE_MISSING"


async def test_the_other_tenants_rows_are_behind_no_number(desk: Desk) -> None:
    await rated(desk)
    everything = {"formulas": [{"name": "c", "formula": "count() including excluded"}]}
    for given in (everything, {"keys": ["csat"]}, {"keys": ["service_sales"]}, {"keys": ["qa_score"]}):
        assert CANARY not in str(await desk.data(DRILL, {"input": given}))
        assert CANARY not in str(await desk.data(PROOF, {"input": given}))
    answer = await desk.data(DRILL, {"input": everything}, token=await desk.token("manager", "globex"))
    assert CANARY in str(answer)


async def test_what_is_wrong_is_said(desk: Desk) -> None:
    payload = (await desk.data(PROOF, {"input": {"formulas": [{"name": "c", "formula": "count("}]}}))[
        "kpiProof"
    ]
    assert payload["proofs"] is None
    assert payload["problems"][0]["path"] == ["formulas", "0", "formula"]
    for cell, code in (
        ({"bucket": "2026-02-02T00:00:01+00:00"}, "BUCKET_UNKNOWN"),
        ({"members": [{"dimension": "hour_of_day", "key": "x"}]}, "CELL_MEMBER_INVALID"),
    ):
        variables = {"input": COUNT | {"grain": "DAY"}, "cell": cell}
        payload = (await desk.data(PROOF, variables))["kpiProof"]
        assert [one["code"] for one in payload["problems"]] == [code]
        assert await desk.code(DRILL, variables) == code
    assert await desk.code(DRILL, {"input": COUNT, "first": 201}) == "PAGE_SIZE_INVALID"
    assert await desk.code(DRILL, {"input": COUNT, "after": "x"}) == "CURSOR_INVALID"


async def test_more_rows_cost_no_more_statements(desk: Desk) -> None:
    await desk.world.interact(*[{} for _ in range(20)])
    token = await desk.token("viewer")
    await desk.data(DRILL, {"input": COUNT}, token=token)
    for first in (2, 20):
        async with counted(desk.database) as count:
            await desk.data(DRILL, {"input": COUNT, "first": first}, token=token)
        assert (count.statements, count.transactions) == (3, 2)
