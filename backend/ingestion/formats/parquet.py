"""Parquet by polars (the extra `columnar`), in batches; the file is never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backend.core.errors import Invalid
from backend.ingestion.formats.batch import BATCH_ROWS, ColumnBatch
from backend.ingestion.formats.content import Content, too_large
from backend.ingestion.formats.faults import FIELD_LIMIT, FILE_LIMIT, field_too_large, file_fault
from backend.ingestion.formats.header import header_of
from backend.ingestion.formats.options import FileOptions


class ParquetTable:
    """One Parquet file. Lines count its rows from 1."""

    format = "parquet"

    def __init__(self, content: Content, options: FileOptions, limit: int = FILE_LIMIT) -> None:
        try:
            import polars
        except ImportError:
            raise Invalid(
                "Parquet files need the extra “columnar”: pip install 'scoredesk[columnar]'.",
                code="EXTRA_MISSING",
            ) from None
        self._content = content
        self._limit = limit
        path = content.as_file()
        try:
            self._frame = polars.scan_parquet(path, glob=False)
            names = self._frame.collect_schema().names()
        except BaseException as fault:  # a damaged file can make the Rust side panic, which is no Exception
            raise _damaged(fault) from None
        self._text = [
            name
            for name, kind in self._frame.collect_schema().items()
            if kind in (polars.String, polars.Binary)
        ]
        self.header = header_of([names], options, 1)

    def batches(self, size: int = BATCH_ROWS) -> Iterator[ColumnBatch]:
        """The rows, at most `size` at a time."""
        row = unpacked = 0
        read = self._content.consumed
        for frame in self._frames(size):
            unpacked += frame.estimated_size()
            if unpacked > self._limit:
                raise too_large(self._limit)
            for name in self._text:
                longest = (
                    frame[name].bin.size().max()
                    if frame[name].dtype == "Binary"
                    else (frame[name].str.len_chars().max())
                )
                if longest is not None and longest > FIELD_LIMIT:
                    raise field_too_large(row + 1)
            for start in range(0, frame.height, size):
                part = frame.slice(start, size)
                columns = {name: part[name].to_list() for name in self.header}
                yield ColumnBatch(
                    range(row + 1, row + 1 + part.height), columns, native=True, bytes_read=read
                )
                row += part.height
                read = 0

    def describe(self) -> dict[str, Any]:
        """What was found out about the file."""
        return {"format": self.format}

    def close(self) -> None:
        """Closes the file."""
        self._content.close()

    def _frames(self, size: int) -> Iterator[Any]:
        try:
            yield from self._frame.collect_batches(chunk_size=size, maintain_order=True)
        except Invalid:
            raise
        except GeneratorExit:
            raise
        except BaseException as fault:
            raise _damaged(fault) from None


def _damaged(fault: BaseException) -> BaseException:
    if isinstance(fault, Exception) or type(fault).__name__ == "PanicException":
        return file_fault(
            "FILE_FORMAT", "The Parquet file is damaged or uses a feature that is not supported."
        )
    return fault
