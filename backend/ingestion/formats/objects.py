"""NDJSON, streamed line by line, and bounded JSON documents that hold a list of objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from backend.ingestion.formats.batch import BATCH_ROWS, UNREADABLE, RecordBatch, safe_text
from backend.ingestion.formats.content import CHUNK, Content
from backend.ingestion.formats.faults import FIELD_LIMIT, field_too_large, file_fault, json_mistake
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.formats.text import Lines, choose_codec, decoded
from backend.ingestion.records import Rejection

DOCUMENT_LIMIT = 64 << 20  # bytes of one JSON document: it is held in memory several times over

KEPT_LINE = 64 * 1024  # characters of an unreadable line that are kept to show

_decode = msgspec.json.Decoder().decode


class LinesOfObjects:
    """One NDJSON file. Blank lines are passed over."""

    format = "ndjson"
    header = None

    def __init__(self, content: Content, options: FileOptions) -> None:
        self._content = content
        self._codec = choose_codec(content.head, options.encoding)
        self._lines = Lines(decoded(content.chunks(), self._codec))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RecordBatch]:
        """The objects, `size` at a time, fewer or none after many blank lines; others become rejections."""
        numbers: list[int] = []
        records: list[Mapping[str, Any]] = []
        rejections: list[Rejection] = []
        number, read_before = 1, 0
        passed = 0  # characters of blank lines since the last batch
        for lines in self._lines.lists():
            start = 0
            while start < len(lines):
                some = lines[start : start + size - len(numbers) - len(rejections)]
                start += len(some)
                if (objects := _objects(some)) is not None:
                    records += objects
                    numbers += range(number, number + len(some))
                else:
                    passed += _judge(some, number, numbers, records, rejections)
                number += len(some)
                if len(numbers) + len(rejections) >= size:
                    yield RecordBatch(numbers, records, rejections, self._content.consumed - read_before)
                    read_before = self._content.consumed
                    numbers, records, rejections, passed = [], [], [], 0
            if passed >= CHUNK:  # whoever reads gets a word in between, be it to stop
                yield RecordBatch(numbers, records, rejections, self._content.consumed - read_before)
                read_before = self._content.consumed
                numbers, records, rejections, passed = [], [], [], 0
        if numbers or rejections or read_before != self._content.consumed:
            yield RecordBatch(numbers, records, rejections, self._content.consumed - read_before)

    def describe(self) -> dict[str, Any]:
        """What was found out about the file."""
        return {"format": self.format}

    def close(self) -> None:
        """Closes the file."""
        self._content.close()


class Document:
    """One JSON document: a list of objects, or an object with one such list. Lines count elements."""

    format = "json"
    header = None

    def __init__(self, content: Content, options: FileOptions) -> None:
        self._content = content
        codec = choose_codec(content.head, options.encoding)
        taken: list[str] = []
        length = 0
        for text in decoded(content.chunks(), codec):
            taken.append(text)
            length += len(text)
            if length > DOCUMENT_LIMIT:
                raise file_fault(
                    "FILE_TOO_LARGE",
                    f"One JSON document may hold {DOCUMENT_LIMIT >> 20} MB; send one object a line instead.",
                )
        self._elements = _elements("".join(taken))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RecordBatch]:
        """The objects, `size` at a time."""
        read = self._content.consumed
        for start in range(0, len(self._elements), size):
            numbers: list[int] = []
            records: list[Mapping[str, Any]] = []
            rejections: list[Rejection] = []
            for number, element in enumerate(self._elements[start : start + size], start + 1):
                if isinstance(element, dict):
                    numbers.append(number)
                    records.append(element)
                else:
                    rejections.append(_rejection(number, msgspec.json.encode(element).decode(), None))
            yield RecordBatch(numbers, records, rejections, read)
            read = 0

    def describe(self) -> dict[str, Any]:
        """What was found out about the file."""
        return {"format": self.format}

    def close(self) -> None:
        """Closes the file."""
        self._content.close()


def _objects(lines: Sequence[str]) -> list[Any] | None:
    """The objects of lines that hold one each; None when any line needs a closer look."""
    if max(map(len, lines)) > FIELD_LIMIT:
        return None
    try:
        objects = list(map(_decode, lines))
    except (msgspec.DecodeError, RecursionError):
        return None
    return objects if set(map(type, objects)) == {dict} else None


def _judge(
    lines: Sequence[str],
    first: int,
    numbers: list[int],
    records: list[Mapping[str, Any]],
    rejections: list[Rejection],
) -> int:
    """Sorts lines, the `first` number being that of the first, one by one. Returns the characters of blank ones."""
    blank = 0
    for number, line in enumerate(lines, first):
        try:
            record = _decode(line)
        except (msgspec.DecodeError, RecursionError) as fault:
            if line.isspace():
                blank += len(line)
            else:
                rejections.append(_rejection(number, line, fault))
            continue
        if record.__class__ is not dict:
            rejections.append(_rejection(number, line, None))
            continue
        if len(line) > FIELD_LIMIT:
            _check_fields(record, number)
        numbers.append(number)
        records.append(record)
    return blank


def _elements(text: str) -> list[Any]:
    try:
        document = msgspec.json.decode(text)
    except RecursionError:
        raise file_fault("FILE_FORMAT", "The JSON document is nested too deeply.") from None
    except msgspec.DecodeError as fault:
        raise file_fault(
            "FILE_FORMAT",
            f"The file is not valid JSON: {json_mistake(text, fault)}. "
            'One object a line? Say format = "ndjson".',
        ) from None
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list)]
        document = lists[0] if len(lists) == 1 else [document]
    if not isinstance(document, list):
        raise file_fault(
            "FILE_FORMAT", "The JSON document is neither a list of objects nor an object with one."
        )
    return document


def _check_fields(record: Mapping[str, Any], line: int) -> None:
    for value in record.values():
        if isinstance(value, str) and len(value) > FIELD_LIMIT:
            raise field_too_large(line)


def _rejection(line: int, text: str, fault: Exception | None) -> Rejection:
    if fault is None:
        code, message = "ROW_NOT_OBJECT", "The line is valid JSON but not an object."
    elif isinstance(fault, RecursionError):
        code, message = "ROW_NESTING", "The object is nested too deeply."
    else:
        code, message = "ROW_JSON", f"The line is not valid JSON: {json_mistake(text, fault)}."
    return Rejection(line, None, code, message, {UNREADABLE: safe_text(text.rstrip("\r\n")[:KEPT_LINE])})
