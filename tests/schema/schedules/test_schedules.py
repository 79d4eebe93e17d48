"""Working hours over GraphQL: who may plan them, what comes back, which number follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backend.interactions import models
from tests.backend.metrics.builders import START
from tests.schema.desk import Desk

SCHEDULE = (
    "schedule { key name latestVersion archivedAt versions { version zone hours { from to } summary effectiveFrom "
    "createdBy createdAt exceptions { date hours { from to } summary } } "
    "assignments { scope externalId name effectiveFrom createdBy } }"
)
CHANGE = {
    name: f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {SCHEDULE} "
    "problems { code message path hint } } }"
    for name in ("createSchedule", "reviseSchedule", "assignSchedule", "archiveSchedule")
}
LIST = "query ($archived: Boolean!) { schedules(archived: $archived) { totalCount nodes { key } } }"
HOURS: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "hours": [{"from": day * 1440 + 540, "to": day * 1440 + 1080} for day in range(5)],
    "exceptions": [{"date": "2026-12-25"}, {"date": "2026-12-24", "hours": [{"from": 540, "to": 780}]}],
}
OFFICE = {"key": "office", "name": "Office", "workingHours": HOURS}


async def change(desk: Desk, mutation: str, **given: Any) -> dict[str, Any]:
    """The payload of a mutation by an admin."""
    data = await desk.data(CHANGE[mutation], {"input": given}, token=await desk.token("admin"))
    payload: dict[str, Any] = data[mutation]
    return payload


async def listed(desk: Desk, *, archived: bool = False) -> list[str]:
    data = await desk.data(LIST, {"archived": archived})
    assert data["schedules"]["totalCount"] == len(data["schedules"]["nodes"])
    return [node["key"] for node in data["schedules"]["nodes"]]


async def test_a_schedule_from_creation_to_archive(desk: Desk) -> None:
    created = await change(desk, "createSchedule", **OFFICE)
    assert created["problems"] == []
    [version] = created["schedule"].pop("versions")
    assert created["schedule"] == {
        "key": "office",
        "name": "Office",
        "latestVersion": 1,
        "archivedAt": None,
        "assignments": [],
    }
    assert version == {
        "version": 1,
        "zone": "Europe/Berlin",
        "hours": HOURS["hours"],
        "summary": ["Mon-Fri 09:00-18:00"],
        "exceptions": [
            {"date": "2026-12-24", "hours": [{"from": 540, "to": 780}], "summary": "09:00-13:00"},
            {"date": "2026-12-25", "hours": [], "summary": ""},
        ],
        "effectiveFrom": "2026-03-02T12:00:00+00:00",
        "createdBy": "admin@acme",
        "createdAt": "2026-03-02T12:00:00+00:00",
    }
    night = {"zone": "UTC", "hours": [{"from": 9960, "to": 10440}]}
    revised = await change(
        desk, "reviseSchedule", key="office", version=1, workingHours=night, effectiveFrom="2026-04-01"
    )
    newest = revised["schedule"]["versions"][0]
    assert (newest["version"], newest["effectiveFrom"]) == (2, "2026-04-01T00:00:00+00:00")
    assert newest["summary"] == ["Mon 00:00-06:00", "Sun 22:00-24:00"]
    await desk.world.name(models.queue, "gold")
    assigned = await change(desk, "assignSchedule", key="office", queue="gold", effectiveFrom="2026-01-01")
    assert assigned["schedule"]["assignments"] == [
        {
            "scope": "QUEUE",
            "externalId": "gold",
            "name": "Gold",
            "effectiveFrom": "2026-01-01T00:00:00+00:00",
            "createdBy": "admin@acme",
        }
    ]
    refused = await change(desk, "archiveSchedule", key="office", version=2)
    [problem] = refused["problems"]
    assert (refused["schedule"], problem["code"]) == (None, "SCHEDULE_IN_USE")
    assert "the queue “gold”" in problem["message"]
    await change(desk, "createSchedule", **OFFICE | {"key": "other"})
    await change(desk, "assignSchedule", key="other", queue="gold", effectiveFrom="2026-03-01")
    archived = await change(desk, "archiveSchedule", key="office", version=2)
    assert archived["schedule"]["archivedAt"] == "2026-03-02T12:00:00+00:00"
    assert (await listed(desk), await listed(desk, archived=True)) == (["other"], ["office"])


async def test_problems_say_where_and_nothing_is_stored(desk: Desk) -> None:
    wrong = {"zone": "Mars/Base", "hours": [{"from": 60, "to": 60}], "exceptions": [{"date": "2026-02-30"}]}
    payload = await change(desk, "createSchedule", **OFFICE | {"key": "Office", "workingHours": wrong})
    assert [(one["code"], one["path"]) for one in payload["problems"]] == [
        ("SCHEDULE_KEY_INVALID", ["key"]),
        ("ZONE_UNKNOWN", ["workingHours", "zone"]),
        ("SCHEDULE_HOURS_INVALID", ["workingHours", "hours", "0"]),
        ("SCHEDULE_DATE_INVALID", ["workingHours", "exceptions", "0", "date"]),
    ]
    assert await listed(desk) == []
    await change(desk, "createSchedule", **OFFICE)
    for said, place in (({"queue": "nobody"}, "queue"), ({"queue": "a", "team": "b"}, "team")):
        payload = await change(desk, "assignSchedule", key="office", **said)
        assert [(one["code"], one["path"]) for one in payload["problems"]] == [
            ("SCHEDULE_SCOPE_UNKNOWN", [place])
        ]


async def test_who_is_behind_is_told_the_newest_version(desk: Desk) -> None:
    await change(desk, "createSchedule", **OFFICE)
    answer = await desk.answer(
        CHANGE["reviseSchedule"],
        {"input": {"key": "office", "version": 7, "name": "Late"}},
        token=await desk.token("admin"),
    )
    extensions = answer["errors"][0]["extensions"]
    assert (extensions["code"], extensions["current"]) == ("SCHEDULE_VERSION_STALE", 1)


@pytest.mark.parametrize("role", ["manager", "agent", "viewer"])
async def test_only_admins_plan(desk: Desk, role: str) -> None:
    given: dict[str, Any] = {
        "createSchedule": OFFICE,
        "reviseSchedule": {"key": "office", "version": 1},
        "assignSchedule": {"key": "office"},
        "archiveSchedule": {"key": "office", "version": 1},
    }
    token = await desk.token(role, agent="a-1" if role == "agent" else None)
    for name, query in CHANGE.items():
        assert await desk.code(query, {"input": given[name]}, token=token) == "ROLE_INSUFFICIENT"
    if role != "manager":
        assert await desk.code(LIST, {"archived": False}, token=token) == "ROLE_INSUFFICIENT"


async def test_a_page_of_schedules(desk: Desk) -> None:
    for key in ("c", "a", "b"):
        await change(desk, "createSchedule", **OFFICE | {"key": key})
    query = "query ($after: String) { schedules(first: 2, after: $after) { nodes { key } pageInfo { endCursor } } }"
    first = (await desk.data(query))["schedules"]
    second = (await desk.data(query, {"after": first["pageInfo"]["endCursor"]}))["schedules"]
    assert [node["key"] for page in (first, second) for node in page["nodes"]] == ["a", "b", "c"]


async def test_a_number_and_its_proof_follow(desk: Desk) -> None:
    await change(desk, "createSchedule", **OFFICE | {"workingHours": HOURS | {"zone": "UTC"}})
    await change(desk, "assignSchedule", key="office")
    evening = START.replace(hour=17)
    await desk.world.interact({"started_at": evening, "resolved_at": evening + timedelta(days=1)})
    query = (
        '{ kpiProof(input: {formulas: [{name: "open", formula: "avg(business(resolution_time))"}, '
        '{name: "all", formula: "avg(resolved - started)"}]}) '
        "{ problems { message } proofs { cell { value } schedules { key version effectiveFrom } } } }"
    )
    proof, other = (await desk.data(query))["kpiProof"]["proofs"]
    assert proof == {
        "cell": {"value": 9 * 3600},
        "schedules": [{"key": "office", "version": 1, "effectiveFrom": "2026-03-02T12:00:00+00:00"}],
    }
    assert other == {"cell": {"value": 24 * 3600}, "schedules": []}
