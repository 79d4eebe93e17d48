"""CSV and TSV, streamed: quoted line breaks, any line ending, strict quoting, bounded fields and records."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Any

from backend.ingestion.formats.batch import BATCH_ROWS, UNREADABLE, ColumnBatch, safe_text
from backend.ingestion.formats.content import CHUNK, HEAD, Content
from backend.ingestion.formats.detection import sniff_delimiter
from backend.ingestion.formats.faults import FIELD_LIMIT, RECORD_LIMIT, field_too_large, file_fault
from backend.ingestion.formats.header import header_of
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.formats.text import Lines, choose_codec, decoded
from backend.ingestion.records import Rejection

csv.field_size_limit(FIELD_LIMIT)  # one setting for the whole process; nothing else here parses CSV

KEPT_LINE = 64 * 1024  # characters of an unreadable row that are kept to show


class DelimitedTable:
    """One CSV or TSV file, its header already read."""

    def __init__(self, content: Content, options: FileOptions, format: str) -> None:
        self.format = format
        self._content = content
        self._options = options
        self._codec = choose_codec(content.head, options.encoding)
        texts = decoded(content.chunks(), self._codec)
        sample, texts = _sample(texts)
        quote = options.quote or None
        self.delimiter = options.delimiter or ("\t" if format == "tsv" else sniff_delimiter(sample, quote))
        self._lines = Lines(texts)
        self._taken = 0  # records finished, watched by _bounded
        self._reader = csv.reader(
            chain.from_iterable(self._bounded()),
            delimiter=self.delimiter,
            quotechar=quote,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            strict=True,
        )
        self.header = self._read_header()

    def batches(self, size: int = BATCH_ROWS) -> Iterator[ColumnBatch]:
        """The rows, `size` at a time; fewer or none after many blank ones. Raises Invalid for faults of the file."""
        header, width, first = list(self.header), len(self.header), self._first
        reader, read_before = self._reader, 0
        rows: list[list[str]] = []
        lines: list[int] = []
        rejections: list[Rejection] = []
        line = reader.line_num + 1
        passed = 0  # characters of blank rows since the last batch
        while True:
            try:
                for row in reader:
                    self._taken += 1
                    if len(row) == width and row[0] != first and any(row):
                        rows.append(row)
                        lines.append(line)
                    elif not any(row) or (len(row) == 1 and not row[0].strip()):
                        # Blank, or only delimiters: spreadsheets leave such rows behind. However many there are,
                        # whoever reads gets a word in between, be it to stop.
                        passed += len(",".join(row)) + 1
                        if passed >= CHUNK:
                            line = reader.line_num + 1
                            break
                    elif [cell.strip() for cell in row] == header and not self._options.columns:
                        rejections.append(self._rejection(line, "ROW_HEADER", "The header is repeated here."))
                    elif len(row) == width:
                        rows.append(row)
                        lines.append(line)
                    else:
                        rejections.append(
                            self._rejection(
                                line,
                                "ROW_WIDTH",
                                f"The row has {len(row)} fields, the header {width}. Is a quote missing?",
                            )
                        )
                    line = reader.line_num + 1
                    if len(rows) + len(rejections) >= size:
                        break
                else:
                    break
            except csv.Error as fault:
                self._taken += 1
                rejections.append(self._row_fault(fault, line))
                line = reader.line_num + 1
                if len(rows) + len(rejections) < size:
                    continue
            yield self._batch(lines, rows, rejections, self._content.consumed - read_before)
            read_before = self._content.consumed
            rows, lines, rejections, passed = [], [], [], 0
        if rows or rejections or read_before != self._content.consumed:
            yield self._batch(lines, rows, rejections, self._content.consumed - read_before)

    def describe(self) -> dict[str, Any]:
        """What was found out about the file, as a mapping's `[file]` table would say it."""
        names = {"utf-8-sig": "utf-8", "utf-32": "utf-32"}
        return {
            "format": self.format,
            "encoding": self._options.encoding or names.get(self._codec, self._codec),
            "delimiter": self.delimiter,
        }

    def close(self) -> None:
        """Closes the file."""
        self._content.close()

    def _batch(
        self, lines: list[int], rows: list[list[str]], rejections: list[Rejection], read: int
    ) -> ColumnBatch:
        columns = dict(zip(self.header, zip(*rows, strict=True), strict=True)) if rows else {}
        return ColumnBatch(lines, columns, rejections=rejections, bytes_read=read)

    def _read_header(self) -> tuple[str, ...]:
        options = self._options
        rows: list[list[str]] = []
        try:
            for _ in range(options.skip_rows):
                next(self._reader, None)
            while len(rows) < options.header_rows:
                row = next(self._reader, None)
                if row is None:
                    raise file_fault("FILE_HEADER", "The file has no header row.")
                if any(cell.strip() for cell in row):
                    rows.append(row)
        except csv.Error as fault:
            self._row_fault(fault, self._reader.line_num)
            raise file_fault(
                "FILE_HEADER", "The header's quotes do not close.", line=self._reader.line_num
            ) from None
        self._taken += 1
        # As it stands in the file: what a repeated header would begin with.
        self._first = rows[-1][0] if rows else None
        return header_of(rows, options, self._reader.line_num)

    def _bounded(self) -> Iterator[list[str]]:
        """Lists of lines, watching that a record does not go on without end over many quoted lines."""
        finished, mark = self._taken, 0
        for lines in self._lines.lists():
            if self._taken != finished:
                finished, mark = self._taken, self._lines.characters
            elif self._lines.characters - mark > RECORD_LIMIT + CHUNK:
                raise field_too_large(self._reader.line_num, "record")
            yield lines

    def _row_fault(self, fault: csv.Error, line: int) -> Rejection:
        text = str(fault)
        if "field larger" in text:
            raise field_too_large(line) from None
        if "unexpected end" in text:
            raise file_fault(
                "FILE_QUOTES",
                f"A quote opened in the row that begins on line {line} is never closed.",
                line=line,
            ) from None
        return self._rejection(
            line, "ROW_QUOTES", "After a closing quote there must be a delimiter or the line's end."
        )

    def _rejection(self, line: int, code: str, message: str) -> Rejection:
        text = self._lines.between(line, self._reader.line_num)
        return Rejection(line, None, code, message, {UNREADABLE: safe_text(text[:KEPT_LINE])})


def _sample(texts: Iterator[str]) -> tuple[str, Iterator[str]]:
    taken: list[str] = []
    for text in texts:
        taken.append(text)
        if sum(map(len, taken)) >= HEAD:
            break
    return "".join(taken)[:HEAD], chain(taken, texts)
