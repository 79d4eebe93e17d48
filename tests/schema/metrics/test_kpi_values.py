"""KPI values over the API, each against a count made another way."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from backend.interactions import models
from tests.backend.metrics.builders import START
from tests.canaries import CANARY
from tests.conftest import Place
from tests.schema.desk import Desk
from tests.statements import counted

VALUES = """
query Values($input: KpiValuesInput!) {
  kpiValues(input: $input) {
    problems { code message path span { start end } hint }
    answer {
      window { from to } previousWindow { from to } zone totalRows buckets
      dimensions { name keys labels }
      series {
        kpi { key name unit currency direction formula anchor }
        values n numerators denominators states
        total { value n numerator denominator state }
        previous { values n total { value n } }
      }
    }
  }
}
"""
WEEK = {"from": "2026-02-02", "to": "2026-02-09"}


async def values(desk: Desk, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The answer to a question that has no problems."""
    payload = (await desk.data(VALUES, {"input": given}, **options))["kpiValues"]
    assert payload["problems"] == []
    answer: dict[str, Any] = payload["answer"]
    return answer


async def problems(desk: Desk, given: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """What is wrong with a question."""
    payload = (await desk.data(VALUES, {"input": given}, **options))["kpiValues"]
    assert payload["answer"] is None
    found: list[dict[str, Any]] = payload["problems"]
    return found


async def a_week(desk: Desk, count: int = 400) -> list[dict[str, Any]]:
    """A week of chats and calls by three agents, some of them without an answer or a handle time."""
    dice = random.Random(7)
    agents = await desk.world.name(models.agent, "ann", "bob", "cy")
    rows = []
    for _ in range(count):
        answered = dice.random() < 0.8
        rows.append(
            {
                "channel": dice.choice(["chat", "call"]),
                "started_at": START.replace(hour=0) + timedelta(minutes=dice.randrange(7 * 1440)),
                "agent_id": dice.choice(list(agents.values())) if answered else None,
                "answered": answered,
                "handle_time": dice.randrange(10_000, 900_000) if answered and dice.random() < 0.9 else None,
            }
        )
    return await desk.world.interact(*rows)


async def test_values_by_dimension_agree_with_sql(desk: Desk, place: Place) -> None:
    await a_week(desk)
    answer = await values(
        desk,
        {
            "keys": ["aht"],
            "formulas": [{"name": "answered", "formula": "share(answered)"}],
            "window": WEEK,
            "dimensions": ["agent", "channel"],
        },
    )
    namespace = desk.world.tenant.tenant.namespace
    oracle = f"""
        SELECT a.external_id, i.channel, avg(i.handle_time) / 1000.0, count(i.handle_time),
               count(*) FILTER (WHERE i.answered)::float8 / count(*), count(*)
        FROM {namespace}.interaction i LEFT JOIN {namespace}.agent a ON a.id = i.agent_id GROUP BY 1, 2
    """
    connection = await asyncpg.connect(place.admin_url)
    expected = {(row[0], row[1]): row[2:] for row in map(tuple, await connection.fetch(oracle))}
    await connection.close()
    aht, answered = answer["series"]
    keys = list(zip(*(column["keys"] for column in answer["dimensions"]), strict=True))
    assert len(keys) == answer["totalRows"] == len(expected)
    for at, key in enumerate(keys):
        mean, timed, share, rows = expected[key]
        assert aht["values"][at] == (None if mean is None else pytest.approx(float(mean)))
        assert (aht["n"][at], answered["n"][at]) == (timed, rows)
        assert answered["values"][at] == pytest.approx(share)
        assert aht["states"][at] == ("OK" if timed else "NO_DATA")
    assert aht["kpi"] | {"name": "", "formula": ""} == {
        "key": "aht",
        "name": "",
        "unit": "DURATION",
        "currency": None,
        "direction": "DOWN",
        "formula": "",
        "anchor": aht["kpi"]["anchor"],
    }
    assert answer["dimensions"][0]["labels"][keys.index(("ann", "chat"))] == "Ann"


async def test_every_bucket_is_there_and_totals_come_from_parts(desk: Desk) -> None:
    rows = await a_week(desk)
    answer = await values(
        desk,
        {
            "formulas": [{"name": "c", "formula": "count()"}, {"name": "s", "formula": "share(answered)"}],
            "window": {"from": "2026-02-01", "to": "2026-02-11"},
            "grain": "DAY",
        },
    )
    per_day = Counter(row["started_at"].date().isoformat() for row in rows)
    assert [bucket[:10] for bucket in answer["buckets"]] == [f"2026-02-{day:02}" for day in range(1, 11)]
    count, share = answer["series"]
    assert count["values"] == [float(per_day[bucket[:10]]) for bucket in answer["buckets"]]
    assert share["values"][0] is None
    assert share["states"][0] == "NO_DATA"
    assert share["n"][0] == 0
    answered = sum(row["answered"] for row in rows)
    assert count["total"]["value"] == len(rows)
    assert share["total"]["value"] == answered / len(rows)
    assert (share["total"]["numerator"], share["total"]["denominator"]) == (answered, len(rows))


async def test_a_window_is_compared_ordered_and_limited(desk: Desk) -> None:
    await a_week(desk)
    answer = await values(
        desk,
        {
            "formulas": [{"name": "c", "formula": "count()"}],
            "dimensions": ["agent"],
            "compare": "PREVIOUS_PERIOD",
            "window": {"from": "2026-02-05", "to": "2026-02-08"},
            "order": {"by": "c", "sorting": "ASCENDING"},
            "limit": 2,
        },
    )
    [series] = answer["series"]
    assert answer["previousWindow"] == {
        "from": "2026-02-02T00:00:00+00:00",
        "to": "2026-02-05T00:00:00+00:00",
    }
    assert answer["totalRows"] == 4
    assert len(series["values"]) == 2
    assert series["values"] == sorted(series["values"])
    assert series["previous"]["total"]["n"] > 0


async def test_a_mistake_in_a_formula_points_at_its_place(desk: Desk) -> None:
    [problem] = await problems(
        desk,
        {
            "keys": ["aht"],
            "formulas": [{"name": "x", "formula": "avg(handle_tme)"}],
            "window": WEEK,
        },
    )
    assert problem["code"] == "FIELD_UNKNOWN"
    assert problem["span"] == {"start": 4, "end": 14}
    assert problem["path"] == ["formulas", "0", "formula"]
    assert "handle_time" in problem["hint"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, None),
        ({"keys": ["ahtt"]}, "KPI_UNKNOWN"),
        ({"keys": ["aht"], "dimensions": ["agnt"]}, None),
        ({"keys": ["aht"], "where": "channel = "}, None),
        ({"keys": ["aht"], "grain": "DAY"}, None),
        ({"keys": ["aht"], "compare": "PREVIOUS_YEAR"}, None),
        ({"keys": ["aht"], "window": {"from": "2026-02-09", "to": "2026-02-02"}}, "WINDOW_EMPTY"),
        ({"keys": ["aht"], "window": WEEK, "order": {"by": "nothing"}}, None),
        ({"keys": ["aht"], "window": WEEK, "limit": -1}, None),
        ({"keys": ["aht"] * 51}, None),
        ({"keys": ["aht"], "dimensions": ["agent", "team", "queue", "channel", "weekday"]}, None),
        ({"keys": ["aht"], "grain": "HOUR", "window": {"from": "1970-01-01", "to": "2199-01-01"}}, None),
    ],
)
async def test_what_a_person_can_mend_comes_as_problems(
    desk: Desk, given: dict[str, Any], code: str | None
) -> None:
    found = await problems(desk, given)
    assert found
    assert all(problem["code"] and problem["message"] for problem in found)
    assert code is None or found[0]["code"] == code


