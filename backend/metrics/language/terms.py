"""A value of one row while it is being bound, before it meets another; and how many of them a formula may
have.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.literals import is_storable, number_literal, scale_of
from backend.metrics.language.tree import Node, Span
from backend.metrics.language.types import Field, Kind, Origin, Type
from backend.metrics.language.units import unit_label

MAX_NODES = 2000  # of one formula with all KPIs it refers to; the longest built-in has some 40
MAX_RELATIONS = 8  # of the same; each looks up other rows for every row

_KINDS = {
    Kind.BOOLEAN: "a condition",
    Kind.TEXT: "a text",
    Kind.MOMENT: "a moment",
    Kind.DATE: "a date",
}


class Budget:
    """How many more nodes and relations may be bound; shared by a formula and the KPIs it refers to."""

    def __init__(self) -> None:
        self._left = MAX_NODES
        self._relations_left = MAX_RELATIONS

    def spend(self, span: Span, findings: Findings) -> bool:
        """Takes one node; False, with a diagnostic, when none is left."""
        self._left -= 1
        if self._left < 0:
            findings.add(
                Code.TOO_LARGE, span, f"The formula has more than {MAX_NODES:,} parts, KPIs included."
            )
        return self._left >= 0

    def relate(self, span: Span, findings: Findings) -> bool:
        """Takes one relation to other rows; False, with a diagnostic, when none is left."""
        self._relations_left -= 1
        if self._relations_left < 0:
            findings.add(
                Code.TOO_MANY_RELATIONS,
                span,
                f"The formula looks for other rows more than {MAX_RELATIONS} times, KPIs included.",
                hint="Each of them is looked up for every row; make do with fewer.",
            )
        return self._relations_left >= 0


@dataclass(frozen=True, slots=True)
class Use:
    """A field that was named, where, and who is to be told when it cannot be had."""

    field: Field
    span: Span
    findings: Findings


@dataclass(frozen=True, slots=True)
class Term:
    """A bound value.

    `constant` is the number, in shown units, of a term without fields; `text` the text of a literal;
    `field` the field of a term that is nothing else; `ratio`: rows were divided by one another.
    """

    row: Row
    type: Type
    node: Node
    constant: Decimal | None = None
    text: str | None = None
    field: Field | None = None
    ratio: bool = False

    @property
    def named(self) -> bool:
        """Whether it is kept as the id of an agent, a team, a customer ..."""
        return self.field is not None and self.field.origin is Origin.NAMED


def constant_term(value: Decimal, type_: Type, node: Node, findings: Findings) -> Term | None:
    """A number that was written down; None when exact integers cannot hold it."""
    if not is_storable(value):
        findings.add(Code.NUMBER_TOO_LARGE, node.span, "This number is too large or too fine.")
        return None
    scaled = Type(Kind.NUMBER, type_.unit, scale_of(value, type_.scale))
    return Term(number_literal(value, scaled, scaled.scale), scaled, node, value)


def joined(op: str, *conditions: Row) -> Row:
    """Conditions under one `and` or `or`, flat and each once."""
    flat: dict[Row, None] = {}
    for condition in conditions:
        if isinstance(condition, bound.Logic) and condition.op == op:
            flat.update(dict.fromkeys(condition.operands))
        else:
            flat[condition] = None
    return next(iter(flat)) if len(flat) == 1 else bound.Logic(op, tuple(flat))


def type_label(type_: Type) -> str:
    """The type with its article: “a text”, “a duration”."""
    return _KINDS.get(type_.kind) or unit_label(type_.unit)
