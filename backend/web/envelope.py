"""The outermost layer: a request id, the security headers, and one place where a fault of ours becomes a 500.

Plain ASGI on purpose: Starlette's BaseHTTPMiddleware breaks context variables, background tasks and
disconnects.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core.errors import DomainError, Invalid, NotFound
from backend.interactions.identity import new_id
from backend.web.answers import error_answer, json_answer

logger = logging.getLogger("scoredesk.web")

REQUEST_ID = b"x-request-id"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # it ends up in log lines
_HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        # A page that needs more sets a policy of its own.
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
    }.items()
]


class Envelope:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, new_request_id: Callable[[], object] = new_id) -> None:
        self._app = app
        self._new_request_id = new_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["app"] = self  # tells Starlette's routes that someone here answers their HTTPException
        request_id = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = message.get("headers", ())
                names = {name for name, _ in given}
                ours = [pair for pair in _HEADERS if pair[0] not in names]
                message["headers"] = [*given, *ours, (REQUEST_ID, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except DomainError as error:
            if started:
                raise
            await error_answer(error)(scope, receive, sending)
        except HTTPException as error:
            if started:
                raise
            answer = error_answer(_as_domain_error(error))
            answer.headers.update(error.headers or {})
            await answer(scope, receive, sending)
        except Exception:
            logger.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            if started:
                raise
            body = {
                "code": "INTERNAL",
                "message": "Something went wrong on our side.",
                "requestId": request_id,
            }
            await json_answer(body, 500)(scope, receive, sending)

    def _request_id(self, scope: Scope) -> str:
        given = dict(scope["headers"]).get(REQUEST_ID, b"").decode("latin-1")
        return given if _ACCEPTABLE_ID.fullmatch(given) else str(self._new_request_id())


def _as_domain_error(error: HTTPException) -> DomainError:
    if error.status_code == 405:
        return Invalid("This method is not for this address.", code="METHOD_NOT_ALLOWED")
    return NotFound("There is nothing at this address.")
