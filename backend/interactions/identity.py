"""Ids made in Python: facts from what names them at their source, everything else time-ordered."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID

import numpy as np
import uuid_utils.compat
from numpy.typing import NDArray

_FREE = ~(0xF << 76 | 0x3 << 62)
_VERSION_8 = 8 << 76 | 2 << 62


def fact_id(source: str, external_id: str) -> UUID:
    """The id of a fact, the same each time it arrives: 122 bits of BLAKE2b as a version 8 UUID (RFC 9562)."""
    digest = blake2b(f"{source}\x00{external_id}".encode(), digest_size=16).digest()
    return UUID(int=int.from_bytes(digest) & _FREE | _VERSION_8)


def fact_ids(source: str, external_ids: Iterable[str]) -> NDArray[np.void]:
    """The same for many records of one source, as an array of 16 bytes each."""
    of_source = blake2b(f"{source}\x00".encode(), digest_size=16)
    digests = []
    for external_id in external_ids:
        digest = of_source.copy()
        digest.update(external_id.encode())
        digests.append(digest.digest())
    made = np.frombuffer(bytearray().join(digests), np.uint8).reshape(-1, 16)
    made[:, 6] = made[:, 6] & 0x0F | 0x80
    made[:, 8] = made[:, 8] & 0x3F | 0x80
    return made.view("V16").ravel()


def new_id() -> UUID:
    """A fresh time-ordered id (UUID version 7)."""
    return uuid_utils.compat.uuid7()
