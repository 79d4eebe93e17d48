"""What is wrong with a formula, said so that its author can mend it: code, place, sentence, hint, nearest
name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from unicodedata import combining, east_asian_width

from backend.metrics.language.tree import Span

MAX_DIAGNOSTICS = 20  # more than a screen of mistakes helps nobody


class Code(StrEnum):
    """Every code a formula can earn. Codes are stable: clients switch on them."""

    # reading the text
    TEXT_TOO_LONG = "TEXT_TOO_LONG"
    TEXT_EMPTY = "TEXT_EMPTY"
    TOO_DEEP = "TOO_DEEP"
    TOO_LARGE = "TOO_LARGE"
    CHARACTER_UNKNOWN = "CHARACTER_UNKNOWN"
    QUOTE_UNCLOSED = "QUOTE_UNCLOSED"
    ESCAPE_UNKNOWN = "ESCAPE_UNKNOWN"
    NUMBER_TOO_LARGE = "NUMBER_TOO_LARGE"
    DURATION_MALFORMED = "DURATION_MALFORMED"
    SYNTAX = "SYNTAX"
    PARENTHESIS_UNCLOSED = "PARENTHESIS_UNCLOSED"
    COMPARISON_CHAINED = "COMPARISON_CHAINED"
    CLAUSE_REPEATED = "CLAUSE_REPEATED"
    # names
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    FUNCTION_UNKNOWN = "FUNCTION_UNKNOWN"
    ANCHOR_UNKNOWN = "ANCHOR_UNKNOWN"
    ANCHOR_WITHOUT_EFFECT = "ANCHOR_WITHOUT_EFFECT"
    CREDIT_UNKNOWN = "CREDIT_UNKNOWN"
    STATE_UNKNOWN = "STATE_UNKNOWN"
    STATE_NEEDED = "STATE_NEEDED"
    VALUE_UNKNOWN = "VALUE_UNKNOWN"
    KPI_UNKNOWN = "KPI_UNKNOWN"
    KPI_CIRCLE = "KPI_CIRCLE"
    KPI_TOO_DEEP = "KPI_TOO_DEEP"
    KPI_BROKEN = "KPI_BROKEN"
    # sense
    ARGUMENT_COUNT = "ARGUMENT_COUNT"
    ARGUMENT_TYPE = "ARGUMENT_TYPE"
    CLAUSE_MISPLACED = "CLAUSE_MISPLACED"
    CONDITION_EXPECTED = "CONDITION_EXPECTED"
    VALUE_EXPECTED = "VALUE_EXPECTED"
    TYPES_DIFFER = "TYPES_DIFFER"
    UNITS_DIFFER = "UNITS_DIFFER"
    DURATION_NEEDS_UNIT = "DURATION_NEEDS_UNIT"
    OPERATOR_NOT_FOR_TYPE = "OPERATOR_NOT_FOR_TYPE"
    ROW_DIVISION = "ROW_DIVISION"
    DIVISION_BY_ZERO = "DIVISION_BY_ZERO"
    AGGREGATE_NESTED = "AGGREGATE_NESTED"
    AGGREGATE_IN_CONDITION = "AGGREGATE_IN_CONDITION"
    AGGREGATE_MISSING = "AGGREGATE_MISSING"
    FIELD_OUTSIDE_AGGREGATE = "FIELD_OUTSIDE_AGGREGATE"
    RESULT_NOT_NUMBER = "RESULT_NOT_NUMBER"
    FACTS_MIXED = "FACTS_MIXED"
    FIELD_NOT_REACHABLE = "FIELD_NOT_REACHABLE"
    CREDIT_NOT_POSSIBLE = "CREDIT_NOT_POSSIBLE"
    FIELD_NOT_GROUPABLE = "FIELD_NOT_GROUPABLE"
    RELATION_NESTED = "RELATION_NESTED"
    TOO_MANY_RELATIONS = "TOO_MANY_RELATIONS"


MEANINGS: dict[Code, str] = {
    Code.TEXT_TOO_LONG: "The text has more than 4,096 characters.",
    Code.TEXT_EMPTY: "There is no text.",
    Code.TOO_DEEP: "Parts are nested more than 64 levels deep.",
    Code.TOO_LARGE: "The formula has too many parts, counting those of the KPIs it refers to.",
    Code.CHARACTER_UNKNOWN: "A character that means nothing here.",
    Code.QUOTE_UNCLOSED: "A text literal has no closing quote.",
    Code.ESCAPE_UNKNOWN: "A backslash in a text literal is followed by something it cannot escape.",
    Code.NUMBER_TOO_LARGE: "A number beyond twelve digits before or nine after the point.",
    Code.DURATION_MALFORMED: "A duration with an unknown unit, or finer than a millisecond.",
    Code.SYNTAX: "Something else was expected at this place.",
    Code.PARENTHESIS_UNCLOSED: "A parenthesis is never closed.",
    Code.COMPARISON_CHAINED: "Comparisons do not chain: `1 < x < 5`.",
    Code.CLAUSE_REPEATED: "A clause stands twice, or a dimension after `across`.",
    Code.FIELD_UNKNOWN: "No field of that name.",
    Code.FUNCTION_UNKNOWN: "No function of that name.",
    Code.ANCHOR_UNKNOWN: "The rows that are counted have no such moment to be placed by.",
    Code.ANCHOR_WITHOUT_EFFECT: "`at` on KPI references only: each keeps its own anchor.",
    Code.CREDIT_UNKNOWN: "No attribution rule of that name after `credited to`.",
    Code.STATE_UNKNOWN: "The rows that are counted have no such state to be in.",
    Code.STATE_NEEDED: "`age` where no `while` says which state is meant.",
    Code.VALUE_UNKNOWN: "A text that the field never has: a misspelt channel, a date that is none.",
    Code.KPI_UNKNOWN: "No KPI of that key.",
    Code.KPI_CIRCLE: "KPIs refer to each other in a circle.",
    Code.KPI_TOO_DEEP: "KPIs refer to KPIs more than 8 levels deep.",
    Code.KPI_BROKEN: "The formula of a KPI that is referred to has a mistake itself.",
    Code.ARGUMENT_COUNT: "A function got too few or too many arguments.",
    Code.ARGUMENT_TYPE: "A function got an argument it cannot work on.",
    Code.CLAUSE_MISPLACED: "A clause where it cannot stand, or beside one it cannot be joined with.",
    Code.CONDITION_EXPECTED: "A condition was expected, a value stands there.",
    Code.VALUE_EXPECTED: "A value was expected, a condition stands there.",
    Code.TYPES_DIFFER: "Two sides of different types: text and a number, say.",
    Code.UNITS_DIFFER: "Two sides of different units: seconds and a count, say.",
    Code.DURATION_NEEDS_UNIT: "A plain number where a duration is needed: write 30s, 5m or 2h.",
    Code.OPERATOR_NOT_FOR_TYPE: "The operator does not work on values of this type.",
    Code.ROW_DIVISION: "A mean or sum of quotients; divide totals instead.",
    Code.DIVISION_BY_ZERO: "Division by the number zero.",
    Code.AGGREGATE_NESTED: "An aggregate (or a KPI) inside an aggregate: an average of averages.",
    Code.AGGREGATE_IN_CONDITION: "An aggregate (or a KPI) in a condition on rows.",
    Code.AGGREGATE_MISSING: "The formula measures nothing: there is no aggregate in it.",
    Code.FIELD_OUTSIDE_AGGREGATE: "A field has a value per row; a formula needs one per cell.",
    Code.RESULT_NOT_NUMBER: "The formula, or a side of its arithmetic, would be a condition or a text.",
    Code.FACTS_MIXED: "One aggregate over two kinds of rows: surveys and orders, say.",
    Code.FIELD_NOT_REACHABLE: "The rows that are counted, or looked for, do not have this field.",
    Code.CREDIT_NOT_POSSIBLE: "An aggregate that cannot be credited by that rule: orders, a median of shares.",
    Code.FIELD_NOT_GROUPABLE: "After `across`, a field that has too many values to group by.",
    Code.RELATION_NESTED: "A condition on another row looks for further rows itself.",
    Code.TOO_MANY_RELATIONS: "More than 8 conditions that look for other rows, counting those of the KPIs "
    "it refers to.",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: `span` is its place in the text, `nearest` the valid name that was probably meant."""

    code: Code
    span: Span
    message: str
    hint: str | None = None
    nearest: str | None = None


