"""Gives every name of a tree its meaning, or says why it has none. Settles sense; chooses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.metrics.language.aggregates import Scope
from backend.metrics.language.binding_clauses import check_age
from backend.metrics.language.binding_formulas import FormulaBinder
from backend.metrics.language.binding_rows import RowBinder
from backend.metrics.language.bound import (
    Aggregate,
    BoundFormula,
    Choice,
    Combined,
    Expression,
    Row,
    values_of,
)
from backend.metrics.language.diagnostics import Code, Diagnostic, Findings
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.parser import parse_condition
from backend.metrics.language.references import References
from backend.metrics.language.terms import Budget
from backend.metrics.language.tree import Formula
from backend.metrics.language.types import Vocabulary
from backend.metrics.language.vocabulary import find_fact


@dataclass(frozen=True, slots=True)
class Bound:
    """A formula with its meaning, or why it has none: `formula` is None exactly if there are diagnostics.

    `references` are the KPI definitions it was made with (None: there was none of that key).
    """

    formula: BoundFormula | None
    diagnostics: tuple[Diagnostic, ...]
    references: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class BoundCondition:
    """A condition with its meaning, or why it has none. `fact` is the kind of row that it speaks of."""

    row: Row | None
    fact: str
    diagnostics: tuple[Diagnostic, ...]


def bind(
    formula: Formula,
    vocabulary: Vocabulary,
    definitions: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
) -> Bound:
    """Binds a tree. `definitions` are the KPIs it may refer to by key; `key` is the one it will itself
    define.
    """
    findings = Findings()
    references = References(definitions or {}, key)
    expression = FormulaBinder(vocabulary, references, Budget(), findings).bind(formula, Scope())
    if expression is not None and not _measures(expression):
        findings.add(
            Code.AGGREGATE_MISSING,
            formula.body.span,
            "This measures nothing: it is the same number whatever happens.",
            hint="Count or average something: count(), avg(handle_time).",
        )
    seen = tuple(references.seen.items())
    if expression is None or findings:
        return Bound(None, findings.all(), seen)
    return Bound(BoundFormula(expression, expression.type, format_formula(formula)), (), seen)


def bind_condition(text: str, vocabulary: Vocabulary) -> BoundCondition:
    """Reads and binds a condition that stands alone: the filter of a question."""
    parsed = parse_condition(text)
    if parsed.condition is None:
        return BoundCondition(None, "", parsed.diagnostics)
    findings = Findings()
    rows = RowBinder(vocabulary, findings, Budget())
    row = rows.condition(parsed.condition)
    fact = find_fact(use.field for use in rows.used)
    if fact is None:
        findings.add(
            Code.FACTS_MIXED,
            parsed.condition.span,
            "One condition cannot look at two kinds of rows that are no interactions.",
        )
    check_age(rows.used, vocabulary)
    if row is None or fact is None or findings:
        return BoundCondition(None, "", findings.all())
    return BoundCondition(row, fact, ())


def _measures(expression: Expression) -> bool:
    match expression:
        case Aggregate():
            return True
        case Combined(left=left, right=right):
            return _measures(left) or _measures(right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return any(map(_measures, (*values_of(condition), then, otherwise)))
        case _:
            return False
