"""Ids made in Python: facts from what names them at their source, everything else time-ordered."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

import uuid_utils.compat

_FREE = ~(0xF << 76 | 0x3 << 62)
_VERSION_8 = 8 << 76 | 2 << 62


def fact_id(source: str, external_id: str) -> UUID:
    """The id of a fact, the same each time it arrives: 122 bits of BLAKE2b as a version 8 UUID (RFC 9562)."""
    digest = blake2b(f"{source}\x00{external_id}".encode(), digest_size=16).digest()
    return UUID(int=int.from_bytes(digest) & _FREE | _VERSION_8)


def new_id() -> UUID:
    """A fresh time-ordered id (UUID version 7)."""
    return uuid_utils.compat.uuid7()
