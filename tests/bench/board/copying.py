"""COPY's binary form of columns, made by numpy: no Python object for a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Field:
    """The values of one column: as many bytes in each row, of which the first `lengths` count.

    A length of -1 is NULL; without `lengths` all bytes of every row count.
    """

    values: Bytes  # (rows, width)
    lengths: NDArray[np.int32] | None = None


def integers(values: NDArray[np.int64], kind: str, *, nulls: NDArray[np.bool_] | None = None) -> Field:
    """Whole numbers in PostgreSQL's size: `i2`, `i4`, `i8`."""
    found = np.ascontiguousarray(values.astype(f">{kind}"))
    return _field(found.view(np.uint8).reshape(len(values), found.itemsize), nulls)


def booleans(values: NDArray[np.bool_], *, nulls: NDArray[np.bool_] | None = None) -> Field:
    """True and false."""
    return _field(values.astype(np.uint8).reshape(-1, 1), nulls)


def texts(choices: Sequence[str], places: NDArray[np.int64]) -> Field:
    """One of a few texts in each row."""
    encoded = [choice.encode() for choice in choices]
    width = max(len(one) for one in encoded)
    table = np.array([list(one.ljust(width, b"\0")) for one in encoded], np.uint8)
    lengths = np.array([len(one) for one in encoded], np.int32)
    return Field(table[places], None if len(set(lengths)) == 1 else lengths[places])


def digits(values: NDArray[np.int64], width: int, prefix: str = "") -> Field:
    """Numbers as text of the same length, with zeros in front."""
    found = np.empty((len(values), len(prefix) + width), np.uint8)
    found[:, : len(prefix)] = list(prefix.encode())
    rest = values.copy()
    for place in range(len(prefix) + width - 1, len(prefix) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        found[:, place] = digit + ord("0")
    return Field(found)


def encode(fields: Sequence[Field]) -> bytes:
    """Rows of all columns between COPY's header and trailer."""
    rows = len(fields[0].values)
    width = 2 + sum(4 + one.values.shape[1] for one in fields)
    matrix = np.empty((rows, width), np.uint8)
    matrix[:, :2] = (len(fields) >> 8, len(fields) & 255)
    kept = np.ones((rows, width), bool)
    at = 2
    for one in fields:
        size = one.values.shape[1]
        if one.lengths is None:
            matrix[:, at : at + 4] = list(size.to_bytes(4, "big"))
        else:
            lengths = np.ascontiguousarray(one.lengths.astype(">i4"))
            matrix[:, at : at + 4] = lengths.view(np.uint8).reshape(rows, 4)
            kept[:, at + 4 : at + 4 + size] = np.arange(size) < one.lengths[:, None]
        matrix[:, at + 4 : at + 4 + size] = one.values
        at += 4 + size
    return HEADER + matrix[kept].tobytes() + TRAILER


def _field(values: Bytes, nulls: NDArray[np.bool_] | None) -> Field:
    if nulls is None:
        return Field(values)
    return Field(values, np.where(nulls, -1, values.shape[1]).astype(np.int32))
