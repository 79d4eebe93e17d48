"""One aggregate: its argument, its condition, the kind of row it runs over and the moment that places those
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from backend.metrics.language.arithmetic import meet
from backend.metrics.language.attribution import OWNER
from backend.metrics.language.binding_clauses import (
    bind_across,
    check_age,
    check_span,
    check_state,
    within,
)
from backend.metrics.language.binding_rows import RowBinder
from backend.metrics.language.bound import Aggregate, Basis, Combination, Row, Stretch
from backend.metrics.language.crediting import check_credit, check_rule
from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.fields import CUSTOMER, INTERACTION
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import Function, Gives, Takes
from backend.metrics.language.naming import report_unreachable
from backend.metrics.language.terms import Budget, Term, Use, joined, type_label
from backend.metrics.language.tree import NO_CLAUSES, Call, Clauses, Node
from backend.metrics.language.types import (
    BOOLEAN,
    COUNT,
    DURATION,
    MOMENT,
    RATIO,
    Fact,
    Kind,
    Type,
    Unit,
    Vocabulary,
)
from backend.metrics.language.vocabulary import find_stateful, reachable

_ARGUMENTS = {Takes.NOTHING: 0, Takes.NUMBERS: 2, Takes.MOMENTS: 2}
_KINDS = {Takes.VALUES: {Kind.NUMBER, Kind.TEXT, Kind.DATE}, Takes.MOMENTS: {Kind.MOMENT}}

MOST_VALUES = 8  # that are counted together


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for every aggregate of a formula: the clauses that trail it, and those around its
    reference. The condition of `clauses` is bound already, in `where`, and so are its dimensions, in `across`.
    """

    where: Row | None = None
    uses: tuple[Use, ...] = ()
    across: tuple[Use, ...] = ()
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
        known = check_rule(node.clauses, node.span, self._findings)
        check_span(node.clauses, node.span, self._findings)
        across = bind_across(node.clauses, self._vocabulary, self._findings) or scope.across
        if taken is None or not sound or not known:
            return None
        argument, type_, other = taken
        uses = (*rows.used, *condition_uses, *scope.uses, *across)
        clauses = within(node.clauses, scope.clauses)
        fact = self._fact(uses, clauses.state)
        if fact is None:
            return None
        if clauses.state is None and not check_age(uses, self._vocabulary):
            return None
        basis = self._basis(node, fact, scope, clauses)
        rule = check_credit(clauses, node, function, fact, rows.used, self._findings)
        if basis is None or rule is None:
            return None
        basis = replace(basis, credit=None if rule is OWNER else rule.name)
        conditions = [row for row in (where, scope.where) if row is not None]
        condition = joined("and", *conditions) if conditions else None
        dimensions = tuple(use.field for use in across)
        return Aggregate(function.bound, argument, condition, basis, type_, percentile, dimensions, other)

    def _basis(self, node: Call, fact: Fact, scope: Scope, clauses: Clauses) -> Basis | None:
        if not check_state(clauses, fact, node.span, self._findings):
            return None
        if clauses.state is not None:
            begins = fact.states[clauses.state].begins
            return Basis(fact.name, begins[0], clauses.including_excluded, state=clauses.state)
        anchor = self._anchor(node, fact, scope)
        if anchor is None:
            return None
        return Basis(fact.name, anchor, clauses.including_excluded, clauses.over)

    def _taken(
        self, node: Call, function: Function, rows: RowBinder
    ) -> tuple[Row | None, Type, Row | None] | None:
        """The argument, the type of the result, and the second argument where there are two."""
        several = function.takes is Takes.VALUES and 1 < len(node.arguments) <= MOST_VALUES
        if not several and len(node.arguments) != _ARGUMENTS.get(function.takes, 1):
            self._wrong_count(node, function)
            return None
        if function.takes is Takes.NOTHING:
            return None, COUNT, None
        argument = node.arguments[0]
        if function.takes is Takes.CONDITION:
            condition = rows.condition(argument)
            return None if condition is None else (condition, RATIO, None)
        terms = [rows.term(one) for one in node.arguments]
        sound = [term for term in terms if term is not None and self._fits(term, function)]
        if len(sound) < len(terms):
            return None
        term = sound[0]
        if several:
            return Combination(tuple(one.row for one in sound)), COUNT, None
        if function.takes is Takes.MOMENTS:
            return Stretch(term.row, sound[1].row), DURATION, None
        if function.takes is Takes.NUMBERS:
            met = meet(term, sound[1], self._findings)
            return None if met is None else (met[0][0], Type(Kind.NUMBER, Unit.NONE), met[0][1])
        return term.row, COUNT if function.gives is Gives.COUNT else term.type, None

    def _fits(self, term: Term, function: Function) -> bool:
        kinds = _KINDS.get(function.takes, {Kind.NUMBER})
        if term.type.kind not in kinds:
            self._wrong_argument(term.node, function, term.type)
            return False
        if term.ratio and function.bound in ("avg", "sum"):
            written = format_node(term.node)
            self._findings.add(
                Code.ROW_DIVISION,
                term.node.span,
                f"{function.name} of {written} weighs small rows too much.",
                hint="Divide totals instead: sum(…) / sum(…).",
            )
            return False
        return True

    def _where(self, node: Call) -> tuple[Row | None, Sequence[Use], bool]:
        if node.clauses.where is None:
            return None, (), True
        rows = RowBinder(self._vocabulary, self._findings, self._budget)
        condition = rows.condition(node.clauses.where)
        return condition, rows.used, condition is not None

    def _fact(self, uses: Sequence[Use], state: str | None) -> Fact | None:
        name = find_stateful(self._vocabulary, [use.field for use in uses], state)
        if name is None:
            self._mixed(uses)
            return None
        fact = self._vocabulary.facts[name]
        sound = True
        for use in uses:
            if not reachable(self._vocabulary, name, use.field):
                sound = False
                report_unreachable(use, fact)
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
            f"{node.name} takes one to {MOST_VALUES} {function.takes}."
            if function.takes is Takes.VALUES
            else f"{node.name} takes {function.takes} and nothing else."
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
