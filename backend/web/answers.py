"""What every HTTP answer of ours is made of: JSON bytes, and the one form an error takes outside GraphQL."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from backend.core.errors import (
    Conflict,
    DomainError,
    Exhausted,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)

_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Exhausted, 429),
    (Unavailable, 503),
    (Invalid, 400),
)
# Codes whose status says more than their family's.
_STATUS_OF_CODE = {
    "BODY_TOO_LARGE": 413,
    "FILE_TOO_LARGE": 413,
    "BODY_TIMEOUT": 408,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNSUPPORTED_ENCODING": 415,
    "NOT_ACCEPTABLE": 406,
    "METHOD_NOT_ALLOWED": 405,
    "OPERATION_TIMEOUT": 503,
    "STATEMENT_TIMEOUT": 503,
    "LIMIT_EXCEEDED": 400,
}


def encode(value: Any) -> bytes:
    """JSON in UTF-8; datetimes with their offset, UUIDs and decimals as text."""
    return msgspec.json.encode(value)


def status_of(error: DomainError) -> int:
    """The HTTP status that an expected error stands for."""
    if status := _STATUS_OF_CODE.get(error.code):
        return status
    return next((status for family, status in _STATUS if isinstance(error, family)), 400)


def headers_of(error: DomainError) -> dict[str, str]:
    """Headers that belong to an error: how to sign in, when to try again."""
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="scoredesk"'
    if isinstance(error, Exhausted) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    if isinstance(error, Unavailable):
        headers["retry-after"] = "1"
    return headers


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(encode(value), status, headers, media_type="application/json")


def error_answer(error: DomainError) -> Response:
    """An expected error as `{code, message, problems}` with the status of its family."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if isinstance(error, Invalid) and error.problems:
        body["problems"] = [as_json(problem) for problem in error.problems]
    return json_answer(body, status_of(error), headers_of(error))


def as_json(problem: Problem) -> dict[str, Any]:
    """A problem as clients see it outside GraphQL."""
    shown: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.path:
        shown["path"] = list(problem.path)
    if problem.span:
        shown["span"] = {"start": problem.span[0], "end": problem.span[1]}
    if problem.hint:
        shown["hint"] = problem.hint
    if problem.nearest:
        shown["nearest"] = problem.nearest
    return shown
