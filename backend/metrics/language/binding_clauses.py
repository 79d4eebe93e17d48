"""The clauses around an aggregate: which of them hold, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.formatter import format_moving
from backend.metrics.language.moving import LONGEST, SHORTEST, Rolling
from backend.metrics.language.naming import report_field
from backend.metrics.language.terms import Use
from backend.metrics.language.tree import Clauses, Span
from backend.metrics.language.types import Fact, Origin, Vocabulary


def within(own: Clauses, outer: Clauses) -> Clauses:
    """The clauses of `own`, and where it has none those around it."""
    return replace(
        own,
        where=own.where or outer.where,
        anchor=own.anchor or outer.anchor,
        over=own.over or outer.over,
        state=own.state or outer.state,
        across=own.across or outer.across,
        credit=own.credit or outer.credit,
        including_excluded=own.including_excluded or outer.including_excluded,
        spans={**outer.spans, **own.spans},
    )


def check_span(clauses: Clauses, place: Span, findings: Findings) -> None:
    """Says that nobody can look back so little, or so far; at `place` where the clause has no place of its own."""
    over = clauses.over
    if isinstance(over, Rolling) and not SHORTEST <= over.milliseconds <= LONGEST:
        findings.add(
            Code.ARGUMENT_TYPE,
            clauses.spans.get("over", place),
            f"A KPI looks back from 1 minute to 3 years, not {format_moving(over)}.",
            hint="Write over 28d, say." if over.milliseconds < SHORTEST else "Write over 1096d at most.",
        )


def bind_across(clauses: Clauses, vocabulary: Vocabulary, findings: Findings) -> tuple[Use, ...]:
    """The dimensions that are taken together."""
    found: list[Use] = []
    for name in clauses.across:
        field = vocabulary.find_field(name.path)
        if field is None:
            report_field(name, vocabulary, findings)
        elif not field.groupable:
            findings.add(
                Code.FIELD_NOT_GROUPABLE,
                name.span,
                f"“{field.name}” is no dimension: nothing can be split by it.",
                hint="Write across issue_type, across channel.",
            )
        elif any(use.field == field for use in found):
            findings.add(Code.CLAUSE_REPEATED, name.span, f"“{field.name}” stands twice.")
        else:
            found.append(Use(field, name.span, findings))
    return tuple(found)


def check_state(clauses: Clauses, fact: Fact, place: Span, findings: Findings) -> bool:
    """Whether the state is one of the fact's, and no other clause contradicts it; says so at that clause, at
    `place` where it has no place of its own.
    """
    if clauses.state is None:
        return True
    for word, other, why in (
        ("at", clauses.anchor, "A state is looked at when the cell ends; no moment places its rows."),
        ("over", clauses.over, "A state is looked at when the cell ends, not over a time."),
    ):
        if other is not None:
            findings.add(
                Code.CLAUSE_MISPLACED,
                clauses.spans.get(word, place),
                f"“while” and “{word}” cannot be joined. {why}",
                hint=f"Leave one of them out, or write “{word}” into the parentheses it is meant for.",
            )
            return False
    if clauses.state in fact.states:
        return True
    known = tuple(fact.states)
    nearest = find_nearest(clauses.state, known)
    label = fact.label_en.capitalize()
    hint = f"{label} are {_listed(known)}." if known else f"Leave it out: {fact.label_en} have no states."
    message = f"{label} are never “{clauses.state}”."
    place = clauses.spans.get("while", place)
    findings.add(Code.STATE_UNKNOWN, place, message, hint=hint, nearest=nearest)
    return False


def check_age(uses: Iterable[Use], vocabulary: Vocabulary) -> bool:
    """Whether nothing is asked that only a state can tell, where there is none."""
    found = [use for use in uses if use.field.origin is Origin.SNAPSHOT]
    for use in found:
        name = use.field.name
        own = f"attribute.{name}"
        hint = f"Write avg({name} while open), count(where {name} > 1d while open)."
        use.findings.add(
            Code.STATE_NEEDED,
            use.span,
            f"“{name}” is how long a row has been in a state, and no state is named.",
            hint=f"Write {own} for your own field of that name." if own in vocabulary.fields else hint,
        )
    return not found


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
