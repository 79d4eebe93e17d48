"""business(x): the part of a span between two moments in which its queue or team was open."""

from __future__ import annotations

from collections.abc import Mapping

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.diagnostics import Code, Findings
from backend.metrics.language.formatter import format_node
from backend.metrics.language.functions import BUSINESS_LAST, Function
from backend.metrics.language.terms import Term, type_label
from backend.metrics.language.tree import Call
from backend.metrics.language.types import DURATION, MOMENT, Unit, Vocabulary

# The durations that run from one moment to another; of two moments the first that is there counts.
SPANS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "first_response_time": (("started",), ("first_response",)),
    "wait_time": (("queued", "started"), ("accepted",)),
    "handle_time": (("accepted",), ("closed", "resolved")),
    "resolution_time": (("started",), ("resolved",)),
}


def takes_one_span(node: Call, findings: Findings) -> bool:
    """Whether it stands with one argument and nothing else."""
    hint = f"Write {node.name}(resolution_time)."
    if node.clauses:
        message = f"{node.name} has a value per row and takes no clauses."
        findings.add(Code.CLAUSE_MISPLACED, node.span, message, hint=hint)
    elif len(node.arguments) != 1:
        message = f"{node.name} takes one span between two moments."
        findings.add(Code.ARGUMENT_COUNT, node.span, message, hint=hint)
    return not node.clauses and len(node.arguments) == 1


def bind_business(
    node: Call, function: Function, term: Term, vocabulary: Vocabulary, findings: Findings
) -> Term | None:
    """The open time of a bound span; None, with a diagnostic, when the term has no two ends."""
    ends = _ends(term, vocabulary)
    if ends is None:
        _report(node, function, term, findings)
        return None
    return Term(bound.Business(*ends, last=function is BUSINESS_LAST), DURATION, node)


def _ends(term: Term, vocabulary: Vocabulary) -> tuple[Row, Row] | None:
    """Where a span begins and ends."""
    if term.field is not None and term.field.name in SPANS:
        start, end = (_first_of(names, vocabulary) for names in SPANS[term.field.name])
        return start, end
    match term.row:
        case bound.Arithmetic(op="-", left=end, right=start) if bound.type_of(end) == MOMENT:
            return start, end
    return None


def _first_of(names: tuple[str, ...], vocabulary: Vocabulary) -> Row:
    field = vocabulary.fields[names[0]]
    first = bound.FieldValue(field, MOMENT)
    if len(names) == 1:
        return first
    return bound.Choose(bound.IsMissing(first, False), _first_of(names[1:], vocabulary), first, MOMENT)


def _report(node: Call, function: Function, term: Term, findings: Findings) -> None:
    written = format_node(term.node)
    name = function.name
    hint = f"Write {name}(resolution_time) or {name}(closed - accepted)."
    if term.type == MOMENT:
        message = f"{name} takes the time between two moments; {written} is one."
        hint = f"Write {name}({written} - started)." if written != "started" else hint
    elif term.field is not None and term.type.unit is Unit.DURATION:
        message = (
            f"{written} is measured as a length: it says how long, not from when until when, so no working "
            "hours can be laid over it."
        )
    elif term.type.unit is Unit.DURATION:
        message = f"{name} takes one span between two moments; {written} is none."
        hint = f"Take {name}(…) of each span, then reckon with those."
    else:
        message = f"{name} takes the time between two moments; {written} is {type_label(term.type)}."
    findings.add(Code.ARGUMENT_TYPE, node.arguments[0].span, message, hint=hint)
