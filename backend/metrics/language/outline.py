"""A formula's tree as an indented text, a line for each node: for people who want to see how it was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from backend.metrics.language.formatter import (
    format_duration,
    format_number,
    format_text,
    trailing_clauses,
)
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

_INDENT = "  "

_Parts = list[tuple[str, Node]]  # each with the part it plays, empty where its place says it


def outline(formula: Formula) -> str:
    """The tree of a formula, what is within a node indented below it."""
    parts: _Parts = [("", formula.body)]
    if formula.clauses.where is not None:
        parts.append(("where ", formula.clauses.where))
    return "\n".join(_lines("formula" + _trailing(formula.clauses), parts, 0))


def _lines(title: str, parts: _Parts, depth: int) -> Iterator[str]:
    yield _INDENT * depth + title
    for role, node in parts:
        named, within = _node(node)
        yield from _lines(role + named, within, depth + 1)


def _node(node: Node) -> tuple[str, _Parts]:
    """What a node is, and the nodes within it."""
    match node:
        case Number():
            return f"number {format_number(node.value)}", []
        case Duration():
            return f"duration {format_duration(node.milliseconds)}", []
        case Text():
            return f"text {format_text(node.value)}", []
        case Truth():
            return "true" if node.value else "false", []
        case Name():
            return f"field {'.'.join(node.path)}", []
        case KpiReference():
            return f"KPI @{node.key}", []
        case Unary():
            return f"operator {node.op}", [("", node.operand)]
        case Binary():
            return f"operator {node.op}", [("", node.left), ("", node.right)]
        case Missing():
            return "is not missing" if node.negated else "is missing", [("", node.operand)]
        case Among():
            options: _Parts = [("option ", option) for option in node.options]
            return "not in" if node.negated else "in", [("", node.operand), *options]
        case Conditional():
            return "if", [
                ("condition ", node.condition),
                ("then ", node.then),
                ("otherwise ", node.otherwise),
            ]
        case Call():
            parts: _Parts = [("", argument) for argument in node.arguments]
            if node.clauses.where is not None:
                parts.append(("where ", node.clauses.where))
            return f"function {node.name}{_trailing(node.clauses)}", parts
        case _:
            assert_never(node)


def _trailing(clauses: Clauses) -> str:
    return "".join(f", {clause}" for clause in trailing_clauses(clauses))