async def test_names_are_in_the_readers_language(desk: Desk) -> None:
    given = {"keys": ["csat"], "window": WEEK}
    english = (await values(desk, given))["series"][0]["kpi"]["name"]
    chinese = (await values(desk, given, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}))["series"][
        0
    ]["kpi"]["name"]
    assert english.isascii()
    assert not chinese.isascii()


async def test_all_questions_of_an_operation_are_one_batch(desk: Desk) -> None:
    await a_week(desk, 20)
    token = await desk.token("viewer")
    one = 'a%d: kpiValues(input: {keys: ["aht", "csat"], dimensions: [%s]}) { answer { totalRows } }'
    alone = "{ " + one % (0, "") + " }"
    many = (
        "{ "
        + " ".join(
            one % (i, dimension)
            for i, dimension in enumerate(["", '"channel"', '"agent"', '"weekday"', '"hour_of_day"'])
        )
        + " }"
    )
    await desk.data(alone, token=token)
    anew = {"cache-control": "no-cache"}
    async with counted(desk.database) as single:
        await desk.data(alone, token=token, headers=anew)
    async with counted(desk.database) as together:
        await desk.data(many, token=token, headers=anew)
    assert together.transactions == single.transactions
    assert together.statements <= single.statements + 5


async def test_nothing_of_another_tenant_shows(desk: Desk) -> None:
    answer = await desk.answer(
        VALUES,
        {
            "input": {
                "formulas": [{"name": "c", "formula": "count()"}],
                "dimensions": ["agent", "channel", "source"],
            }
        },
    )
    assert answer["data"]["kpiValues"]["answer"]["totalRows"] == 0
    problem = await problems(desk, {"keys": ["canary"]})
    kpis = await desk.data("{ kpis { nodes { key name description formula } } }")
    assert CANARY not in str([answer, problem, kpis])
    assert "canary" not in [node["key"] for node in kpis["kpis"]["nodes"]]


