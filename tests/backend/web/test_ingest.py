"""Uploads: any size within the limit, plain or gzipped, whole or not at all."""

from __future__ import annotations

import asyncio
import gzip
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backend.auth.memberships import grant_membership
from backend.web import ingest
from tenants.database import Database, TenantDatabase
from tests.conftest import StandingClock
from tests.schema.desk import Desk, opened

HEADER = "external_id,channel,started,agent,handle_time\n"
NDJSON = '{"external_id": "%d", "channel": "chat", "started": "2026-02-02T09:00:00Z"}\n'
MAPPING = """
source = "phone"
[fields]
external_id = "Call Id"
channel = { value = "call" }
started = { column = "Date", format = "%d/%m/%Y %H:%M" }
"""
BAD_INPUTS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "bad_inputs"


def rows(count: int, first: int = 0) -> str:
    """Lines of calls in the built-in shape."""
    return "".join(
        f"c-{i},call,2026-02-02T09:00:00Z,a-{i % 7},{60 + i % 90}\n" for i in range(first, first + count)
    )


async def upload(desk: Desk, path: str, content: Any, **headers: str) -> httpx2.Response:
    """One upload as a manager of acme."""
    token = await desk.token("manager")
    sent = {"authorization": f"Bearer {token}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await desk.http.post(path, content=content, headers=sent)


async def stored(desk: Desk) -> int:
    """How many interactions acme has."""
    data = await desk.data(
        '{ kpiValues(input: {formulas: [{name: "c", formula: "count()"}]}) '
        "{ answer { series { total { value } } } } }"
    )
    count: float | None = data["kpiValues"]["answer"]["series"][0]["total"]["value"]
    return int(count or 0)


async def test_a_file_in_the_built_in_shape_goes_in_once(desk: Desk) -> None:
    body = (HEADER + rows(300)).encode()
    response = await upload(desk, "/ingest/files?source=phone&name=calls.csv", body, content_type="text/csv")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer.pop("syncRunId")
    assert answer == {
        "status": "applied",
        "rowsRead": 300,
        "rowsRejected": 0,
        "written": {"interaction": 300},
        "unchanged": {"interaction": 0},
        "rejected": [],
        "ignored": [],
    }
    again = await upload(desk, "/ingest/files?source=phone", gzip.compress(body), content_encoding="gzip")
    assert again.json()["written"] == {"interaction": 0}
    assert await stored(desk) == 300


async def test_records_of_a_kind_are_taken_as_ndjson(desk: Desk) -> None:
    body = "".join(NDJSON % i for i in range(50))
    response = await upload(desk, "/ingest/interaction?source=bot", body, content_type="application/x-ndjson")
    assert (response.status_code, response.json()["written"]) == (200, {"interaction": 50, "survey": 0})
    survey = '{"external_id": "s", "interaction": "1", "kind": "csat", "score": 5, "invited": "2026-02-02"}\n'
    response = await upload(desk, "/ingest/survey?source=bot", survey, content_type="application/x-ndjson")
    assert (response.status_code, response.json()["written"]) == (200, {"survey": 1})


async def test_a_mapping_travels_in_a_header(desk: Desk) -> None:
    dates = ["02/03/2026 08:30", "yesterday", *["03/03/2026 08:30"] * 3]
    body = "Call Id,Date\n" + "".join(f"{number},{date}\n" for number, date in enumerate(dates, 1))
    response = await upload(
        desk, "/ingest/files", body, x_scoredesk_mapping=b64encode(MAPPING.encode()).decode()
    )
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["written"], answer["rowsRejected"]) == ({"interaction": 4}, 1)
    assert answer["rejected"][0]["line"] == 3
    assert answer["rejected"][0]["field"] == "started"
    data = await desk.data('{ interactions(filter: {externalIds: ["1"]}) { nodes { source startedAt } } }')
    assert data["interactions"]["nodes"] == [{"source": "phone", "startedAt": "2026-03-02T08:30:00+00:00"}]


