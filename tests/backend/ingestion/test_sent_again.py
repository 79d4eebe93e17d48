"""A file that is known already leaves no trace: no version of a row, no page, no mark of an hour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import func, literal, literal_column, select

from backend.ingestion.formats.opening import open_table
from backend.ingestion.mapping import built_in
from backend.ingestion.normalize import Normalizer
from backend.interactions.models import agent, customer, interaction, mark, touched_hour, write_log
from tenants.tables import version
from tests.backend.ingestion.importing import bring_in_chunks, rows_of
from tests.bench.ingest import write_csv

ROWS = 5_000  # far more than the free space of a table's last page would hold
TABLES = (interaction, agent, customer, mark, touched_hour, write_log, version)


async def bring_in_file(door, path):
    mapping = replace(built_in(), source="test")
    table = open_table(path, mapping.file)
    try:
        normalizer = Normalizer(mapping, table.header)
        return await bring_in_chunks(door, normalizer.chunks(table), normalizer.layouts)
    finally:
        table.close()


async def sizes(door) -> list[int]:
    """Bytes of each table with its indexes."""
    named = [literal(f'"{door.tenant.namespace}".{table.name}') for table in TABLES]
    async with door.read() as session:
        row = await session.execute(
            select(*[func.pg_total_relation_size(func.to_regclass(name)) for name in named])
        )
        return list(row.one())


async def versions(door) -> list[tuple]:
    """Where each version of a row lies, which transaction made it, and which one ended or locked it."""
    place: list[Any] = [literal_column(name) for name in ("ctid", "xmin", "xmax")]
    async with door.read() as session:
        return [
            tuple(row)
            for table in TABLES
            for row in await session.execute(select(*place).select_from(table).order_by(place[0]))
        ]


async def test_a_known_file_moves_no_version_and_takes_no_room(acme, tmp_path):
    write_csv(tmp_path / "talks.csv", ROWS, seed=7)
    first = await bring_in_file(acme, tmp_path / "talks.csv")
    before, room = await versions(acme), await sizes(acme)
    again = await bring_in_file(acme, tmp_path / "talks.csv")
    assert first.written["interaction"] == again.unchanged["interaction"] == ROWS
    assert again.written["interaction"] == 0
    assert await versions(acme) == before
    assert await sizes(acme) == room


async def test_of_a_file_with_one_changed_row_one_version_is_made(acme, tmp_path):
    write_csv(tmp_path / "talks.csv", ROWS, seed=7)
    await bring_in_file(acme, tmp_path / "talks.csv")
    before = {row.id: row for row in await rows_of(acme, interaction)}
    text = (tmp_path / "talks.csv").read_text().splitlines(keepends=True)
    (tmp_path / "talks.csv").write_text("".join([*text[:9], text[9].replace("normal", "high"), *text[10:]]))
    report = await bring_in_file(acme, tmp_path / "talks.csv")
    assert report.written["interaction"] == 1
    changed = [row for row in await rows_of(acme, interaction) if row != before[row.id]]
    assert [(row.external_id, row.priority) for row in changed] == [("7-8", "high")]
