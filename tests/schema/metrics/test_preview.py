"""previewKpi over GraphQL: what comes back, who may ask, and that nothing is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from backend.metrics.models import kpi_version
from tests.schema.desk import Desk
from tests.schema.metrics.test_definitions import QUICK, change, listed

SIDE = (
    "kpi { key formula version versions { version effectiveFrom formula } } values n states total { value n }"
)
PREVIEW = f"""query ($input: PreviewKpiInput!) {{
  previewKpi(input: $input) {{
    preview {{
      window {{ from to }} zone totalRows buckets
      dimensions {{ name keys labels }}
      old {{ {SIDE} }} new {{ {SIDE} }} published {{ {SIDE} }}
      difference {{ values total }}
      touched {{ kind key name problem {{ code message path }} }}
    }}
    problems {{ code message path span {{ start end }} hint nearest }}
  }}
}}"""
DAYS = {"from": "2026-03-01", "to": "2026-03-03"}
SERIES = """query ($keys: [String!]!) {
  kpiValues(input: {keys: $keys, window: {from: "2026-03-01", to: "2026-03-03"}, grain: DAY}) {
    answer { series { kpi { version versions { version effectiveFrom formula } } values total { value } } }
  }
}"""


async def preview(desk: Desk, **given: Any) -> dict[str, Any]:
    """The payload for an admin."""
    data = await desk.data(PREVIEW, {"input": {"window": DAYS} | given}, token=await desk.token("admin"))
    payload: dict[str, Any] = data["previewKpi"]
    return payload


async def test_a_change_is_shown_beside_what_is(desk: Desk) -> None:
    await change(desk, "createKpi", **QUICK)
    await change(desk, "createKpi", **QUICK | {"key": "slow", "formula": "1 - @quick"})
    async with desk.world.tenant.write() as session:  # it was written a month ago
        await session.execute(update(kpi_version).values(effective_from=date(2026, 2, 1)))
    await desk.world.interact(
        *(
            {"started_at": datetime(2026, 3, day, 9, tzinfo=UTC), "first_response_time": seconds * 1000}
            for day, seconds in ((1, 20), (1, 50), (2, 50))
        )
    )
    stored = await listed(desk)
    payload = await preview(
        desk, key="quick", formula="share(first_response_time<1m)", effectiveFrom="2026-03-02", grain="DAY"
    )
    assert payload["problems"] == []
    found = payload["preview"]
    assert found["buckets"] == ["2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"]
    assert (found["zone"], found["totalRows"], found["dimensions"]) == ("UTC", 2, [])
    first = {
        "version": 1, "effectiveFrom": "2026-02-01", "formula": "share(first_response_time < 30s)",
    }  # fmt: skip
    second = {
        "version": 2, "effectiveFrom": "2026-03-02", "formula": "share(first_response_time < 1m)",
    }  # fmt: skip
    assert found["old"]["kpi"] == {
        "key": "quick", "formula": first["formula"], "version": 1, "versions": [first],
    }  # fmt: skip
    assert found["published"]["kpi"] == {
        "key": "quick", "formula": second["formula"], "version": 2, "versions": [first, second],
    }  # fmt: skip
    assert found["new"]["kpi"] == found["published"]["kpi"] | {"versions": [second]}
    assert (found["old"]["values"], found["old"]["total"]) == ([0.5, 0], {"value": 1 / 3, "n": 3})
    assert (found["new"]["values"], found["new"]["total"]) == ([1, 1], {"value": 1, "n": 3})
    assert found["published"]["values"] == [0.5, 1]
    assert found["difference"] == {"values": [0.5, 1], "total": 1 - 1 / 3}
    assert found["touched"] == [{"kind": "KPI", "key": "slow", "name": "Quick replies", "problem": None}]
    assert await listed(desk) == stored
    await change(desk, "reviseKpi", key="quick", version=1, formula="share(first_response_time<1m)")
    [series] = (await desk.data(SERIES, {"keys": ["quick"]}))["kpiValues"]["answer"]["series"]
    assert series["values"] == found["published"]["values"]
    assert series["kpi"] == {"version": 2, "versions": [first, second]}


async def test_a_formula_has_no_versions(desk: Desk) -> None:
    query = """{ kpiValues(input: {formulas: [{name: "a", formula: "@aht"}]}) {
      answer { series { kpi { version versions { version } } } } } }"""
    [series] = (await desk.data(query))["kpiValues"]["answer"]["series"]
    assert series["kpi"] == {"version": None, "versions": []}


async def test_problems_have_the_places_of_the_input(desk: Desk) -> None:
    wrong = await preview(desk, key="aht", formula="avg( handle_tme )")
    assert wrong["preview"] is None
    [problem] = wrong["problems"]
    assert (problem["code"], problem["path"], problem["span"], problem["nearest"]) == (
        "FIELD_UNKNOWN", ["formula"], {"start": 5, "end": 15}, "handle_time",
    )  # fmt: skip
    past = await preview(desk, key="aht", formula="max(handle_time)", effectiveFrom="2026-03-01")
    assert [(one["code"], one["path"]) for one in past["problems"]] == [
        ("EFFECTIVE_DATE_PAST", ["effectiveFrom"])
    ]
    rows = await preview(desk, key="aht", formula="max(handle_time)", where="chanel = 1")
    assert [(one["code"], one["path"]) for one in rows["problems"]] == [("FIELD_UNKNOWN", ["where"])]
    dimension = await preview(desk, key="aht", formula="max(handle_time)", dimensions=["agnet"])
    assert [(one["code"], one["path"]) for one in dimension["problems"]] == [
        ("DIMENSION_UNKNOWN", ["dimensions", "agnet"])
    ]
    other = await preview(desk, key="aht", formula="count()")
    assert [one["code"] for one in other["problems"]] == ["KPI_UNIT_CHANGED"]


@pytest.mark.parametrize("role", ["manager", "viewer", "agent", "partner"])
async def test_only_admins_try_definitions(desk: Desk, role: str) -> None:
    token = await desk.token(
        role, agent="ann" if role == "agent" else None, scopes=("kpi:read",) if role == "partner" else ()
    )
    given = {"key": "aht", "formula": "max(handle_time)", "window": DAYS}
    assert await desk.code(PREVIEW, {"input": given}, token=token) in ("ROLE_INSUFFICIENT", "SCOPE_MISSING")


async def test_another_tenants_kpi_is_a_new_one_here(desk: Desk) -> None:
    await change(desk, "createKpi", **QUICK)
    given = {"key": "quick", "formula": "count()", "window": DAYS}
    data = await desk.data(PREVIEW, {"input": given}, token=await desk.token("admin", "globex"))
    assert data["previewKpi"]["preview"]["old"] is None
    assert data["previewKpi"]["preview"]["touched"] == []
