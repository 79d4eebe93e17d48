"""Arrays to bytes and back: whole numbers in the fewest bytes that hold them, with a head that says what is what.

An array of whole numbers may have gaps (None); a text column is numbers into a list of its different texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

FORMAT = 1  # of the bytes; a series of another format has another id, so none is ever read
_SIZES = (np.int8, np.int16, np.int32, np.int64)


class _Head(msgspec.Struct, array_like=True):
    about: dict[str, Any]
    arrays: list[tuple[str, str, int]]  # name, dtype, number of values


def pack(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of whole-number arrays and of plain values about them."""
    small = {name: narrowed(array) for name, array in arrays.items()}
    listed = [(name, array.dtype.str, len(array)) for name, array in small.items()]
    head = msgspec.msgpack.encode(_Head(dict(about), listed))
    return b"".join([len(head).to_bytes(4, "little"), head, *(array.tobytes() for array in small.values())])


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What was packed. The arrays are views of the bytes, in the small types they are kept in."""
    start = 4 + int.from_bytes(content[:4], "little")
    head = msgspec.msgpack.decode(memoryview(content)[4:start], type=_Head)
    arrays = {}
    for name, kind, count in head.arrays:
        dtype = np.dtype(kind)
        arrays[name] = np.frombuffer(content, dtype, count, start)
        start += count * dtype.itemsize
    return head.about, arrays


def narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in the smallest type that holds them all."""
    if not len(array):
        return array.astype(np.int8)
    low, high = int(array.min()), int(array.max())
    kind = next(one for one in _SIZES if np.iinfo(one).min <= low and high <= np.iinfo(one).max)
    return np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<"))


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of values that rows are told apart by: a number for each row into the list of the values.

    The values are those of a group's key: ids, numbers, texts, days, booleans, or None.
    """

    codes: Ints
    values: tuple[Any, ...]

    @classmethod
    def of(cls, values: Iterable[Any]) -> Coded:
        """Values of any kind that can be keys of a dictionary, in the order they are first met."""
        known: dict[Any, int] = {}
        codes = np.fromiter((known.setdefault(value, len(known)) for value in values), np.int64)
        return cls(codes, tuple(known))

    @classmethod
    def joined(cls, columns: Sequence[Coded]) -> Coded:
        """Columns one below the other."""
        known: dict[Any, int] = {}
        parts = []
        for column in columns:
            places = [known.setdefault(value, len(known)) for value in column.values]
            parts.append(np.asarray(places, np.int64)[column.codes])
        return cls(np.concatenate(parts) if parts else np.empty(0, np.int64), tuple(known))
