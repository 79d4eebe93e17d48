"""`credited to RULE`: the rule it names, and whether an aggregate can be credited by it."""

from __future__ import annotations

from collections.abc import Iterable

from backend.metrics.language.attribution import AGENT, OWNER, RULES, AttributionRule, find_rule
from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.fields import INTERACTION
from backend.metrics.language.functions import COUNT_DISTINCT, SHARE, UNION_TIME, Function
from backend.metrics.language.terms import Use
from backend.metrics.language.tree import Call, Clauses, Span
from backend.metrics.language.types import Fact

# What can be taken of parts of rows; of the others, half a row would have to be somewhere in an order.
_OF_SHARES = frozenset({"count", "sum", "avg", "share", "min", "max"})


def check_rule(clauses: Clauses, span: Span, findings: Findings) -> bool:
    """Whether the clauses name a rule that there is, or none; adds CREDIT_UNKNOWN else. `span` is what
    they stand in.
    """
    if clauses.credit is None or find_rule(clauses.credit) is not None:
        return True
    names = [rule.name for rule in RULES]
    nearest = find_nearest(clauses.credit, names)
    findings.add(
        Code.CREDIT_UNKNOWN,
        clauses.spans.get("credited", span),
        f"There is no attribution rule “{clauses.credit}”.",
        hint=f"Did you mean {nearest}?" if nearest else f"Choose from {', '.join(names)}.",
        nearest=nearest,
    )
    return False


def check_credit(
    clauses: Clauses, node: Call, function: Function, fact: Fact, taken: Iterable[Use], findings: Findings
) -> AttributionRule | None:
    """The rule that clauses credit an aggregate by; `taken` are the fields in its argument.

    None, with CREDIT_NOT_POSSIBLE, where rows of the fact have no participants, where the function cannot be
    taken of parts of rows, or where the argument would differ from one agent of a row to the next.
    """
    rule = OWNER if clauses.credit is None else find_rule(clauses.credit)
    if rule is None or rule is OWNER:
        return rule
    trouble = _trouble(rule, node.name, function, fact, taken)
    if trouble is None:
        return rule
    message, hint = trouble
    findings.add(Code.CREDIT_NOT_POSSIBLE, clauses.spans.get("credited", node.span), message, hint=hint)
    return None


def _trouble(
    rule: AttributionRule, written: str, function: Function, fact: Fact, taken: Iterable[Use]
) -> tuple[str, str] | None:
    if fact.name != INTERACTION and not fact.linked:
        return (
            f"{fact.label_en.capitalize()} belong to no interaction, so only their owner can be credited.",
            f"Write “credited to {rule.name}” inside the parentheses of those aggregates it is meant for.",
        )
    if rule.shares and function.bound not in _OF_SHARES:
        return (
            f"{written} cannot be taken of parts of interactions, as {rule.name} gives them.",
            "Write credited to participants, or credited to last.",
        )
    reads_agent = any(use.field.name == AGENT for use in taken)
    if function is UNION_TIME:
        return (
            f"{written} adds up each agent's own time, so only the owner of an interaction can be credited.",
            "Leave “credited to” out here, or write it inside the parentheses of the other aggregates.",
        )
    if reads_agent and function not in (COUNT_DISTINCT, SHARE):
        return (
            "What is measured cannot depend on the agent where an interaction may have several.",
            f'Put the agent into a condition: {written}(… where agent = "…").',
        )
    return None