class Findings:
    """The mistakes found so far, each place and code once, in the order of the text when read out."""

    def __init__(self) -> None:
        self._found: dict[tuple[Code, Span], Diagnostic] = {}

    def add(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        hint: str | None = None,
        nearest: str | None = None,
    ) -> None:
        """Keep a mistake, unless that code is already known at that place."""
        if len(self._found) < MAX_DIAGNOSTICS:
            self._found.setdefault((code, span), Diagnostic(code, span, message, hint, nearest))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> tuple[Diagnostic, ...]:
        """What was found, by place."""
        return tuple(sorted(self._found.values(), key=lambda d: (d.span.start, d.span.end)))


def find_nearest(name: str, names: Iterable[str]) -> str | None:
    """The name most like `name`, None when none is like it."""
    wanted = name.lower()[:64]
    near = get_close_matches(wanted, list(names), n=1, cutoff=0.6)
    return near[0] if near else None


def excerpt(text: str, span: Span, *, width: int = 72) -> str:
    """Two lines for a terminal: the text (or the part around the span), and carets under the span.

    Wide (CJK) characters count two columns and combining marks none, so the carets stand where they should.
    """
    flat = "".join(character if character.isprintable() else " " for character in text)
    start = max(0, min(span.start, len(flat)))
    end = max(start, min(span.end, len(flat)))
    left, right = 0, len(flat)
    if _columns(flat) > width:
        left, right = max(0, start - width // 2), min(len(flat), start + width // 2)
    head = "… " if left > 0 else ""
    tail = " …" if right < len(flat) else ""
    indent = _columns(head + flat[left:start])
    carets = max(1, _columns(flat[start : min(end, right)]))
    return f"{head}{flat[left:right]}{tail}\n{' ' * indent}{'^' * carets}"


def describe(text: str, diagnostic: Diagnostic) -> str:
    """The whole mistake for a terminal: sentence, excerpt, hint."""
    lines = [f"{diagnostic.code}: {diagnostic.message}", excerpt(text, diagnostic.span)]
    if diagnostic.hint:
        lines.append(diagnostic.hint)
    return "\n".join(lines)


def _columns(text: str) -> int:
    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in text
    )
