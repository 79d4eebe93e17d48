"""A tree to its one canonical text, with no parenthesis too many: `parse(format_formula(tree))` is the
tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

from backend.metrics.language.moving import Moving, Rolling
from backend.metrics.language.parser import COMPARISON, NOT, OR, PRECEDENCE, SIGN, SUM
from backend.metrics.language.tree import (
    Among,
    Binary,
    Call,
    Clauses,
    Conditional,
    Duration,
    Formula,
    KpiReference,
    Missing,
    Name,
    Node,
    Number,
    Text,
    Truth,
    Unary,
)

_ATOM = SIGN + 1
_STEPS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def format_formula(formula: Formula) -> str:
    """The canonical text of a whole formula."""
    return format_node(formula.body) + _clauses(formula.clauses)


def format_node(node: Node) -> str:
    """The canonical text of an expression or condition."""
    return _text(node, OR)


def split_duration(milliseconds: int) -> list[tuple[int, str]]:
    """Counts of units, largest first: one unit where two digits of it are enough (90 s), else several."""
    for unit, size in _STEPS:
        if milliseconds and milliseconds % size == 0 and milliseconds // size < 100:
            return [(milliseconds // size, unit)]
    steps, rest = [], milliseconds
    for unit, size in _STEPS:
        count, rest = divmod(rest, size)
        if count:
            steps.append((count, unit))
    return steps or [(0, "s")]


def format_duration(milliseconds: int) -> str:
    """90s, 2h, 7d, 2h31m."""
    return "".join(f"{count}{unit}" for count, unit in split_duration(milliseconds))


def format_number(value: Decimal) -> str:
    """Digits without exponent and without idle zeros: 0.2, 100."""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def format_text(value: str) -> str:
    """The text in double quotes, escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def _text(node: Node, at_least: int) -> str:
    written = _bare(node)
    return f"({written})" if _strength(node) < at_least else written


def _strength(node: Node) -> int:
    match node:
        case Binary(op=op):
            return PRECEDENCE[op]
        case Missing() | Among():
            return COMPARISON
        case Unary(op="not"):
            return NOT
        case Unary():
            return SIGN
        case _:
            return _ATOM


def _bare(node: Node) -> str:
    match node:
        case Number(value):
            return format_number(value)
        case Duration(milliseconds):
            return format_duration(milliseconds)
        case Text(value):
            return format_text(value)
        case Truth(value):
            return "true" if value else "false"
        case Name(path):
            return ".".join(path)
        case KpiReference(key):
            return f"@{key}"
        case Unary(op, operand):
            # `--x` would read as one sign; `not not x` reads well enough.
            return f"not {_text(operand, NOT)}" if op == "not" else f"-{_text(operand, _ATOM)}"
        case Binary(op, left, right):
            strength = PRECEDENCE[op]
            # Equal strength associates to the left, except that comparisons do not associate at all.
            before = strength + 1 if strength == COMPARISON else strength
            return f"{_text(left, before)} {op} {_text(right, strength + 1)}"
        case Missing(operand, negated):
            return f"{_text(operand, SUM)} is {'not ' if negated else ''}missing"
        case Among(operand, options, negated):
            listed = ", ".join(_text(option, SUM) for option in options)
            return f"{_text(operand, SUM)} {'not ' if negated else ''}in ({listed})"
        case Conditional(condition, then, otherwise):
            return f"if({', '.join(_text(part, OR) for part in (condition, then, otherwise))})"
        case Call(name, arguments, clauses):
            inside = ", ".join(_text(argument, OR) for argument in arguments) + _clauses(clauses)
            return f"{name}({inside.strip()})"
        case _:
            assert_never(node)


def format_moving(moving: Moving) -> str:
    """28d, month to date."""
    return format_duration(moving.milliseconds) if isinstance(moving, Rolling) else f"{moving.period} to date"


def _clauses(clauses: Clauses) -> str:
    written = f" where {_text(clauses.where, OR)}" if clauses.where is not None else ""
    return written + "".join(f" {clause}" for clause in trailing_clauses(clauses))


def trailing_clauses(clauses: Clauses) -> Iterator[str]:
    """All clauses but the condition, as they are written and in canonical order."""
    if clauses.anchor is not None:
        yield f"at {clauses.anchor}"
    if clauses.over is not None:
        yield f"over {format_moving(clauses.over)}"
    if clauses.state is not None:
        yield f"while {clauses.state}"
    if clauses.across:
        yield "across " + ", ".join(".".join(name.path) for name in clauses.across)
    if clauses.credit is not None:
        yield f"credited to {clauses.credit}"
    if clauses.including_excluded:
        yield "including excluded"
