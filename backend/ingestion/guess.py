"""A first mapping for a file nobody has described yet, by the names and the cells of its columns.

What it writes is a text to edit; it loads as it is and names every column, mapped or as a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path, PurePath

from backend.core.errors import Invalid
from backend.ingestion.formats.batch import Batch, Table, text_of
from backend.ingestion.formats.content import Source
from backend.ingestion.formats.faults import FILE_LIMIT, file_fault
from backend.ingestion.formats.opening import open_table
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.guessed_records import RecordsBeside, quoted
from backend.ingestion.profiles import Look, Profile, among, dashed, plain, profile
from backend.ingestion.shapes import INTERACTION
from backend.ingestion.synonyms import (
    CHANNEL_NAMES,
    CHANNEL_WORDS,
    FIELDS,
    ID_NAMES,
    LASTING,
    REFERENCES,
    Clue,
    channel_of,
    matches,
    plain_name,
    tells_time_of,
    unit_of,
)
from backend.ingestion.values.text import boolean
from backend.interactions.attributes import RESERVED
from backend.interactions.models import CHANNELS

SAMPLE = 2_000  # rows looked at
ID_SAMPLE = 50_000  # rows in which an id must not come twice: in two thousand, a daily counter looks like one
ID_COLUMNS = 8  # columns that may make up an id, counted from the left
ID_LENGTH = 64  # characters; longer texts may well be unique, but they are comments
FEW = 12  # different values that are still listed one by one


def guess_mapping(source_file: Source, *, source: str | None = None, name: str = "") -> str:
    """The TOML text of a first mapping. `source` names where the data comes from, by default after the file.

    Raises Invalid for faults of the file.
    """
    table, options = _open(source_file, name)
    try:
        batches = iter(table.batches(SAMPLE))
        batch = next((one for one in batches if one.lines), None)  # the first may be blank rows only
        names = [name for name in table.header or (batch.names() if batch else ()) if name.strip()]
        if not names:
            raise file_fault("FILE_EMPTY", "The file has no columns to guess from.")
        columns = [profile(column, batch.column(column) if batch else []) for column in names]
        keys = _keys(columns, batches)
        described = table.describe()
    finally:
        table.close()
    file_name = name or (source_file.name if isinstance(source_file, Path) else "")
    return _Draft(columns, described | _given(options), source or _source_name(file_name), keys).text()


def _open(source_file: Source, name: str) -> tuple[Table, FileOptions]:
    """Opens the file, once more with the encoding that a first failure suggests."""
    options = FileOptions()
    for _ in range(2):
        try:
            table = open_table(source_file, options, name=name, limit=FILE_LIMIT)
            if isinstance(
                source_file, Path
            ):  # a later byte may not fit; better to know now than at the import
                next(iter(table.batches(SAMPLE)), None)
                table.close()
                table = open_table(source_file, options, name=name, limit=FILE_LIMIT)
            return table, options
        except Invalid as fault:
            hint = fault.problems[0].hint if fault.problems else None
            if (
                fault.code != "FILE_ENCODING"
                or hint is None
                or options.encoding
                or not isinstance(source_file, Path)
            ):
                raise
            options = replace(options, encoding=hint)
    return open_table(source_file, options, name=name, limit=FILE_LIMIT), options


def _keys(columns: Sequence[Profile], batches: Iterator[Batch]) -> list[tuple[str, ...]]:
    """Columns, then pairs and triples, of which no value comes twice, the likeliest first."""
    likely = [
        c for c in columns if c.complete and c.look in KEY_LOOKS and max(map(len, c.counts)) <= ID_LENGTH
    ]
    likely = sorted(likely, key=lambda c: not matches(c.name, ID_NAMES))[:ID_COLUMNS]
    groups = [group for size in (1, 2, 3) for group in combinations([c.name for c in likely], size)]
    cells: dict[str, list[str]] = {c.name: [text or "" for text in c.texts] for c in likely}
    rows = len(columns[0].texts) if columns else 0
    while rows < ID_SAMPLE and groups and (batch := next(batches, None)) is not None:
        rows += len(batch.lines)
        for name, known in cells.items():
            known += [text_of(cell) or "" for cell in batch.column(name)]
    return [
        group for group in groups if len(set(zip(*(cells[name] for name in group), strict=True))) == rows > 0
    ]


def _given(options: FileOptions) -> dict[str, object]:
    return {"encoding": options.encoding} if options.encoding else {}


class _Draft:
    """Assigns columns to fields and writes it down."""

    def __init__(
        self,
        columns: Sequence[Profile],
        described: dict[str, object],
        source: str,
        keys: Sequence[tuple[str, ...]],
    ) -> None:
        self.columns = columns
        self.keys = keys
        self.described = described
        self.source = source
        self.used: set[str] = set()
        self.attribute_keys: set[str] = set()
        self.clocks = [column for column in columns if column.look is Look.CLOCK]
        self.days = [column for column in columns if column.look is Look.DAY]
        self.answered: Profile | None = None

    def text(self) -> str:
        """The mapping as TOML."""
        if {"external_id", "channel"} <= {column.name for column in self.columns}:
            return self._export_shape()
        beside = RecordsBeside(self)  # takes its columns before the fields can
        fields = self._fields()
        records = beside.lines(fields)
        rest = [
            column
            for column in self.columns
            if column.name not in self.used and column.look is not Look.EMPTY
        ]
        empty = [column.name for column in self.columns if column.look is Look.EMPTY]
        markers = sorted({marker for column in self.columns for marker in column.markers})
        lines = [
            "# A first mapping, guessed from names and values. Check each line, then import with it.",
            "# The manual is backend/ingestion/README.md.",
            "",
            f"source = {quoted(self.source)}   # where the data comes from; part of every record's id",
            'kind = "interaction"',
            '# zone = "Europe/Zurich"   # of times without an offset; the tenant\'s zone if not said',
            *(
                [f'null = {json.dumps(markers, ensure_ascii=False)}   # texts that mean "missing"']
                if markers
                else []
            ),
            "",
            "[file]",
            *[f"{key} = {quoted(str(value))}" for key, value in self.described.items()],
            "",
            "[fields]",
            *fields,
        ]
        lines += [
            *records,
            "",
            "[attributes]   # further columns, usable in formulas and filters: take away the # to keep one",
        ]
        lines += [self._attribute(column) for column in rest]
        lines += [f"# empty: {plain(name)}" for name in empty]
        return "\n".join(lines) + "\n"

    def _export_shape(self) -> str:
        return "\n".join(
            [
                "# The columns are those of the built-in export shape: the file needs no mapping.",
                "",
                f"source = {quoted(self.source)}",
                'kind = "interaction"',
                "same_names = true",
                "",
            ]
        )

    def _fields(self) -> list[str]:
        """Ids first, then whatever a clue fits, in the order of the shape."""
        lines = [self._id_line(), self._channel_line()]
        for clue in FIELDS:
            if parts := self._parts(clue):
                lines += [f"{field} = {quoted(c.name)}{among(c, comment=True)}" for field, c in parts]
                continue
            column = None if any(line.startswith(f"{clue.field} =") for line in lines) else self.fitting(clue)
            if column is None:
                if clue.field == "started":
                    lines.append("# CHECK: no moment found: rows will lie in no window")
                continue
            if clue.field == "answered":
                self.answered = column
            lines.append(self.line(clue, column))
            if clue.field == "answered" and column.look is Look.BOOLEAN:
                lines.append(f"abandoned = {self._boolean(column, swapped=True)}")
        return lines

    def _id_line(self) -> str:
        if self.keys and len(self.keys[0]) == 1:
            name = self.keys[0][0]
            self.used.add(name)
            column = next(c for c in self.columns if c.name == name)
            return f"external_id = {quoted(name)}   # no value comes twice{among(column)}"
        if self.keys:
            return f"external_id = [{', '.join(map(quoted, self.keys[0]))}]   # together no value comes twice"
        widest = max(
            (c for c in self.columns if c.look is not Look.NESTED), key=lambda c: len(c.counts), default=None
        )
        name = widest.name if widest else "id"
        return f"external_id = {quoted(name)}   # CHECK: values come twice; such rows are one record"

    def _channel_line(self) -> str:
        column = next(
            (
                c
                for c in self.columns
                if matches(c.name, CHANNEL_NAMES)
                and c.look is not Look.NESTED
                and c.name not in self.used
                and 0 < len(c.counts) <= FEW
            ),
            None,
        )
        if column is None:
            return f'channel = {{ value = "{self._likely_channel()}" }}   # one of {", ".join(CHANNELS)}'
        self.used.add(column.name)
        pairs = {text: channel_of(text) or "ticket" for text in column.counts}
        inner = ", ".join(f"{quoted(text)} = {quoted(channel)}" for text, channel in pairs.items())
        return f"channel = {{ column = {quoted(column.name)}, values = {{ {inner} }} }}"

    def _likely_channel(self) -> str:
        for column in self.columns:
            for pattern, channel in CHANNEL_WORDS:
                if channel in ("call", "chat", "ticket", "email") and re.search(
                    pattern, plain_name(column.name)
                ):
                    return channel
        return "ticket"

    def _parts(self, clue: Clue) -> list[tuple[str, Profile]]:
        """The id and the name inside a column of objects that goes by the clue's name."""
        free = {c.name: c for c in self.columns if c.name not in self.used and c.look in clue.looks}
        for column in self.columns if clue.field in REFERENCES else ():
            if column.look is Look.NESTED and matches(column.name, clue.patterns):
                inner = [free[name] for end in ("id", "name") if (name := f"{column.name}.{end}") in free]
                if inner:
                    self.used |= {column.name for column in inner}
                    return list(zip((clue.field, f"{clue.field}_name"), inner, strict=False))
        return []

    def fitting(self, clue: Clue) -> Profile | None:
        """The first free column that a clue fits, which is free no more."""
        for pattern in clue.patterns:
            for column in self.columns:
                if (
                    column.name not in self.used
                    and clue.fits(column)
                    and re.search(pattern, plain_name(column.name))
                ):
                    self.used.add(column.name)
                    return column
        return None

    def line(self, clue: Clue, column: Profile) -> str:
        """The line that fills a field from a column."""
        if clue.looks & {Look.MOMENT, Look.DAY}:
            return f"{clue.field} = {self._moment(column)}"
        if column.look is Look.BOOLEAN and Look.BOOLEAN in clue.looks:
            return f"{clue.field} = {self._boolean(column)}"
        if clue.looks == LASTING:
            options = [f"column = {quoted(column.name)}"]
            if column.look is Look.NUMBER:
                options.append(f'unit = "{unit_of(column.name)}"')
            options += self.zero_marker(column)
            return f"{clue.field} = {{ {', '.join(options)} }}{among(column, comment=True)}"
        return f"{clue.field} = {quoted(column.name)}{among(column, comment=True)}"

    def _moment(self, column: Profile) -> str:
        names, pattern = [column.name], column.format
        clock = next((c for c in self.clocks if c.name not in self.used and tells_time_of(c, column)), None)
        if column.look is Look.DAY and clock is not None:
            self.used.add(clock.name)
            names.append(clock.name)
            shape = clock.clock_format()
            pattern = f"{pattern} {shape}" if pattern else f"%Y-%m-%d {shape}" if dashed(column) else None
        where = (
            f"columns = [{', '.join(map(quoted, names))}]"
            if len(names) > 1
            else f"column = {quoted(names[0])}"
        )
        options = [
            where,
            *([f'format = "{pattern}"'] if pattern else []),
            *([f'unit = "{column.unit}"'] if column.unit else []),
        ]
        check = "   # CHECK: day or month first?" if column.ambiguous else ""
        return f"{{ {', '.join(options)} }}{check or among(column, comment=True)}"

    def _boolean(self, column: Profile, *, swapped: bool = False) -> str:
        pairs = ", ".join(
            f"{quoted(text)} = {str(bool(boolean(text)) is not swapped).lower()}"
            for text in sorted(column.counts)
        )
        return f"{{ column = {quoted(column.name)}, values = {{ {pairs} }} }}"

    def zero_marker(self, column: Profile) -> list[str]:
        """Zeros of exactly the contacts that were not answered are no measurements."""
        if self.answered is None:
            return []
        unanswered = [
            text
            for text, answer in zip(column.texts, self.answered.texts, strict=True)
            if answer is not None and answer.casefold() in ("n", "no", "false", "0", "否")
        ]
        zeros = {text for text in unanswered if text is not None}
        if zeros and all(set(text) <= set("0:.") for text in zeros):
            return [f"null = {json.dumps(sorted(zeros))}"]
        return []

    def _attribute(self, column: Profile) -> str:
        key = re.sub(r"[^a-z0-9]+", "_", plain_name(column.name)).strip("_")[:60]
        if not key or not key[0].isalpha():
            key = f"column_{self.columns.index(column) + 1}"
        if key in RESERVED or INTERACTION.field(key) or key in self.attribute_keys:
            key = f"{key[:50]}_{self.columns.index(column) + 1}"
        self.attribute_keys.add(key)
        kind = {
            Look.MOMENT: "moment",
            Look.DAY: "moment",
            Look.NUMBER: "number",
            Look.BOOLEAN: "boolean",
            Look.DURATION: "duration",
            Look.CLOCK: "text" if column.half_day else "duration",
        }.get(column.look, "text")
        pattern = f', format = "{column.format}"' if column.format else ""
        options = f'column = {quoted(column.name)}, type = "{kind}"{pattern}'
        return f"# {key} = {{ {options} }}{among(column, comment=True)}"


KEY_LOOKS = frozenset({Look.TEXT, Look.NUMBER, Look.DAY, Look.MOMENT})


def _source_name(file_name: str) -> str:
    stem = PurePath(file_name.removesuffix(".gz")).stem
    return "".join(c for c in stem if c.isprintable())[:60].strip() or "my_source"
