"""Rows to records: column by column, in chunks, each row whole or set aside. Touches no file or database.

Each column has one converter and a memo of what it made of each text so far, so that a chunk costs a few list
comprehensions; only rows with a fault are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from itertools import compress
from typing import Any
from zoneinfo import ZoneInfo

from backend.ingestion.columns import Filler
from backend.ingestion.converters import Surroundings
from backend.ingestion.formats.batch import (
    BATCH_ROWS,
    UNREADABLE,
    Batch,
    RecordBatch,
    Table,
    safe_record,
    text_of,
)
from backend.ingestion.formats.faults import nearest
from backend.ingestion.formats.header import missing_column
from backend.ingestion.records import Chunk, IgnoredColumn, Layout, Records, Rejection
from backend.ingestion.refinements import (
    Columns,
    Faults,
    RowFault,
    rolled,
    with_amounts,
    with_scales,
)
from backend.ingestion.rules import AttributeRule, Mapping, RecordRules, Rule
from backend.ingestion.shapes import SHAPES, FieldType, ShapeField
from backend.ingestion.values.faults import Fault
from backend.ingestion.vectors import Column, kept, listed, missing
from backend.interactions.identity import fact_ids

DRIFT_ROWS = 1_000  # objects after which a mapped key that none of them has is a mistake, not sparseness

MOST_NAMES = 1_000  # of objects: who sends more is not told of all that nothing was read from
MOST_IGNORED = 50

PREFIX = ("line", "id", "source", "external_id")


class _Part:
    """The records of one kind that a row yields."""

    def __init__(
        self,
        record: RecordRules,
        attributes: Sequence[AttributeRule],
        mapping: Mapping,
        around: Surroundings,
        header: Sequence[str] | None,
        main: _Part | None,
    ) -> None:
        self.kind = record.kind
        self.shape = SHAPES[record.kind]
        self.main = main
        self.source = mapping.source
        self.prefix = "" if main is None else f"{record.kind}."
        rules = {
            name: found for name, rule in record.rules.items() if (found := _within(rule, header)) is not None
        }
        self.present = None if main is None else self._column(record.present)
        self.absent = main is not None and record.present not in rules
        self.currency = _row_currency(self.shape.field("currency"), rules, around)
        constant_currency = rules["currency"].value if "currency" in rules and not self.currency else None
        local = Surroundings(around.zone, (constant_currency or around.currency).upper())
        self.own_currency = local.currency
        self.fillers = [
            Filler.of_field(
                f, rules[f.name], mapping, local, prefix=self.prefix, by_row=self.currency is not None
            )
            for f in self.shape.fields
            if f.name in rules
        ]
        self.money = {
            f.column: rules[f.name].unit == "minor"
            for f in self.shape.fields
            if f.type is FieldType.MONEY and f.name in rules
        }
        self.scale = rules["score"].scale if "score" in rules else None
        self.roll = ZoneInfo(mapping.zone or around.zone) if mapping.midnight_rolls else None
        self.attributes = [
            Filler.of_attribute(a, rule, mapping, around)
            for a in attributes
            if (rule := _within(a.rule, header)) is not None
        ]
        filled = {filler.column for filler in self.attributes}
        self.layout = Layout(
            self.kind,
            (*PREFIX, *self._columns()),
            tuple(a.attribute for a in attributes if a.attribute.key in filled),
        )

    def silent(self, cells: Map[str, Sequence[Any]]) -> bool:
        """Whether no row has such a record, as far as empty cells tell."""
        return any(filler.silent(cells) for filler in self.fillers if filler.column == self.present)

    def read(self, cells: Map[str, Sequence[Any]], count: int, faults: Faults) -> Columns:
        """All columns of all rows; what cannot be taken is put into `faults` and reads None."""
        columns: Columns = {}
        here: Faults = {}
        for filler in (*self.fillers, *self.attributes):
            made = filler.fill(cells, count)
            if filler.faulty:
                _set_aside(made, filler, here)
            columns[filler.column] = made
        for filler in self.fillers:
            if filler.required:
                _require(columns[filler.column], filler, here)
        if self.roll is not None:
            rolled(columns, self.shape.moments, self.roll)
        if self.money:
            with_amounts(columns, self.money, self.currency, self.own_currency, count, here, self.prefix)
        if "score" in self._names():
            with_scales(columns, self.kind, self.scale, count, here, self.prefix)
        self._merge(here, columns, faults)
        return columns

    def records(self, columns: Columns, rows: Sequence[int], mains: Columns) -> Records:
        """The columns of the layout, from columns that hold no faults any more."""
        names = columns.get("external_id")
        if names is None:
            names = [f"{name}:{self.kind}" for name in mains["external_id"]]
        elif self.main is not None:
            names = [
                name if name is not None else f"{main}:{self.kind}"
                for name, main in zip(names, mains["external_id"], strict=True)
            ]
        columns["id"] = fact_ids(self.source, names)
        if self.main is not None and self.shape.field("interaction") and self.main.kind == "interaction":
            given, own = columns.get("interaction_id"), mains["id"]
            columns["interaction_id"] = (
                own
                if given is None
                else [one or other for one, other in zip(listed(given), listed(own), strict=True)]
            )
        if self.attributes:
            parts = zip(*(columns[filler.column] for filler in self.attributes), strict=True)
            columns["attributes"] = ["{" + ",".join(filter(None, row)) + "}" for row in parts]
        return Records(
            [
                rows,
                columns["id"],
                [self.source] * len(names),
                names,
                *map(columns.__getitem__, self._columns()),
            ]
        )

    def _merge(self, here: Faults, columns: Columns, faults: Faults) -> None:
        """A row without such a record has no fault in it either."""
        if not here:
            return
        absent = set(missing(columns[self.present])) if self.present in columns else ()
        for row, fault in here.items():
            if row not in absent or fault.column == self.present:
                faults.setdefault(row, fault)

    def _columns(self) -> tuple[str, ...]:
        """The columns beside the prefix, in the shape's order."""
        filled = {filler.column for filler in self.fillers}
        if self.main is not None and self.main.kind == "interaction" and self.shape.field("interaction"):
            filled.add("interaction_id")
        if self.money and self.shape.field("currency"):
            filled.add("currency")
        if self.kind == "survey":
            filled |= {"scale_min", "scale_max"}
        ordered = [f.column for f in self.shape.fields if f.column in filled and f.column != "external_id"]
        return (*ordered, *(("attributes",) if self.attributes else ()))

    def _names(self) -> set[str]:
        return {filler.column for filler in self.fillers}

    def _column(self, name: str) -> str:
        field = self.shape.field(name)
        return field.column if field else name


