"""What the parser makes of a text: frozen nodes, each with its place. Position does not count in equality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from backend.metrics.language.moving import Moving


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
class Clauses:
    """What may trail an aggregate inside its parentheses, or a whole formula; each clause once.

    `where ..`, `at resolved`, `over 28d`, `while open`, `across issue_type`, `credited to last`,
    `including excluded`. `spans` has the place of each that is there, by its first word.
    """

    where: Node | None = None
    anchor: str | None = None
    over: Moving | None = None
    state: str | None = None
    across: tuple[Name, ...] = ()
    credit: str | None = None
    including_excluded: bool = False
    spans: Mapping[str, Span] = field(compare=False, default_factory=dict)

    def __bool__(self) -> bool:
        return self != NO_CLAUSES


@dataclass(frozen=True, slots=True)
class Call:
    """A function: an aggregate (`avg(x where y)`) or one on a row (`contacted_again_within(24h)`).

    `name` is as written (in lower case), so p90 and exact_p99.9 keep their percentile in it.
    """

    name: str
    arguments: tuple[Node, ...]
    clauses: Clauses
    span: Span = field(compare=False)


NO_CLAUSES = Clauses()

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
    """A whole formula; the clauses that trail it hold for every aggregate that has none of its own."""

    body: Node
    clauses: Clauses
    span: Span = field(compare=False)
