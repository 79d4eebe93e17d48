"""Columns to rows in the binary form of COPY, a chunk at a time: the driver would look at each value instead.

Each field is its length and its bytes. What repeats is made once; arrays and whole numbers become matrices of
bytes, and those that stand side by side are cut into rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from struct import Struct, error
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from backend.core.errors import Invalid
from backend.ingestion.memo import Memo
from backend.ingestion.values.moments import EPOCH
from backend.ingestion.vectors import ID, Column, Vector

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # the signature, no flags, no extension
TAIL = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
REMEMBERED = 10_000  # fields of a column: about 2 MB
POSTGRES_EPOCH = 946_684_800_000_000  # its instants count from 2000; microseconds after 1970

_length = Struct(">i").pack
_whole = Struct(">ii").pack
_long = Struct(">iq").pack

Fields = Sequence[bytes] | Vector  # field by field, or a matrix with one row of bytes for each


class Encoder:
    """Encodes chunks of one import for one table; `types` are those of the columns handed over."""

    def __init__(self, types: Sequence[TypeEngine[Any]]) -> None:
        self._memos = [Memo(_maker(each), limit=REMEMBERED) for each in types]
        self._numbers = [_NUMBERS.get(type(each)) for each in types]

    def encode(self, constant: bytes, columns: Sequence[Column]) -> tuple[list[int], bytes]:
        """Which of the columns hold anything, and their rows, each begun by one `constant` field.

        Raises Invalid (VALUE_INVALID) for a value that cannot be one of its type.
        """
        try:
            fields = [_fields(*each) for each in zip(columns, self._numbers, self._memos, strict=True)]
        except (OverflowError, UnicodeEncodeError, error):
            raise Invalid("A value does not fit its type.", code="VALUE_INVALID") from None
        filled = [place for place, each in enumerate(fields) if each is not None]
        head = np.frombuffer(Struct(">h").pack(len(filled) + 1) + constant, np.uint8)
        begun = np.broadcast_to(head, (len(columns[0]), len(head)))
        rows = _rows([begun, *[each for each in fields if each is not None]])
        return filled, b"".join((HEAD, rows, TAIL))


def field(content: bytes) -> bytes:
    """One field: its length and its bytes."""
    return _length(len(content)) + content


def _fields(column: Column, number: np.dtype[Any] | None, memo: Memo) -> Fields | None:
    """The fields of a column; None when it holds nothing."""
    if isinstance(column, np.ndarray):
        return _matrix(column, ID) if column.dtype == ID else _of_instants(column)
    if None in column:
        if column.count(None) == len(column):
            return None
    elif number is not None:
        return _matrix(np.array(column, number), number)
    return memo.of(column)


def _rows(fields: Sequence[Fields]) -> bytes:
    cut: list[Sequence[bytes]] = []
    for fixed, run in groupby(fields, key=lambda each: isinstance(each, np.ndarray)):
        if fixed:
            cut.append(_cut(np.hstack(list(run))))
        else:
            cut += run  # type: ignore[arg-type]
    return b"".join(chain.from_iterable(zip(*cut, strict=True)))


def _cut(matrix: Vector) -> list[bytes]:
    width, content = matrix.shape[1], matrix.tobytes()
    return [content[start : start + width] for start in range(0, len(content), width)]


def _matrix(values: Vector, form: np.dtype[Any]) -> Vector:
    made = np.empty(len(values), [("length", ">i4"), ("content", form)])
    made["length"] = form.itemsize
    made["content"] = values
    return made.view(np.uint8).reshape(len(values), -1)


def _of_instants(column: Vector) -> Fields | None:
    absent = np.isnat(column)
    made = _matrix(column.astype(np.int64) - POSTGRES_EPOCH, _NUMBERS[BigInteger])
    if not absent.any():
        return made
    if absent.all():
        return None
    return [NULL if gone else each for gone, each in zip(absent.tolist(), _cut(made), strict=True)]


def _maker(type_: TypeEngine[Any]) -> Callable[[Any], bytes]:
    make = _MAKERS[type(type_)]
    return make if make is _text else lambda value: NULL if value is None else make(value)


def _text(text: str | None) -> bytes:
    if text is None:
        return NULL
    content = text.encode()
    return _length(len(content)) + content


def _instant(moment: Any) -> bytes:
    passed = moment - EPOCH
    micros = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return _long(8, micros - POSTGRES_EPOCH)


def _id(id: UUID) -> bytes:
    return field(id.bytes)


_NUMBERS: dict[type[Any], np.dtype[Any]] = {BigInteger: np.dtype(">i8"), Integer: np.dtype(">i4")}
_MAKERS: dict[type[Any], Callable[[Any], bytes]] = {
    Text: _text,
    JSONB: lambda text: field(b"\x01" + text.encode()),  # the version of its binary form
    Boolean: lambda truth: field(b"\x01" if truth else b"\x00"),
    Integer: lambda number: _whole(4, number),
    BigInteger: lambda number: _long(8, number),
    DateTime: _instant,
    Uuid: _id,
}
