"""Documents named by their digest, by POST and GET, with entity tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from backend.core.errors import Invalid
from backend.core.settings import PROJECT
from backend.metrics.models import kpi
from schema.trusted.documents import MANIFEST, TrustedDocuments
from schema.trusted.manifest import manifest
from tenants.database import Database, TenantDatabase
from tests.schema.caching.asking import write
from tests.schema.desk import RESPONSE_JSON, Desk, opened
from tests.statements import counted

OPERATIONS = PROJECT / "frontend-contract" / "operations"
WINDOW = {"window": {"from": "2026-02-02", "to": "2026-02-09"}}


def id_of(name: str) -> str:
    """The id of a document of the contract."""
    return "sha256:" + sha256((OPERATIONS / f"{name}.graphql").read_bytes()).hexdigest()


async def get(desk: Desk, name: str, **options: Any) -> httpx2.Response:
    """A trusted document by GET."""
    token = options.pop("token", None) or await desk.token("manager")
    headers = {"accept": RESPONSE_JSON, "authorization": f"Bearer {token}", **options.pop("headers", {})}
    variables = options.pop("variables", None)
    parameters = {"documentId": id_of(name), **options}
    if variables is not None:
        parameters["variables"] = json.dumps(variables)
    return await desk.http.get("/graphql", params=parameters, headers=headers)


def code_of(response: httpx2.Response) -> str:
    """The code of the only error."""
    [error] = response.json()["errors"]
    code: str = error["extensions"]["code"]
    return code


def test_the_manifest_is_current() -> None:
    assert MANIFEST.read_bytes() == manifest(), "run: .venv/bin/python -m schema.trusted.manifest"


async def test_a_document_is_named_by_its_digest(desk: Desk) -> None:
    by_text = await desk.data((OPERATIONS / "first-light.graphql").read_text(), WINDOW)
    digest = id_of("first-light")
    apollo = {"persistedQuery": {"version": 1, "sha256Hash": digest.removeprefix("sha256:")}}
    for named in ({"documentId": digest}, {"extensions": apollo}):
        response = await desk.post({**named, "variables": WINDOW})
        assert response.json() == {"data": by_text}


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "sha256:" + "0" * 64},
        {"documentId": "0" * 64},
        {"documentId": "md5:x"},
        {"documentId": ""},
        {"documentId": "../../etc/passwd"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    ],
)
async def test_an_unknown_id_is_said_and_nothing_is_registered(desk: Desk, body: dict[str, Any]) -> None:
    response = await desk.post(body)
    assert (response.status_code, code_of(response)) == (400, "PERSISTED_QUERY_NOT_FOUND")


async def test_sending_a_text_with_its_digest_registers_nothing(desk: Desk) -> None:
    text = "{ viewer { role } }"
    apollo = {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}
    assert (await desk.post({"query": text, "extensions": apollo})).json()["data"]
    assert code_of(await desk.post({"extensions": apollo})) == "PERSISTED_QUERY_NOT_FOUND"


async def test_text_and_id_together_are_refused(desk: Desk) -> None:
    response = await desk.post({"query": "{ viewer { role } }", "documentId": id_of("first-light")})
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


async def test_a_trusted_query_is_got_and_not_sent_again_while_nothing_changes(desk: Desk) -> None:
    await write(desk, {})
    token = await desk.token("viewer")
    first = await get(desk, "board", variables=WINDOW, token=token)
    assert first.json()["data"]["offered"]["answer"]["series"][0]["total"]["value"] == 1
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "authorization, accept, accept-language"
    for known in (tag, f'"other", W/{tag}'):
        async with counted(desk.database) as count:
            again = await get(desk, "board", variables=WINDOW, token=token, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (count.transactions, count.statements) == (1, 1)
    await write(desk, {})
    changed = await get(desk, "board", variables=WINDOW, token=token, headers={"if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)
    assert changed.json()["data"]["offered"]["answer"]["series"][0]["total"]["value"] == 2


async def test_a_tag_is_of_one_tenant_audience_language_and_form(desk: Desk) -> None:
    query = {"operationName": "Definitions"}
    tags = {
        (
            await get(desk, "kpi-editor", token=await desk.token(role, tenant), headers=headers, **query)
        ).headers.get("etag", role + tenant)
        for role, tenant, headers in (
            ("admin", "acme", {}),
            ("manager", "acme", {}),
            ("admin", "globex", {}),
            ("admin", "acme", {"accept-language": "zh"}),
            ("admin", "acme", {"accept": "application/json"}),
        )
    }
    assert len(tags) == 5
    first = await get(desk, "kpi-editor", **query)
    async with desk.world.tenant.write() as session:
        await session.execute(update(kpi).values(doc="Other words."))
    again = await get(desk, "kpi-editor", headers={"if-none-match": first.headers["etag"]}, **query)
    assert again.status_code == 200


async def test_what_rests_on_the_caller_or_fails_has_no_tag(desk: Desk) -> None:
    response = await get(desk, "first-light", variables=WINDOW)
    assert (response.status_code, response.headers.get("etag")) == (200, None)
    assert response.headers["cache-control"] == "no-store"
    response = await get(desk, "kpi-editor", operationName="Definitions", token=await desk.token("viewer"))
    assert response.json()["errors"][0]["extensions"]["code"] == "ROLE_INSUFFICIENT"
    assert (response.headers.get("etag"), response.headers["cache-control"]) == (None, "no-store")


async def test_get_runs_trusted_queries_only(desk: Desk) -> None:
    token = await desk.token("admin")
    for response in (
        await get(desk, "kpi-editor", operationName="Create", variables={"input": {}}),
        await get(desk, "import-batch"),
        await get(desk, "board", query="{ viewer { role } }"),
        await desk.http.get(
            "/graphql", params={"query": "{ __typename }"}, headers={"authorization": f"Bearer {token}"}
        ),
    ):
        assert (response.status_code, response.headers["allow"], code_of(response)) == (
            405,
            "POST",
            "METHOD_NOT_ALLOWED",
        )
    wrong = await get(desk, "board", variables=[1])
    assert (wrong.status_code, code_of(wrong)) == (400, "BAD_REQUEST")
    assert (await desk.http.get("/graphql", params={"documentId": id_of("board")})).status_code == 401


async def test_freshness_can_be_had_by_get_too(desk: Desk) -> None:
    await write(desk, {})
    await get(desk, "board", variables=WINDOW)
    response = await get(desk, "board", variables=WINDOW, extensions='{"maxStaleness": 0}')
    assert response.json()["extensions"]["freshness"]["cached"] is True
    assert response.headers["age"] == "0"


MINE = "query Mine { viewer { role } }"


@pytest.mark.parametrize("form", ["folder", "manifest"])
async def test_an_installation_has_documents_of_its_own(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime], tmp_path: Path, form: str
) -> None:
    digest = f"sha256:{sha256(MINE.encode()).hexdigest()}"
    place = tmp_path if form == "folder" else tmp_path / "documents.json"
    if form == "folder":
        (tmp_path / "deeper").mkdir()
        (tmp_path / "deeper" / "mine.graphql").write_text(MINE)
    else:
        place.write_text(json.dumps({digest: MINE}))
    async with opened(database, acme, clock, trusted_documents=str(place), trusted_only=True) as desk:
        answer = (await desk.post({"documentId": digest})).json()
        assert answer == {"data": {"viewer": {"role": "MANAGER"}}}
        assert (await desk.data(MINE))["viewer"] == {"role": "MANAGER"}
        assert (await get(desk, "board", variables=WINDOW)).status_code == 200
        refused = await desk.post({"query": "{ viewer { role subject } }"})
        assert code_of(refused) == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize("content", ["{", "[]", '{"sha256:00": "{ viewer { role } }"}', '{"a": 1}', None])
def test_a_place_that_holds_none_is_refused(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "documents.json"
    if content is not None:
        place.write_text(content)
    with pytest.raises(Invalid) as refusal:
        TrustedDocuments().with_place(str(place))
    assert refusal.value.code == "SETTING_INVALID"


async def test_a_document_that_does_not_fit_stops_the_start(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime], tmp_path: Path
) -> None:
    (tmp_path / "wrong.graphql").write_text("{ nothing }")
    with pytest.raises(Invalid) as refusal:
        async with opened(database, acme, clock, trusted_documents=str(tmp_path)):
            pass
    assert refusal.value.code == "SETTING_INVALID"
