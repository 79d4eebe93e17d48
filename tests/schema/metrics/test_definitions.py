"""Writing definitions over GraphQL: what an editor asks, who may change what, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from backend.interactions import models
from backend.metrics.catalogue import find_builtin
from tests.canaries import CANARY
from tests.schema.desk import Desk
from tests.statements import counted

KPI = (
    "kpi { key name formula unit version latestVersion builtin builtinFormula archivedAt minimumSample "
    "guardrails target { low high } names { en zh } description direction }"
)
PROBLEMS = "problems { code message path span { start end } hint nearest }"
CHANGE = {
    name: f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {KPI} {PROBLEMS} }} }}"
    for name in ("createKpi", "reviseKpi", "archiveKpi", "restoreKpi")
}
CHECK = f"""query ($formula: String!, $key: String) {{
  checkFormula(formula: $formula, key: $key) {{ canonical unit sentence {PROBLEMS} }}
}}"""
HISTORY = """{ kpis { nodes { key history { version formula effectiveFrom createdBy createdAt } } } }"""
QUICK: dict[str, Any] = {
    "key": "quick",
    "names": {"en": "Quick replies", "zh": "快速回复率"},
    "family": "EFFICIENCY",
    "direction": "UP",
    "formula": "share( first_response_time < 30s )",
    "target": {"low": 0.8},
    "guardrails": ["csat"],
}


async def change(desk: Desk, name: str, role: str = "admin", **given: Any) -> dict[str, Any]:
    """The payload of a mutation by an admin."""
    token = await desk.token(role)
    data = await desk.data(CHANGE[name], {"input": given}, token=token)
    payload: dict[str, Any] = data[name]
    return payload


async def listed(desk: Desk, arguments: str = "", **options: Any) -> dict[str, dict[str, Any]]:
    """All KPIs by key."""
    query = f"{{ kpis{arguments} {{ totalCount nodes {{ key formula archivedAt unit }} }} }}"
    data = await desk.data(query, **options)
    assert data["kpis"]["totalCount"] == len(data["kpis"]["nodes"])
    return {node["key"]: node for node in data["kpis"]["nodes"]}


async def test_a_kpi_from_creation_to_archive(desk: Desk) -> None:
    created = await change(desk, "createKpi", **QUICK)
    assert created == {
        "kpi": {
            "key": "quick",
            "name": "Quick replies",
            "formula": "share(first_response_time < 30s)",
            "unit": "RATIO",
            "version": 1,
            "latestVersion": 1,
            "builtin": False,
            "builtinFormula": None,
            "archivedAt": None,
            "minimumSample": 1,
            "guardrails": ["csat"],
            "target": {"low": 0.8, "high": None},
            "names": {"en": "Quick replies", "zh": "快速回复率"},
            "description": None,
            "direction": "UP",
        },
        "problems": [],
    }
    revised = await change(
        desk,
        "reviseKpi",
        key="quick",
        version=1,
        formula="share(first_response_time < 1m)",
        target=None,
        description="Within a minute.",
        guardrails=None,
    )
    assert revised["problems"] == []
    wanted = created["kpi"] | {
        "formula": "share(first_response_time < 1m)",
        "version": 2,
        "latestVersion": 2,
        "target": None,
        "description": "Within a minute.",
        "guardrails": [],
    }
    assert revised["kpi"] == wanted
    await desk.world.interact({"first_response_time": 45_000}, {"first_response_time": 90_000})
    data = await desk.data(
        '{ kpiValues(input: {keys: ["quick"]}) { answer { series { total { value } } } } }'
    )
    assert data["kpiValues"]["answer"]["series"][0]["total"]["value"] == 0.5
    archived = await change(desk, "archiveKpi", key="quick", version=2)
    assert archived["kpi"] == wanted | {"archivedAt": "2026-03-02T12:00:00+00:00"}
    assert "quick" not in await listed(desk)
    assert set(await listed(desk, "(archived: true)")) == {"quick"}
    assert (await change(desk, "restoreKpi", key="quick", version=2))["kpi"] == wanted


async def test_a_built_in_is_overridden_and_restored(desk: Desk) -> None:
    before = (await listed(desk))["qa_score"]
    assert before["unit"] == "POINTS"
    names = {"en": "Ours", "zh": "我们的"}
    revised = await change(
        desk, "reviseKpi", key="qa_score", version=1, formula="max(review.score)", names=names
    )
    assert (revised["kpi"]["unit"], revised["kpi"]["builtinFormula"]) == ("POINTS", before["formula"])
    restored = await change(desk, "restoreKpi", key="qa_score", version=2, toBuiltin=True)
    assert (restored["kpi"]["formula"], restored["kpi"]["names"]) == (before["formula"], names)
    whole = await change(desk, "restoreKpi", key="qa_score", version=3, everything=True)
    builtin = find_builtin("qa_score")
    assert builtin is not None
    assert whole["kpi"]["names"] == {"en": builtin.name_en, "zh": builtin.name_zh}
    assert whole["kpi"]["formula"] == before["formula"]


async def test_a_formula_to_come(desk: Desk) -> None:
    payload = await change(
        desk, "reviseKpi", key="aht", version=1, formula="max(handle_time)", effectiveFrom="2026-04-01"
    )
    assert (payload["kpi"]["version"], payload["kpi"]["latestVersion"]) == (1, 2)
    data = await desk.data(HISTORY)
    [history] = [node["history"] for node in data["kpis"]["nodes"] if node["key"] == "aht"]
    assert [(one["version"], one["effectiveFrom"], one["createdBy"]) for one in history] == [
        (2, "2026-04-01", "admin@acme"),
        (1, "1970-01-01", "scoredesk"),
    ]
    assert history[0]["formula"] == "max(handle_time)"
    assert history[0]["createdAt"] == "2026-03-02T12:00:00+00:00"


async def test_histories_of_all_kpis_cost_one_statement(desk: Desk) -> None:
    token = await desk.token("manager")
    await desk.data(HISTORY, token=token)
    async with counted(desk.database) as count:
        await desk.data(HISTORY, token=token, headers={"cache-control": "no-cache"})
    assert count.statements == 3  # definitions, attributes, histories


async def test_problems_say_where_and_nothing_is_stored(desk: Desk) -> None:
    before = await listed(desk)
    payload = await change(
        desk,
        "createKpi",
        **QUICK | {"formula": "avg(handle_tme)", "minimumSample": 0, "guardrails": ["cast"]},
    )
    assert payload["kpi"] is None
    sample, guardrail, formula = payload["problems"]
    assert (sample["code"], sample["path"]) == ("MINIMUM_SAMPLE_INVALID", ["minimumSample"])
    assert (guardrail["path"], guardrail["nearest"]) == (["guardrails", "0"], "csat")
    assert formula == {
        "code": "FIELD_UNKNOWN",
        "message": formula["message"],
        "path": ["formula"],
        "span": {"start": 4, "end": 14},
        "hint": formula["hint"],
        "nearest": "handle_time",
    }
    past = await change(
        desk, "reviseKpi", key="aht", version=1, formula="count()", effectiveFrom="2026-03-01"
    )
    assert [(one["code"], one["path"]) for one in past["problems"]] == [
        ("EFFECTIVE_DATE_PAST", ["effectiveFrom"])
    ]
    assert await listed(desk) == before


async def test_a_late_revision_is_told_the_current_version(desk: Desk) -> None:
    await change(desk, "reviseKpi", key="aht", version=1, names={"en": "Handling", "zh": "处理"})
    answer = await desk.answer(
        CHANGE["reviseKpi"],
        {"input": {"key": "aht", "version": 1, "formula": "count()"}},
        token=await desk.token("admin"),
    )
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "KPI_VERSION_STALE", "current": 2}


@pytest.mark.parametrize("role", ["manager", "viewer", "agent", "partner"])
async def test_only_admins_change_definitions(desk: Desk, role: str) -> None:
    before = await listed(desk)
    token = await desk.token(
        role, agent="ann" if role == "agent" else None, scopes=("kpi:read",) if role == "partner" else ()
    )
    one = {"key": "aht", "version": 1}
    for name, given in (
        ("createKpi", QUICK),
        ("reviseKpi", one | {"formula": "count()"}),
        ("archiveKpi", one),
        ("restoreKpi", one | {"toBuiltin": True}),
    ):
        assert await desk.code(CHANGE[name], {"input": given}, token=token) in (
            "ROLE_INSUFFICIENT",
            "SCOPE_MISSING",
        )
    assert await listed(desk) == before


async def test_who_wrote_it_is_for_leaders_and_the_rest_is_still_told(desk: Desk) -> None:
    answer = await desk.answer(HISTORY, token=await desk.token("viewer"))
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"ROLE_INSUFFICIENT"}
    nodes = answer["data"]["kpis"]["nodes"]
    assert len(nodes) > 20
    assert {node["history"] for node in nodes} == {None}


async def test_a_kpi_of_another_tenant_is_not_there(desk: Desk) -> None:
    await change(desk, "createKpi", **QUICK)
    token = await desk.token("admin", "globex")
    for name in ("reviseKpi", "archiveKpi", "restoreKpi"):
        given = {"key": "quick", "version": 1}
        assert await desk.code(CHANGE[name], {"input": given}, token=token) == "NOT_FOUND"
    check = {"formula": "@quick * 2"}
    [problem] = (await desk.data(CHECK, check, token=token))["checkFormula"]["problems"]
    assert problem["code"] == "KPI_UNKNOWN"
    assert "quick" not in await listed(desk, token=token)
    assert (await desk.data(CHECK, check))["checkFormula"]["problems"] == []


async def test_a_formula_is_checked_while_it_is_typed(desk: Desk) -> None:
    before = await listed(desk)
    given = {"formula": "1-@csat  where channel='chat'"}
    said = (await desk.data(CHECK, given, headers={"accept-language": "en"}))["checkFormula"]
    assert said["canonical"] == '1 - @csat where channel = "chat"'
    assert (said["unit"], said["problems"]) == ("RATIO", [])
    assert said["sentence"] == "1 minus CSAT, where channel is chat"
    zh = (await desk.data(CHECK, given, headers={"accept-language": "zh"}))["checkFormula"]
    assert "满意度" in zh["sentence"]
    wrong = (await desk.data(CHECK, {"formula": "1-@csta"}))["checkFormula"]
    assert (wrong["canonical"], wrong["unit"], wrong["sentence"]) == (None, None, None)
    [problem] = wrong["problems"]
    assert (problem["code"], problem["nearest"], problem["span"]) == (
        "KPI_UNKNOWN",
        "csat",
        {"start": 2, "end": 7},
    )
    assert await listed(desk) == before


async def test_a_check_for_a_key_sees_what_storing_would(desk: Desk) -> None:
    async def codes(formula: str, key: str | None = None) -> list[str]:
        checked = await desk.data(CHECK, {"formula": formula, "key": key})
        return [one["code"] for one in checked["checkFormula"]["problems"]]

    await change(desk, "createKpi", **QUICK | {"formula": "@csat * 2"})
    assert await codes("@quick") == []
    assert await codes("@quick", "csat") == ["KPI_CIRCLE"]
    assert await codes("@mine", "mine") == ["KPI_CIRCLE"]
    await change(desk, "createKpi", **QUICK | {"key": "late", "formula": "@aht + 30s"})
    assert await codes("count()", "aht") == ["KPI_UNIT_CHANGED", "KPI_DEPENDENT_BROKEN"]
    assert await codes("count()", "brand_new") == []


async def test_the_vocabulary_has_the_tenants_own_fields(desk: Desk) -> None:
    async with desk.world.tenant.write() as session:
        values = {"key": "mood", "type": "text", "label_en": "Mood", "label_zh": "心情"}
        await session.execute(insert(models.attribute).values(**values))
    query = """{ vocabulary {
      facts { name labels { en zh } anchors defaultAnchor linked
              states { name labels { en zh } begins ends doc } }
      fields { name fact kind unit labels { en zh } doc groupable choices }
      functions { name signature gives doc example aggregate }
      clauses { word written doc example }
      periods keywords
    } }"""
    answer = await desk.post({"query": query})
    assert CANARY not in answer.text
    found = answer.json()["data"]["vocabulary"]
    fields = {field["name"]: field for field in found["fields"]}
    assert fields["mood"] == {
        "name": "mood",
        "fact": "interaction",
        "kind": "TEXT",
        "unit": None,
        "labels": {"en": "Mood", "zh": "心情"},
        "doc": fields["mood"]["doc"],
        "groupable": True,
        "choices": [],
    }
    assert (fields["handle_time"]["kind"], fields["handle_time"]["unit"]) == ("NUMBER", "DURATION")
    assert fields["survey.kind"]["choices"] == ["csat", "nps", "ces"]
    functions = {function["name"]: function for function in found["functions"]}
    assert functions["avg"]["signature"] == (
        "avg(a number [where a condition] [at a moment] [over a time] [while a state] [across dimensions] "
        "[including excluded])"
    )
    assert functions["contacted_again_within"]["aggregate"] is False
    assert functions["followed_within"]["signature"] == (
        "followed_within(a duration, a moment[, fields that are equal] [where a condition])"
    )
    assert fields["now"]["kind"] == "MOMENT"
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert facts["survey"]["defaultAnchor"] in facts["survey"]["anchors"]
    assert "where" in found["keywords"]
    states = {state["name"]: state for state in facts["interaction"]["states"]}
    assert (states["waiting"]["begins"], states["waiting"]["ends"]) == (
        ["queued"],
        ["accepted", "closed", "resolved"],
    )
    assert states["waiting"]["labels"] == {"en": "waiting in a queue", "zh": "排队中"}
    assert facts["order"]["states"] == []
    assert found["periods"] == ["week", "month", "quarter", "year"]
    clauses = {clause["word"]: clause for clause in found["clauses"]}
    assert clauses["while"]["written"] == "while state"
    for clause in clauses.values():
        assert (await desk.data(CHECK, {"formula": clause["example"]}))["checkFormula"]["problems"] == []


async def test_a_measure_is_told_in_the_readers_language(desk: Desk) -> None:
    await change(desk, "createKpi", **QUICK | {"measures": {"en": "Staff the peaks."}})
    query = "{ kpis { nodes { key measure measures { en zh } } } }"

    async def told(key: str, language: str) -> tuple[str | None, dict[str, str | None]]:
        data = await desk.data(query, headers={"accept-language": language})
        [node] = [node for node in data["kpis"]["nodes"] if node["key"] == key]
        return node["measure"], node["measures"]

    assert await told("quick", "zh") == ("Staff the peaks.", {"en": "Staff the peaks.", "zh": None})
    assert (await told("contacts_offered", "en"))[0] is None
    measure, both = await told("csat", "zh")
    assert measure == both["zh"] != both["en"]
    assert (await told("csat", "en"))[0] == both["en"]
    revised: dict[str, Any] = {"key": "quick", "version": 1, "measures": {"zh": "高峰加人。"}}
    assert (await change(desk, "reviseKpi", **revised))["problems"] == []
    assert await told("quick", "en") == ("高峰加人。", {"en": None, "zh": "高峰加人。"})
    kept: dict[str, Any] = {"key": "quick", "version": 2, "minimumSample": 5}
    assert (await change(desk, "reviseKpi", **kept))["problems"] == []
    assert (await told("quick", "en"))[0] == "高峰加人。"
    wrong: dict[str, Any] = {"key": "quick", "version": 3, "measures": {"en": ""}}
    [problem] = (await change(desk, "reviseKpi", **wrong))["problems"]
    assert (problem["code"], problem["path"]) == ("KPI_TEXT_INVALID", ["measures", "en"])
    cleared: dict[str, Any] = {"key": "quick", "version": 3, "measures": None}
    assert (await change(desk, "reviseKpi", **cleared))["problems"] == []
    assert await told("quick", "en") == (None, {"en": None, "zh": None})
