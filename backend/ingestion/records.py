"""What passes from the file side (readers, mapping, normalizer) to the database side (staging, apply)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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


@dataclass(slots=True)
class Chunk:
    """A few thousand rows read: per kind the records as tuples in layout order, and what was set aside."""

    records: dict[str, list[tuple[Any, ...]]]
    rejections: list[Rejection] = field(default_factory=list)
    rows_read: int = 0
    bytes_read: int = 0
