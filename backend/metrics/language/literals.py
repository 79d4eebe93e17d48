"""Numbers and texts that were written down, brought into the stored form of the field they meet."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from backend.metrics.language.bound import Literal
from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.formatter import format_text
from backend.metrics.language.tree import Span
from backend.metrics.language.types import DATE, TEXT, Field, Origin, Type

MAX_SCALE = 10**9
MAX_VALUE = 10**15

_PATTERNS = {
    "iso_week": (re.compile(r"(\d{4})-W(\d{2})", re.ASCII), '"2020-W53"'),
    "month": (re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII), '"2021-01"'),
    "quarter": (re.compile(r"\d{4}-Q[1-4]", re.ASCII), '"2021-Q1"'),
}


def scale_of(value: Decimal, at_least: int = 1) -> int:
    """The smallest power of ten, and no smaller than asked, that makes the value whole."""
    scale = at_least
    while scale < MAX_SCALE and value * scale != int(value * scale):
        scale *= 10
    return scale


def is_storable(value: Decimal) -> bool:
    """Whether the value is within the digits that an exact integer can hold at any scale."""
    return abs(value) < MAX_VALUE and value * MAX_SCALE == int(value * MAX_SCALE)


def number_literal(value: Decimal, type_: Type, scale: int) -> Literal:
    """A number in stored units of the type at that scale."""
    return Literal(int(value * scale), Type(type_.kind, type_.unit, scale))


def bind_text(value: str, field: Field, span: Span, findings: Findings) -> Literal | None:
    """A text in the form of the field it is compared with; None, with a diagnostic, when the field never
    has it.
    """
    if field.type == DATE:
        return _date(value, field, span, findings)
    if field.origin is Origin.CALENDAR and field.column in _PATTERNS:
        pattern, example = _PATTERNS[field.column]
        found = pattern.fullmatch(value)
        if found is None or (field.column == "iso_week" and not _is_week(found)):
            _refuse(value, field, span, findings, f"Write it as {example}.")
            return None
    elif field.choices and value not in field.choices:
        nearest = find_nearest(value, field.choices) or _find_prefixed(value, field.choices)
        shown = ", ".join(format_text(choice) for choice in field.choices)
        findings.add(
            Code.VALUE_UNKNOWN,
            span,
            f"{field.name} is never {format_text(value)}.",
            hint=f"It is one of {shown}.",
            nearest=nearest,
        )
        return None
    return Literal(value, TEXT)


def _date(value: str, field: Field, span: Span, findings: Findings) -> Literal | None:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return Literal(date.fromisoformat(value), DATE)
    except ValueError:
        pass  # the thirtieth of February
    _refuse(value, field, span, findings, 'Write a date as "2021-02-01": year, month, day.')
    return None


def _is_week(found: re.Match[str]) -> bool:
    try:
        date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        return False
    return True


def _find_prefixed(value: str, choices: tuple[str, ...]) -> str | None:
    """Mon -> Monday."""
    wanted = value.lower()
    return next((c for c in choices if len(wanted) > 1 and c.lower().startswith(wanted)), None)


def _refuse(value: str, field: Field, span: Span, findings: Findings, hint: str) -> None:
    findings.add(Code.VALUE_UNKNOWN, span, f"{field.name} is never {format_text(value)}.", hint=hint)