class Normalizer:
    """One mapping made ready for one file: `layouts`, the attributes it fills, and `chunk` for each batch.

    `header` is the file's, None where rows name their own columns. Raises Invalid (FILE_HEADER) for a column
    that the file lacks, naming the nearest it has.
    """

    def __init__(
        self, mapping: Mapping, header: Sequence[str] | None, *, zone: str = "UTC", currency: str = "USD"
    ) -> None:
        around = Surroundings(zone, currency)
        self.mapping = mapping
        self._needed = {
            name: optional for name, optional in mapping.columns().items() if header is None or name in header
        }
        self._main = _Part(mapping.records[0], mapping.attributes, mapping, around, header, None)
        others = [_Part(record, (), mapping, around, header, self._main) for record in mapping.records[1:]]
        self._parts = [self._main, *(part for part in others if not part.absent)]
        self._checked = header is not None
        self._names: dict[str, None] = dict.fromkeys(header or ())
        self._header = header is not None
        self.layouts = tuple(part.layout for part in self._parts)
        self.attributes = self._main.layout.attributes

    def chunks(self, table: Table, size: int = BATCH_ROWS) -> Iterator[Chunk]:
        """All of a table, chunk by chunk. Raises Invalid for faults of the file at any chunk."""
        for batch in table.batches(size):
            if not self._checked and batch.lines:
                self._check_names(batch)
            yield self.chunk(batch)

    def chunk(self, batch: Batch) -> Chunk:
        """The records of one batch; a row that has a fault anywhere is set aside as a whole."""
        for name, texts in self.mapping.file.drop.items():
            batch = batch.keep([(text_of(cell) or "").strip() not in texts for cell in batch.column(name)])
        if not self._header and len(self._names) < MOST_NAMES:
            self._names |= dict.fromkeys(batch.keys())
        count = len(batch.lines)
        faults: Faults = {}
        cells = {name: batch.column(name) for name in self._needed}
        columns = {
            part.kind: part.read(cells, count, faults)
            for part in self._parts
            if count and not part.silent(cells)
        }
        rejections = [
            Rejection(batch.lines[row], fault.field, fault.fault.code, fault.fault.message, batch.raw(row))
            for row, fault in faults.items()
        ]
        rejections = sorted([*batch.rejections, *rejections], key=lambda rejection: rejection.line)
        return Chunk(
            records=self._records(columns, batch.lines, faults)
            if count
            else {part.kind: Records([]) for part in self._parts},
            rejections=rejections,
            rows_read=count + len(batch.rejections),
            bytes_read=batch.bytes_read,
        )

    @property
    def ignored(self) -> list[IgnoredColumn]:
        """The columns met until now that the mapping reads nothing from, in order; at most MOST_IGNORED."""
        columns = [*self.mapping.columns(), *self.mapping.file.drop]
        free = [name for name in columns if name not in self._names]
        read = {*columns, *(() if self._header else (name.partition(".")[0] for name in columns))}
        names = self._names if self._header else sorted(self._names)  # of objects in no order
        ignored = [name for name in names if name.strip() and name not in read]
        return [IgnoredColumn(name, nearest(name, free)) for name in ignored[:MOST_IGNORED]]

    def records(self, rows: Sequence[Map[str, Any]], lines: Sequence[int] | None = None) -> Chunk:
        """Records from objects in memory: a request's batch, or the `raw` of rejected records for a replay.

        `lines` are their numbers, by default their places in the list.
        """
        numbered = list(zip(lines if lines is not None else range(len(rows)), rows, strict=True))
        usable = [(line, row) for line, row in numbered if isinstance(row, dict) and UNREADABLE not in row]
        broken = [
            Rejection(
                line,
                None,
                "ROW_UNREADABLE",
                "The row could not be read as a table row; mend it in the file.",
                safe_record(row) if isinstance(row, dict) else {},
            )
            for line, row in numbered
            if not isinstance(row, dict) or UNREADABLE in row
        ]
        return self.chunk(RecordBatch([line for line, _ in usable], [row for _, row in usable], broken))

    def _records(
        self, columns: dict[str, Columns], lines: Sequence[int], faults: Faults
    ) -> dict[str, Records]:
        good = [row not in faults for row in range(len(lines))] if faults else None
        mains = _kept(columns[self._main.kind], good)
        rows = list(compress(lines, good)) if good else lines
        made = {self._main.kind: self._main.records(mains, rows, mains)}
        for part in self._parts[1:]:
            if part.kind not in columns:
                made[part.kind] = Records([])
                continue
            own = _kept(columns[part.kind], good)
            there = [True] * len(rows)
            for row in missing(own[part.present or ""]):
                there[row] = False
            linked = {name: kept(mains[name], there) for name in ("id", "external_id")}
            made[part.kind] = part.records(_kept(own, there), list(compress(rows, there)), linked)
        return made

    def _check_names(self, batch: Batch) -> None:
        """Objects may leave a key out, but not all of them one that every record needs."""
        self._checked = True
        names = set(batch.names())
        required = {name for filler in self._main.fillers if filler.required for name in filler.columns}
        for name, optional in self._needed.items():
            if name in names or optional:
                continue
            if name in required or len(batch.lines) >= DRIFT_ROWS:
                if "." in name and any(cell is not None for cell in batch.column(name)):
                    continue
                raise missing_column(name, tuple(names), "a field (say optional = true if it may be absent)")


