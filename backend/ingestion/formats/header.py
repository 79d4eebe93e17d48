"""The names of the columns: from one or several header rows, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backend.core.errors import Invalid
from backend.ingestion.formats.faults import file_fault, nearest
from backend.ingestion.formats.options import FileOptions


def header_of(rows: Sequence[Sequence[str]], options: FileOptions, line: int) -> tuple[str, ...]:
    """The column names, from the header rows or the mapping's own list.

    Names in several rows are joined by "-", an upper one reaching right over the empty cells beside it
    (merged cells). A column without a name is called "column 3".

    Raises Invalid (FILE_HEADER) for a name used twice.
    """
    if options.columns:
        names = list(options.columns)
    else:
        width = max((len(row) for row in rows), default=0)
        upper = [_spread(row, width) for row in rows[:-1]]
        lowest = [_named(rows[-1], i) for i in range(width)] if rows else []
        names = ["-".join(dict.fromkeys(filter(None, parts))) for parts in zip(*upper, lowest, strict=True)]
    named = tuple(name or f"column {i}" for i, name in enumerate(names, 1))
    twice = [name for name, count in Counter(named).items() if count > 1]
    if twice:
        raise file_fault(
            "FILE_HEADER",
            f"The header names {_quoted(twice)} more than once; rename one of the columns.",
            line=line,
        )
    for name in options.drop:
        if name not in named:
            raise missing_column(name, named, "file.drop")
    return named


def missing_column(name: str, header: Sequence[str], wanted_by: str) -> Invalid:
    """The fault of a file that lacks a column the mapping speaks of; names the nearest there is."""
    close = nearest(name, header)
    guess = f" Did you mean “{close[:60]}”?" if close else f" The file has: {_quoted(header)}."
    return file_fault(
        "FILE_HEADER",
        f"The file has no column “{name}”, which the mapping needs for {wanted_by}.{guess}",
        hint=close,
    )


def _named(row: Sequence[str], index: int) -> str:
    return row[index].strip().strip("\ufeff") if index < len(row) else ""


def _spread(row: Sequence[str], width: int) -> list[str]:
    spread: list[str] = []
    for index in range(width):
        name = _named(row, index)
        spread.append(name or (spread[-1] if spread else ""))
    return spread


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{name[:60]}”" for name in names[:8])
    return shown + (" and others" if len(names) > 8 else "")
