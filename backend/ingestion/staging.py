"""Chunks into the staging tables by COPY. Staged rows are seen by nobody until their run is applied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from backend.ingestion.models import STAGED, staged_rejection
from backend.ingestion.records import Chunk, Layout, Rejection
from backend.interactions.identity import fact_id
from tenants.database import WriteSession

_REJECTION_COLUMNS = ("sync_run_id", "id", "source", "line", "field", "code", "message", "raw")


async def stage(
    session: WriteSession, run_id: UUID, source: str, layouts: Mapping[str, Layout], chunk: Chunk
) -> None:
    """Appends a chunk's records and rejections under the run's id."""
    for kind, records in chunk.records.items():
        if records:
            head = (str(run_id),)  # the driver encodes a text quicker than a UUID object
            columns = ("sync_run_id", *layouts[kind].columns)
            await session.copy(STAGED[kind], columns, [head + record for record in records])
    if chunk.rejections:
        rows = _rejection_rows(run_id, source, chunk.rejections)
        await session.copy(staged_rejection, _REJECTION_COLUMNS, rows)


def raw_text(raw: Mapping[str, Any]) -> str:
    """A raw row as JSON text for the database; what JSON or jsonb cannot hold is spelled out or replaced."""
    return msgspec.json.encode(_storable(raw), enc_hook=str, order="deterministic").decode("utf-8", "replace")


def _storable(value: Any) -> Any:
    match value:
        case str():  # a lone surrogate, left by a tolerant reader, is no Unicode
            return _plain(value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {_storable(str(key)): _storable(each) for key, each in value.items()}
        case list() | tuple():
            return [_storable(each) for each in value]
        case bytes():
            return value.decode("utf-8", "replace")
    return value


def _rejection_rows(run_id: UUID, source: str, rejections: Sequence[Rejection]) -> list[tuple[Any, ...]]:
    rows = {}
    for each in rejections:
        raw = raw_text(each.raw)
        name = f"rejected:{each.field or ''}:{raw}"
        record_id = fact_id(source, name)
        rows[each.line, record_id] = (
            run_id,
            record_id,
            source,
            each.line,
            each.field,
            each.code,
            _plain(each.message),
            raw,
        )
    return list(rows.values())


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{REPLACEMENT CHARACTER}")
