"""Names and values of one row: fields, conditions and arithmetic inside an aggregate or after `where`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from backend.metrics.language import arithmetic, bound, comparisons
from backend.metrics.language.bound import Row
from backend.metrics.language.business import bind_business, takes_one_span
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import Function, Takes, find_function
from backend.metrics.language.naming import report_field, report_function, suggest_condition
from backend.metrics.language.relations import RelationBinder
from backend.metrics.language.terms import Budget, Term, Use, constant_term, joined, type_label
from backend.metrics.language.tree import (
    Among,
    Binary,
    Call,
    Conditional,
    Duration,
    KpiReference,
    Missing,
    Name,
    Node,
    Number,
    Text,
    Truth,
    Unary,
)
from backend.metrics.language.types import (
    BOOLEAN,
    DURATION,
    MOMENT,
    NUMBER,
    TEXT,
    Field,
    Kind,
    Vocabulary,
)


class RowBinder:
    """Binds one row expression; `used` collects its fields. `aggregate` is the function around it, None in
    `where`. `other`: the row is the other one of a relation.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        findings: Findings,
        budget: Budget,
        aggregate: Function | None = None,
        *,
        other: bool = False,
    ) -> None:
        self._vocabulary = vocabulary
        self._findings = findings
        self._budget = budget
        self._aggregate = aggregate
        self._other = other
        self.used: list[Use] = []

    def condition(self, node: Node) -> Row | None:
        """A condition; None when it was refused."""
        term = self.term(node)
        if term is None:
            return None
        if term.type == BOOLEAN:
            return term.row
        if term.type == MOMENT and term.field is not None:
            return bound.Happened(term.field)
        hint = None
        if term.field is not None:
            hint = f"Write {suggest_condition(term.field)}, say."
        elif term.type.kind is Kind.NUMBER and term.constant is None:
            hint = f"Compare it: {format_node(node)} > …"
        self._findings.add(
            Code.CONDITION_EXPECTED,
            node.span,
            f"A condition was expected; {format_node(node)} is {type_label(term.type)}.",
            hint=hint,
        )
        return None

    def term(self, node: Node) -> Term | None:
        """A value of any type; None when it was refused."""
        if not self._budget.spend(node.span, self._findings):
            return None
        match node:
            case Number(value):
                return constant_term(value, NUMBER, node, self._findings)
            case Duration(milliseconds):
                return constant_term(Decimal(milliseconds) / 1000, DURATION, node, self._findings)
            case Text(value):
                return Term(bound.Literal(value, TEXT), TEXT, node, text=value)
            case Truth(value):
                return Term(bound.Literal(value, BOOLEAN), BOOLEAN, node)
            case Name():
                return self._field(node)
            case KpiReference() | Call():
                return self._called(node)
            case Unary(op="not", operand=operand):
                condition = self.condition(operand)
                return None if condition is None else Term(bound.Not(condition), BOOLEAN, node)
            case Unary(operand=operand):
                term = self.term(operand)
                return term and arithmetic.negate(node, term, self._findings)
            case Binary():
                return self._binary(node)
            case Missing(operand, negated):
                term = self.term(operand)
                return term and Term(bound.IsMissing(term.row, negated), BOOLEAN, node)
            case Among():
                return self._among(node)
            case Conditional():
                return self._choice(node)
            case _:
                assert_never(node)

    def _field(self, node: Name, *, beside: Field | None = None) -> Term | None:
        field = self._vocabulary.find_field(node.path)
        if field is None:
            report_field(node, self._vocabulary, self._findings, beside=beside)
            return None
        self.used.append(Use(field, node.span, self._findings))
        return Term(bound.FieldValue(field, field.type), field.type, node, field=field)

    def _binary(self, node: Binary) -> Term | None:
        if node.op in ("and", "or"):
            first, second = self.condition(node.left), self.condition(node.right)
            if first is None or second is None:
                return None
            return Term(joined(node.op, first, second), BOOLEAN, node)
        left, right = self._sides(node)
        if left is None or right is None:
            return None
        if node.op in "+-*/":
            return arithmetic.combine(node, left, right, self._findings)
        return comparisons.compare(node, left, right, self._findings)

    def _sides(self, node: Binary) -> tuple[Term | None, Term | None]:
        """Both sides; an unknown name beside a text field is taken for a text without quotes."""
        if isinstance(node.left, Name) and self._vocabulary.find_field(node.left.path) is None:
            right = self.term(node.right)
            return self._beside(node.left, right), right
        left = self.term(node.left)
        return left, self._beside(node.right, left)

    def _beside(self, node: Node, other: Term | None) -> Term | None:
        field = other.field if other is not None else None
        if isinstance(node, Name) and field is not None and field.type == TEXT:
            return self._field(node, beside=field)
        return self.term(node)

    def _among(self, node: Among) -> Term | None:
        operand = self.term(node.operand)
        options = [self._beside(option, operand) for option in node.options]
        known = [option for option in options if option is not None]
        if operand is None or len(known) < len(options):
            return None
        return comparisons.among(node, operand, known, self._findings)

    def _choice(self, node: Conditional) -> Term | None:
        condition = self.condition(node.condition)
        then, otherwise = self.term(node.then), self.term(node.otherwise)
        if condition is None or then is None or otherwise is None:
            return None
        if then.type.kind is not otherwise.type.kind:
            comparisons.report_types(node.otherwise.span, then, otherwise, self._findings)
            return None
        if then.named or otherwise.named:
            self._findings.add(
                Code.OPERATOR_NOT_FOR_TYPE,
                node.span,
                "Agents, teams, queues, customers, issue types and products cannot be chosen by “if”.",
            )
            return None
        rows, type_ = (then.row, otherwise.row), then.type
        if then.type.kind is Kind.NUMBER:
            met = arithmetic.meet(then, otherwise, self._findings)
            if met is None:
                return None
            rows, type_ = met
        ratio = then.ratio or otherwise.ratio
        return Term(bound.Choose(condition, *rows, type_), type_, node, ratio=ratio)

    def _called(self, node: Call | KpiReference) -> Term | None:
        if isinstance(node, Call):
            found = find_function(node.name)
            if found is None:
                report_function(node.name, node.span, self._findings)
                return None
            if found[0].takes is Takes.SPAN:
                return self._business(node, found[0])
            if found[0].on_rows:
                return self._relation(node, found[0])
        written = format_node(node)
        if self._aggregate is None:
            self._findings.add(
                Code.AGGREGATE_IN_CONDITION,
                node.span,
                f"A condition looks at one row; {written} looks at many.",
                hint="Compare with a number, as in handle_time > 5m.",
            )
        else:
            self._findings.add(
                Code.AGGREGATE_NESTED,
                node.span,
                f"{self._aggregate.name} cannot be taken of {written}: "
                "a mean of means weighs small groups too much.",
                hint=f"Write {written} alone; it is taken over all rows at once.",
            )
        return None

    def _business(self, node: Call, function: Function) -> Term | None:
        if not takes_one_span(node, self._findings):
            return None
        term = self.term(node.arguments[0])
        if term is None:
            return None
        # Working hours are those of a queue or a team, so only rows that reach one have any.
        self.used.append(Use(self._vocabulary.fields["team"], node.span, self._findings))
        return bind_business(node, function, term, self._vocabulary, self._findings)

    def _relation(self, node: Call, function: Function) -> Term | None:
        nested = None if self._other else self._on_another
        relations = RelationBinder(self._vocabulary, self._findings, self._budget, self.used, nested)
        row = relations.bind(node, function)
        return None if row is None else Term(row, BOOLEAN, node)

    def _on_another(self, node: Node) -> tuple[Row | None, Sequence[Use]]:
        """A condition on the other row of a relation, and the fields that it names."""
        rows = RowBinder(self._vocabulary, self._findings, self._budget, other=True)
        return rows.condition(node), rows.used
