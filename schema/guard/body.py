"""Reads the JSON of a GraphQL request strictly: one object, UTF-8, no NaN, no endless nesting, no NUL."""

from __future__ import annotations

from typing import Any

import msgspec

from backend.core.errors import Invalid
from schema.guard.limits import LIMITS, Limits, check


class RequestBody(msgspec.Struct, frozen=True):
    """What a POST may say; other keys are ignored, as GraphQL over HTTP asks."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None
    extensions: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(RequestBody)


def parse_body(body: bytes, limits: Limits = LIMITS) -> RequestBody:
    """The request in a POST's body.

    Raises Invalid (BAD_REQUEST) when it is no such JSON, LimitExceeded when it nests too deeply.
    """
    try:
        request = _decoder.decode(body)
    except RecursionError:
        raise Invalid("The body is nested too deeply.", code="BAD_REQUEST") from None
    except msgspec.ValidationError as fault:
        # Made from the names and types above and the path in the body, so it is safe to show.
        raise Invalid(f"The body is not a GraphQL request: {fault}.", code="BAD_REQUEST") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("The body is not JSON in UTF-8.", code="BAD_REQUEST") from None
    check_values(request.variables, limits)
    return request


def check_values(value: Any, limits: Limits = LIMITS) -> None:
    """Raises when a value nests deeper than allowed, or a text holds a NUL, which PostgreSQL cannot store."""
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, str):
            if "\x00" in item:
                raise Invalid("A text holds the NUL character.", code="BAD_USER_INPUT")
        elif isinstance(item, dict | list):
            check("json_depth", depth, limits)
            inner = (*item, *item.values()) if isinstance(item, dict) else item
            stack.extend((part, depth + 1) for part in inner)