def _within(rule: Rule, header: Sequence[str] | None) -> Rule | None:
    """The rule as far as a file can follow it: None when it is optional and its columns are absent."""
    named = [*rule.columns, *([rule.when.column] if rule.when else [])]
    missing = [name for name in named if header is not None and name not in header]
    if not missing:
        return rule
    if not rule.optional:
        raise missing_column(missing[0], header or (), "“" + ".".join(map(str, rule.path[-1:])) + "”")
    return Rule(value=rule.default, path=rule.path) if rule.default is not None else None


def _row_currency(field: ShapeField | None, rules: Map[str, Rule], around: Surroundings) -> str | None:
    """The column of the currency where each row names its own."""
    return "currency" if field is not None and "currency" in rules and rules["currency"].columns else None


def _set_aside(made: Column, filler: Filler, faults: Faults) -> None:
    if not isinstance(made, list):  # an array holds no faults
        return
    for row, value in enumerate(made):
        if value.__class__ is Fault:
            faults.setdefault(row, RowFault(filler.name, filler.column, value))
            made[row] = None


def _require(made: Column, filler: Filler, faults: Faults) -> None:
    for row in missing(made):
        fault = Fault("REQUIRED_MISSING", f"“{filler.name}” is missing.")
        faults.setdefault(row, RowFault(filler.name, filler.column, fault))


def _kept(columns: Columns, mask: Sequence[bool] | None) -> Columns:
    if mask is None or all(mask):
        return dict(columns)
    return {name: kept(values, mask) for name, values in columns.items()}
