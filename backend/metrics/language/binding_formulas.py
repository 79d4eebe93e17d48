"""What has a value per cell: aggregates, numbers, KPI references, and the arithmetic that joins them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Context, Decimal, localcontext
from typing import assert_never

from backend.metrics.language.aggregates import AggregateBinder, Scope
from backend.metrics.language.arithmetic import needs_unit
from backend.metrics.language.binding_choices import CellConditions, in_unit, meet_values, units_differ
from backend.metrics.language.binding_clauses import bind_across, check_span, within
from backend.metrics.language.binding_rows import RowBinder
from backend.metrics.language.bound import Choice, Combined, Constant, Expression
from backend.metrics.language.crediting import check_rule
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import Gives, find_function
from backend.metrics.language.naming import report_field, report_function, suggest_aggregate
from backend.metrics.language.parser import MAX_DEPTH
from backend.metrics.language.references import References, report_broken
from backend.metrics.language.terms import Budget, joined
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
from backend.metrics.language.types import DURATION, NUMBER, RATIO, Kind, Type, Unit, Vocabulary
from backend.metrics.language.units import (
    POINTS,
    find_common,
    find_product,
    find_quotient,
    unit_label,
)

_PRECISE = Context(prec=28)
_HUNDRED = Decimal(100)
# What may be wrong with a reference although the KPI's own formula is right.
_OF_THE_REFERENCE = (
    Code.KPI_CIRCLE,
    Code.KPI_TOO_DEEP,
    Code.TOO_LARGE,
    Code.TOO_DEEP,
    Code.CREDIT_NOT_POSSIBLE,
    Code.CLAUSE_MISPLACED,
    Code.STATE_UNKNOWN,
)


class FormulaBinder:
    """Binds one formula: that which was asked for, or, with the keys that led to it in `path`, a KPI's."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        references: References,
        budget: Budget,
        findings: Findings,
        path: tuple[str, ...] = (),
    ) -> None:
        self._vocabulary = vocabulary
        self._references = references
        self._budget = budget
        self._findings = findings
        self._path = path
        self._aggregates = AggregateBinder(vocabulary, budget, findings)

    def bind(self, formula: Formula, outer: Scope, depth: int = 0) -> Expression | None:
        """The expression; None when it was refused. `outer` are the clauses around the reference to it."""
        before = len(self._findings)
        scope = self._scope(formula, outer)
        if scope is None:
            # what is wrong in the body is still worth saying, without the clauses that could not be read
            scope = Scope(clauses=replace(formula.clauses, where=None, credit=None))
        bound = self._expression(formula.body, scope, depth)
        if bound is None or len(self._findings) > before:
            return None
        anchor = formula.clauses.anchor
        if anchor is not None and not self._aggregates.anchored:
            self._findings.add(
                Code.ANCHOR_WITHOUT_EFFECT,
                formula.clauses.spans.get("at", formula.span),
                f"“at {anchor}” changes nothing here: KPIs keep their own anchors.",
                hint="Leave it out, or write the KPI's formula in place of its key.",
            )
            return None
        return bound

    def _scope(self, formula: Formula, outer: Scope) -> Scope | None:
        where, uses, own = outer.where, outer.uses, formula.clauses
        if not check_rule(own, formula.span, self._findings):
            return None
        if own.where is not None:
            rows = RowBinder(self._vocabulary, self._findings, self._budget)
            condition = rows.condition(own.where)
            if condition is None:
                return None
            where = condition if where is None else joined("and", condition, where)
            uses = (*rows.used, *uses)
        check_span(own, formula.span, self._findings)
        across = bind_across(own, self._vocabulary, self._findings) or outer.across
        return Scope(where, uses, across, _inherited(own, outer.clauses))

    def _expression(self, node: Node, scope: Scope, depth: int) -> Expression | None:
        if not self._budget.spend(node.span, self._findings):
            return None
        if depth > MAX_DEPTH:
            self._findings.add(
                Code.TOO_DEEP,
                node.span,
                f"With the KPIs it refers to, the formula is more than {MAX_DEPTH} levels deep.",
            )
            return None
        match node:
            case Number(value):
                return Constant(value, NUMBER)
            case Duration(milliseconds):
                return Constant(Decimal(milliseconds) / 1000, DURATION)
            case KpiReference():
                return self._reference(node, scope, depth)
            case Call():
                return self._call(node, scope)
            case Name():
                self._outside(node)
                return None
            case Unary(op="-", operand=operand):
                inner = self._expression(operand, scope, depth + 1)
                return inner and _negative(inner)
            case Binary("+" | "-" | "*" | "/"):
                left = self._expression(node.left, scope, depth + 1)
                right = self._expression(node.right, scope, depth + 1)
                return None if left is None or right is None else self._combined(node, left, right)
            case Conditional():
                return self._choice(node, scope, depth)
            case Text() | Truth() | Unary() | Binary() | Missing() | Among():
                self._no_number(node)
                return None
            case _:
                assert_never(node)

    def _choice(self, node: Conditional, scope: Scope, depth: int) -> Expression | None:
        def value(inner: Node) -> Expression | None:
            return self._expression(inner, scope, depth + 1)

        condition = CellConditions(value, self._findings).bind(node.condition)
        then, otherwise = value(node.then), value(node.otherwise)
        if condition is None or then is None or otherwise is None:
            return None
        met = meet_values(then, otherwise)
        if met is None:
            units_differ(node.otherwise.span, then, otherwise, self._findings)
            return None
        return Choice(condition, *met, met[0].type)

    def _reference(self, node: KpiReference, scope: Scope, depth: int) -> Expression | None:
        formula = self._references.find(node, self._path, self._findings)
        if formula is None:
            return None
        inside = Findings()
        path = (*self._path, node.key)
        binder = FormulaBinder(self._vocabulary, self._references, self._budget, inside, path)
        bound = binder.bind(formula, scope, depth + 1)
        if inside:
            first = inside.all()[0]
            if first.code in _OF_THE_REFERENCE:
                self._findings.add(first.code, node.span, first.message, hint=first.hint)
            else:
                report_broken(node, first.message, self._findings)
        return bound

    def _call(self, node: Call, scope: Scope) -> Expression | None:
        found = find_function(node.name)
        if found is None:
            report_function(node.name, node.span, self._findings)
            return None
        function, percentile = found
        if function.on_rows:
            aggregate = "share" if function.gives is Gives.CONDITION else "avg"
            self._report_outside(node, f"{aggregate}({format_node(node)})")
            return None
        return self._aggregates.bind(node, function, percentile, scope)

    def _outside(self, node: Name) -> None:
        field = self._vocabulary.find_field(node.path)
        if field is None:
            report_field(node, self._vocabulary, self._findings)
        else:
            self._report_outside(node, suggest_aggregate(field))

    def _report_outside(self, node: Node, instead: str) -> None:
        self._findings.add(
            Code.FIELD_OUTSIDE_AGGREGATE,
            node.span,
            f"{format_node(node)} has a value per row; a KPI has one for many rows.",
            hint=f"Write {instead}, say.",
        )

    def _no_number(self, node: Node) -> None:
        hint = "Put a condition into share(…) or count(where …)."
        if isinstance(node, Text):
            hint = "Texts stand in conditions only."
        self._findings.add(
            Code.RESULT_NOT_NUMBER,
            node.span,
            f"{format_node(node)} is no number that a KPI could have.",
            hint=hint,
        )

    def _combined(self, node: Binary, left: Expression, right: Expression) -> Expression | None:
        if node.op == "/" and isinstance(right, Constant) and right.value == 0:
            self._findings.add(Code.DIVISION_BY_ZERO, node.right.span, "Nothing can be divided by zero.")
            return None
        type_ = _type_of(node.op, left, right)
        if type_ is None:
            self._units_differ(node, left, right)
            return None
        if isinstance(left, Constant) and isinstance(right, Constant):
            return self._folded(node, left, right, type_)
        return Combined(node.op, _as(left, type_, node.op), _as(right, type_, node.op), type_)

    def _folded(self, node: Binary, left: Constant, right: Constant, type_: Type) -> Expression | None:
        with localcontext(_PRECISE):
            one, other = left.value, right.value
            match node.op:
                case "+":
                    value = one + other
                case "-":
                    value = one - other
                case "*":
                    value = one * other
                case _:
                    value = one / other
        if value and not -30 < value.adjusted() < 30:
            self._findings.add(Code.NUMBER_TOO_LARGE, node.span, "This number is too large or too fine.")
            return None
        return Constant(value, type_)

    def _units_differ(self, node: Binary, left: Expression, right: Expression) -> None:
        for plain, other, side in ((left, right, node.left), (right, left, node.right)):
            written = isinstance(plain, Constant) and plain.type.unit is Unit.NONE
            if written and other.type.unit is Unit.DURATION and node.op in "+-":
                assert isinstance(plain, Constant)
                needs_unit(plain.value, side.span, self._findings)
                return
        hint = None
        if node.op == "/" and right.type.unit is Unit.DURATION:
            hint = "Say per how long: … / (sum(handle_time) / 1h)."
        verb = {"+": "added to", "-": "subtracted from", "*": "multiplied by", "/": "divided by"}[node.op]
        first, second = unit_label(left.type.unit), unit_label(right.type.unit)
        if node.op in "+-":
            first, second = second, first
        self._findings.add(
            Code.UNITS_DIFFER,
            node.span,
            f"{first.capitalize()} cannot be {verb} {second}.",
            hint=hint,
        )


