"""GraphQL over HTTP: one endpoint, POST for operations, GET for the GraphiQL page. No batches, no multipart.

Follows the GraphQL-over-HTTP specification: `application/graphql-response+json` where asked for, with 4xx and
no `data` for a request that never ran; `application/json` otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.auth.scope import Scope as TenantScope
from backend.core.errors import DomainError, Exhausted, Invalid
from backend.web.answers import encode, headers_of, status_of
from backend.web.body import read_body
from schema import errors
from schema.context import Context
from schema.errors import Refused
from schema.execution import Executor, Result
from schema.graphiql.page import graphiql_page
from schema.guard.body import parse_body
from schema.guard.limits import LIMITS, Limits

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"

Identify = Callable[[Headers], Awaitable[TenantScope]]
MakeContext = Callable[[TenantScope, Headers, str], Context]

logger = logging.getLogger("scoredesk.graphql")


class GraphQLEndpoint:
    """The ASGI application at `/graphql`."""

    def __init__(
        self,
        executor: Executor,
        identify: Identify,
        make_context: MakeContext,
        limits: Limits = LIMITS,
    ) -> None:
        self._executor = executor
        self._identify = identify
        self._make_context = make_context
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            response = graphiql_page()
        else:
            response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        media_type = JSON
        try:
            media_type = _negotiated(request.headers.get("accept"))
            if request.method != "POST":
                raise Invalid("Operations are sent by POST.", code="METHOD_NOT_ALLOWED")
            _check_content(request.headers)
            tenant_scope = await self._identify(request.headers)
            body = await read_body(request, limit=self._limits.body_bytes, seconds=self._limits.body_seconds)
            result = await self._run(request, tenant_scope, body)
        except Refused as refusal:
            return _refused(refusal, media_type)
        except DomainError as error:
            return _respond(
                {"errors": [errors.shown(error)]}, media_type, status_of(error), headers_of(error)
            )
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer = {"errors": result.errors, "data": result.data}
        return _respond(answer, media_type)

    async def _run(self, request: Request, tenant_scope: TenantScope, body: bytes) -> Result:
        """Runs the operation until it is done, its time is up, or nobody waits for the answer any more."""
        request_id = request.scope["state"]["request_id"]
        parsed = parse_body(body, self._limits)
        context = self._make_context(tenant_scope, request.headers, request_id)
        operation = self._executor.find(parsed, tenant_scope.tenant.id, request_id)
        work = asyncio.ensure_future(self._executor.run(operation, parsed.variables, context, request_id))
        gone = asyncio.ensure_future(_disconnected(request.receive))
        try:
            done, _ = await asyncio.wait(
                (work, gone), timeout=self._limits.operation_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if work in done:
                return work.result()
            if gone in done:
                raise Invalid("The client has gone.", code="CLIENT_GONE")
            raise Exhausted(
                f"The operation took longer than the {self._limits.operation_seconds:g} seconds it may.",
                code="OPERATION_TIMEOUT",
                retry_after=1.0,
            )
        finally:
            for task in (work, gone):
                task.cancel()
            # A cancelled operation has to give its connection back before the request ends.
            await asyncio.gather(work, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _negotiated(accept: str | None) -> str:
    """The media type to answer in: the first of ours that the client accepts.

    Raises Invalid (NOT_ACCEPTABLE) when it accepts neither.
    """
    if not accept:
        return JSON
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        if "q=0" in parameters or any(p.startswith("charset=") and p != "charset=utf-8" for p in parameters):
            continue
        if name == RESPONSE_JSON:
            return RESPONSE_JSON
        if name in (JSON, "application/*", "*/*"):
            return JSON
    raise Invalid(f"Answers are {RESPONSE_JSON} or {JSON}.", code="NOT_ACCEPTABLE")


def _check_content(headers: Headers) -> None:
    name, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")]
    if name != JSON or any(charset != "utf-8" for charset in charsets):
        raise Invalid(f"Send the request as {JSON} in UTF-8.", code="UNSUPPORTED_MEDIA_TYPE")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Invalid("Send the request without compression.", code="UNSUPPORTED_ENCODING")


def _refused(refusal: Refused, media_type: str) -> Response:
    # In plain application/json a client cannot tell our 4xx from a proxy's, so the specification wants 200
    # there.
    return _respond({"errors": refusal.errors}, media_type, 400 if media_type == RESPONSE_JSON else 200)


def _respond(
    answer: dict[str, Any], media_type: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    if status == 405:
        headers = {**(headers or {}), "allow": "POST"}
    content = encode(answer)
    return Response(content, status, headers, media_type=f"{media_type}; charset=utf-8")
