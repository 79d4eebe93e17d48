"""GraphQL over HTTP: one endpoint, POST for operations, GET for trusted queries and the GraphiQL page. No batches,
no multipart.

Follows the GraphQL-over-HTTP specification: `application/graphql-response+json` where asked for, with 4xx and
no `data` for a request that never ran; `application/json` otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.auth.scope import Scope as TenantScope
from backend.core.errors import DomainError, Exhausted, Invalid
from backend.web.answers import encode, headers_of, status_of
from backend.web.body import read_body
from schema import errors
from schema.caching.service import Asking, Reply, Service
from schema.context import Context
from schema.errors import Refused
from schema.execution import Executor
from schema.graphiql.page import graphiql_page
from schema.guard.body import RequestBody, parse_body, parse_parameters
from schema.guard.limits import LIMITS, Limits
from schema.running.documents import Operation

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
LOOKS = ("GET", "HEAD")  # the methods that only look

Identify = Callable[[Headers], Awaitable[TenantScope]]
MakeContext = Callable[[TenantScope, Headers, str], Context]


class GraphQLEndpoint:
    """The ASGI application at `/graphql`."""

    def __init__(
        self,
        executor: Executor,
        service: Service,
        identify: Identify,
        make_context: MakeContext,
        limits: Limits = LIMITS,
    ) -> None:
        self._executor = executor
        self._service = service
        self._identify = identify
        self._make_context = make_context
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method in LOOKS and _is_for_the_page(request):
            response = graphiql_page()
        else:
            response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        media_type = JSON
        try:
            media_type = _negotiated(request.headers.get("accept"))
            if request.method != "POST" and not _names_a_document(request):
                raise _only_by_post()
            if request.method == "POST":
                _check_content(request.headers)
            tenant_scope = await self._identify(request.headers)
            asked = await self._asked(request)
            reply = await self._reply(request, asked, tenant_scope, media_type)
        except Refused as refusal:
            return _refused(refusal, media_type)
        except DomainError as error:
            return _respond(
                encode({"errors": [errors.shown(error)]}), media_type, status_of(error), headers_of(error)
            )
        headers = _headers(request, reply)
        if reply.unchanged:
            return Response(status_code=304, headers=headers)
        return _respond(_body(reply, asked), media_type, headers=headers)

    async def _asked(self, request: Request) -> RequestBody:
        if request.method in LOOKS:
            return parse_parameters(request.query_params, self._limits)
        body = await read_body(request, limit=self._limits.body_bytes, seconds=self._limits.body_seconds)
        return parse_body(body, self._limits)

    async def _reply(
        self, request: Request, asked: RequestBody, tenant_scope: TenantScope, media_type: str
    ) -> Reply:
        request_id = request.scope["state"]["request_id"]
        operation = self._executor.find(asked, tenant_scope.tenant.id, request_id)
        looks = request.method in LOOKS
        if looks and not _may_be_looked_at(operation):
            raise _only_by_post()
        asking = Asking(
            operation,
            asked,
            self._make_context(tenant_scope, request.headers, request_id),
            media_type,
            anew="no-cache" in request.headers.get("cache-control", "").lower(),
            tagged=looks,
            known_tags=_tags(request.headers.get("if-none-match")) if looks else frozenset(),
        )
        return await self._in_time(request, asking)

    async def _in_time(self, request: Request, asking: Asking) -> Reply:
        """Works until there is an answer, its time is up, or nobody waits for it any more."""
        work = asyncio.ensure_future(self._service.answer(asking))
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


def _is_for_the_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not _names_a_document(request)


def _names_a_document(request: Request) -> bool:
    """Whether this is a GET of a trusted document; a text in the address is never run."""
    parameters = request.query_params
    return (
        request.method in LOOKS
        and "query" not in parameters
        and ("documentId" in parameters or "extensions" in parameters)
    )


def _may_be_looked_at(operation: Operation) -> bool:
    return operation.is_query and operation.document.trusted


def _only_by_post() -> Invalid:
    return Invalid("This is sent by POST; GET is for trusted queries.", code="METHOD_NOT_ALLOWED")


def _tags(header: str | None) -> frozenset[str]:
    """The entity tags of If-None-Match; weak ones count as well."""
    return frozenset(tag.strip().removeprefix("W/") for tag in (header or "").split(","))


def _headers(request: Request, reply: Reply) -> dict[str, str]:
    headers = {}
    if reply.served.cached:
        headers["age"] = str(int(reply.served.age))
    if reply.etag is not None:
        headers["etag"] = reply.etag
        headers["cache-control"] = "private, no-cache"
    if request.method in LOOKS:
        headers["vary"] = "authorization, accept, accept-language"
    return headers


def _body(reply: Reply, asked: RequestBody) -> bytes:
    served = reply.served
    if not served.errors and asked.max_staleness is None:
        return b'{"data":%b}' % served.data
    answer: dict[str, Any] = {"errors": served.errors} if served.errors else {}
    answer["data"] = msgspec.Raw(served.data)
    if asked.max_staleness is not None:
        seen = served.versions
        answer["extensions"] = {
            "freshness": {
                "cached": served.cached,
                "ageSeconds": round(served.age, 3),
                "versions": seen and {"facts": seen.facts, "definitions": seen.definitions},
            }
        }
    return encode(answer)


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
    status = 400 if media_type == RESPONSE_JSON else 200
    return _respond(encode({"errors": refusal.errors}), media_type, status)


def _respond(
    content: bytes, media_type: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    if status == 405:
        headers = {**(headers or {}), "allow": "POST"}
    return Response(content, status, headers, media_type=f"{media_type}; charset=utf-8")
