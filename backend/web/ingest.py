"""Uploads: `POST /ingest/files` for any file with a mapping, `POST /ingest/{kind}` for records in the
built-in shape.

The body is the file itself, at most `ingest_max_bytes`. It is spooled to disk first, so that a slow sender
holds neither memory nor a connection to the database.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.auth.scope import Scope
from backend.core.clock import Clock
from backend.core.errors import Exhausted, Invalid
from backend.core.settings import Settings
from backend.ingestion import mapping as mappings
from backend.ingestion.files import Imported, import_file
from backend.ingestion.formats.options import FORMATS
from backend.ingestion.rules import Mapping
from backend.web.access import INGEST, require
from backend.web.answers import error_answer, json_answer
from backend.web.body import stream_body

MAPPING_HEADER = "x-scoredesk-mapping"
SECONDS_BETWEEN_PARTS = 30.0  # an upload may be slow; one that stands still is given up
BYTES_A_SECOND = 8_192  # on average, or it would hold its place for days
UPLOADS_AT_ONCE = 4  # in a process: each keeps a thread busy, and two cores are common
SHOWN_REJECTIONS = 20

_FORMAT_OF_TYPE = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "json",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "excel",
}

Identify = Callable[[Headers], Awaitable[Scope]]


def ingest_routes(identify: Identify, settings: Settings, clock: Clock) -> list[Route]:
    """The two addresses for uploads."""
    uploads = Uploads(identify, settings, clock)
    return [
        Route("/ingest/files", uploads.file, methods=["POST"]),
        Route("/ingest/{kind}", uploads.records, methods=["POST"]),
    ]


class Uploads:
    """Handles uploads; counts those under way."""

    def __init__(self, identify: Identify, settings: Settings, clock: Clock) -> None:
        self._identify = identify
        self._settings = settings
        self._clock = clock
        self._under_way = 0

    async def file(self, request: Request) -> Response:
        """Any file. The mapping is the built-in one, or TOML in Base64 in the header X-Scoredesk-Mapping."""
        scope = await self._admit(request)
        source = request.query_params.get("source")
        given = request.headers.get(MAPPING_HEADER)
        mapping = mappings.built_in(source=source) if given is None else _sent_mapping(given, source)
        return await self._take(request, scope, mapping)

    async def records(self, request: Request) -> Response:
        """Records of one kind, their columns named as the fields of its shape."""
        scope = await self._admit(request)
        source = request.query_params.get("source")
        return await self._take(request, scope, mappings.built_in(request.path_params["kind"], source=source))

    async def _admit(self, request: Request) -> Scope:
        scope = await self._identify(request.headers)
        require(scope.principal, INGEST)
        if request.headers.get("content-encoding", "identity").lower() not in ("identity", "gzip"):
            raise Invalid("A body may be compressed with gzip only.", code="UNSUPPORTED_ENCODING")
        if _content_type(request).startswith("multipart/"):
            raise Invalid(
                "Send the file as the body: curl --data-binary @file. A form with a file in it is not taken.",
                code="UNSUPPORTED_MEDIA_TYPE",
            )
        return scope

    async def _take(self, request: Request, scope: Scope, mapping: Mapping) -> Response:
        if self._under_way >= UPLOADS_AT_ONCE:
            raise Exhausted("Too many uploads are under way.", code="UPLOADS_BUSY", retry_after=5.0)
        self._under_way += 1
        try:
            return await self._spool_and_import(request, scope, _with_format(mapping, request))
        finally:
            self._under_way -= 1

    async def _spool_and_import(self, request: Request, scope: Scope, mapping: Mapping) -> Response:
        with NamedTemporaryFile(prefix="scoredesk-upload-") as spool:
            body = stream_body(
                request,
                limit=self._settings.ingest_max_bytes,
                seconds_between=SECONDS_BETWEEN_PARTS,
                bytes_a_second=BYTES_A_SECOND,
            )
            async for part in body:
                spool.write(part)
            spool.flush()
            scope = await self._admit(
                request
            )  # it took its time: the token may have ended, or the membership
            label = request.query_params.get("name") or request.url.path
            try:
                imported = await import_file(
                    scope.database,
                    Path(spool.name),
                    mapping,
                    self._settings,
                    origin="http",
                    label=label[:200],
                    actor=scope.principal.subject,
                    shown=SHOWN_REJECTIONS,
                    clock=self._clock,
                )
            except Invalid as error:
                return error_answer(error)
        return json_answer(_as_answer(imported))


def _sent_mapping(header: str, source: str | None) -> Mapping:
    try:
        text = b64decode(header, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Invalid(
            f"The header {MAPPING_HEADER} is not Base64 of UTF-8 text.", code="MAPPING_INVALID"
        ) from None
    return mappings.load(text, source=source)


def _with_format(mapping: Mapping, request: Request) -> Mapping:
    """The mapping with the format that the request names; without one it is found from the content."""
    named = request.query_params.get("format") or _FORMAT_OF_TYPE.get(_content_type(request))
    if named is None or mapping.file.format is not None:
        return mapping
    if named not in FORMATS:
        raise Invalid(f"“{named}” is not a format; formats are {', '.join(FORMATS)}.", code="FORMAT_UNKNOWN")
    return replace(mapping, file=replace(mapping.file, format=named))


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _as_answer(imported: Imported) -> dict[str, Any]:
    report = imported.report
    return {
        "syncRunId": report.sync_run_id,
        "status": report.status,
        "rowsRead": report.rows_read,
        "rowsRejected": report.rows_rejected,
        "written": report.written,
        "unchanged": report.unchanged,
        "rejected": [
            {"line": one.line, "field": one.field, "code": one.code, "message": one.message}
            for one in imported.rejections
        ],
        "ignored": [{"field": one.name, "nearest": one.nearest} for one in imported.ignored],
    }
