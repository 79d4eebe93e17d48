"""Runs as a process of its own: prints one sheet of a workbook as JSON lines of text cells.

A workbook of a few kilobytes can make its reader ask for a hundred gigabytes (one cell in the last row and
column is enough) or bring it down. So it is read where neither can hurt: in a child with bounded memory.
Started by `excel.py` with the file and, if wanted, the sheet's name; must import nothing heavy.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from typing import BinaryIO

import msgspec
import python_calamine

from backend.ingestion.formats.batch import plain, text_of

MEMORY_LIMIT = (
    3 << 30
)  # bytes of address space; a full sheet of 1,048,576 rows by 20 columns takes about two thirds
PASSWORD, UNREADABLE, NO_SHEET, TOO_LARGE = "password", "unreadable", "no_sheet", "too_large"


def main(arguments: list[str]) -> None:
    """First line: {"sheets": [...], "sheet": name} or {"fault": kind}; then one list of texts a row."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    out = sys.stdout.buffer
    try:
        with open(arguments[0], "rb") as file:
            _print(file, arguments[1] if len(arguments) > 1 else None, out)
    except python_calamine.PasswordError:
        _line(out, {"fault": PASSWORD})
    except python_calamine.WorksheetNotFound:
        _line(out, {"fault": NO_SHEET})
    except MemoryError:
        _line(out, {"fault": TOO_LARGE})
    except (python_calamine.CalamineError, OSError, ValueError):
        _line(out, {"fault": UNREADABLE})
    out.flush()


def _print(file: BinaryIO, wanted: str | None, out: BinaryIO) -> None:
    # Not from_path: it believes the file's name.
    workbook = python_calamine.CalamineWorkbook.from_filelike(file)
    names = workbook.sheet_names
    if wanted is not None and wanted not in names:
        _line(out, {"fault": NO_SHEET, "sheets": names})
        return
    visible = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        and sheet.visible == python_calamine.SheetVisibleEnum.Visible
    ] or names
    for name in [wanted] if wanted else visible:
        sheet = workbook.get_sheet_by_name(name)
        if wanted or sheet.height or name == visible[-1]:
            _line(out, {"sheets": names, "sheet": name})
            for row in sheet.iter_rows() if sheet.height else ():
                _line(out, [cell if cell.__class__ is str else text_of(plain(cell)) or "" for cell in row])
            return


def _line(out: BinaryIO, content: object) -> None:
    out.write(msgspec.json.encode(content))
    out.write(b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
