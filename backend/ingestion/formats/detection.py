"""Which format a file is in, by its content first: names lie (an .xls may be anything)."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import PurePath

import msgspec

from backend.ingestion.formats.faults import file_fault
from backend.ingestion.formats.text import MARKS

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_ROWS = 25  # rows that must agree on a delimiter; more do not change the answer

FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
)


def detect(head: bytes, name: str, wanted: str | None, encoding: str | None) -> str:
    """One of csv, tsv, ndjson, json, excel, parquet.

    Raises Invalid (FILE_FORMAT, FILE_EMPTY, FILE_ENCODING) for what no reader here can take.
    """
    if not head.strip(b"\x00\t\r\n \xef\xbb\xbf\xfe\xff"):
        raise file_fault("FILE_EMPTY", "The file is empty.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")):
        return "excel"
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise _foreign(what)
    if wanted in ("excel", "parquet"):
        raise file_fault(
            "FILE_FORMAT",
            f"The mapping says the file is {wanted}, but its content is not; it may be text (CSV).",
        )
    _check_is_text(head, encoding)
    if wanted:
        return wanted
    return _text_format(head, name)


def sniff_delimiter(sample: str, quote: str | None) -> str:
    """The delimiter that cuts the first rows into equally many columns; a comma where there is one."""
    lines = sample.splitlines(keepends=True)
    if len(lines) > 1:
        lines = lines[:-1]  # the sample may end within a row
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            reader = csv.reader(
                lines,
                delimiter=delimiter,
                quotechar=quote,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            )
            widths = [len(row) for row, _ in zip(reader, range(SAMPLE_ROWS), strict=False) if row]
        except csv.Error:
            continue
        width, agreeing = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1 and (agreeing / len(widths), width) > best_score:
            best, best_score = delimiter, (agreeing / len(widths), width)
    return best


def _text_format(head: bytes, name: str) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = PurePath(name.lower().removesuffix(".gz")).suffix
    if start[:1] == b"{" or suffix in (".ndjson", ".jsonl"):
        return "json" if _is_one_document(start) and suffix not in (".ndjson", ".jsonl") else "ndjson"
    if start[:1] == b"[" or suffix == ".json":
        return "json"
    return "tsv" if suffix in (".tsv", ".tab") else "csv"


def _is_one_document(start: bytes) -> bool:
    """Whether a text that begins with a brace goes on over several lines, as printed JSON does."""
    first, newline, _ = start.partition(b"\n")
    if not newline:
        return False
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        return first.strip() == b"{" or first.rstrip().endswith((b"[", b"{", b","))
    return False


def _check_is_text(head: bytes, encoding: str | None) -> None:
    sample = head[:8_192]
    if (
        sample.lstrip(b"\xef\xbb\xbf \r\n\t")[:200]
        .lower()
        .startswith((b"<!doctype", b"<html", b"<table", b"<?xml"))
    ):
        raise _foreign("a web page or XML")
    if encoding in ("utf-16-le", "utf-16-be") or any(sample.startswith(mark) for mark, _ in MARKS):
        return
    controls = sum(byte < 0x20 and byte not in b"\t\n\r\x0b\x0c" for byte in sample)
    if controls * 10 > len(sample):
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if max(even, odd) * 2 > len(sample) * 0.8 and min(even, odd) * 20 < len(sample):
            name = "utf-16-le" if odd > even else "utf-16-be"
            raise file_fault(
                "FILE_ENCODING",
                f'The file seems to be UTF-16 without a mark; say encoding = "{name}" in the mapping.',
                offset=0,
                hint=name,
            )
        raise _foreign("binary data")


def _foreign(what: str) -> Exception:
    return file_fault(
        "FILE_FORMAT",
        f"The file is {what}, not a table. Use CSV, TSV, NDJSON, JSON, Excel or Parquet, plain or with gzip.",
    )
