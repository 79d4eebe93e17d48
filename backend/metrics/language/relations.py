"""Conditions that relate a row to others: another row of the same customer, a linked row, time that passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import (
    CONTACTED_AGAIN,
    FOLLOWED,
    LINKED,
    MATURED,
    PRECEDED,
    Function,
)
from backend.metrics.language.naming import report_field, report_unreachable
from backend.metrics.language.terms import Budget, Use, type_label
from backend.metrics.language.tree import Call, Clauses, Duration, Name, Node
from backend.metrics.language.types import MOMENT, Fact, Field, Origin, Vocabulary
from backend.metrics.language.vocabulary import has_customer, reachable

SHORTEST = 1_000  # ms
LONGEST = 366 * 86_400_000  # ms; looking further reads a customer's whole history per row
_HINTS = {
    CONTACTED_AGAIN.name: "Write contacted_again_within(7d).",
    FOLLOWED.name: "Write followed_within(4d, order.paid), or followed_within(4d, order.paid where …).",
    PRECEDED.name: "Write preceded_within(7d, started), or preceded_within(7d, started, issue_type).",
    LINKED.name: "Write has(survey.responded), or has(review.reviewed where review.score < 60).",
    MATURED.name: "Write matured(7d).",
}

# Binds the condition on another row: what it means (None: refused) and the fields it names.
Nested: TypeAlias = Callable[[Node], tuple[Row | None, Sequence[Use]]]


class RelationBinder:
    """Binds relations that stand on one row; `used` collects the fields which that row must have.

    `nested` is None inside the condition of a relation, where no other may stand.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        findings: Findings,
        budget: Budget,
        used: list[Use],
        nested: Nested | None,
    ) -> None:
        self._vocabulary = vocabulary
        self._findings = findings
        self._budget = budget
        self._used = used
        self._nested = nested

    def bind(self, node: Call, function: Function) -> Row | None:
        """The condition; None when it was refused."""
        if self._nested is None:
            self._findings.add(
                Code.RELATION_NESTED,
                node.span,
                f"{node.name} cannot stand in a condition on another row.",
                hint="Join the two outside the parentheses, with “and”.",
            )
            return None
        if not self._clauses_fit(node, function):
            return None
        if function is MATURED:
            span = self._only_span(node, SHORTEST)
            return None if span is None else bound.Matured(span)
        if function is CONTACTED_AGAIN:
            return self._contacted_again(node)
        return self._linked(node) if function is LINKED else self._related(node, function)

    def _contacted_again(self, node: Call) -> Row | None:
        span = self._only_span(node, 1)
        if span is None or not self._budget.relate(node.span, self._findings):
            return None
        started = self._vocabulary.fields["started"]
        # It is a question about the interaction, so only rows that reach one may ask it.
        self._used.append(Use(started, node.span, self._findings))
        return bound.Related(started.fact, started, span, ahead=True, since=started)

    def _related(self, node: Call, function: Function) -> Row | None:
        if len(node.arguments) < 2:
            message = f"{node.name} takes a duration and a moment."
            self._findings.add(Code.ARGUMENT_COUNT, node.span, message, hint=_HINTS[function.name])
            return None
        span = self._span(node, SHORTEST)
        found = self._moment(node.arguments[1], function)
        if span is None or found is None:
            return None
        moment, fact = found
        if not has_customer(fact):
            self._findings.add(
                Code.FIELD_NOT_REACHABLE,
                node.arguments[1].span,
                f"{fact.label_en.capitalize()} have no customer to be known by.",
            )
            return None
        alike = [self._alike(argument, fact) for argument in node.arguments[2:]]
        where, sound = self._where(node.clauses, fact)
        known = [field for field in alike if field is not None]
        if not sound or len(known) < len(alike) or not self._budget.relate(node.span, self._findings):
            return None
        self._used.append(Use(self._vocabulary.fields[CUSTOMER], node.span, self._findings))
        ahead = function is not PRECEDED
        return bound.Related(fact.name, moment, span, ahead, where, tuple(dict.fromkeys(known)))

    def _linked(self, node: Call) -> Row | None:
        if len(node.arguments) != 1:
            message = f"{node.name} takes one moment of the linked row."
            self._findings.add(Code.ARGUMENT_COUNT, node.span, message, hint=_HINTS[LINKED.name])
            return None
        found = self._moment(node.arguments[0], LINKED)
        if found is None:
            return None
        moment, fact = found
        if not fact.linked:
            self._findings.add(
                Code.FIELD_NOT_REACHABLE,
                node.arguments[0].span,
                f"{fact.label_en.capitalize()} are not linked to an interaction.",
                hint=f"Write {FOLLOWED.name}(7d, {moment.name}) to look for one of the same customer.",
            )
            return None
        where, sound = self._where(node.clauses, fact)
        if not sound or not self._budget.relate(node.span, self._findings):
            return None
        self._used.append(Use(self._vocabulary.fields["started"], node.span, self._findings))
        return bound.Linked(fact.name, moment, where)

    def _clauses_fit(self, node: Call, function: Function) -> bool:
        takes_where = function in (FOLLOWED, PRECEDED, LINKED)
        wrong = [word for word in node.clauses.spans if word != "where" or not takes_where]
        if wrong:
            allowed = "no clause but a condition after “where”" if takes_where else "no clauses"
            self._findings.add(
                Code.CLAUSE_MISPLACED,
                node.span,
                f"{node.name} has a value per row and takes {allowed}.",
                hint=_HINTS[function.name],
            )
        return not wrong

    def _only_span(self, node: Call, least: int) -> int | None:
        if len(node.arguments) != 1:
            message = f"{node.name} takes one duration."
            self._findings.add(Code.ARGUMENT_COUNT, node.span, message, hint=_HINTS[node.name])
            return None
        return self._span(node, least)

    def _span(self, node: Call, least: int) -> int | None:
        argument = node.arguments[0]
        if isinstance(argument, Duration) and least <= argument.milliseconds <= LONGEST:
            return argument.milliseconds
        self._findings.add(
            Code.ARGUMENT_TYPE,
            argument.span,
            f"{node.name} takes a duration that is written down, from a second to 366 days.",
            hint=_HINTS[node.name],
        )
        return None

    def _moment(self, argument: Node, function: Function) -> tuple[Field, Fact] | None:
        """The moment of the other row, and which rows have it."""
        if not self._budget.spend(argument.span, self._findings):
            return None
        field = self._vocabulary.find_field(argument.path) if isinstance(argument, Name) else None
        if isinstance(argument, Name) and field is None:
            report_field(argument, self._vocabulary, self._findings)
            return None
        if field is not None and field.type == MOMENT and field.origin is not Origin.CLOCK:
            fact = self._vocabulary.facts.get(field.fact)
            if fact is not None:
                return field, fact
        what = "no moment of another row"
        if field is not None and field.type != MOMENT:
            what = type_label(field.type)
        self._findings.add(
            Code.ARGUMENT_TYPE,
            argument.span,
            f"{function.name} needs a moment of the other row; {format_node(argument)} is {what}.",
            hint=_HINTS[function.name],
            nearest=self._nearest_moment(field),
        )
        return None

    def _nearest_moment(self, field: Field | None) -> str | None:
        """A moment of the same kind of row."""
        if field is None or field.fact not in self._vocabulary.facts:
            return None
        default = self._vocabulary.facts[field.fact].default_anchor
        names = (f"{field.fact}.{default}", default)
        return next((name for name in names if name in self._vocabulary.fields), None)

    def _alike(self, argument: Node, fact: Fact) -> Field | None:
        """A field that must be equal on both rows."""
        if not self._budget.spend(argument.span, self._findings):
            return None
        field = self._vocabulary.find_field(argument.path) if isinstance(argument, Name) else None
        if isinstance(argument, Name) and field is None:
            report_field(argument, self._vocabulary, self._findings)
            return None
        if field is None or field.origin in (Origin.CALENDAR, Origin.CLOCK):
            self._findings.add(
                Code.ARGUMENT_TYPE,
                argument.span,
                f"After the moment come fields that are equal on both rows; {format_node(argument)} is none.",
                hint="Write preceded_within(7d, started, issue_type), or a condition after “where”.",
            )
            return None
        use = Use(field, argument.span, self._findings)
        if not reachable(self._vocabulary, fact.name, field):
            report_unreachable(use, fact)
            return None
        self._used.append(use)
        return field

    def _where(self, clauses: Clauses, fact: Fact) -> tuple[Row | None, bool]:
        """The condition on the other row, and whether it could be read."""
        if clauses.where is None or self._nested is None:
            return None, True
        condition, uses = self._nested(clauses.where)
        sound = condition is not None
        for use in uses:
            if not reachable(self._vocabulary, fact.name, use.field):
                report_unreachable(use, fact)
                sound = False
        return condition, sound