async def test_a_body_is_streamed_in_parts(desk: Desk) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield HEADER.encode()
        for first in range(0, 20_000, 500):
            text = rows(500, first).encode()
            yield text[:777]  # parts end within rows
            yield text[777:]

    response = await upload(desk, "/ingest/files?source=phone", parts(), content_type="text/csv")
    assert response.json()["written"] == {"interaction": 20_000}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "FILE_EMPTY"),
        (b"\x1f\x8b\x08\x00broken", None),
        (gzip.compress((HEADER + rows(2000)).encode())[:-200], None),
        (HEADER.encode() + b"c-1,call,2026-02-02T09:00:00Z,\xff\xfe,60\n", None),
        (b"PK\x03\x04 no workbook", None),
        ((HEADER.replace("external_id", "id") + rows(3)).encode(), None),
        ((HEADER + "x,pigeon,never,,\n" * 50).encode(), "IMPORT_TOO_MANY_REJECTED"),
        (b'{"external_id": "1"', None),
        ((HEADER + "c-1,call,2026-02-02T09:00:00Z," + "a" * 2_000_000 + ",60\n").encode(), None),
    ],
)
async def test_a_bad_file_is_refused_and_nothing_of_it_kept(
    desk: Desk, body: bytes, code: str | None
) -> None:
    response = await upload(desk, "/ingest/files?source=phone", body)
    assert response.status_code == 400, response.text
    answer = response.json()
    assert answer["code"] == code or code is None
    assert answer["message"]
    assert "Traceback" not in answer["message"]
    assert await stored(desk) == 0


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/ingest/files?format=word", {}, 400, "FORMAT_UNKNOWN"),
        ("/ingest/pigeons", {}, 400, "MAPPING_KIND"),
        ("/ingest/files?source=", {}, 400, "SOURCE_INVALID"),
        ("/ingest/files", {"x_scoredesk_mapping": "§"}, 400, "MAPPING_INVALID"),
        ("/ingest/files", {"x_scoredesk_mapping": b64encode(b"\xff").decode()}, 400, "MAPPING_INVALID"),
        (
            "/ingest/files",
            {"x_scoredesk_mapping": b64encode(b"[interaction").decode()},
            400,
            "MAPPING_INVALID",
        ),
        ("/ingest/files", {"content_encoding": "br"}, 415, "UNSUPPORTED_ENCODING"),
        ("/ingest/files", {"authorization": "Bearer x"}, 401, "TOKEN_INVALID"),
        ("/ingest/files", {"authorization": "Basic x"}, 401, "TOKEN_MISSING"),
    ],
)
async def test_a_request_that_cannot_be_taken_says_why(
    desk: Desk, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    response = await upload(desk, path, b"x", **{k: v.encode("latin-1") for k, v in headers.items()})  # type: ignore[arg-type]
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/ingest/files?source=phone", "/ingest/interaction?source=phone"])
async def test_a_form_is_told_how_a_file_is_sent(desk: Desk, path: str) -> None:
    sent = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n'
        + (HEADER + rows(1)).encode()
        + b"\r\n--x--\r\n"
    )
    response = await upload(desk, path, sent, content_type="Multipart/Form-Data; boundary=x")
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "curl --data-binary @file" in response.json()["message"]
    assert await stored(desk) == 0


async def test_what_curl_calls_its_bodies_by_itself_is_taken(desk: Desk) -> None:
    sent = (HEADER + rows(3)).encode()
    path = "/ingest/files?source=phone"
    response = await upload(desk, path, sent, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 200, response.text
    assert await stored(desk) == 3


async def test_a_mapping_with_mistakes_is_answered_with_each_of_them(desk: Desk) -> None:
    broken = MAPPING.replace("started =", "startd =") + '\n[surveys]\nscore = "S"\n'
    response = await upload(
        desk, "/ingest/files", b"x", x_scoredesk_mapping=b64encode(broken.encode()).decode()
    )
    problems = response.json()["problems"]
    assert len(problems) >= 2
    assert all(one["code"] and one["path"] for one in problems)


async def test_a_body_over_the_limit_is_a_413_before_and_after_unpacking(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime]
) -> None:
    async with opened(database, acme, clock, ingest_max_bytes=100_000) as desk:
        plain = (HEADER + rows(5_000)).encode()
        response = await upload(desk, "/ingest/files?source=phone", plain)
        assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")

        async def parts() -> AsyncIterator[bytes]:
            for at in range(0, len(plain), 10_000):
                yield plain[at : at + 10_000]

        response = await upload(desk, "/ingest/files?source=phone", parts())
        assert response.status_code == 413
        response = await upload(
            desk, "/ingest/files?source=phone", gzip.compress(HEADER.encode() + b" " * 10_000_000)
        )
        assert response.status_code in (400, 413), response.text
        assert await stored(desk) == 0


@pytest.mark.parametrize(("role", "scopes"), [("viewer", ()), ("agent", ()), ("partner", ("kpi:read",))])
async def test_who_may_not_ingest_is_refused(desk: Desk, role: str, scopes: tuple[str, ...]) -> None:
    token = await desk.token(role, agent="a" if role == "agent" else None, scopes=scopes)
    response = await desk.http.post(
        "/ingest/files", content=HEADER + rows(1), headers={"authorization": f"Bearer {token}"}
    )
    assert response.status_code == 403
    assert (await desk.data("{ syncRuns { nodes { id } } }"))["syncRuns"]["nodes"] == []


