"""Excel (.xlsx, .xlsb, .xls whatever its name), read by a child process (see workbook.py) as rows of text."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import msgspec

from backend.ingestion.formats import workbook
from backend.ingestion.formats.batch import BATCH_ROWS, ColumnBatch
from backend.ingestion.formats.content import Content
from backend.ingestion.formats.faults import file_fault, nearest
from backend.ingestion.formats.header import header_of
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.records import Rejection

PROJECT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0  # seconds until the first row: a full sheet of a million rows takes about ten
DAMAGED = "The workbook is damaged or not an Excel file; save it again as .xlsx or CSV."


class Preamble(msgspec.Struct):
    """The first line of the child."""

    sheets: list[str] = []
    sheet: str = ""
    fault: str | None = None


class ExcelTable:
    """One sheet of a workbook. Lines count the sheet's rows from 1."""

    format = "excel"

    def __init__(self, content: Content, options: FileOptions) -> None:
        self._content = content
        self._options = options
        path = content.as_file()
        _check_archive(path)
        command = [
            sys.executable,
            "-m",
            workbook.__name__,
            str(path),
            *([options.sheet] if options.sheet else []),
        ]
        path_before = os.environ.get("PYTHONPATH")
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), path_before)))},
        )
        timer = Timer(PATIENCE, self._child.kill)
        timer.start()
        try:
            self._rows = self._read_rows()
            self._preamble = self._read_preamble()
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()

    def batches(self, size: int = BATCH_ROWS) -> Iterator[ColumnBatch]:
        """The rows that are not blank, `size` at a time."""
        width, header = len(self.header), list(self.header)
        lines: list[int] = []
        rows: list[list[str]] = []
        rejections: list[Rejection] = []
        read = self._content.consumed
        for line, row in self._rows:
            if not any(row):
                continue
            if [cell.strip() for cell in row[:width]] == header:
                rejections.append(
                    Rejection(
                        line,
                        None,
                        "ROW_HEADER",
                        "The header is repeated here.",
                        dict(zip(header, header, strict=True)),
                    )
                )
                continue
            lines.append(line)
            rows.append(row[:width])
            if len(rows) >= size:
                yield self._batch(lines, rows, rejections, read)
                lines, rows, rejections, read = [], [], [], 0
        if rows or rejections:
            yield self._batch(lines, rows, rejections, read)

    def describe(self) -> dict[str, Any]:
        """What was found out about the file, as a mapping's `[file]` table would say it."""
        return {"format": self.format, "sheet": self._preamble.sheet}

    def close(self) -> None:
        """Ends the child and removes temporary files."""
        self._child.kill()
        if self._child.stdout:
            self._child.stdout.close()
        self._child.wait()
        self._content.close()

    def _batch(
        self, lines: list[int], rows: list[list[str]], rejections: list[Rejection], read: int
    ) -> ColumnBatch:
        columns = dict(zip(self.header, zip(*rows, strict=True), strict=True)) if rows else {}
        return ColumnBatch(lines, columns, rejections=rejections, bytes_read=read)

    def _read_preamble(self) -> Preamble:
        assert self._child.stdout is not None
        first = self._child.stdout.readline()
        if not first:
            raise self._fault(workbook.TOO_LARGE if self._child.wait() < 0 else workbook.UNREADABLE, [])
        preamble = msgspec.json.decode(first, type=Preamble)
        if preamble.fault:
            raise self._fault(preamble.fault, preamble.sheets)
        return preamble

    def _read_rows(self) -> Iterator[tuple[int, list[str]]]:
        assert self._child.stdout is not None
        decode = msgspec.json.Decoder(list[str]).decode
        for line, text in enumerate(self._child.stdout, 1):
            try:
                yield line, decode(text)
            except msgspec.DecodeError:
                raise self._fault(workbook.UNREADABLE, []) from None
        if self._child.wait() != 0:
            raise self._fault(workbook.TOO_LARGE, [])

    def _read_header(self) -> tuple[str, ...]:
        options, line = self._options, 0
        rows: list[list[str]] = []
        for _ in range(options.skip_rows):
            next(self._rows, None)
        while len(rows) < options.header_rows:
            line, row = next(self._rows, (line, None))
            if row is None:
                raise file_fault("FILE_EMPTY", f"The sheet “{self._preamble.sheet}” is empty.")
            if any(cell.strip() for cell in row):
                rows.append(row)
        while rows and rows[-1] and not any(row[-1].strip() for row in rows):
            rows = [row[:-1] for row in rows]  # formatted but empty columns on the right
        return header_of(rows, options, line)

    def _fault(self, kind: str, sheets: list[str]) -> Exception:
        if kind == workbook.PASSWORD:
            return file_fault("FILE_FORMAT", "The workbook is protected by a password; save it without one.")
        if kind == workbook.TOO_LARGE:
            return file_fault(
                "FILE_TOO_LARGE", "The workbook is too large to be read; save the sheet as CSV."
            )
        if kind == workbook.NO_SHEET:
            close = nearest(self._options.sheet or "", sheets)
            guess = f" Did you mean “{close}”?" if close else ""
            return file_fault("FILE_SHEET", f"There is no sheet “{self._options.sheet}”.{guess}", hint=close)
        return file_fault("FILE_FORMAT", DAMAGED)


def _check_archive(path: Path) -> None:
    """Tells other ZIP archives from workbooks, so that the message fits."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise file_fault("FILE_FORMAT", DAMAGED) from None
    if not any(name.lower().startswith("xl/") for name in names):
        raise file_fault(
            "FILE_FORMAT", "The file is a ZIP archive, not a workbook; unpack it and import what is in it."
        )
