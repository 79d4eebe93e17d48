"""Faults of a file as a whole. Faults of one row are `records.Rejection`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from unicodedata import normalize

from backend.core.errors import Invalid, Problem
from backend.ingestion.values.faults import shown

FIELD_LIMIT = 1 << 20  # characters of one field: more is a fault of the file, not of a row
LINE_LIMIT = 4 << 20  # characters of one physical line
RECORD_LIMIT = 8 << 20  # characters of one record over all its lines
SHOWN_REST = 30  # characters from which on a text cannot be read
FILE_LIMIT = 2 << 30  # bytes after decompression, where the caller sets no limit of its own


def file_fault(
    code: str, message: str, *, line: int | None = None, offset: int | None = None, hint: str | None = None
) -> Invalid:
    """An error about the file, with one problem whose path says the line or the byte offset, if known."""
    path: tuple[str | int, ...] = ()
    if line is not None:
        path = ("line", line)
    elif offset is not None:
        path = ("byte", offset)
    return Invalid(message, code=code, problems=[Problem(code, message, path, hint=hint)])


def field_too_large(line: int, what: str = "field") -> Invalid:
    """The fault of a field, line or record beyond its limit; `line` is where it begins or was given up."""
    limit = {"field": FIELD_LIMIT, "line": LINE_LIMIT, "record": RECORD_LIMIT}[what]
    return file_fault(
        "FILE_FIELD_TOO_LARGE",
        f"Near line {line}: a {what} is larger than {limit >> 20} MB. "
        "Is a quote never closed, or a line never ended?",
        line=line,
    )


def json_mistake(text: str, fault: Exception) -> str:
    """Where a text stops being JSON, to end a sentence with."""
    found = re.search(r"byte (\d+)", str(fault))
    rest = text.encode("utf-8", "replace")[int(found[1]) :].decode("utf-8", "ignore") if found else ""
    return (
        f"it cannot be read from {shown(rest.strip()[:SHOWN_REST])} on"
        if rest.strip()
        else "it ends too early"
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, ignoring case, width and spaces; None when none does."""
    by_plain = {_plain(candidate): candidate for candidate in reversed(tuple(known))}
    close = get_close_matches(_plain(name), by_plain, n=1, cutoff=0.6)
    return by_plain[close[0]] if close else None


def _plain(name: str) -> str:
    return "".join(normalize("NFKC", name).casefold().replace("_", " ").split())
