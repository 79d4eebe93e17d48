"""Without a good token there is no answer; with one, its tenant's alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import pytest
from sqlalchemy import delete, update

from tenants.tables import membership
from tenants.tables import tenant as tenant_table
from tests.canaries import CANARY
from tests.conftest import Place, StandingClock
from tests.schema.desk import Desk

QUERY = {"query": "{ viewer { role } }"}
EVERYTHING = """{
  viewer { subject } tenant { slug name }
  kpis { nodes { key name formula description } }
  kpiValues(input: {keys: ["contacts_offered"], dimensions: ["agent", "queue"]}) {
    answer { totalRows } problems { message } }
  interactions { nodes { externalId source problemId agent { name } customer { name } attributes { value } } }
  agents { nodes { name } } teams { nodes { name } } queues { nodes { name } } customers { nodes { name } }
  syncRuns { nodes { label source error } } rejectedRecords(status: null) { nodes { raw message } }
}"""


def encoded(part: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=")


async def refused(desk: Desk, token: str | None, **headers: str) -> tuple[int, str]:
    """Status and code that a token is answered with; nothing else of ours may show."""
    response = await desk.post(QUERY, token=token, headers=headers)
    answer = response.json()
    assert set(answer) == {"errors"}
    return response.status_code, answer["errors"][0]["extensions"]["code"]


async def test_without_a_token_there_is_no_answer_and_no_introspection(desk: Desk) -> None:
    assert await refused(desk, None) == (401, "TOKEN_MISSING")
    response = await desk.post({"query": "{ __schema { types { name } } }"}, token=None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["", " ", "x", "a.b.c", "e30.e30.e30", "x" * 9000, "\xe9", "a b"])
async def test_a_token_that_is_none_is_refused(desk: Desk, token: str) -> None:
    status, code = await refused(desk, None, authorization=f"Bearer {token}".encode("latin-1"))  # type: ignore[arg-type]
    assert status == 401
    assert code in ("TOKEN_INVALID", "TOKEN_MISSING")


async def test_a_forged_token_is_refused(desk: Desk) -> None:
    genuine = await desk.token("admin")
    header, payload, signature = genuine.split(".")
    key_id = jwt.get_unverified_header(genuine)["kid"]
    other_tenant = encoded(
        jwt.decode(genuine, options={"verify_signature": False}) | {"tenant": str(uuid4())}
    )
    for forged in (
        f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': key_id})}.{payload}.",
        f"{encoded({'alg': 'None', 'typ': 'JWT', 'kid': key_id})}.{payload}.{signature}",
        f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key_id})}.{payload}.{signature}",
        f"{header}.{other_tenant}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{'A' * len(signature)}",
    ):
        assert await refused(desk, forged) == (401, "TOKEN_INVALID")


async def test_a_token_ends(desk: Desk, clock: StandingClock) -> None:
    token = await desk.token("viewer")
    clock.advance(hours=12, seconds=11)
    assert await refused(desk, token) == (401, "TOKEN_EXPIRED")


async def test_two_authorization_headers_are_refused(desk: Desk) -> None:
    token = await desk.token("viewer")
    response = await desk.http.post(
        "/graphql", json=QUERY, headers=[("authorization", f"Bearer {token}"), ("authorization", "Bearer x")]
    )
    assert response.status_code == 401


async def test_a_member_who_is_removed_is_out_within_five_seconds(desk: Desk, clock: StandingClock) -> None:
    token = await desk.token("viewer")
    assert (await desk.post(QUERY, token=token)).status_code == 200
    async with desk.database.control() as session:
        await session.execute(delete(membership))
    clock.advance(seconds=6)
    assert (await refused(desk, token))[0] == 401


async def test_a_stranger_with_a_genuine_token_is_nobody(desk: Desk) -> None:
    stranger = desk.signer.sign("stranger", desk.world.tenant.tenant.id, timedelta(hours=1))
    assert await refused(desk, stranger) == (401, "NOT_A_MEMBER")
    assert await refused(desk, desk.signer.sign("manager@acme", uuid4())) == (401, "NOT_A_MEMBER")


async def test_a_members_token_does_not_open_the_other_tenant(desk: Desk) -> None:
    await desk.token("admin", "acme")
    globex = (await desk.data("{ tenant { slug } }", token=await desk.token("viewer", "globex")))["tenant"]
    assert globex == {"slug": "globex"}
    answer = await desk.answer(EVERYTHING)
    assert "errors" not in answer
    assert CANARY not in str(answer)
    assert CANARY in str(await desk.answer(EVERYTHING, token=await desk.token("admin", "globex")))


async def test_a_suspended_tenant_lets_nobody_in(
    desk: Desk, admin: Any, place: Place, clock: StandingClock
) -> None:
    token = await desk.token("admin")
    async with admin.transaction() as connection:
        await connection.execute(
            update(tenant_table).where(tenant_table.c.slug == "acme").values(status="suspended")
        )
    clock.advance(seconds=6)
    assert await refused(desk, token) == (403, "TENANT_SUSPENDED")
