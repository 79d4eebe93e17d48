"""What goes wrong inside is logged and never shown; what is expected has its code."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import strawberry

from backend.core.errors import (
    Conflict,
    DomainError,
    Exhausted,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unavailable,
)
from schema.errors import Refused
from schema.execution import Executor, Result
from schema.guard.body import RequestBody
from tenants.database import Database, TenantDatabase
from tests.schema.desk import Desk, opened

SECRET = "relation t_8f3a.interaction at /srv/secret"


@strawberry.type
class Query:
    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def expected(self, kind: str) -> str | None:
        raise EXPECTED[kind]

    @strawberry.field
    def empty(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def huge(self) -> int:
        return 2**40

    @strawberry.field
    def fine(self) -> str:
        return "fine"


EXPECTED: dict[str, DomainError] = {
    "invalid": Invalid("No.", problems=[Problem("P", "Mend it.", ("a", 1), (2, 3), "this")]),
    "not found": NotFound("No such thing.", code="THING_NOT_FOUND"),
    "forbidden": Forbidden("Not yours."),
    "conflict": Conflict("Someone was faster.", current=7),
    "exhausted": Exhausted("Too much.", retry_after=2.5),
    "unavailable": Unavailable("Away."),
}
EXTENSIONS: dict[str, Any] = {
    "invalid": {
        "code": "INVALID",
        "problems": [
            {
                "code": "P",
                "message": "Mend it.",
                "path": ["a", 1],
                "span": {"start": 2, "end": 3},
                "hint": "this",
            }
        ],
    },
    "not found": {"code": "THING_NOT_FOUND"},
    "forbidden": {"code": "FORBIDDEN"},
    "conflict": {"code": "CONFLICT", "current": 7},
    "exhausted": {"code": "EXHAUSTED", "retryAfter": 2.5},
    "unavailable": {"code": "UNAVAILABLE"},
}


async def run(query: str, variables: dict[str, Any] | None = None) -> Result:
    """The result of a query against the little schema above."""
    executor = Executor(strawberry.Schema(Query))
    operation = executor.find(RequestBody(query), uuid4(), "request-1")
    return await executor.run(operation, variables, None, "request-1")


@pytest.mark.parametrize("query", ["{ fine broken }", "{ fine empty }", "{ fine huge }"])
async def test_a_fault_of_ours_is_logged_under_the_id_that_the_client_gets(
    query: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "scoredesk.graphql"):
        result = await run(query)
    [error] = result.errors
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "request-1"}
    assert "secret" not in str(result)
    assert "request-1" in caplog.text


@pytest.mark.parametrize("kind", EXPECTED)
async def test_an_expected_error_shows_its_code_and_what_helps(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = await run("query ($kind: String!) { expected(kind: $kind) }", {"kind": kind})
    [error] = result.errors
    assert (error["message"], error["extensions"]) == (EXPECTED[kind].message, EXTENSIONS[kind])
    assert (error["path"], result.data) == (["expected"], {"expected": None})
    assert not caplog.records


async def test_errors_are_cut_to_what_a_reader_can_use() -> None:
    result = await run("{ " + " ".join(f'e{i}: expected(kind: "forbidden")' for i in range(30)) + " }")
    assert len(result.errors) == 5


async def test_a_request_that_never_ran_is_refused_with_places() -> None:
    with pytest.raises(Refused) as refusal:
        await run("{ fine { no } }")
    [error] = refusal.value.errors
    assert error["locations"] == [{"line": 1, "column": 8}]


async def test_a_database_that_is_away_is_said_without_details(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime]
) -> None:
    async with opened(database, acme, clock) as desk:
        token = await desk.token("manager")
        query = "{ interactions { nodes { id } } }"
        await desk.data(query, token=token)
        away = Database.connect("postgresql://nobody:secret@127.0.0.1:9/none")
        database._engine, kept = away._engine, database._engine
        try:
            response = await desk.post({"query": "{ viewer { role } }"}, token=await _unknown(desk))
            answers = [response.json(), (await desk.http.get("/ready")).json()]
            assert response.status_code == 503
        finally:
            database._engine = kept
            await away.close()
        assert answers[0]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert "secret" not in str(answers)
        assert "127.0.0.1" not in str(answers)


async def _unknown(desk: Desk) -> str:
    """A genuine token whose membership nobody has read yet."""
    return desk.signer.sign("someone new", desk.world.tenant.tenant.id)
