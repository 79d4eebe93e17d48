"""Turns and cycles as rows behind a number, over the API."""

from __future__ import annotations

from datetime import timedelta

from backend.interactions.identity import fact_id
from tests.backend.ingestion.importing import SOURCE, bring_in
from tests.backend.metrics.builders import START
from tests.schema.desk import Desk
from tests.schema.metrics.test_kpi_values import WEEK

DRILL = """
query Drill($input: KpiValuesInput!) {
  drill(input: $input, first: 10) {
    nodes {
      fact externalId value interaction { externalId }
      turn { position messages startedAt repliedAt wait }
      cycle { position openedAt firstResponseAt solvedAt firstResponseTime duration }
    }
  }
}
"""


async def test_turns_and_cycles_are_listed_with_what_they_are(desk: Desk) -> None:
    tenant = desk.world.tenant
    await bring_in(tenant, "interaction", {"external_id": "t", "started_at": START})
    steps = (("customer", "message"), ("agent", "message"), ("agent", "solved"), ("customer", "message"))
    events = [
        {
            "external_id": f"e{minute}",
            "interaction_id": fact_id(SOURCE, "t"),
            "happened_at": START + timedelta(minutes=minute),
            "kind": kind,
            "actor": actor,
        }
        for minute, (actor, kind) in enumerate(steps)
    ]
    await bring_in(tenant, "event", *events)

    async def listed(formula: str) -> list[dict[str, object]]:
        asked = {"input": {"formulas": [{"name": "a", "formula": formula}], "window": WEEK}}
        nodes: list[dict[str, object]] = (await desk.data(DRILL, asked))["drill"]["nodes"]
        return nodes

    at = [(START + timedelta(minutes=minute)).isoformat() for minute in range(4)]
    later, first = await listed("count(where turn.messages > 0)")
    assert first == {
        "fact": "turn",
        "externalId": "e0",
        "value": 1.0,
        "interaction": {"externalId": "t"},
        "turn": {"position": 1, "messages": 1, "startedAt": at[0], "repliedAt": at[1], "wait": 60.0},
        "cycle": None,
    }
    assert later["turn"] == {
        "position": 2, "messages": 1, "startedAt": at[3], "repliedAt": None, "wait": None,
    }  # fmt: skip
    [cycle] = await listed("avg(cycle.duration)")
    assert (cycle["fact"], cycle["value"], cycle["turn"]) == ("cycle", 120.0, None)
    assert cycle["cycle"] == {
        "position": 1, "openedAt": at[0], "firstResponseAt": at[1], "solvedAt": at[2],
        "firstResponseTime": 60.0, "duration": 120.0,
    }  # fmt: skip
