"""The bytes of one file, decompressed and bounded, read once from start to end. Knows nothing of tables."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO

from backend.core.errors import Invalid
from backend.ingestion.formats.faults import FILE_LIMIT, file_fault

CHUNK = 256 * 1024  # large enough that Python's cost per chunk vanishes, small enough to stay in cache
HEAD = 64 * 1024  # what format, encoding and delimiter are guessed from
GZIP = b"\x1f\x8b"

Source = Path | Iterable[bytes]


class Content:
    """`head` is the beginning after decompression, `consumed` counts bytes taken from the source so far."""

    def __init__(self, source: Source, *, name: str = "", limit: int = FILE_LIMIT) -> None:
        self.name = name or (source.name if isinstance(source, Path) else "")
        self.consumed = 0
        self.compressed = False
        self._limit = limit
        self._path = source if isinstance(source, Path) else None
        self._spooled: IO[bytes] | None = None
        self._open: IO[bytes] | None = None
        chunks = self._source_chunks(source)
        first, chunks = _head(chunks, len(GZIP))
        if first.startswith(GZIP):
            self.compressed = True
            chunks = _decompressed(chunks)
        self.head, self._chunks = _head(self._bounded(chunks), HEAD)
        if self.head.startswith(GZIP):
            raise file_fault(
                "FILE_COMPRESSION", "The file is compressed twice; unpack it once and try again."
            )

    def chunks(self) -> Iterator[bytes]:
        """All bytes from the start. To be taken once."""
        return self._chunks

    def as_file(self) -> Path:
        """A file with these bytes: the source itself where it is a plain file, else a temporary one.

        The temporary file lives until `close`.
        """
        if self._path is not None and not self.compressed and self._path.is_file():
            size = self._path.stat().st_size
            if size > self._limit:
                raise too_large(self._limit)
            self.consumed = size
            return self._path
        spooled = NamedTemporaryFile(prefix="scoredesk-import-")  # noqa: SIM115 - closed in close()
        self._spooled = spooled
        for chunk in self._chunks:
            spooled.write(chunk)
        spooled.flush()
        return Path(spooled.name)

    def close(self) -> None:
        """Gives back the file handles. Safe to repeat."""
        for handle in (self._open, self._spooled):
            if handle is not None:
                handle.close()

    def __enter__(self) -> Content:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _source_chunks(self, source: Source) -> Iterator[bytes]:
        if isinstance(source, Path):
            try:
                self._open = source.open("rb")
            except OSError as fault:
                raise file_fault(
                    "FILE_UNREADABLE", f"“{source.name}” cannot be opened: {fault.strerror}."
                ) from None
            return self._read(self._open, source.name)
        return self._counted(source)

    def _read(self, handle: IO[bytes], name: str) -> Iterator[bytes]:
        while True:
            try:
                chunk = handle.read(CHUNK)
            except OSError as fault:
                raise file_fault("FILE_UNREADABLE", f"“{name}” cannot be read: {fault.strerror}.") from None
            if not chunk:
                return
            self.consumed += len(chunk)
            yield chunk

    def _counted(self, source: Iterable[bytes]) -> Iterator[bytes]:
        gathered = bytearray()  # a body may come in crumbs; later steps cost per chunk
        for chunk in source:
            self.consumed += len(chunk)
            gathered += chunk
            while len(gathered) >= CHUNK:
                yield bytes(gathered[:CHUNK])
                del gathered[:CHUNK]
        if gathered:
            yield bytes(gathered)

    def _bounded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        total = 0
        for chunk in chunks:
            total += len(chunk)
            if total > self._limit:
                raise too_large(self._limit)
            yield chunk


def too_large(limit: int) -> Invalid:
    """The fault of a file that holds more bytes than allowed."""
    shown = f"{limit / 2**20:,.0f} MB" if limit >= 2**20 else f"{limit:,} bytes"
    return file_fault(
        "FILE_TOO_LARGE", f"The file holds more than {shown} (after decompression); split it into parts."
    )


def _head(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and an iterator that still gives everything."""
    taken: list[bytes] = []
    length = 0
    for chunk in chunks:
        taken.append(chunk)
        length += len(chunk)
        if length >= size:
            break

    def again() -> Iterator[bytes]:
        while taken:
            yield taken.pop(0)
        yield from chunks

    return b"".join(taken)[:size], again()


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpacks gzip, member by member, never more than a chunk at a time."""
    unpacker = zlib.decompressobj(wbits=31)
    position = 0
    started = False
    for chunk in chunks:
        position += len(chunk)
        data = chunk
        while data:
            if unpacker.eof:
                data = data.lstrip(b"\x00")  # tape padding between members
                if not data:
                    break
                unpacker, started = zlib.decompressobj(wbits=31), False
            try:
                unpacked = unpacker.decompress(data, CHUNK)
            except zlib.error:
                raise file_fault(
                    "FILE_COMPRESSION",
                    f"The gzip data is damaged near byte {position - len(data):,}; fetch the file again.",
                    offset=position - len(data),
                ) from None
            started = True
            if unpacked:
                yield unpacked
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    while not unpacker.eof and (rest := unpacker.decompress(b"", CHUNK)):
        yield rest
    if started and not unpacker.eof:
        raise file_fault(
            "FILE_COMPRESSION",
            f"The gzip data ends too early, after {position:,} bytes; fetch the file again.",
            offset=position,
        )
