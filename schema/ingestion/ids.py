"""Reads the ids of sync runs and rejected records that a client hands back."""

from __future__ import annotations

from uuid import UUID

from backend.core.errors import Invalid
from schema.relay import parse_node_id


def uuid_of(type_name: str, id: str) -> UUID:
    """The row's own id in an opaque one.

    Raises Invalid (ID_INVALID) for the id of something else.
    """
    parsed = parse_node_id(id)
    try:
        if parsed and parsed[0] == type_name:
            return UUID(parsed[1])
    except ValueError:
        pass
    raise Invalid(f"This is not the id of a {type_name}.", code="ID_INVALID")
