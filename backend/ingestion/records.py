"""What passes from the file side (readers, mapping, normalizer) to the database side (staging, apply)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.ingestion.vectors import Column, listed
from backend.interactions.attributes import Attribute


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that could not be taken: where it stands, which field, why, and the row itself for a replay.

    `line` is the record's first line in the file (1 is the first line), the index in a list for requests.
    """

    line: int
    field: str | None
    code: str
    message: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class IgnoredColumn:
    """A column that nothing was read from. `nearest` is a name that would have been read, if one looks like it."""

    name: str
    nearest: str | None


@dataclass(slots=True)
class Layout:
    """Which columns the records of one kind have, in order; the same for all chunks of an import.

    Always begins with line, id, source, external_id. Then shape columns that the mapping fills (see
    shapes.py), in stored form, and `attributes` (JSON text) last when the mapping fills any: `attributes`
    says which, and one that a record leaves out is missing there.
    """

    kind: str
    columns: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one kind, column by column in the order of their layout; each column is as long."""

    columns: Sequence[Column]

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[Any, ...]]) -> Records:
        """The same from tuples in the order of the layout."""
        return cls(list(zip(*rows, strict=True)))

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The records one by one, for whoever looks at a few."""
        return zip(*map(listed, self.columns), strict=True)


@dataclass(slots=True)
class Chunk:
    """A few thousand rows read: the records of each kind, and what was set aside."""

    records: dict[str, Records]
    rejections: list[Rejection] = field(default_factory=list)
    rows_read: int = 0
    bytes_read: int = 0
