"""Leaving interactions out of what is counted, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schema.desk import Desk

EXCLUDE = (
    "mutation ($ids: [ID!]!, $reason: String) { excludeInteractions(ids: $ids, reason: $reason) { changed } }"
)
COUNT = """{
  kpiValues(input: {formulas: [{name: "kept", formula: "count()"}, {name: "all", formula: "count() including excluded"}]}) {
    answer { series { total { value } } }
  }
}"""


async def counted(desk: Desk) -> list[float]:
    """Interactions that count, and all."""
    data = await desk.data(COUNT)
    return [series["total"]["value"] for series in data["kpiValues"]["answer"]["series"]]


async def ids(desk: Desk, **options: Any) -> list[str]:
    data = await desk.data("{ interactions { nodes { id } } }", **options)
    return [node["id"] for node in data["interactions"]["nodes"]]


async def test_what_is_excluded_counts_no_more_and_can_be_taken_back(desk: Desk) -> None:
    await desk.world.interact({}, {}, {})
    spam = (await ids(desk))[:2]
    assert await desk.data(EXCLUDE, {"ids": spam, "reason": "spam"}) == {
        "excludeInteractions": {"changed": 2}
    }
    assert await desk.data(EXCLUDE, {"ids": spam, "reason": "spam"}) == {
        "excludeInteractions": {"changed": 0}
    }
    assert await counted(desk) == [1, 3]
    assert await desk.data(EXCLUDE, {"ids": spam}) == {"excludeInteractions": {"changed": 2}}
    assert await counted(desk) == [3, 3]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 101])
async def test_a_reason_that_says_nothing_is_refused(desk: Desk, reason: str) -> None:
    await desk.world.interact({})
    assert await desk.code(EXCLUDE, {"ids": await ids(desk), "reason": reason}) == "EXCLUSION_REASON"
    assert await counted(desk) == [1, 1]


@pytest.mark.parametrize("role", ["viewer", "partner"])
async def test_only_admins_and_managers_may(desk: Desk, role: str) -> None:
    await desk.world.interact({})
    wanted = {"ids": await ids(desk), "reason": "spam"}
    code = await desk.code(EXCLUDE, wanted, token=await desk.token(role))
    assert code in ("ROLE_INSUFFICIENT", "SCOPE_MISSING")
    assert await counted(desk) == [1, 1]


async def test_another_tenants_interactions_stay_as_they_are(desk: Desk) -> None:
    theirs = await ids(desk, token=await desk.token("admin", "globex"))
    assert theirs
    assert await desk.data(EXCLUDE, {"ids": theirs, "reason": "spam"}) == {
        "excludeInteractions": {"changed": 0}
    }
    after = await desk.data(
        "{ interactions { nodes { exclusion } } }", token=await desk.token("admin", "globex")
    )
    assert all(node["exclusion"] != "spam" for node in after["interactions"]["nodes"])
