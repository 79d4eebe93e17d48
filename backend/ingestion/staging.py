"""Chunks into the staging tables by COPY. Staged rows are seen by nobody until their run is applied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Table

from backend.ingestion.copying import Encoder, field
from backend.ingestion.models import STAGED, staged_rejection
from backend.ingestion.records import Chunk, Layout, Rejection
from backend.interactions.identity import fact_id
from tenants.database import WriteSession

_REJECTION_COLUMNS = ("sync_run_id", "id", "source", "line", "field", "code", "message", "raw")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one table, ready to be copied."""

    table: Table
    columns: Sequence[str]
    content: bytes


class Staging:
    """The staging of one run: chunks are encoded where the file is read, and written where the database is."""

    def __init__(self, run_id: UUID, source: str, layouts: Sequence[Layout]) -> None:
        self._run_id, self._source = run_id, source
        self._columns = {layout.kind: layout.columns for layout in layouts}
        self._encoders = {
            layout.kind: Encoder([STAGED[layout.kind].c[name].type for name in layout.columns])
            for layout in layouts
        }

    def encode(self, chunk: Chunk) -> list[Block]:
        """The rows of a chunk's records as COPY wants them; a column that holds nothing is left out."""
        run = field(self._run_id.bytes)
        blocks = []
        for kind, records in chunk.records.items():
            if len(records):
                filled, content = self._encoders[kind].encode(run, records.columns)
                names = [self._columns[kind][place] for place in filled]
                blocks.append(Block(STAGED[kind], ("sync_run_id", *names), content))
        return blocks

    async def write(
        self, session: WriteSession, blocks: Sequence[Block], rejections: Sequence[Rejection]
    ) -> None:
        """Appends a chunk's records and rejections under the run's id."""
        for block in blocks:
            await session.copy_encoded(block.table, block.columns, block.content)
        if rejections:
            rows = _rejection_rows(self._run_id, self._source, rejections)
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
