"""Reads a mapping's TOML and checks all that can be checked without a file, telling every mistake at once.

The README of this folder is the manual of the text form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as Map
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from typing import Any

from backend.core.errors import Invalid, Problem
from backend.ingestion.converters import (
    ATTRIBUTE_TYPES,
    DURATION_FORMATS,
    UNITS,
    Surroundings,
    constant,
    converter,
)
from backend.ingestion.formats.options import ENCODINGS, FORMATS, FileOptions
from backend.ingestion.rules import TELLING, AttributeRule, Condition, Mapping, RecordRules, Rule
from backend.ingestion.shapes import CUSTOMER, INTERACTION, SHAPES, FieldType, Shape, ShapeField
from backend.ingestion.toml_tables import Path, TomlReading, syntax_mistake
from backend.interactions.attributes import RESERVED, Attribute

TOP = (
    "source",
    "kind",
    "zone",
    "null",
    "day_first",
    "decimal",
    "midnight",
    "same_names",
    "file",
    "fields",
    "attributes",
)
FILE = ("format", "encoding", "delimiter", "quote", "sheet", "header_rows", "skip_rows", "columns", "drop")
RULE = (
    "column",
    "columns",
    "value",
    "join",
    "format",
    "zone",
    "unit",
    "null",
    "values",
    "other",
    "default",
    "when",
    "scale",
    "optional",
)
WITH_ATTRIBUTES = (INTERACTION.kind, CUSTOMER.kind)
KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
TEXT_LIMIT = 256 * 1024  # characters of a mapping; the longest real one has four thousand
SOURCE_LIMIT = 100  # characters: it is part of every record's id
SOURCE_RULE = f"A source has 1 to {SOURCE_LIMIT} printable characters."


def load(text: str, *, source: str | None = None) -> Mapping:
    """The mapping written in a TOML text; `source` replaces the one it names.

    Raises Invalid (MAPPING_INVALID) with one problem per mistake, each with its path and, for a misspelt
    name, the nearest valid one; Invalid (SOURCE_INVALID) when `source` cannot be one's name.
    """
    reader = _Reader(text)
    mapping = reader.mapping()
    if reader.problems:
        raise _refusal(reader.problems)
    if source is None:
        return mapping
    if not _names_a_source(source):
        raise Invalid(SOURCE_RULE, code="SOURCE_INVALID")
    return replace(mapping, source=source.strip())


def built_in(kind: str = "interaction", *, source: str | None = None) -> Mapping:
    """The mapping for the built-in export shape: columns named as the fields they fill, any subset of them.

    Raises Invalid (MAPPING_KIND) for a kind of record that does not exist.
    """
    if kind not in SHAPES:
        raise Invalid(
            f"There is no kind of record “{kind}”; kinds are {', '.join(SHAPES)}.", code="MAPPING_KIND"
        )
    text = files("backend.ingestion").joinpath("mappings", "export.toml").read_text("utf-8")
    if kind != INTERACTION.kind:
        text = f'source = "export"\nkind = "{kind}"\nsame_names = true\n'
    return load(text, source=source)


def _names_a_source(name: str) -> bool:
    return 0 < len(name.strip()) <= SOURCE_LIMIT and name.isprintable()


class _Reader(TomlReading):
    """One reading of a mapping."""

    def mapping(self) -> Mapping:
        top = self._parsed()
        kind = self.choice(top, "kind", tuple(SHAPES), (), default=INTERACTION.kind) or INTERACTION.kind
        self.known(top, (*TOP, *(name for name in SHAPES if name != kind)), ())
        shape = SHAPES[kind]
        mapping = Mapping(
            source=self._source(top),
            records=(),
            file=self._file(self.table(top, "file", ())),
            zone=self.zone(top, ()),
            null=self.texts(top, "null", ()),
            day_first=self.typed(top, "day_first", bool, ()),
            decimal=self.choice(top, "decimal", (".", ","), (), default=".") or ".",
            midnight_rolls=self.choice(top, "midnight", ("roll", "keep"), (), default="keep") == "roll",
            text=self.written,
        )
        same_names = self.typed(top, "same_names", bool, ()) or False
        main = self._record(
            shape, self.table(top, "fields", ()), ("fields",), mapping, main=True, same=same_names
        )
        others = [
            self._record(SHAPES[name], self.table(top, name, ()), (name,), mapping, main=False)
            for name in SHAPES
            if name != kind and name in top
        ]
        attributes = self._attributes(self.table(top, "attributes", ()), mapping, kind)
        return replace(mapping, records=(main, *others), attributes=attributes)

    def _parsed(self) -> dict[str, Any]:
        if len(self.written) > TEXT_LIMIT:
            raise _unreadable(f"A mapping has at most {TEXT_LIMIT:,} characters.")
        try:
            return tomllib.loads(self.written)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as fault:
            raise _unreadable(syntax_mistake(self.written, fault)) from None

    def _source(self, top: Map[str, Any]) -> str:
        source = self.typed(top, "source", str, ())
        if source is None and not any(problem.path == ("source",) for problem in self.problems):
            self.problem(
                "MAPPING_MISSING",
                'Say where the data comes from, for instance: source = "phone".',
                ("source",),
            )
        if source is not None and not _names_a_source(source):
            self.problem("MAPPING_VALUE", SOURCE_RULE, ("source",))
        return (source or "").strip()

    def _file(self, table: Map[str, Any]) -> FileOptions:
        path = ("file",)
        self.known(table, FILE, path)
        columns = self.names(table, "columns", path)
        delimiter = self.typed(table, "delimiter", str, path)
        quote = self.typed(table, "quote", str, path)
        for key, mark in (("delimiter", delimiter), ("quote", quote)):
            if mark is not None and (
                len(mark) > 1 or mark in ("\r", "\n", " ") or (not mark and key == "delimiter")
            ):
                self.problem("MAPPING_VALUE", f"The {key} is one character.", (*path, key))
                delimiter = quote = None
        encoding = self.typed(table, "encoding", str, path)
        if encoding is not None and encoding.lower() not in ENCODINGS:
            self.unknown("encoding", encoding, ENCODINGS, (*path, "encoding"))
            encoding = None
        drop = {
            name: self.texts(table["drop"], name, (*path, "drop")) for name in self.table(table, "drop", path)
        }
        return FileOptions(
            format=self.choice(table, "format", FORMATS, path),
            encoding=encoding and encoding.lower(),
            delimiter=delimiter,
            quote='"' if quote is None else quote,
            sheet=self.typed(table, "sheet", str, path),
            header_rows=self.count(
                table, "header_rows", path, default=0 if columns else 1, least=0 if columns else 1
            ),
            skip_rows=self.count(table, "skip_rows", path, default=0, least=0),
            columns=columns,
            drop=drop,
        )

    def _record(
        self,
        shape: Shape,
        table: Map[str, Any],
        path: Path,
        mapping: Mapping,
        *,
        main: bool,
        same: bool = False,
    ) -> RecordRules:
        rules: dict[str, Rule] = {}
        telling = TELLING[shape.kind]
        for name, content in table.items():
            if name == "present" and not main and isinstance(content, str):
                telling = content
                continue
            field = shape.field(name)
            if field is None:
                hint = " The moment of resolution is “resolved_at”." if name == "resolved_on" else ""
                self.unknown(
                    f"field of {shape.kind}", name, [f.name for f in shape.fields], (*path, name), hint
                )
                continue
            rules[name] = self._rule(content, (*path, name), field, mapping)
        if same:
            for field in shape.fields:
                rules.setdefault(
                    field.name,
                    Rule(columns=(field.name,), optional=not field.required, path=(*path, field.name)),
                )
        for field in shape.fields:
            implied = field.name == "external_id" or field.type is FieldType.INTERACTION
            if field.required and field.name not in rules and not (implied and not main):
                self.problem(
                    "MAPPING_MISSING",
                    f"A {shape.kind} needs “{field.name}”; say which column it is.",
                    (*path, field.name),
                )
        if rules and telling not in rules:
            telling = next((name for name, rule in rules.items() if rule.columns), next(iter(rules)))
        if not main and not any(rule.columns for rule in rules.values()):
            self.problem("MAPPING_MISSING", "Say which columns this record is made from.", path)
        return RecordRules(shape.kind, rules, telling)

    def _attributes(self, table: Map[str, Any], mapping: Mapping, kind: str) -> tuple[AttributeRule, ...]:
        found = []
        if table and kind not in WITH_ATTRIBUTES:
            self.problem(
                "MAPPING_ATTRIBUTE", "Only interactions and customers have attributes.", ("attributes",)
            )
        for key, content in table.items():
            path = ("attributes", key)
            if not KEY.fullmatch(key):
                self.problem(
                    "MAPPING_ATTRIBUTE",
                    "A key has small letters, digits and _, and begins with a letter.",
                    path,
                )
                continue
            if SHAPES[kind].field(key) or (kind == INTERACTION.kind and key in RESERVED):
                self.problem("MAPPING_ATTRIBUTE", f"“{key}” is a field already; map it under [fields].", path)
                continue
            options = content if isinstance(content, dict) else {"column": content}
            named = self.choice(options, "type", tuple(ATTRIBUTE_TYPES), path, default="text") or "text"
            type = ATTRIBUTE_TYPES[named]
            rest = {
                name: value for name, value in options.items() if name not in ("type", "label", "label_zh")
            }
            rule = self._rule(rest, path, ShapeField(key, type, key), mapping)
            found.append(
                AttributeRule(
                    Attribute(
                        key,
                        named,
                        self.typed(options, "label", str, path),
                        self.typed(options, "label_zh", str, path),
                    ),
                    type,
                    rule,
                )
            )
        return tuple(found)

    def _rule(self, content: Any, path: Path, field: ShapeField, mapping: Mapping) -> Rule:
        if isinstance(content, str | list):
            content = {"columns" if isinstance(content, list) else "column": content}
        if not isinstance(content, dict):
            self.problem("MAPPING_VALUE", "Give a column's name, or { value = ... } for a constant.", path)
            return Rule(path=path)
        self.known(content, RULE, path)
        column = self.typed(content, "column", str, path)
        columns = (column,) if column else self.names(content, "columns", path)
        given = [key for key in ("column", "columns", "value") if key in content]
        if len(given) != 1:
            self.problem("MAPPING_VALUE", "Give exactly one of column, columns and value.", path)
        value = self.text(content, "value", path)
        formats = self.strings(content, "format", path)
        values = self.table(content, "values", path) if "values" in content else None
        rule = Rule(
            columns=columns,
            value=value,
            join=self.typed(content, "join", str, path),
            formats=formats,
            zone=self.zone(content, path),
            unit=self.typed(content, "unit", str, path),
            null=self.texts(content, "null", path),
            values=None
            if values is None
            else {name.strip(): self.text(values, name, (*path, "values")) or "" for name in values},
            other=self.text(content, "other", path),
            default=self.text(content, "default", path),
            when=self._condition(content, path),
            scale=self._scale(content, path, field),
            optional=self.typed(content, "optional", bool, path) or False,
            path=path,
        )
        self._check_fit(rule, field, mapping)
        return rule

    def _check_fit(self, rule: Rule, field: ShapeField, mapping: Mapping) -> None:
        """What a rule says must suit the field's type, and its constants must convert."""
        path = rule.path
        if rule.unit is not None and rule.unit not in UNITS.get(field.type, ()):
            units = UNITS.get(field.type)
            known = f"its units are {', '.join(units)}" if units else f"a {field.type.value} has no unit"
            self.problem("MAPPING_VALUE", f"“{rule.unit}” does not fit: {known}.", (*path, "unit"))
            return
        if rule.formats and field.type is FieldType.DURATION and set(rule.formats) - set(DURATION_FORMATS):
            self.problem(
                "MAPPING_VALUE",
                f"A duration's format is one of {', '.join(DURATION_FORMATS)}.",
                (*path, "format"),
            )
            return
        if rule.formats and field.type not in (FieldType.MOMENT, FieldType.DURATION):
            self.problem("MAPPING_VALUE", "Only moments and durations have a format.", (*path, "format"))
        try:
            convert = converter(field, rule, mapping, Surroundings())
            single = converter(
                field, replace(rule, columns=(), values=None, default=None), mapping, Surroundings()
            )
            if rule.value is not None:
                constant(convert, rule)
            for name, text in (rule.values or {}).items():
                self._check_value(single, text, (*path, "values", name))
            self._check_value(single, rule.other, (*path, "other"))
            self._check_value(single, rule.default, (*path, "default"))
        except Invalid as fault:
            key = "format" if fault.code == "MAPPING_FORMAT" else "value"
            self.problem(fault.code, fault.message, (*path, key))

    def _check_value(self, convert: Any, text: str | None, path: Path) -> None:
        try:
            constant(convert, Rule(value=text or ""))
        except Invalid as fault:
            self.problem(fault.code, fault.message, path)

    def _condition(self, content: Map[str, Any], path: Path) -> Condition | None:
        if "when" not in content:
            return None
        inner = (*path, "when")
        table = self.table(content, "when", path)
        self.known(table, ("column", "is", "is_not"), inner)
        column = self.typed(table, "column", str, inner)
        if not column or ("is" in table) == ("is_not" in table):
            self.problem(
                "MAPPING_VALUE", 'Write it as when = { column = "...", is = ["..."] } (or is_not).', inner
            )
            return None
        negated = "is_not" in table
        return Condition(column, self.texts(table, "is_not" if negated else "is", inner), negated)

    def _scale(self, content: Map[str, Any], path: Path, field: ShapeField) -> tuple[Decimal, Decimal] | None:
        if "scale" not in content:
            return None
        ends = content["scale"]
        numbers = isinstance(ends, list) and all(
            isinstance(end, int | float) and not isinstance(end, bool) and abs(end) < 1e6 for end in ends
        )
        if not numbers or len(ends) != 2 or ends[0] == ends[1] or field.name != "score":
            self.problem(
                "MAPPING_VALUE",
                "A score's scale is its worst and best value, for instance [1, 5]; only “score” has one.",
                (*path, "scale"),
            )
            return None
        return Decimal(str(ends[0])), Decimal(str(ends[1]))


def _refusal(problems: list[Problem]) -> Invalid:
    return Invalid(_summary(problems), code="MAPPING_INVALID", problems=problems)


def _unreadable(message: str) -> Invalid:
    """Of a text that is no TOML nothing else can be said: what follows would be untrue."""
    return _refusal([Problem("MAPPING_SYNTAX", message, ())])


def _summary(problems: list[Problem]) -> str:
    first = problems[0]
    place = ".".join(map(str, first.path))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"The mapping has a mistake{f' at {place}' if place else ''}: {first.message}{more}"
