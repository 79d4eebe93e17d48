"""Lists of instants and numbers as parameters, and where a value lies among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.metrics.planning.lowering.tables import Value


def array_of(values: Iterable[object], kind: sa.types.TypeEngine[Any]) -> Value:
    """Values as one parameter, an array."""
    # As one text: for a bound array the driver would first ask each new connection about its type, by a
    # function that tenants' roles may not call. In a sub-select, so that it is read once and not per row.
    text = sa.literal("{" + ",".join(f'"{value}"' for value in values) + "}", sa.Text)
    return sa.select(sa.cast(text, sa.ARRAY(kind))).scalar_subquery()


def instant_array(moments: Iterable[datetime]) -> Value:
    """Instants in order, as one parameter."""
    texts = [moment.astimezone(UTC).isoformat() for moment in moments]
    return array_of(texts, sa.DateTime(timezone=True))


def rank(value: Value, bounds: Value) -> Value:
    """How many of the bounds, which are in order, are not greater than a value."""
    return func.width_bucket(value, bounds, type_=sa.Integer)