async def test_kpis_are_listed_with_names_units_and_formulas(desk: Desk) -> None:
    data = await desk.data("""{ kpis(first: 3) { totalCount pageInfo { endCursor hasNextPage } nodes {
        key name names { en zh } family unit direction formula version builtin minimumSample guardrails
        target { low high } benchmark { low high } description } } }""")
    kpis = data["kpis"]
    assert len(kpis["nodes"]) == 3
    assert kpis["totalCount"] > 8
    assert kpis["pageInfo"]["hasNextPage"]
    assert all(kpi["unit"] and kpi["builtin"] and kpi["names"]["zh"] for kpi in kpis["nodes"])
    rest = await desk.data(
        "query ($after: String) { kpis(after: $after) { nodes { key unit } } }",
        {"after": kpis["pageInfo"]["endCursor"]},
    )
    keys = [kpi["key"] for kpi in kpis["nodes"] + rest["kpis"]["nodes"]]
    assert keys == sorted(keys)
    assert len(keys) == kpis["totalCount"]
    assert {"aht", "csat", "fcr", "first_response_time"} <= set(keys)


MATURED = """
query Matured($input: KpiValuesInput!) {
  kpiValues(input: $input) {
    problems { code }
    answer { series { matured states total { value matured state } previous { matured } } }
  }
}
"""


async def test_values_that_look_ahead_tell_how_much_is_settled(desk: Desk, clock: Any) -> None:
    world = desk.world
    customers = await world.name(models.customer, "one")
    now = clock()
    await world.interact(
        *[
            {"customer_id": customers["one"], "started_at": now - timedelta(days=days)}
            for days in (2, 10, 11, 12)
        ]
    )
    given = {
        "formulas": [
            {"name": "again", "formula": "share(followed_within(7d, started))"},
            {"name": "count", "formula": "count()"},
        ],
        "window": {
            "from": (now - timedelta(days=20)).date().isoformat(),
            "to": (now + timedelta(days=1)).date().isoformat(),
        },
    }
    payload = (await desk.data(MATURED, {"input": given}))["kpiValues"]
    again, count = payload["answer"]["series"]
    assert again["total"] == {"value": 0.5, "matured": 0.75, "state": "PROVISIONAL"}
    assert (again["matured"], again["states"]) == ([0.75], ["PROVISIONAL"])
    assert (count["matured"], count["total"]["matured"]) == ([None], None)
