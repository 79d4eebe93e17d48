"""What to say about a name that means nothing: the nearest one that does, and how it is written."""

from __future__ import annotations

from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.fields import NOW
from backend.metrics.language.functions import SYNONYMS, find_function, function_names
from backend.metrics.language.terms import Use
from backend.metrics.language.tree import Name, Span
from backend.metrics.language.types import (
    BOOLEAN,
    MOMENT,
    TEXT,
    Fact,
    Field,
    Kind,
    Origin,
    Unit,
    Vocabulary,
)

_PRESENT = frozenset({NOW, "today", "current_time", "current_date", "current_timestamp", "getdate", "现在"})


def report_field(
    name: Name, vocabulary: Vocabulary, findings: Findings, *, beside: Field | None = None
) -> None:
    """Says that a field is unknown. `beside` is the text field it is compared with: then quotes may be
    missing.
    """
    written = ".".join(name.path)
    nearest = _nearest_field(name, vocabulary)
    hint = f"Did you mean {nearest}?" if nearest else None
    if beside is not None and nearest is None:
        hint = f'Text goes in quotes: {beside.name} = "{written}".'
    elif find_function(written.lower()) is not None:
        hint = f"{written} is a function: write {written.lower()}(…)."
        nearest = None
    findings.add(Code.FIELD_UNKNOWN, name.span, f"There is no field “{written}”.", hint=hint, nearest=nearest)


def report_function(name: str, span: Span, findings: Findings) -> None:
    """Says that a function is unknown."""
    nearest = SYNONYMS.get(name) or find_nearest(name, function_names())
    at = Span(span.start, span.start + len(name))
    hint = f"Did you mean {nearest}?" if nearest else None
    if name.startswith(("p", "exact_p", "disc_p")) and name[-1].isdigit():
        hint, nearest = "Percentiles run from p1 to p99; a fraction is written p99.9.", None
    elif name in _PRESENT:
        hint, nearest = "The instant of the answer is written now, without parentheses.", None
    findings.add(Code.FUNCTION_UNKNOWN, at, f"There is no function “{name}”.", hint=hint, nearest=nearest)


def report_unreachable(use: Use, fact: Fact) -> None:
    """Says that rows of a kind do not have a field."""
    own = ", ".join(sorted(fact.own))
    use.findings.add(
        Code.FIELD_NOT_REACHABLE,
        use.span,
        f"{fact.label_en[0].upper()}{fact.label_en[1:]} have no {use.field.name}.",
        hint=f"Besides their own fields they have {own} and the calendar's." if own else None,
    )


def suggest_aggregate(field: Field) -> str:
    """The aggregate that is most often meant by a field alone."""
    if field.type in (BOOLEAN, MOMENT):
        return f"share({field.name})"
    if field.origin is Origin.SNAPSHOT:
        return f"avg({field.name} while open)"
    if field.type.kind is Kind.NUMBER:
        return f"{'sum' if field.type.unit in (Unit.MONEY, Unit.COUNT) else 'avg'}({field.name})"
    return f"count_distinct({field.name})"


def suggest_condition(field: Field) -> str:
    """A condition on a field that is none itself."""
    if field.type.unit is Unit.DURATION:
        return f"{field.name} > 30s"
    if field.type == TEXT:
        choice = field.choices[0] if field.choices else "…"
        return f'{field.name} = "{choice}"'
    return f"{field.name} is not missing"


def _nearest_field(name: Name, vocabulary: Vocabulary) -> str | None:
    written = ".".join(name.path)
    last = name.path[-1]
    if written.lower() in _PRESENT:
        return NOW
    for field in vocabulary.fields.values():
        if written in (field.label_en, field.label_zh) or (
            len(name.path) == 1 and field.name.endswith(f".{written}")
        ):
            return field.name
    if len(name.path) > 1 and last in vocabulary.fields:
        return last  # the interaction's own fields have no prefix
    return find_nearest(written, vocabulary.fields)
