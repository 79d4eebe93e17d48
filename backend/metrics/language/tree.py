"""What the parser makes of a text: frozen nodes, each with its place. Position does not count in equality."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple


class Span(NamedTuple):
    """Characters [start, end) of the formula's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """A plain number, exact: 0.2, 100."""

    value: Decimal
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration literal in whole milliseconds: 30s, 5m, 2h, 7d, 1h30m."""

    milliseconds: int
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A text literal in double or single quotes."""

    value: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """true or false."""

    value: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A field: `channel`, `survey.score`."""

    path: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class KpiReference:
    """@key: the formula of another KPI."""

    key: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    op: str
    operand: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """+ - * / = != < <= > >= and or contains."""

    op: str
    left: Node
    right: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """`x is missing`, `x is not missing`."""

    operand: Node
    negated: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Among:
    """`x in (a, b)`, `x not in (a, b)`."""

    operand: Node
    options: tuple[Node, ...]
    negated: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """if(condition, then, otherwise)."""

    condition: Node
    then: Node
    otherwise: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function: an aggregate (`avg(x where y)`) or one on a row (`contacted_again_within(24h)`).

    `name` is as written (in lower case), so p90 and exact_p99.9 keep their percentile in it. `anchor` is
    the one named inside the parentheses: `count(at resolved)`.
    """

    name: str
    arguments: tuple[Node, ...]
    where: Node | None
    including_excluded: bool
    span: Span = field(compare=False)
    anchor: str | None = None
    anchor_span: Span | None = field(compare=False, default=None)


Node = (
    Number
    | Duration
    | Text
    | Truth
    | Name
    | KpiReference
    | Unary
    | Binary
    | Missing
    | Among
    | Conditional
    | Call
)


@dataclass(frozen=True, slots=True)
class Formula:
    """A whole formula; what trails it (`where ..`, `at anchor`, `including excluded`) holds for every
    aggregate.
    """

    body: Node
    where: Node | None
    anchor: str | None
    including_excluded: bool
    span: Span = field(compare=False)
    anchor_span: Span | None = field(compare=False, default=None)
