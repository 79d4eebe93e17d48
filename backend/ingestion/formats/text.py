"""Bytes to text to physical lines: encodings, their errors by byte offset, and bounded lines."""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Iterator

from backend.core.errors import Invalid
from backend.ingestion.formats.faults import LINE_LIMIT, field_too_large, file_fault
from backend.ingestion.formats.options import ENCODINGS

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def choose_codec(head: bytes, wanted: str | None) -> str:
    """The codec that a byte-order mark or the mapping names; UTF-8 when neither does."""
    for mark, codec in MARKS:
        if head.startswith(mark):
            return codec
    return ENCODINGS[wanted] if wanted else "utf-8-sig"


def decoded(chunks: Iterator[bytes], codec: str) -> Iterator[str]:
    """Text by chunks, without its byte-order mark.

    Raises Invalid (FILE_ENCODING) that names the byte offset.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    offset = 0
    for chunk in chunks:
        pending = _pending(decoder)
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as fault:
            raise _encoding_fault(fault, offset - pending, codec) from None
        offset += len(chunk)
        if text:
            yield text
    pending = _pending(decoder)
    try:
        text = decoder.decode(b"", True)
    except UnicodeDecodeError as fault:
        raise _encoding_fault(fault, offset - pending, codec) from None
    if text:
        yield text


def _pending(decoder: codecs.IncrementalDecoder) -> int:
    return len(decoder.getstate()[0])


def _encoding_fault(fault: UnicodeDecodeError, base: int, codec: str) -> Invalid:
    place = max(base + fault.start, 0)
    shown = fault.object[fault.start : fault.start + 1].hex()
    name = {"utf-8-sig": "UTF-8", "gb18030": "GBK"}.get(codec, codec.upper())
    hint = _suggestion(fault.object[max(fault.start - 2_000, 0) : fault.start + 2_000], codec)
    return file_fault(
        "FILE_ENCODING",
        f"Byte {place:,} (0x{shown}) is not {name} text. Say the file's encoding in the mapping, for "
        f'instance: encoding = "{hint}".',
        offset=place,
        hint=hint,
    )


def _suggestion(sample: bytes, failed: str) -> str:
    """The encoding that most likely explains bytes which are not valid in the one that was tried."""
    high = sum(byte >= 0x80 for byte in sample)
    for name in ("utf-8", "gbk"):
        if ENCODINGS[name] == failed:
            continue
        for cut in range(4):  # the sample may begin and end inside a character
            try:
                text = codecs.getincrementaldecoder(ENCODINGS[name])().decode(sample[cut:])
            except UnicodeDecodeError:
                continue
            han = sum(
                "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef" for character in text
            )
            if name == "utf-8" or han * 2 >= high * 0.8:
                return name
    return "windows-1252"


class Lines:
    """Physical lines with their endings (LF, CR LF or CR), in lists as they come in.

    `window` holds the latest lists with their first line number, so that a broken row can be shown.
    """

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.window: deque[tuple[int, list[str]]] = deque(maxlen=2)
        self.characters = 0
        self._next = 1

    def lists(self) -> Iterator[list[str]]:
        """Raises Invalid (FILE_FIELD_TOO_LARGE) for a line that does not end within the limit."""
        tail = ""
        for text in self._texts:
            self.characters += len(text)
            text = tail + text
            # A final CR may be half of a CR LF whose LF comes with the next chunk.
            held = "\r" if text.endswith("\r") else ""
            lines = io.StringIO(text[: len(text) - len(held)], newline="").readlines()
            tail = (lines.pop() if lines and not lines[-1].endswith(("\n", "\r")) else "") + held
            if len(tail) > LINE_LIMIT:
                raise field_too_large(self._next + len(lines), "line")
            if lines:
                yield self._remember(lines)
        if tail:
            yield self._remember(io.StringIO(tail, newline="").readlines())

    def between(self, first: int, last: int) -> str:
        """The text of some recent lines, as far as it is still at hand."""
        found = [
            line
            for start, lines in self.window
            for number, line in enumerate(lines, start)
            if first <= number <= last
        ]
        return "".join(found).rstrip("\r\n")

    def _remember(self, lines: list[str]) -> list[str]:
        self.window.append((self._next, lines))
        self._next += len(lines)
        return lines
