"""The one place that decides what of an error may be shown. Everything that is not ours becomes INTERNAL."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from backend.core.errors import Conflict, DomainError, Exhausted, Invalid
from backend.web.answers import as_json
from schema.guard.limits import LIMITS, LimitExceeded

logger = logging.getLogger("scoredesk.graphql")

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
INTERNAL = "INTERNAL"

Formatted = dict[str, Any]


class Refused(Exception):
    """A request that never ran. `errors` are ready to be sent; the answer has no `data`."""

    def __init__(self, errors: Sequence[Formatted]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors[: LIMITS.errors])

    @classmethod
    def because_of(cls, errors: Sequence[GraphQLError], code: str, request_id: str) -> Refused:
        """graphql-core's own errors about the text or the variables of a request."""
        return cls([_refusal(error, code, request_id) for error in errors])

    @classmethod
    def by(cls, error: DomainError) -> Refused:
        """A limit or rule of ours."""
        return cls([shown(error)])


def shown(error: DomainError) -> Formatted:
    """An expected error without a place in the document."""
    return {"message": error.message, "extensions": _extensions(error)}


def field_errors(errors: Sequence[GraphQLError], request_id: str) -> list[Formatted]:
    """Errors met while running, in the order met, cut to what a reader can use."""
    return [_field_error(error, request_id) for error in errors[: LIMITS.errors]]


def internal(error: BaseException, request_id: str, place: str) -> Formatted:
    """A fault of ours: the log has it under the request id, the client has the id."""
    logger.error("request %s: %s failed", request_id, place, exc_info=error)
    return {
        "message": "Something went wrong on our side.",
        "extensions": {"code": INTERNAL, "requestId": request_id},
    }


def _refusal(error: GraphQLError, code: str, request_id: str) -> Formatted:
    original = _original(error)
    if isinstance(original, DomainError):
        return _located(shown(original), error)
    if original is not None and not isinstance(original, ValueError | TypeError):
        # A scalar's parser may refuse a value by ValueError; anything else is a fault in it.
        return internal(original, request_id, "reading the variables")
    return _located({"message": error.message, "extensions": {"code": code}}, error)


def _field_error(error: GraphQLError, request_id: str) -> Formatted:
    original = _original(error)
    if isinstance(original, DomainError):
        return _located(shown(original), error)
    if original is None and error.message.startswith("Argument "):
        # An argument that only running could find wrong: null from a variable where none may be.
        return _located({"message": error.message, "extensions": {"code": BAD_USER_INPUT}}, error)
    place = ".".join(str(key) for key in error.path or ())
    return _located(internal(original or error, request_id, place), error)


def _extensions(error: DomainError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code}
    if isinstance(error, Invalid) and error.problems:
        extensions["problems"] = [as_json(problem) for problem in error.problems]
    if isinstance(error, Conflict) and error.current is not None:
        extensions["current"] = error.current
    if isinstance(error, Exhausted) and error.retry_after is not None:
        extensions["retryAfter"] = error.retry_after
    if isinstance(error, LimitExceeded):
        extensions |= {"limit": error.limit, "allowed": error.allowed}
    return extensions


def _original(error: GraphQLError) -> BaseException | None:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


def _located(formatted: Formatted, error: GraphQLError) -> Formatted:
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        formatted["path"] = list(error.path)
    return formatted
