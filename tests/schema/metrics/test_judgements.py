"""Verdicts over the API."""

from __future__ import annotations

from datetime import timedelta

from backend.interactions import models
from tests.backend.metrics.builders import START
from tests.backend.metrics.test_guardrails import contacts
from tests.schema.desk import Desk

QUERY = """query ($input: KpiValuesInput!) {
  kpiValues(input: $input) { problems { message } answer { series {
    kpi { key } values judgements { verdicts costs total { verdict costs } }
  } } }
}"""
WEEK = {"from": "2026-02-02", "to": "2026-02-09"}


async def test_a_gain_says_what_it_cost(desk: Desk) -> None:
    agents = await desk.world.name(models.agent, "ann", "bob", "cy")
    before = START - timedelta(days=7)
    await desk.world.interact(
        *contacts(before, 300, 8, agent_id=agents["ann"]),
        *contacts(START, 240, 6, agent_id=agents["ann"]),
        *contacts(before, 300, 4, agent_id=agents["bob"]),
        *contacts(START, 240, 9, agent_id=agents["bob"]),
        *contacts(START, 240, 1, agent_id=agents["cy"]),
    )
    given = {"keys": ["aht"], "window": WEEK, "dimensions": ["agent"], "compare": "PREVIOUS_PERIOD"}
    data = await desk.data(QUERY, {"input": given})
    [series] = data["kpiValues"]["answer"]["series"]
    assert series["kpi"]["key"] == "aht"
    assert series["judgements"] == {
        "verdicts": ["IMPROVED_AT_COST", "IMPROVED", None],
        "costs": [["fcr"], [], []],
        "total": {"verdict": "IMPROVED_AT_COST", "costs": ["fcr"]},  # 12 of 20, now 16 of 30
    }


async def test_without_a_comparison_there_is_no_verdict(desk: Desk) -> None:
    data = await desk.data(QUERY, {"input": {"keys": ["aht"], "window": WEEK}})
    assert data["kpiValues"]["answer"]["series"][0]["judgements"] is None