async def test_an_upload_lands_in_the_tokens_tenant_alone(desk: Desk, globex: TenantDatabase) -> None:
    before = await desk.data("{ syncRuns { nodes { id } } }", token=await desk.token("admin", "globex"))
    await upload(desk, "/ingest/files?source=phone", HEADER + rows(5))
    after = await desk.data("{ syncRuns { nodes { id } } }", token=await desk.token("admin", "globex"))
    assert before == after


@pytest.mark.parametrize(
    ("hours", "role", "code"), [(12.1, "manager", "TOKEN_EXPIRED"), (0.1, "viewer", "ROLE_INSUFFICIENT")]
)
async def test_an_upload_outlives_neither_its_token_nor_the_right_to_it(
    desk: Desk, clock: StandingClock, hours: float, role: str, code: str
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield (HEADER + rows(2)).encode()
        async with desk.database.control() as session:
            await grant_membership(session, desk.world.tenant.tenant, "manager@acme", role)
        clock.advance(hours=hours)
        yield rows(2, 2).encode()

    response = await upload(desk, "/ingest/files?source=phone", parts())
    assert response.json()["code"] == code
    assert await stored(desk) == 0


async def test_an_upload_may_be_slow_but_not_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "SECONDS_BETWEEN_PARTS", 0.3)
    monkeypatch.setattr(ingest, "BYTES_A_SECOND", 10_000)

    async def parts(size: int) -> AsyncIterator[bytes]:
        body = (HEADER + rows(400)).encode()
        for start in range(0, len(body), size):
            yield body[start : start + size]
            await asyncio.sleep(0.05)

    slow = await upload(desk, "/ingest/files?source=phone", parts(50))
    assert (slow.status_code, slow.json()["code"]) == (408, "BODY_TIMEOUT")
    assert await stored(desk) == 0
    assert (await upload(desk, "/ingest/files?source=phone", parts(1_500))).status_code == 200


@pytest.mark.skipif(not BAD_INPUTS.is_dir(), reason="the shared data sets are not beside the project")
@pytest.mark.parametrize(
    "path", sorted(BAD_INPUTS.glob("*")) if BAD_INPUTS.is_dir() else [], ids=lambda path: path.name
)
async def test_shared_bad_inputs_never_break_the_server(desk: Desk, path: Path) -> None:
    content = await asyncio.to_thread(path.read_bytes)
    response = await upload(desk, f"/ingest/files?source=phone&name={path.name}", content)
    assert response.status_code in (200, 400), response.text
    assert response.json().get("code") != "INTERNAL"


async def test_sla_instances_and_customers_go_in_by_their_kind(desk: Desk) -> None:
    instance = (
        '{"external_id": "s-%d", "interaction": "c-1", "metric": "resolution", "target": 3600, '
        '"applied": "2026-02-02T09:00:00Z", "achieved": "2026-02-02T09:30:00Z"}\n'
    )
    bodies = {
        "sla": "".join(instance % number for number in range(3)),
        "customer": '{"external_id": "P", "joined": "2026-02-02T00:00:00Z", "at_risk": true}\n',
        "agent_activity": '{"external_id": "1", "agent": "a-1", "state": "busy", "cost": 9.5, '
        '"started": "2026-02-02T09:00:00Z"}\n',
    }
    for kind, body in bodies.items():
        answers = [
            (await upload(desk, f"/ingest/{kind}?source=desk&format=ndjson", body.encode())).json()
            for _ in range(2)
        ]
        count = body.count("\n")
        assert [answer["written"] for answer in answers] == [{kind: count}, {kind: 0}]
        assert [answer["ignored"] for answer in answers] == [[], []]
    data = await desk.data(
        """{ kpiValues(input: {formulas: [{name: "a", formula: "share(sla.achieved - sla.applied <= sla.target)"},
        {name: "b", formula: "share(base.at_risk) at joined"}, {name: "c", formula: "sum(activity.cost)"}]})
        { answer { series { total { value } } } problems { message } } }"""
    )
    assert [one["total"]["value"] for one in data["kpiValues"]["answer"]["series"]] == [1.0, 1.0, 9.5]


async def test_a_misspelt_field_is_told_and_its_record_kept(desk: Desk) -> None:
    line = '{"external_id": "1", "channel": "chat", "sentimnt": 0.5, "colour": "red"}'
    answer = (await upload(desk, "/ingest/interaction?source=desk&format=ndjson", line.encode())).json()
    assert (answer["written"]["interaction"], answer["rejected"]) == (1, [])
    assert answer["ignored"] == [
        {"field": "colour", "nearest": None},
        {"field": "sentimnt", "nearest": "sentiment"},
    ]
