"""Brings a few records in and looks at what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Table, literal_column, select

from backend.ingestion.models import STAGED, staged_rejection
from backend.ingestion.records import Chunk, Layout, Records, Rejection
from backend.ingestion.service import ImportReport, import_source
from backend.ingestion.shapes import SHAPES
from backend.interactions.identity import fact_id
from tenants.database import TenantDatabase

SOURCE = "test"
HEAD = ("line", "id", "source", "external_id")
REQUIRED: dict[str, dict[str, Any]] = {"interaction": {"channel": "chat"}, "survey": {"kind": "csat"}}

Record = Mapping[str, Any]


def layout_of(kind: str, records: Sequence[Record], columns: Sequence[str] = ()) -> Layout:
    """The columns that any of the records fills, and those named, in the shape's order."""
    filled = {name for record in records for name in record} | set(REQUIRED.get(kind, {})) | set(columns)
    named = [f.column for f in SHAPES[kind].fields if f.column in filled and f.column != "external_id"]
    return Layout(kind, (*HEAD, *named, *(["attributes"] if "attributes" in filled else [])))


def chunk_of(layout: Layout, records: Sequence[Record], *, line: int = 2) -> Chunk:
    """One chunk of these records, on lines one after another."""
    rows = []
    for number, record in enumerate(records, line):
        name = record["external_id"]
        values = {**REQUIRED.get(layout.kind, {}), **record}
        head = (number, fact_id(SOURCE, name), SOURCE, name)
        rows.append((*head, *[values.get(column) for column in layout.columns[len(HEAD) :]]))
    return Chunk({layout.kind: Records.of_rows(rows)}, rows_read=len(rows), bytes_read=100 * len(rows))


async def bring_in(
    door: TenantDatabase, kind: str, *records: Record, columns: Sequence[str] = (), **options: Any
) -> ImportReport:
    """Imports records, each a mapping of staging columns with its `external_id`."""
    layout = layout_of(kind, records, columns)
    return await bring_in_chunks(door, [chunk_of(layout, records)], [layout], **options)


async def bring_in_chunks(
    door: TenantDatabase, chunks: Any, layouts: Sequence[Layout], **options: Any
) -> ImportReport:
    """Imports ready chunks under the name of this test."""
    about = {"source": SOURCE, "origin": "file", "label": "a test", "mapping_text": None, "actor": "tester"}
    return await import_source(door, chunks, layouts, **(about | options))


def rejection(line: int, field: str | None = "channel", **raw: Any) -> Rejection:
    """A row set aside, with its raw cells."""
    return Rejection(
        line, field, "CHOICE_UNKNOWN", "“fax” is not one of chat, call ...", raw or {"line": line}
    )


async def rows_of(door: TenantDatabase, table: Table) -> list[Row[Any]]:
    """All rows of a table, each with its place and writer: an untouched row is the same to the bit."""
    place: list[Any] = [literal_column("ctid"), literal_column("xmin"), literal_column("xmax")]
    async with door.read() as session:
        return sorted((await session.execute(select(*table.c, *place))).all(), key=str)


async def one_of(door: TenantDatabase, table: Table, external_id: str) -> Row[Any]:
    """The row of that external id."""
    async with door.read() as session:
        return (await session.execute(select(table).where(table.c.external_id == external_id))).one()


async def staged_rows(door: TenantDatabase) -> int:
    """How many rows lie in any staging table."""
    return sum([len(await rows_of(door, table)) for table in (*STAGED.values(), staged_rejection)])
