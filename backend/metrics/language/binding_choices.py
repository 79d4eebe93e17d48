"""`if` on the values of a cell: its condition, and how two values come to one unit."""

from __future__ import annotations

from collections.abc import Callable

from backend.metrics.language.bound import (
    CellCompare,
    CellLogic,
    CellMissing,
    CellNot,
    Condition,
    Constant,
    Expression,
)
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.formatter import format_node
from backend.metrics.language.tree import Binary, Missing, Name, Node, Span, Unary
from backend.metrics.language.types import Type, Unit
from backend.metrics.language.units import find_common, unit_label

_COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">="))


class CellConditions:
    """Binds conditions on cells; `value` binds what is compared."""

    def __init__(self, value: Callable[[Node], Expression | None], findings: Findings) -> None:
        self._value = value
        self._findings = findings

    def bind(self, node: Node) -> Condition | None:
        """The condition; None when it was refused."""
        match node:
            case Unary(op="not", operand=operand):
                inner = self.bind(operand)
                return None if inner is None else CellNot(inner)
            case Binary(op="and" | "or"):
                left, right = self.bind(node.left), self.bind(node.right)
                return None if left is None or right is None else CellLogic(node.op, left, right)
            case Binary(op=op) if op in _COMPARISONS:
                return self._comparison(node)
            case Missing(operand, negated):
                value = self._value(operand)
                return None if value is None else CellMissing(value, negated)
        hint = "Compare values: if(count() >= 30, @csat, @csat_mean)."
        if isinstance(node, Name):
            hint = "To choose for each row, put “if” into an aggregate: sum(if(answered, 1, 0))."
        message = f"A condition on the KPI's own values was expected; {format_node(node)} is none."
        self._findings.add(Code.CONDITION_EXPECTED, node.span, message, hint=hint)
        return None

    def _comparison(self, node: Binary) -> Condition | None:
        left, right = self._value(node.left), self._value(node.right)
        if left is None or right is None:
            return None
        met = meet_values(left, right)
        if met is None:
            units_differ(node.right.span, left, right, self._findings)
            return None
        return CellCompare(node.op, *met)


def meet_values(left: Expression, right: Expression) -> tuple[Expression, Expression] | None:
    """Two values in one unit; None when their units do not meet."""
    common = find_common(left.type, right.type)
    for one, other in ((left, right), (right, left)):
        if common is None and isinstance(one, Constant) and one.type.unit is Unit.NONE:
            common = other.type if other.type.unit is Unit.MONEY else None
    return None if common is None else (in_unit(left, common), in_unit(right, common))


def in_unit(expression: Expression, type_: Type) -> Expression:
    """A plain number that was written down takes the unit of what it meets."""
    if isinstance(expression, Constant) and expression.type.unit is Unit.NONE:
        return Constant(expression.value, type_)
    return expression


def units_differ(span: Span, left: Expression, right: Expression, findings: Findings) -> None:
    """Says that two values of a cell are measured in different units."""
    findings.add(
        Code.UNITS_DIFFER,
        span,
        f"One is {unit_label(left.type.unit)}, the other is {unit_label(right.type.unit)}.",
        hint="Both must be in one unit.",
    )
