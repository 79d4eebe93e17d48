"""One cell of an answer as conditions of a question: its bucket and its members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from backend.core.errors import Invalid, Problem
from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.types import Field, Kind


def narrowed(window: Window, grain: Grain, bucket: datetime) -> Window:
    """The part of a window that lies in the bucket with this start.

    Raises Invalid (BUCKET_UNKNOWN) where no bucket starts then.
    """
    starts = bucket_starts(window, grain)
    at = next((at for at, start in enumerate(starts) if start == bucket), None)
    if at is None:
        message = f"No {grain} of the window starts at {bucket.isoformat()}."
        raise Invalid(
            message,
            code="BUCKET_UNKNOWN",
            problems=[Problem("BUCKET_UNKNOWN", message, ("cell", "bucket"))],
        )
    end = starts[at + 1] if at + 1 < len(starts) else window.end
    return Window(max(starts[at], window.start), min(end, window.end), window.zone)


def of_member(field: Field, key: str | None) -> Row:
    """The condition that holds for the rows of one member of a dimension; `members.Members` makes its keys.

    Raises Invalid (CELL_MEMBER_INVALID) for a key that the dimension cannot have.
    """
    value = bound.FieldValue(field, field.type)
    if key is None:
        return bound.IsMissing(value, negated=False)
    try:
        stored = _stored(field, key)
    except (ValueError, ArithmeticError):
        message = f"“{field.name}” has no member “{key}”."
        raise Invalid(
            message,
            code="CELL_MEMBER_INVALID",
            problems=[Problem("CELL_MEMBER_INVALID", message, ("cell", "members", field.name))],
        ) from None
    return bound.Compare("=", value, bound.Literal(stored, field.type))


def _stored(field: Field, key: str) -> object:
    if "\x00" in key:
        raise ValueError(key)
    match field.type.kind:
        case Kind.BOOLEAN:
            return key == "true" if key in ("true", "false") else _refuse(key)
        case Kind.DATE:
            return datetime.strptime(key, "%Y-%m-%d").date()
        case Kind.NUMBER:
            stored = Decimal(key) * field.type.scale
            return int(stored) if stored == int(stored) and abs(stored) < 2**63 else _refuse(key)
        case _:
            return key


def _refuse(key: str) -> object:
    raise ValueError(key)


def all_of(conditions: Sequence[Row]) -> Row | None:
    """Conditions that all have to hold as one; None of none."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return bound.Logic("and", tuple(conditions))
