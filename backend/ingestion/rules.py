"""What a mapping says, as values: which column is which field of a record, and how its cells are read.

`mapping.load` makes them from text and checks them; nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from decimal import Decimal

from backend.ingestion.formats.options import FileOptions
from backend.ingestion.shapes import FieldType
from backend.interactions.attributes import Attribute

# The field without which a row has no such record; where a mapping does not fill it, the first it fills.
TELLING = {
    "survey": "score",
    "event": "happened",
    "qa_review": "score",
    "agent_activity": "state",
    "article_view": "article",
    "order": "amount",
    "sla": "applied",
    "agent": "external_id",
    "customer": "external_id",
    "interaction": "external_id",
}

# The scale that scores are brought to when a mapping gives the source's own scale.
SCALES = {"csat": (1, 5), "ces": (1, 7), "nps": (0, 10), "qa_review": (0, 100)}


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds where the column's text is (or, negated, is not) one of some texts."""

    column: str
    texts: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is filled: a constant `value`, or one or several columns and how to read them.

    `null` are texts that mean missing besides the mapping's own, `values` maps texts, `other` stands for
    those it does not list ("" means missing; None leaves them as they are), `default` for missing ones.
    """

    columns: tuple[str, ...] = ()
    value: str | None = None
    join: str | None = None
    formats: tuple[str, ...] = ()
    zone: str | None = None
    unit: str | None = None
    null: frozenset[str] = frozenset()
    values: Map[str, str] | None = None
    other: str | None = None
    default: str | None = None
    when: Condition | None = None
    scale: tuple[Decimal, Decimal] | None = None
    optional: bool = False
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordRules:
    """The rules for one kind of record. `present` is the field that tells whether a row has such a record."""

    kind: str
    rules: Map[str, Rule]
    present: str


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """A tenant-defined field of an interaction: registered under its key, filled by its rule."""

    attribute: Attribute
    type: FieldType
    rule: Rule


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. The first of `records` is the main kind; `text` is what it was loaded from."""

    source: str
    records: tuple[RecordRules, ...]
    attributes: tuple[AttributeRule, ...] = ()
    file: FileOptions = field(default_factory=FileOptions)
    zone: str | None = None
    null: frozenset[str] = frozenset()
    day_first: bool | None = None
    decimal: str = "."
    midnight_rolls: bool = False
    text: str = ""

    @property
    def kind(self) -> str:
        """The kind of the main record of each row."""
        return self.records[0].kind

    def columns(self) -> dict[str, bool]:
        """Every column the mapping reads, in order, and whether the file may lack it."""
        found: dict[str, bool] = {}
        rules = [rule for record in self.records for rule in record.rules.values()]
        for rule in [*rules, *(attribute.rule for attribute in self.attributes)]:
            named = [*rule.columns, *([rule.when.column] if rule.when else [])]
            for name in named:
                found[name] = found.get(name, True) and rule.optional
        return found
