"""Opens a file or a stream of bytes as a table, whatever its format."""

from __future__ import annotations

from backend.ingestion.formats.batch import Table
from backend.ingestion.formats.content import Content, Source
from backend.ingestion.formats.delimited import DelimitedTable
from backend.ingestion.formats.detection import detect
from backend.ingestion.formats.excel import ExcelTable
from backend.ingestion.formats.faults import FILE_LIMIT
from backend.ingestion.formats.objects import Document, LinesOfObjects
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.formats.parquet import ParquetTable


def open_table(
    source: Source, options: FileOptions | None = None, *, name: str = "", limit: int = FILE_LIMIT
) -> Table:
    """The table in a file. `source` is a path or chunks of bytes, `limit` counts bytes after decompression.

    The caller closes it. Raises Invalid (FILE_..., EXTRA_MISSING) for faults of the file; reading on may
    raise more.
    """
    options = options or FileOptions()
    content = Content(source, name=name, limit=limit)
    try:
        return _table(content, options, limit)
    except BaseException:
        content.close()
        raise


def _table(content: Content, options: FileOptions, limit: int) -> Table:
    format = detect(content.head, content.name, options.format, options.encoding)
    match format:
        case "excel":
            return ExcelTable(content, options)
        case "parquet":
            return ParquetTable(content, options, limit)
        case "ndjson":
            return LinesOfObjects(content, options)
        case "json":
            return Document(content, options)
        case _:
            return DelimitedTable(content, options, format)
