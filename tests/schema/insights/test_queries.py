"""Calculators over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schema.desk import Desk

QUERY = """query ($input: StaffingBreakEvenInput!) {
  staffingBreakEven(input: $input) { breakEven { sales currency } problems { code path } }
}"""


async def asked(desk: Desk, agents: int, pay: str, **options: Any) -> dict[str, Any]:
    given = {"input": {"agents": agents, "monthlyPay": pay}}
    payload: dict[str, Any] = (await desk.data(QUERY, given, **options))["staffingBreakEven"]
    return payload


async def test_two_agents_more_have_to_bring_in_their_pay(desk: Desk) -> None:
    payload = await asked(desk, 2, "5000")
    currency = desk.world.tenant.tenant.currency
    assert payload == {"breakEven": {"sales": "120000", "currency": currency}, "problems": []}


@pytest.mark.parametrize(
    ("agents", "pay", "code", "path"),
    [
        (-1, "1", "AGENTS_OUT_OF_RANGE", "agents"),
        (100_001, "1", "AGENTS_OUT_OF_RANGE", "agents"),
        (1, "-1", "PAY_OUT_OF_RANGE", "monthlyPay"),
        (1, "NaN", "PAY_OUT_OF_RANGE", "monthlyPay"),
        (1, "1e13", "PAY_OUT_OF_RANGE", "monthlyPay"),
    ],
)
async def test_what_cannot_be_is_a_problem(desk: Desk, agents: int, pay: str, code: str, path: str) -> None:
    payload = await asked(desk, agents, pay)
    assert payload == {"breakEven": None, "problems": [{"code": code, "path": [path]}]}


async def test_a_partner_needs_the_scope(desk: Desk) -> None:
    given = {"input": {"agents": 1, "monthlyPay": "1"}}
    assert await desk.code(QUERY, given, token=await desk.token("partner")) == "SCOPE_MISSING"
