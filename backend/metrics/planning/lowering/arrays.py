"""Lists of instants and numbers as parameters, and where a value lies among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.engine import Dialect

from backend.metrics.planning.lowering.tables import Value

SHOWN = 8  # elements of an array that are written out for people


class _ArrayText(sa.types.TypeDecorator[str]):
    """The text of an array. Written into a statement for people to read, a long one is cut; what is sent never is."""

    impl = sa.Text
    cache_ok = True

    def process_literal_param(self, value: str | None, dialect: Dialect) -> str:
        """The first elements and how many there are."""
        text = value or ""
        elements = text.strip("{}").split(",")
        if len(elements) <= SHOWN + 1:
            return text
        return f"{{{','.join(elements[:SHOWN])}, … {len(elements):,} in all}}"


def array_of(values: Iterable[object], kind: sa.types.TypeEngine[Any]) -> Value:
    """Values without a comma in them as one parameter, an array."""
    # As one text: for a bound array the driver would first ask each new connection about its type, by a
    # function that tenants' roles may not call. In a sub-select, so that it is read once and not per row.
    text = sa.literal("{" + ",".join(f'"{value}"' for value in values) + "}", _ArrayText)
    return sa.select(sa.cast(text, sa.ARRAY(kind))).scalar_subquery()


def instant_array(moments: Iterable[datetime]) -> Value:
    """Instants in order, as one parameter."""
    texts = [moment.astimezone(UTC).isoformat() for moment in moments]
    return array_of(texts, sa.DateTime(timezone=True))


def rank(value: Value, bounds: Value) -> Value:
    """How many of the bounds, which are in order, are not greater than a value."""
    return func.width_bucket(value, bounds, type_=sa.Integer)