def _inherited(own: Clauses, outer: Clauses) -> Clauses:
    """The clauses of a formula, with those around its reference where it has none; the anchor is its own."""
    spans = {word: span for word, span in outer.spans.items() if word != "at"}
    return replace(within(own, replace(outer, anchor=None, spans=spans)), where=None)


def _type_of(op: str, left: Expression, right: Expression) -> Type | None:
    if op == "/":
        quotient = find_quotient(left.type, right.type, constant=isinstance(right, Constant))
        # 100 * a / b means what 100 * (a / b) means
        return POINTS if quotient == RATIO and _is_hundredfold(left) else quotient
    if op == "*":
        for one, other in ((left, right), (right, left)):
            # a share of a hundred is said in points
            if isinstance(one, Constant) and one.value == _HUNDRED and other.type.unit is Unit.RATIO:
                return POINTS if one.type.unit is Unit.NONE else None
        return find_product(left.type, right.type)
    common = find_common(left.type, right.type)
    for one, other in ((left, right), (right, left)):
        if common is None and isinstance(one, Constant) and one.type.unit is Unit.NONE:
            common = other.type if other.type.unit is Unit.MONEY else None
    return common


def _is_hundredfold(expression: Expression) -> bool:
    return (
        isinstance(expression, Combined)
        and expression.op == "*"
        and any(
            isinstance(side, Constant) and side.value == _HUNDRED and side.type.unit is Unit.NONE
            for side in (expression.left, expression.right)
        )
    )


def _as(expression: Expression, type_: Type, op: str) -> Expression:
    return in_unit(expression, type_) if op in "+-" else expression


def _negative(expression: Expression) -> Expression:
    if isinstance(expression, Constant):
        return Constant(-expression.value, expression.type)
    zero = Constant(Decimal(0), Type(Kind.NUMBER, expression.type.unit, expression.type.scale))
    return Combined("-", zero, expression, expression.type)
