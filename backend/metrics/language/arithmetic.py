"""Arithmetic on the values of one row: units are checked, scales brought together, written numbers folded."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.formatter import format_node, format_number
from backend.metrics.language.literals import MAX_SCALE, number_literal
from backend.metrics.language.terms import Term, constant_term, type_label
from backend.metrics.language.tree import Binary, Span, Unary
from backend.metrics.language.types import BOOLEAN, DURATION, MOMENT, Kind, Type, Unit
from backend.metrics.language.units import find_common, find_product, find_quotient, unit_label

# Twice the digits a number may have, so that a product is exact before it is judged.
_EXACT = Context(prec=60)
QUOTIENT_SCALE = 1_000_000  # the quotient of a row is rounded to so many parts


def negate(node: Unary, term: Term, findings: Findings) -> Term | None:
    """-x of a number."""
    if not _is_number(term, findings):
        return None
    if term.constant is not None:
        return constant_term(-term.constant, term.type, node, findings)
    zero = number_literal(Decimal(0), term.type, term.type.scale)
    return Term(bound.Arithmetic("-", zero, term.row, term.type), term.type, node, ratio=term.ratio)


def combine(node: Binary, left: Term, right: Term, findings: Findings) -> Term | None:
    """+ - * / of two numbers, or the time between two moments."""
    if MOMENT in (left.type, right.type):
        return _between(node, left, right, findings)
    if not _is_number(left, findings) or not _is_number(right, findings):
        return None
    if node.op == "/":
        return _quotient(node, left, right, findings)
    if left.constant is not None and right.constant is not None:
        return _folded(node, left, right, left.constant, right.constant, findings)
    if node.op == "*":
        return _product(node, left, right, findings)
    met = meet(left, right, findings)
    if met is None:
        return None
    rows, type_ = met
    return Term(bound.Arithmetic(node.op, *rows, type_), type_, node, ratio=left.ratio or right.ratio)


def meet(
    left: Term, right: Term, findings: Findings, *, scale: int = 1
) -> tuple[tuple[Row, Row], Type] | None:
    """Two numbers in one unit and scale, and the type both then have; None when their units do not meet."""
    common = find_common(left.type, right.type)
    for plain, other in ((left, right), (right, left)):
        if common is None and plain.constant is not None and plain.type.unit is Unit.NONE:
            if other.type.unit is Unit.DURATION:
                needs_unit(plain.constant, plain.node.span, findings)
                return None
            common = other.type  # money: a plain number is an amount of it
    if common is None:
        _units_differ(right.node.span, left, right, findings)
        return None
    type_ = Type(Kind.NUMBER, common.unit, max(scale, left.type.scale, right.type.scale))
    return (_at_scale(left, type_), _at_scale(right, type_)), type_


def needs_unit(value: Decimal, span: Span, findings: Findings) -> None:
    """Says that a plain number stands where a duration must."""
    number = format_number(value)
    findings.add(
        Code.DURATION_NEEDS_UNIT,
        span,
        f"{number} what? A duration needs its unit.",
        hint=f"Write {number}s for seconds, {number}m for minutes or {number}h for hours.",
    )


def _is_number(term: Term, findings: Findings) -> bool:
    if term.type.kind is Kind.NUMBER:
        return True
    written = format_node(term.node)
    findings.add(
        Code.VALUE_EXPECTED,
        term.node.span,
        f"Arithmetic needs numbers; {written} is {type_label(term.type)}.",
        hint=f"Write if({written}, 1, 0)." if term.type in (BOOLEAN, MOMENT) else None,
    )
    return False


def _between(node: Binary, left: Term, right: Term, findings: Findings) -> Term | None:
    if node.op == "-" and left.type == right.type:
        return Term(bound.Arithmetic("-", left.row, right.row, DURATION), DURATION, node)
    findings.add(
        Code.OPERATOR_NOT_FOR_TYPE,
        node.span,
        "With moments there is only the time between two of them.",
        hint="Write resolved - started > 2h.",
    )
    return None


def _folded(
    node: Binary, left: Term, right: Term, one: Decimal, other: Decimal, findings: Findings
) -> Term | None:
    with localcontext(_EXACT):
        if node.op == "*":
            type_, value = find_product(left.type, right.type), one * other
        else:
            type_ = find_common(left.type, right.type)
            value = one + other if node.op == "+" else one - other
        if type_ is None:
            if Unit.DURATION in (left.type.unit, right.type.unit) and node.op != "*":
                plain = left if left.type.unit is Unit.NONE else right
                needs_unit(one if plain is left else other, plain.node.span, findings)
            else:
                _units_differ(right.node.span, left, right, findings)
            return None
        scale = 1000 if type_.unit is Unit.DURATION else 1
        return constant_term(value, Type(Kind.NUMBER, type_.unit, scale), node, findings)


def _quotient(node: Binary, left: Term, right: Term, findings: Findings) -> Term | None:
    if right.constant == 0:
        findings.add(Code.DIVISION_BY_ZERO, right.node.span, "Nothing can be divided by zero.")
        return None
    type_ = find_quotient(left.type, right.type, constant=right.constant is not None)
    if type_ is None:
        _units_differ(right.node.span, left, right, findings)
        return None
    type_ = Type(Kind.NUMBER, type_.unit, QUOTIENT_SCALE)
    ratio = right.constant is None or left.ratio or right.ratio
    return Term(bound.Quotient(left.row, right.row, type_), type_, node, ratio=ratio)


def _product(node: Binary, left: Term, right: Term, findings: Findings) -> Term | None:
    type_ = find_product(left.type, right.type)
    if type_ is None:
        _units_differ(right.node.span, left, right, findings)
        return None
    scale = left.type.scale * right.type.scale
    if scale > MAX_SCALE:
        findings.add(Code.NUMBER_TOO_LARGE, node.span, "This product has more than nine decimals.")
        return None
    type_ = Type(Kind.NUMBER, type_.unit, scale)
    row = bound.Arithmetic("*", left.row, right.row, type_)
    return Term(row, type_, node, ratio=left.ratio or right.ratio)


def _at_scale(term: Term, type_: Type) -> Row:
    if term.constant is not None:
        return number_literal(term.constant, type_, type_.scale)
    factor = type_.scale // term.type.scale
    return term.row if factor == 1 else bound.Scaled(term.row, factor, type_)


def _units_differ(span: Span, left: Term, right: Term, findings: Findings) -> None:
    findings.add(
        Code.UNITS_DIFFER,
        span,
        f"{format_node(left.node)} is {unit_label(left.type.unit)}, "
        f"{format_node(right.node)} is {unit_label(right.type.unit)}.",
    )
