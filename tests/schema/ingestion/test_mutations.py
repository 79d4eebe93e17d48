"""Small batches: in once, twice the same, updated; bad records set aside, mended and given up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schema.desk import Desk

IMPORT = """
mutation Import($input: ImportRecordsInput!) {
  importRecords(input: $input) {
    syncRunId read written unchanged rejected { index field code message }
  }
}
"""
REJECTED = """{ rejectedRecords { nodes { id source line field code message raw status syncRunId settledAt } }
  syncRuns { nodes { id origin status source rowsRead rowsWritten rowsUnchanged
    rowsRejected error actor } } }"""


def call(number: int, **fields: Any) -> dict[str, Any]:
    """An interaction as a client sends it."""
    return {"externalId": f"c-{number}", "channel": "call", "started": "2026-02-02T09:00:00Z", **fields}


async def sent(desk: Desk, **given: Any) -> dict[str, Any]:
    """What a batch came to."""
    payload: dict[str, Any] = (await desk.data(IMPORT, {"input": {"source": "crm", **given}}))[
        "importRecords"
    ]
    return payload


async def test_a_batch_goes_in_once_and_can_be_asked_for(desk: Desk) -> None:
    batch = [
        call(1, agent="ann", agentName="Ann", handleTime=90.5, answered=True, amount="12.50", currency="EUR"),
        call(2, started="2026-02-02", abandoned=True, waitTime=12),
    ]
    payload = await sent(desk, interactions=batch)
    assert (payload["read"], payload["written"], payload["unchanged"], payload["rejected"]) == (2, 2, 0, [])
    again = await sent(desk, interactions=batch)
    assert (again["written"], again["unchanged"]) == (0, 2)
    changed = await sent(desk, interactions=[batch[0] | {"handleTime": 91}, batch[1]])
    assert (changed["written"], changed["unchanged"]) == (1, 1)
    data = await desk.data("""{ interactions(filter: {agents: ["ann"]}) {
        nodes { externalId source startedAt handleTime amount currency answered agent { name } } } }""")
    assert data["interactions"]["nodes"] == [
        {
            "externalId": "c-1",
            "source": "crm",
            "startedAt": "2026-02-02T09:00:00+00:00",
            "handleTime": 91.0,
            "amount": "12.50",
            "currency": "EUR",
            "answered": True,
            "agent": {"name": "Ann"},
        }
    ]


async def test_surveys_find_their_interaction(desk: Desk) -> None:
    await sent(desk, interactions=[call(1)])
    payload = await sent(
        desk,
        surveys=[
            {
                "externalId": "s-1",
                "interaction": "c-1",
                "kind": "csat",
                "score": 4,
                "responded": "2026-02-02T10:00:00Z",
            },
            {
                "externalId": "s-2",
                "interaction": "c-1",
                "kind": "csat",
                "score": 2.5,
                "responded": "2026-02-02T10:00:00Z",
            },
        ],
    )
    assert payload["written"] == 2
    data = await desk.data(
        '{ kpiValues(input: {keys: ["csat", "csat_mean"]}) { answer { series { total { value n } } } } }'
    )
    csat, mean = [series["total"] for series in data["kpiValues"]["answer"]["series"]]
    assert (csat, mean) == ({"value": 0.5, "n": 2}, {"value": 3.25, "n": 2})


async def test_bad_records_are_set_aside_with_their_reason(desk: Desk) -> None:
    payload = await sent(
        desk, interactions=[call(1), call(2, channel="pigeon"), call(3, currency="XYZ", amount="1")]
    )
    assert (payload["read"], payload["written"]) == (3, 1)
    assert [one["index"] for one in payload["rejected"]] == [1, 2]
    assert payload["rejected"][0]["field"] == "channel"
    assert payload["rejected"][0]["code"]
    data = await desk.data(REJECTED)
    assert [node["status"] for node in data["rejectedRecords"]["nodes"]] == ["OPEN", "OPEN"]
    assert data["rejectedRecords"]["nodes"][0]["syncRunId"] == payload["syncRunId"]
    [run] = data["syncRuns"]["nodes"]
    assert run | {"id": ""} == {
        "id": "",
        "origin": "GRAPHQL",
        "status": "APPLIED",
        "source": "crm",
        "rowsRead": 3,
        "rowsWritten": 1,
        "rowsUnchanged": 0,
        "rowsRejected": 2,
        "error": None,
        "actor": "manager@acme",
    }
    found = await desk.data(
        "query ($id: ID!) { node(id: $id) { ... on SyncRun { rowsRead } } }", {"id": run["id"]}
    )
    assert found["node"] == {"rowsRead": 3}


async def test_rejected_records_are_replayed_or_given_up(desk: Desk) -> None:
    await sent(desk, interactions=[call(1, channel="pigeon"), call(2, channel="pigeon")])
    records = (await desk.data(REJECTED))["rejectedRecords"]["nodes"]
    ids = [record["id"] for record in records]
    data = await desk.data(
        "mutation ($ids: [ID!]!) { replayRejectedRecords(ids: $ids) { replayed stillRejected } }",
        {"ids": ids},
    )
    assert data["replayRejectedRecords"] == {"replayed": 0, "stillRejected": 2}
    data = await desk.data(
        "mutation ($ids: [ID!]!) { discardRejectedRecords(ids: $ids) { discarded } }", {"ids": ids[:1] * 2}
    )
    assert data["discardRejectedRecords"] == {"discarded": 1}
    assert [node["id"] for node in (await desk.data(REJECTED))["rejectedRecords"]["nodes"]] == ids[1:]
    data = await desk.data("{ rejectedRecords(status: DISCARDED) { nodes { id status } } }")
    assert data["rejectedRecords"]["nodes"] == [{"id": ids[0], "status": "DISCARDED"}]
    assert await desk.code('mutation { discardRejectedRecords(ids: ["x"]) { discarded } }') == "ID_INVALID"


@pytest.mark.parametrize(
    "given",
    [{}, {"interactions": []}, {"interactions": [call(1)], "surveys": [{"externalId": "s", "kind": "csat"}]}],
)
async def test_a_batch_is_of_one_kind(desk: Desk, given: dict[str, Any]) -> None:
    assert await desk.code(IMPORT, {"input": {"source": "crm", **given}}) == "BATCH_MIXED"


async def test_a_batch_has_bounds(desk: Desk) -> None:
    batch = [call(i) for i in range(501)]
    assert await desk.code(IMPORT, {"input": {"source": "crm", "interactions": batch}}) == "LIMIT_EXCEEDED"
    assert (await sent(desk, interactions=batch[:500]))["written"] == 500


@pytest.mark.parametrize("source", ["", " ", "a\nb", "x" * 10_000])
async def test_a_source_needs_a_name(desk: Desk, source: str) -> None:
    answer = await desk.answer(IMPORT, {"input": {"source": source, "interactions": [call(1)]}})
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert codes
    assert codes[0] != "INTERNAL"


@pytest.mark.parametrize(
    ("role", "scopes"),
    [("viewer", ()), ("agent", ()), ("partner", ()), ("partner", ("kpi:read", "interaction:read"))],
)
async def test_who_may_not_import_changes_nothing(desk: Desk, role: str, scopes: tuple[str, ...]) -> None:
    token = await desk.token(role, agent="ann" if role == "agent" else None, scopes=scopes)
    code = await desk.code(IMPORT, {"input": {"source": "crm", "interactions": [call(1)]}}, token=token)
    assert code in ("ROLE_INSUFFICIENT", "SCOPE_MISSING")
    data = await desk.data("{ syncRuns { nodes { id } } interactions { nodes { id } } }")
    assert data == {"syncRuns": {"nodes": []}, "interactions": {"nodes": []}}


async def test_a_partner_who_may_ingest_imports(desk: Desk) -> None:
    token = await desk.token("partner", scopes=("ingest:write",))
    data = await desk.data(IMPORT, {"input": {"source": "crm", "interactions": [call(1)]}}, token=token)
    assert data["importRecords"]["written"] == 1


async def test_customers_activities_and_sla_instances_come_in_batches(desk: Desk) -> None:
    await sent(desk, interactions=[call(1, sentiment=-0.5, atRisk=True, sentimentModel="m-2")])
    batches: dict[str, dict[str, Any]] = {
        "customers": {"externalId": "P", "joined": "2026-02-02T00:00:00Z", "segment": "vip"},
        "activities": {
            "externalId": "1",
            "agent": "ann",
            "state": "busy",
            "started": "2026-02-02T09:00:00Z",
            "cost": "9.50",
        },
        "slaInstances": {
            "externalId": "1",
            "interaction": "c-1",
            "metric": "resolution",
            "target": 60,
            "applied": "2026-02-02T09:00:00Z",
        },
    }
    for name, record in batches.items():
        first, again = [await sent(desk, **{name: [record]}) for _ in range(2)]
        assert (first["written"], first["rejected"], again["unchanged"]) == (1, [], 1), name
    refused = await sent(desk, interactions=[call(2, sentiment=1.5)])
    assert [(one["field"], one["code"]) for one in refused["rejected"]] == [("sentiment", "SCORE_RANGE")]
    data = await desk.data(
        """{ kpiValues(input: {dimensions: ["at_risk"], formulas: [{name: "a", formula: "avg(sentiment)"},
        {name: "b", formula: "avg(sla.target)"}]}) { answer { series { total { value } } } } }"""
    )
    assert [one["total"]["value"] for one in data["kpiValues"]["answer"]["series"]] == [-0.5, 60.0]


async def test_a_misspelt_field_is_refused_by_its_name(desk: Desk) -> None:
    batch = [{"externalId": "c-9", "channel": "call", "sentimentt": 0.5}]
    answer = await desk.answer(IMPORT, {"input": {"source": "crm", "interactions": batch}})
    assert "unknown field 'sentimentt'" in answer["errors"][0]["message"]
    assert (await desk.data("{ interactions { nodes { externalId } } }"))["interactions"]["nodes"] == []
