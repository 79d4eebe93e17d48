"""A whole file through its reader, as rows of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.core.errors import Invalid
from backend.ingestion.formats.opening import open_table

ROWS = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]


def read(source, options=None, size=5_000, **more):
    """(rows as text by column, their lines, rejections) of a whole file."""
    table = open_table(source if isinstance(source, Path) else [source], options, **more)
    try:
        rows, lines, rejections = [], [], []
        for batch in table.batches(size):
            rows += [batch.raw(i) for i in range(len(batch.lines))]
            lines += list(batch.lines)
            rejections += batch.rejections
        return rows, lines, rejections
    finally:
        table.close()


def refusal(source, options=None, **more) -> Invalid:
    with pytest.raises(Invalid) as refused:
        read(source, options, **more)
    return refused.value
