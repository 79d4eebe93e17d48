"""A file and its mapping to facts: the one way from a path to `import_source`, whoever brings the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backend.core.clock import Clock, system_clock
from backend.core.settings import Settings
from backend.ingestion.formats.opening import open_table
from backend.ingestion.normalize import Normalizer
from backend.ingestion.records import Chunk, IgnoredColumn, Rejection
from backend.ingestion.rules import Mapping
from backend.ingestion.service import ImportReport, Progress, import_source
from tenants.database import TenantDatabase


@dataclass(slots=True)
class Imported:
    """What came of a file: the report, the first of the rows that were set aside, what was not read."""

    report: ImportReport
    rejections: list[Rejection]
    ignored: list[IgnoredColumn]


async def import_file(
    database: TenantDatabase,
    path: Path,
    mapping: Mapping,
    settings: Settings,
    *,
    origin: str,
    label: str,
    actor: str,
    shown: int,
    progress: Callable[[Progress], None] | None = None,
    clock: Clock = system_clock,
) -> Imported:
    """Brings a file in, or nothing of it; keeps the first `shown` rejections to be told at once.

    Raises Invalid when the file or its mapping is at fault; nothing but the refused run is left then.
    """
    table = await asyncio.to_thread(
        open_table, path, mapping.file, name=label, limit=settings.ingest_max_bytes
    )
    first = _First(shown)
    try:
        tenant = database.tenant
        normalizer = Normalizer(mapping, table.header, zone=tenant.zone, currency=tenant.currency)
        report = await import_source(
            database,
            first.watch(normalizer.chunks(table)),
            normalizer.layouts,
            source=mapping.source,
            origin=origin,
            label=label,
            mapping_text=mapping.text,
            actor=actor,
            rejected_share=settings.rejected_share,
            progress=progress,
            clock=clock,
        )
    finally:
        await asyncio.to_thread(table.close)
    return Imported(report, first.rejections, normalizer.ignored)


@dataclass(slots=True)
class _First:
    """Keeps the first rejections that pass by."""

    most: int
    rejections: list[Rejection] = field(default_factory=list)

    def watch(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            self.rejections += chunk.rejections[: self.most - len(self.rejections)]
            yield chunk
