"""What readers hand on: batches of rows by column. Cells are text or native dates; knows no mapping."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:  # the child that reads workbooks imports this module and needs to start fast
    from backend.ingestion.records import Rejection


Cell = str | datetime | time | timedelta | None

UNREADABLE = "_line"  # the key under which a row that could not be split into columns is kept

TEXTS = frozenset({str, type(None)})
NATIVE = frozenset({str, type(None), datetime, time, timedelta})
DEEPEST = 32  # levels of nested values that are kept of a rejected record
BATCH_ROWS = 2_000  # measured: what is made of 5,000 rows no longer fits the cache, a quarter more time


class Batch(Protocol):
    """Some rows of a file. Every column is as long as `lines`; a name that no row has gives only None."""

    lines: Sequence[int]
    rejections: list[Rejection]
    bytes_read: int

    def column(self, name: str) -> Sequence[Cell]: ...

    def names(self) -> Sequence[str]: ...

    def keys(self) -> Collection[str]: ...

    def raw(self, index: int) -> dict[str, Any]: ...

    def keep(self, mask: Sequence[bool]) -> Batch: ...


class Table(Protocol):
    """One opened file. `header` is None where rows name their own columns (NDJSON, JSON)."""

    format: str

    @property
    def header(self) -> tuple[str, ...] | None: ...

    def batches(self, size: int = BATCH_ROWS) -> Iterator[Batch]: ...

    def describe(self) -> dict[str, Any]: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class ColumnBatch:
    """Rows of a file with a header. `native` says that cells may be other than text."""

    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    native: bool = False
    rejections: list[Rejection] = field(default_factory=list)
    bytes_read: int = 0

    def column(self, name: str) -> Sequence[Cell]:
        """The cells of one column; None throughout when there is no such column."""
        cells = self.columns.get(name)
        if cells is None:
            return [None] * len(self.lines)
        return [c if c.__class__ is str else plain(c) for c in cells] if self.native else cells

    def names(self) -> Sequence[str]:
        """The names of all columns."""
        return tuple(self.columns)

    def keys(self) -> Collection[str]:
        """The names of all columns."""
        return self.columns.keys()

    def raw(self, index: int) -> dict[str, Any]:
        """One row as text by column, fit to be stored as JSON and to be normalized again."""
        return safe_record({name: cells[index] for name, cells in self.columns.items()})

    def keep(self, mask: Sequence[bool]) -> ColumnBatch:
        """The same batch with only the rows whose place in `mask` is true."""
        columns = {name: list(compress(cells, mask)) for name, cells in self.columns.items()}
        return replace(self, lines=list(compress(self.lines, mask)), columns=columns)


@dataclass(slots=True)
class RecordBatch:
    """Rows that name their own columns. `a.b` reaches into nested objects."""

    lines: Sequence[int]
    records: Sequence[Mapping[str, Any]]
    rejections: list[Rejection] = field(default_factory=list)
    bytes_read: int = 0
    _keys: set[str] | None = None

    def column(self, name: str) -> Sequence[Cell]:
        """The values under one name; None where a record lacks it."""
        keys = self.keys()
        values: list[Any]
        if name in keys:
            try:  # most files have every key in every record
                values = list(map(itemgetter(name), self.records))
            except KeyError:
                values = [r.get(name) for r in self.records]
        elif "." in name and name.partition(".")[0] in keys:
            values = [_within(r, name) for r in self.records]
        else:
            return [None] * len(self.records)
        if TEXTS.issuperset(map(type, values)):
            return values
        return [v if v.__class__ is str else plain(v) for v in values]

    def keys(self) -> Collection[str]:
        """Every name that some record has, without those inside nested objects; in no order."""
        if self._keys is None:
            self._keys = set().union(*self.records)
        return self._keys

    def names(self) -> Sequence[str]:
        """Every name that some record has, in order of appearance; nested ones with their path."""
        seen: dict[str, None] = {}
        for record in self.records:
            for name, value in record.items():
                seen[name] = None
                if isinstance(value, dict):
                    seen.update({f"{name}.{inner}": None for inner in value})
        return tuple(seen)

    def raw(self, index: int) -> dict[str, Any]:
        """One record, fit to be stored as JSON and to be normalized again."""
        return safe_record(self.records[index])

    def keep(self, mask: Sequence[bool]) -> RecordBatch:
        """The same batch with only the rows whose place in `mask` is true."""
        records = list(compress(self.records, mask))
        return RecordBatch(list(compress(self.lines, mask)), records, self.rejections, self.bytes_read)


def plain(value: Any) -> Cell:
    """A cell as text, or as the native date, time or duration it is. NaN, None and NaT are missing."""
    kind = value.__class__
    if kind in NATIVE:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return _whole(value)
    if kind is float:
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if kind is Decimal:
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 40 else str(value)
    if kind is date:
        return datetime(value.year, value.month, value.day)
    if kind is bytes:
        return value.decode("utf-8", "replace")  # type: ignore[no-any-return]
    return str(value) if isinstance(value, str) else _encoded(value)


def _encoded(value: Any) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=str).decode("utf-8", "replace")
    except (ValueError, RecursionError, OverflowError):  # lone surrogates, depth, integers past 64 bits
        return msgspec.json.encode(_safe(value, 0), enc_hook=str).decode("utf-8", "replace")


def _whole(value: int) -> str:
    # Python refuses to print integers of more than 4,300 digits; nothing of that size is a measurement.
    return str(value) if value.bit_length() < 1_024 else "integer too large"


def text_of(cell: Cell) -> str | None:
    """A cell as text; dates in ISO 8601, a midnight as the date alone, durations as h:mm:ss."""
    if cell is None or cell.__class__ is str:
        return cell
    if isinstance(cell, datetime):
        whole_day = cell.tzinfo is None and cell.time() == time()
        return cell.date().isoformat() if whole_day else cell.isoformat(sep=" ")
    if isinstance(cell, timedelta):
        total = abs(cell)
        hours, rest = divmod(total.days * 86_400 + total.seconds, 3_600)
        fraction = f".{total.microseconds:06d}" if total.microseconds else ""
        sign = "-" if cell < timedelta() else ""
        return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}{fraction}"
    return cell.isoformat() if isinstance(cell, time) else str(cell)


def safe_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as JSON can hold it: names and values as text, without NUL and lone surrogates."""
    return {safe_text(str(name)): _safe(value, 0) for name, value in record.items()}


def safe_text(text: str) -> str:
    """Text that PostgreSQL can store: NUL becomes its visible sign, a lone surrogate the replacement mark."""
    if "\x00" in text:
        text = text.replace("\x00", "\u2400")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _safe(value: Any, depth: int) -> Any:
    if depth > DEEPEST and isinstance(value, dict | list | tuple | set):
        return "…"
    if isinstance(value, dict):
        return {safe_text(str(name)): _safe(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_safe(inner, depth + 1) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else _whole(value)
    text = text_of(plain(value))
    return None if text is None else safe_text(text)


def _within(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
