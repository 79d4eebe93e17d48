"""The JSON of a request is read strictly."""

from __future__ import annotations

import pytest

from backend.core.errors import DomainError
from schema.guard.body import parse_body

BROKEN = {
    "empty": b"",
    "null": b"null",
    "a number": b"5",
    "a text": b'"{ viewer { role } }"',
    "true": b"true",
    "a list": b'[{"query": "{ viewer { role } }"}]',
    "no query": b"{}",
    "a query that is no text": b'{"query": 5}',
    "variables that are no object": b'{"query": "{ x }", "variables": [1]}',
    "variables in a text": b'{"query": "{ x }", "variables": "{}"}',
    "an operation name that is no text": b'{"query": "{ x }", "operationName": 1}',
    "bad UTF-8": b'{"query": "\xff"}',
    "UTF-16": '{"query": "{ x }"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"query": "{ x }"}',
    "a lone surrogate": b'{"query": "{ x }", "variables": {"a": "\\ud800"}}',
    "NaN": b'{"query": "{ x }", "variables": {"a": NaN}}',
    "Infinity": b'{"query": "{ x }", "variables": {"a": Infinity}}',
    "a number out of range": b'{"query": "{ x }", "variables": {"a": 1e999}}',
    "an endless integer": b'{"query": "{ x }", "variables": {"a": ' + b"1" * 5000 + b"}}",
    "endless lists": b'{"query": "{ x }", "variables": {"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
    "endless objects": b'{"query": "{ x }", "variables": ' + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}",
    "too deep to use": b'{"query": "{ x }", "variables": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
    "NUL in a variable": b'{"query": "{ x }", "variables": {"a": ["b\\u0000"]}}',
    "NUL in a key": b'{"query": "{ x }", "variables": {"a": {"\\u0000": 1}}}',
    "cut off": b'{"query": "{ x }"',
    "something behind": b'{"query": "{ x }"} {}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_body_that_is_no_request_is_refused(name: str) -> None:
    with pytest.raises(DomainError) as refusal:
        parse_body(BROKEN[name])
    assert refusal.value.code in ("BAD_REQUEST", "BAD_USER_INPUT", "LIMIT_EXCEEDED")


def test_a_request_is_read() -> None:
    request = parse_body(
        b'{"query": "query Q { x }", "variables": {"a": [1, {"b": null}]}, "operationName": "Q", "more": 1}'
    )
    assert request.query == "query Q { x }"
    assert request.variables == {"a": [1, {"b": None}]}
    assert request.operationName == "Q"
