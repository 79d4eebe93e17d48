"""One aggregate: its argument, its condition, the kind of row it runs over and the moment that places those
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.metrics.language.binding_rows import RowBinder
from backend.metrics.language.bound import Aggregate, Basis, Row
from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.fields import CUSTOMER, INTERACTION
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import Function, Gives, Takes
from backend.metrics.language.terms import Budget, Use, joined, type_label
from backend.metrics.language.tree import NO_CLAUSES, Call, Clauses, Node
from backend.metrics.language.types import BOOLEAN, COUNT, MOMENT, RATIO, Fact, Kind, Type, Vocabulary
from backend.metrics.language.vocabulary import find_fact, reachable


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for every aggregate of a formula: the clauses that trail it, and those around its
    reference. The condition of `clauses` is bound already, in `where`.
    """

    where: Row | None = None
    uses: tuple[Use, ...] = ()
    clauses: Clauses = NO_CLAUSES


class AggregateBinder:
    """Binds the aggregates of one formula. `anchored` tells whether the scope's anchor meant anything to
    one.
    """

    def __init__(self, vocabulary: Vocabulary, budget: Budget, findings: Findings) -> None:
        self._vocabulary = vocabulary
        self._budget = budget
        self._findings = findings
        self.anchored = False

    def bind(
        self, node: Call, function: Function, percentile: Decimal | None, scope: Scope
    ) -> Aggregate | None:
        """The aggregate; None when it was refused."""
        self.anchored |= node.clauses.anchor is None
        rows = RowBinder(self._vocabulary, self._findings, self._budget, function)
        taken = self._taken(node, function, rows)
        where, condition_uses, sound = self._where(node)
        if taken is None or not sound:
            return None
        argument, type_ = taken
        uses = (*rows.used, *condition_uses, *scope.uses)
        fact = self._fact(uses)
        if fact is None:
            return None
        basis = self._basis(node, fact, scope)
        if basis is None:
            return None
        conditions = [row for row in (where, scope.where) if row is not None]
        condition = joined("and", *conditions) if conditions else None
        return Aggregate(function.bound, argument, condition, basis, type_, percentile)

    def _basis(self, node: Call, fact: Fact, scope: Scope) -> Basis | None:
        for word in ("over", "while", "across", "credited"):
            for clauses in (node.clauses, scope.clauses):
                if word in clauses.spans:
                    self._findings.add(
                        Code.CLAUSE_MISPLACED, clauses.spans[word], f"“{word}” cannot be answered yet."
                    )
                    return None
        anchor = self._anchor(node, fact, scope)
        if anchor is None:
            return None
        excluded = node.clauses.including_excluded or scope.clauses.including_excluded
        return Basis(fact.name, anchor, excluded)

    def _taken(self, node: Call, function: Function, rows: RowBinder) -> tuple[Row | None, Type] | None:
        """The argument and the type of the result."""
        wanted = 0 if function.takes is Takes.NOTHING else 1
        if len(node.arguments) != wanted:
            self._wrong_count(node, function)
            return None
        if function.takes is Takes.NOTHING:
            return None, COUNT
        argument = node.arguments[0]
        if function.takes is Takes.CONDITION:
            condition = rows.condition(argument)
            return None if condition is None else (condition, RATIO)
        term = rows.term(argument)
        if term is None:
            return None
        allowed = {Kind.NUMBER} if function.takes is Takes.NUMBER else {Kind.NUMBER, Kind.TEXT, Kind.DATE}
        if term.type.kind not in allowed:
            self._wrong_argument(argument, function, term.type)
            return None
        return term.row, COUNT if function.gives is Gives.COUNT else term.type

    def _where(self, node: Call) -> tuple[Row | None, Sequence[Use], bool]:
        if node.clauses.where is None:
            return None, (), True
        rows = RowBinder(self._vocabulary, self._findings, self._budget)
        condition = rows.condition(node.clauses.where)
        return condition, rows.used, condition is not None

    def _fact(self, uses: Sequence[Use]) -> Fact | None:
        name = find_fact(use.field for use in uses)
        if name is None:
            self._mixed(uses)
            return None
        fact = self._vocabulary.facts[name]
        sound = True
        for use in uses:
            if not reachable(self._vocabulary, name, use.field):
                sound = False
                own = ", ".join(sorted(fact.own))
                use.findings.add(
                    Code.FIELD_NOT_REACHABLE,
                    use.span,
                    f"{fact.label_en[0].upper()}{fact.label_en[1:]} have no {use.field.name}.",
                    hint=f"Besides their own fields they have {own} and the calendar's." if own else None,
                )
        return fact if sound else None

    def _mixed(self, uses: Sequence[Use]) -> None:
        others = [use for use in uses if use.field.fact not in (INTERACTION, CUSTOMER)]
        first = others[0].field.fact
        second = next(use for use in others if use.field.fact != first)
        facts = self._vocabulary.facts
        second.findings.add(
            Code.FACTS_MIXED,
            second.span,
            f"One aggregate cannot run over {facts[first].label_en} and "
            f"{facts[second.field.fact].label_en} at once.",
            hint="Give each an aggregate of its own and combine the two: sum(order.amount) / count().",
        )

    def _anchor(self, node: Call, fact: Fact, scope: Scope) -> str | None:
        clauses = node.clauses if node.clauses.anchor is not None else scope.clauses
        anchor = clauses.anchor
        if anchor is None:
            return fact.default_anchor
        if anchor in fact.anchors:
            return anchor
        nearest = find_nearest(anchor, fact.anchors)
        self._findings.add(
            Code.ANCHOR_UNKNOWN,
            clauses.spans.get("at", node.span),
            f"{fact.label_en.capitalize()} have no anchor “{anchor}”.",
            hint=f"They are placed in time by {', '.join(fact.anchors)}.",
            nearest=nearest,
        )
        return None

    def _wrong_count(self, node: Call, function: Function) -> None:
        hint = f"Write {function.example}."
        if function.takes is Takes.NOTHING:
            hint = f"Write {function.name}(where …) to count some rows only."
            if len(node.arguments) == 1 and node.clauses.where is None:
                hint = self._counted(node.arguments[0])
        message = (
            f"{node.name} takes {function.takes} and nothing else."
            if function.takes is not Takes.NOTHING
            else f"{node.name} takes nothing but a condition after “where”."
        )
        self._findings.add(Code.ARGUMENT_COUNT, node.span, message, hint=hint)

    def _counted(self, argument: Node) -> str:
        """What `count(argument)` meant."""
        rows = RowBinder(self._vocabulary, Findings(), self._budget)
        term = rows.term(argument)
        written = format_node(argument)
        if term is None or term.type in (BOOLEAN, MOMENT):
            return f"Write count(where {written})."
        return f"Write count(where {written} is not missing)."

    def _wrong_argument(self, argument: Node, function: Function, type_: Type) -> None:
        written = format_node(argument)
        hint = f"Write {function.example}, say."
        if type_ in (BOOLEAN, MOMENT):
            hint = f"Write share({written}), or count(where {written})."
        elif type_.kind in (Kind.TEXT, Kind.DATE):
            hint = f"Write count_distinct({written})."
        self._findings.add(
            Code.ARGUMENT_TYPE,
            argument.span,
            f"{function.name} takes {function.takes}; {written} is {type_label(type_)}.",
            hint=hint,
        )
