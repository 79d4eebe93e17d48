"""kpiExplanation over GraphQL: what comes back, who is told what, and whose it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backend.core.windows import Grain
from backend.metrics.questions import KpiAsk, Question
from tests.backend.ingestion.importing import bring_in
from tests.backend.metrics.builders import START, WEEK
from tests.backend.metrics.rollups.rolling import demand, refresh_all
from tests.canaries import CANARY
from tests.conftest import StandingClock
from tests.schema.desk import Desk
from tests.schema.metrics.test_reach import COUNT, two_teams

OPERATIONS = Path(__file__).resolve().parents[3] / "frontend-contract" / "operations"
EXPLANATION = (OPERATIONS / "where-a-number-comes-from.graphql").read_text("utf-8")
DAILY = COUNT | {"grain": "DAY", "dimensions": ["channel"]}
SAME = Question((KpiAsk("c", "count()"),), WEEK, ("channel",), Grain.DAY)


async def explained(desk: Desk, question: dict[str, Any] = DAILY, **options: Any) -> dict[str, Any]:
    """The explanation of a question without problems."""
    data = await desk.data(EXPLANATION, {"question": question}, **options)
    payload = data["kpiExplanation"]
    assert payload["problems"] == []
    found: dict[str, Any] = payload["explanation"]
    return found


async def test_a_question_that_nothing_is_kept_for(desk: Desk) -> None:
    found = await explained(desk)
    [step] = found["steps"]
    read = step.pop("read")
    week = {"from": "2026-02-02T00:00:00+00:00", "to": "2026-02-09T00:00:00+00:00"}
    assert step == {
        "source": "ROWS",
        "fact": "interaction",
        "anchor": "started",
        "grain": "DAY",
        "dimensions": ["channel"],
        "parts": ["count of rows"],
        "window": week,
        "days": 7,
        "packedDays": 0,
        "staleDays": [],
        "missingDays": 7,
        "reason": "2026-02-02 to 2026-02-08 have no pack yet",
    }
    assert (read["statement"], read["windows"]) == (1, [week])
    assert read["estimatedRows"] >= 0
    assert read["estimatedCost"] > 0
    assert found["statementCount"] == 1


async def test_what_is_kept_and_what_has_changed(desk: Desk, clock: StandingClock) -> None:
    door = desk.world.tenant
    await bring_in(door, "interaction", {"external_id": "a", "started_at": START})
    await demand(door, clock, [SAME])
    await refresh_all(door, clock)
    found = await explained(desk)
    [step] = found["steps"]
    assert (step["source"], step["packedDays"], step["reason"], step["read"]) == ("CELLS", 7, None, None)
    assert found["statementCount"] == 0
    await bring_in(door, "interaction", {"external_id": "b", "started_at": START})
    [step] = (await explained(desk))["steps"]
    assert (step["source"], step["packedDays"], step["missingDays"]) == ("BOTH", 6, 0)
    assert (step["staleDays"], step["reason"]) == (["2026-02-02"], "2026-02-02 is stale")
    [window] = step["read"]["windows"]
    length = datetime.fromisoformat(window["to"]) - datetime.fromisoformat(window["from"])
    assert (window["from"][:10], length.days) == ("2026-02-02", 1)
    theirs = await explained(desk, token=await desk.token("manager", "globex"))
    assert [one["source"] for one in theirs["steps"]] == ["ROWS"]


async def test_an_agent_is_told_what_holds_for_them(desk: Desk, clock: StandingClock) -> None:
    token = await two_teams(desk)
    await demand(desk.world.tenant, clock, [SAME])
    await refresh_all(desk.world.tenant, clock)
    for reach in ({}, {"reach": "TEAM"}):
        [step] = (await explained(desk, DAILY | reach, token=token))["steps"]
        assert step["source"] == "ROWS"
        assert step["reason"] == "it shows one agent's or team's rows only"
        assert (step["read"]["estimatedRows"], step["read"]["estimatedCost"]) == (None, None)
    team = DAILY | {"reach": "TEAM", "dimensions": ["agent"]}
    assert await desk.code(EXPLANATION, {"question": team}, token=token) == "TEAM_TOTALS_ONLY"
    other = COUNT | {"where": 'preceded_within(7d, started where agent = "cy")'}
    assert await desk.code(EXPLANATION, {"question": other}, token=token) == "OTHERS_NOT_YOURS"


@pytest.mark.parametrize("key", ["csat", "aht", "service_sales"])
async def test_the_other_tenant_is_in_no_explanation(desk: Desk, key: str) -> None:
    found = await explained(desk, {"keys": [key], "dimensions": ["agent"]})
    assert found["steps"]
    assert CANARY not in str(found)


async def test_what_is_wrong_is_said(desk: Desk) -> None:
    wrong = {"formulas": [{"name": "c", "formula": "count("}]}
    payload = (await desk.data(EXPLANATION, {"question": wrong}))["kpiExplanation"]
    assert payload["explanation"] is None
    assert payload["problems"][0]["path"] == ["formulas", "0", "formula"]


async def test_a_partner_needs_the_scope(desk: Desk) -> None:
    token = await desk.token("partner", scopes=("interaction:read",))
    assert await desk.code(EXPLANATION, {"question": DAILY}, token=token) == "SCOPE_MISSING"
