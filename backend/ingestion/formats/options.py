"""What a mapping may say about the file itself (its `[file]` table)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FORMATS = ("csv", "tsv", "ndjson", "json", "excel", "parquet")

# The codec behind each name a mapping may use; gb18030 holds all of gbk and gb2312.
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "latin-1": "latin-1",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """None means: found from the content. `drop` names rows to leave out, by column and exact texts."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = '"'
    sheet: str | None = None
    header_rows: int = 1
    skip_rows: int = 0
    columns: tuple[str, ...] = ()
    drop: Mapping[str, frozenset[str]] = field(default_factory=dict)
