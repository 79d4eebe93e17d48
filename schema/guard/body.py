"""Reads the JSON of a GraphQL request strictly: one object, UTF-8, no NaN, no endless nesting, no NUL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from backend.core.errors import Invalid
from schema.guard.limits import LIMITS, Limits, check

T = TypeVar("T")


class RequestBody(msgspec.Struct, frozen=True):
    """What a request may say; other keys are ignored, as GraphQL over HTTP asks. The document is its text, or its
    id where it is a trusted one.
    """

    query: str | None = None
    documentId: str | None = None
    variables: dict[str, Any] | None = None
    operationName: str | None = None
    extensions: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 that names the document, in hexadecimal digits; empty where it names none like that."""
        if self.documentId is not None:
            prefix, _, digest = self.documentId.partition(":")
            return digest if prefix == "sha256" else ""
        named = (self.extensions or {}).get("persistedQuery")
        given = named.get("sha256Hash") if isinstance(named, dict) else None
        return given if isinstance(given, str) else ""

    @property
    def max_staleness(self) -> float | None:
        """How many seconds ago an answer may have stood at most; None where that was not said.

        Raises Invalid (BAD_REQUEST) when it is no number from 0 to a day.
        """
        given = (self.extensions or {}).get("maxStaleness")
        if given is None:
            return None
        if type(given) not in (int, float) or not 0 <= given <= LONGEST_STALENESS:
            message = f"`extensions.maxStaleness` is a number of seconds from 0 to {LONGEST_STALENESS:,}."
            raise Invalid(message, code="BAD_REQUEST")
        return float(given)


LONGEST_STALENESS = 86_400

_decoder = msgspec.json.Decoder(RequestBody)
_object = msgspec.json.Decoder(dict[str, Any])


def parse_body(body: bytes, limits: Limits = LIMITS) -> RequestBody:
    """The request in a POST's body.

    Raises Invalid (BAD_REQUEST) when it is no such JSON, LimitExceeded when it nests too deeply.
    """
    return _checked(_read(_decoder, body, "body"), limits)


def parse_parameters(parameters: Mapping[str, str], limits: Limits = LIMITS) -> RequestBody:
    """The request in a GET's parameters, which names a trusted document; variables and extensions are JSON.

    Raises what `parse_body` raises.
    """
    variables, extensions = (
        _read(_object, text.encode(), f"parameter “{name}”") if (text := parameters.get(name)) else None
        for name in ("variables", "extensions")
    )
    return _checked(
        RequestBody(
            documentId=parameters.get("documentId"),
            operationName=parameters.get("operationName") or None,
            variables=variables,
            extensions=extensions,
        ),
        limits,
    )


def _read(decoder: msgspec.json.Decoder[T], text: bytes, place: str) -> T:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise Invalid(f"The {place} is nested too deeply.", code="BAD_REQUEST") from None
    except msgspec.ValidationError as fault:
        # Made from the names and types above and the path in the text, so it is safe to show.
        raise Invalid(f"The {place} is not a GraphQL request: {fault}.", code="BAD_REQUEST") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(f"The {place} is not JSON in UTF-8.", code="BAD_REQUEST") from None


def _checked(request: RequestBody, limits: Limits) -> RequestBody:
    if request.query is None and not request.digest and request.documentId is None:
        raise Invalid("The request names no document: send `query` or `documentId`.", code="BAD_REQUEST")
    if request.query is not None and request.documentId is not None:
        raise Invalid("Send `query` or `documentId`, not both.", code="BAD_REQUEST")
    check_values(request.variables, limits)
    return request


def check_values(value: Any, limits: Limits = LIMITS) -> None:
    """Raises when a value nests deeper than allowed, or a text holds a NUL, which PostgreSQL cannot store."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if "\x00" in item:
                    raise Invalid("A text holds the NUL character.", code="BAD_USER_INPUT")
            elif isinstance(item, dict | list):
                inner += item
                if isinstance(item, dict):
                    inner += item.values()
                if depth > limits.json_depth:
                    check("json_depth", depth, limits)
        level, depth = inner, depth + 1
