"""Comparisons on one row: both sides in one stored form, texts checked against what the field can be."""

from __future__ import annotations

from collections.abc import Sequence

from backend.metrics.language import bound
from backend.metrics.language.arithmetic import meet
from backend.metrics.language.bound import Row
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.fields import ORDERED_TEXTS
from backend.metrics.language.formatter import format_node
from backend.metrics.language.literals import bind_text, scale_of
from backend.metrics.language.terms import Term, type_label
from backend.metrics.language.tree import Among, Binary, Span
from backend.metrics.language.types import BOOLEAN, MOMENT, TEXT, Kind, Origin


def compare(node: Binary, left: Term, right: Term, findings: Findings) -> Term | None:
    """= != < <= > >= contains."""
    if node.op == "contains":
        for term in (left, right):
            if term.type != TEXT or term.named:
                _wrong_operator(node, term, findings)
                return None
        return Term(bound.Compare(node.op, left.row, right.row), BOOLEAN, node)
    rows = _alike(left, right, findings)
    if rows is None:
        return None
    if node.op not in ("=", "!=") and not _is_ordered(left, right):
        _wrong_operator(node, left, findings)
        return None
    return Term(bound.Compare(node.op, *rows), BOOLEAN, node)


def among(node: Among, operand: Term, options: Sequence[Term], findings: Findings) -> Term | None:
    """`in` and `not in` a list of values that are written down."""
    row, literals = operand.row, []
    scale = max((scale_of(term.constant) for term in options if term.constant is not None), default=1)
    for term in options:
        if not isinstance(term.row, bound.Literal):
            findings.add(
                Code.ARGUMENT_TYPE,
                term.node.span,
                "A list holds values that are written down.",
                hint='Write channel in ("chat", "call").',
            )
            return None
        rows = _alike(operand, term, findings, scale=scale)
        if rows is None:
            return None
        row = rows[0]
        assert isinstance(rows[1], bound.Literal)
        literals.append(rows[1])
    return Term(bound.OneOf(row, tuple(dict.fromkeys(literals)), node.negated), BOOLEAN, node)


def report_types(span: Span, left: Term, right: Term, findings: Findings) -> None:
    """Says that two sides are of different types."""
    hint = None
    if left.type == TEXT and right.constant is not None:
        hint = f'Text goes in quotes: "{format_node(right.node)}".'
    elif left.type.kind is Kind.NUMBER and right.text is not None:
        hint = "A number stands without quotes."
    elif left.type == MOMENT and right.text is not None:
        hint = 'Compare the date: date >= "2021-02-01".'
    elif left.type == BOOLEAN and left.field is not None:
        hint = f"Write {left.field.name}, or not {left.field.name}."
    findings.add(
        Code.TYPES_DIFFER,
        span,
        f"{format_node(left.node)} is {type_label(left.type)}, "
        f"{format_node(right.node)} is {type_label(right.type)}.",
        hint=hint,
    )


def _alike(left: Term, right: Term, findings: Findings, *, scale: int = 1) -> tuple[Row, Row] | None:
    """Both sides in one stored form."""
    for one, other in ((left, right), (right, left)):
        other_row: Row | None = None
        if one.field is not None and other.text is not None and one.type.kind in (Kind.TEXT, Kind.DATE):
            other_row = bind_text(other.text, one.field, other.node.span, findings)
            if other_row is None:
                return None
        elif one.type == BOOLEAN and other.type == MOMENT and other.field is not None:
            other_row = bound.Happened(other.field)
        if other_row is not None:
            return (one.row, other_row) if one is left else (other_row, one.row)
    if left.type.kind is not right.type.kind:
        report_types(right.node.span, left, right, findings)
        return None
    if left.type.kind is Kind.NUMBER:
        met = meet(left, right, findings, scale=scale)
        return met and met[0]
    if left.named or right.named:
        # what is kept is an id, and the same id means something else in another table
        findings.add(
            Code.OPERATOR_NOT_FOR_TYPE,
            right.node.span,
            "Agents, teams, queues, customers, issue types and products are compared with texts only.",
            hint='Write agent = "a-17".',
        )
        return None
    return left.row, right.row


def _is_ordered(left: Term, right: Term) -> bool:
    if left.type.kind is Kind.BOOLEAN:
        return False
    if left.type.kind is not Kind.TEXT and right.type.kind is not Kind.TEXT:
        return True
    fields = [term.field for term in (left, right) if term.field is not None]
    return bool(fields) and all(
        field.type.kind is Kind.DATE or (field.origin is Origin.CALENDAR and field.column in ORDERED_TEXTS)
        for field in fields
    )


def _wrong_operator(node: Binary, term: Term, findings: Findings) -> None:
    what = "is compared by its external id" if term.named else f"is {type_label(term.type)}"
    findings.add(
        Code.OPERATOR_NOT_FOR_TYPE,
        node.span,
        f"“{node.op}” does not work on {format_node(term.node)}, which {what}.",
        hint="Use = or != or in." if term.type.kind is Kind.TEXT else None,
    )
