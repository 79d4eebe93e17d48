"""GraphQL over HTTP: media types, status codes, and what is no operation at all."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import httpx2
import pytest

from schema.guard.limits import LIMITS
from tests.schema.desk import RESPONSE_JSON, Desk
from tests.schema.guard.test_body import BROKEN

QUERY = {"query": "{ viewer { role } }"}
UNKNOWN = {"query": "{ nothing }"}
UNREADABLE = {"query": "{"}
WRONG_VARIABLE = {
    "query": "query ($first: Int!) { kpis(first: $first) { totalCount } }",
    "variables": {"first": "x"},
}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (RESPONSE_JSON, RESPONSE_JSON),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (f"text/plain, {RESPONSE_JSON};q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON}; charset=utf-8, application/json", RESPONSE_JSON),
    ],
)
async def test_the_answer_has_the_type_that_was_asked_for(desk: Desk, accept: str, media_type: str) -> None:
    response = await desk.post(QUERY, headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json() == {"data": {"viewer": {"role": "MANAGER"}}}


@pytest.mark.parametrize("body", [UNKNOWN, UNREADABLE, WRONG_VARIABLE])
async def test_a_request_that_cannot_run_has_no_data(desk: Desk, body: dict[str, Any]) -> None:
    response = await desk.post(body)
    assert response.status_code == 400
    assert set(response.json()) == {"errors"}
    response = await desk.post(body, headers={"accept": "application/json"})
    assert response.status_code == 200
    assert set(response.json()) == {"errors"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (UNREADABLE, "GRAPHQL_PARSE_FAILED"),
        (UNKNOWN, "GRAPHQL_VALIDATION_FAILED"),
        (WRONG_VARIABLE, "BAD_USER_INPUT"),
        ({"query": "{ kpis(first: 0) { totalCount } }"}, "PAGE_SIZE_INVALID"),
        ({"query": "query A { viewer { role } } query B { viewer { role } }"}, "OPERATION_NOT_FOUND"),
        ({"query": "query A { viewer { role } }", "operationName": "B"}, "OPERATION_NOT_FOUND"),
        ({"query": "{ a: __schema { types { fields { args { name } } } } }".replace("a:", "a:")}, None),
        ({"query": '{ node(id: "\\u0000") { id } }'}, "BAD_USER_INPUT"),
        ({"query": "# " * 20_000}, "LIMIT_EXCEEDED"),
        ({"query": "{" + " viewer" * 4_001 + "}"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{" + "{ a " * 400}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "\n".join(["#"] * 201) + "{ viewer { role } }"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ viewer { role @defer } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { x }"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_every_error_has_a_stable_code(desk: Desk, body: dict[str, Any], code: str | None) -> None:
    answer = (await desk.post(body)).json()
    assert [error["extensions"]["code"] for error in answer.get("errors", ())][:1] == ([code] if code else [])


async def test_a_wrong_name_gets_no_suggestion_and_a_long_list_of_errors_is_cut(desk: Desk) -> None:
    answer = await desk.answer("{ viewr { role } tenant { nam } }")
    assert [error["message"] for error in answer["errors"]] == [
        "Cannot query field 'viewr' on type 'Query'.",
        "Cannot query field 'nam' on type 'Tenant'.",
    ]
    answer = await desk.answer("{ " + " ".join(f"unknown{i}" for i in range(700)) + " }")
    assert len(answer["errors"]) == LIMITS.errors
    answer = await desk.answer(
        "query ($g: KpiValuesInput!) { kpiValues(input: $g) { problems { code } } }",
        {"g": {"grain": "HOURR"}},
    )
    assert "Did you mean" not in answer["errors"][0]["message"]


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_body_is_a_400(desk: Desk, name: str) -> None:
    response = await desk.post(BROKEN[name])
    assert response.status_code == 400
    assert set(response.json()) == {"errors"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "multipart/form-data; boundary=x"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/json; charset=utf-16"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-encoding": "gzip"}, 415, "UNSUPPORTED_ENCODING"),
        ({"accept": "text/csv"}, 406, "NOT_ACCEPTABLE"),
        ({"accept": "application/json; charset=latin-1"}, 406, "NOT_ACCEPTABLE"),
    ],
)
async def test_what_cannot_be_read_or_answered_is_said(
    desk: Desk, headers: dict[str, str], status: int, code: str
) -> None:
    response = await desk.post(
        gzip.compress(b"{}") if "content-encoding" in headers else QUERY, headers=headers
    )
    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_a_body_over_a_megabyte_is_refused_announced_or_not(desk: Desk) -> None:
    body = b'{"query": "' + b" " * LIMITS.body_bytes + b'"}'
    response = await desk.post(body)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        413,
        "BODY_TOO_LARGE",
    )

    async def parts() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    response = await desk.http.post(
        "/graphql",
        content=parts(),
        headers={
            "content-type": "application/json",
            "authorization": f"Bearer {await desk.token('manager')}",
        },
    )
    assert response.status_code == 413


async def test_get_is_for_the_page_alone(desk: Desk) -> None:
    response = await desk.http.get("/graphql", params=QUERY)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    page = await desk.http.get("/graphql", headers={"accept": "text/html,*/*"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("script-src")[1].split(";")[0]
    assert "<script>" not in page.text
    for line in page.text.splitlines():
        if 'src="' in line or 'rel="stylesheet"' in line:
            address = line.split('src="')[-1].split('href="')[-1].split('"')[0]
            assert address.startswith("/graphql/assets/")
            assert (await desk.http.get(address)).status_code == 200
    assert (await desk.http.get("/graphql/assets/page.html")).status_code == 404
    assert (await desk.http.get("/graphql/assets/..%2fpage.py")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(desk: Desk, method: str) -> None:
    response = await desk.http.request(method, "/graphql")
    assert response.status_code == 405


async def test_every_answer_carries_the_security_headers_and_a_request_id(desk: Desk) -> None:
    for response in (await desk.post(QUERY), await desk.http.get("/nowhere"), await desk.http.get("/live")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-frame-options"] == "DENY"
        assert len(response.headers["x-request-id"]) == 36
        assert "access-control-allow-origin" not in response.headers
    response = await desk.post(
        QUERY, headers={"x-request-id": "my-id.1", "origin": "https://elsewhere.example"}
    )
    assert response.headers["x-request-id"] == "my-id.1"
    assert "access-control-allow-origin" not in response.headers
    response = await desk.post(QUERY, headers={"x-request-id": "line\tbreak"})
    assert response.headers["x-request-id"] != "line\tbreak"


async def test_a_storm_of_heavy_documents_leaves_others_their_turn(desk: Desk) -> None:
    token = await desk.token("manager")
    heavy = {"query": "{ " + " ".join(f"unknown{i}" for i in range(790)) + " }"}
    await desk.post(QUERY, token=token)

    async def bystander() -> float:
        began = time.perf_counter()
        assert (await desk.post(QUERY, token=token)).status_code == 200
        return time.perf_counter() - began

    responses: list[httpx2.Response | float] = await asyncio.gather(
        *[desk.post(heavy, token=token) for _ in range(8)], bystander()
    )
    assert isinstance(responses[-1], float)
    assert responses[-1] < 3
