"""A whole file through the normalizer, as records by column."""

from __future__ import annotations

from backend.ingestion.formats.opening import open_table
from backend.ingestion.mapping import load
from backend.ingestion.normalize import Normalizer
from backend.ingestion.records import Chunk


def normalize(mapping, source, *, size=5_000, **around) -> tuple[dict[str, list[dict]], list, Chunk]:
    """(records of each kind by column, rejections, sums) of a whole file."""
    mapping = load(mapping) if isinstance(mapping, str) else mapping
    source = (
        [source.encode() if isinstance(source, str) else source]
        if isinstance(source, str | bytes)
        else source
    )
    table = open_table(source, mapping.file)
    try:
        normalizer = Normalizer(mapping, table.header, **around)
        found: dict[str, list[dict]] = {layout.kind: [] for layout in normalizer.layouts}
        rejections, total = [], Chunk({})
        for chunk in normalizer.chunks(table, size):
            for layout in normalizer.layouts:
                found[layout.kind] += [
                    dict(zip(layout.columns, record, strict=True)) for record in chunk.records[layout.kind]
                ]
            rejections += chunk.rejections
            total.rows_read += chunk.rows_read
            total.bytes_read += chunk.bytes_read
        return found, rejections, total
    finally:
        table.close()
