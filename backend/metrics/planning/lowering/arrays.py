"""Arrays as parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from backend.metrics.planning.lowering.tables import Value


def array_of(values: Iterable[object], kind: sa.types.TypeEngine[Any]) -> Value:
    """Values as one array of a statement."""
    # As one text: for a bound array the driver would first ask each new connection about its type, by a
    # function that tenants' roles may not call. In a sub-select, so that it is read once and not per row.
    text = sa.literal("{" + ",".join(f'"{value}"' for value in values) + "}", sa.Text)
    return sa.select(sa.cast(text, sa.ARRAY(kind))).scalar_subquery()
