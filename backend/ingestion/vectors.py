"""Columns held as arrays where a list of objects would cost more than the whole rest of the row.

Instants are `datetime64[us]` in UTC, NaT where missing; ids are 16 bytes each, none missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import compress
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

INSTANT = np.dtype("M8[us]")
ID = np.dtype("V16")
MISSING = np.datetime64("NaT", "us")

Vector: TypeAlias = NDArray[Any]
Column: TypeAlias = Sequence[Any] | Vector


def listed(column: Column) -> Sequence[Any]:
    """The same column as objects: datetimes in UTC, UUIDs, None where a value is missing."""
    if not isinstance(column, np.ndarray):
        return column
    if column.dtype == ID:
        return [UUID(bytes=each) for each in column.tolist()]
    return [each and each.replace(tzinfo=UTC) for each in column.tolist()]


def kept(column: Column, mask: Sequence[bool]) -> Column:
    """The values whose place in `mask` is true."""
    if isinstance(column, np.ndarray):
        some: Vector = column[np.array(mask, bool)]
        return some
    return list(compress(column, mask))


def missing(column: Column) -> Sequence[int]:
    """The places where there is no value."""
    if isinstance(column, np.ndarray):
        return [] if column.dtype == ID else np.flatnonzero(np.isnat(column)).tolist()
    if None not in column:
        return []
    return [place for place, value in enumerate(column) if value is None]
