"""What packs are of, and their ids: made of everything that their content follows from but the facts.

So nothing has to be thrown away when a definition, a field or the zone changes: what is asked for then has
another id, and what nobody asks for any more goes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from backend.metrics.language.bound import Basis, Row
from backend.metrics.language.types import Field
from backend.metrics.planning.parts import Part
from backend.metrics.rollups.packing import FORMAT

# the facts of formulas -> the tables whose touched hours tell of them; those that are not here mark none
TABLES: Mapping[str, str] = {
    "interaction": "interaction",
    "survey": "survey_response",
    "event": "interaction_event",
    "review": "qa_review",
    "activity": "agent_activity",
    "article": "article_view",
    "order": "order",
    "sla": "sla_instance",
    "turn": "interaction_turn",
    "cycle": "interaction_cycle",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What all series of a tenant follow from: the zone that cuts days, the currency that money counts in."""

    zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class Cells:
    """Groups of rows by local day (or hour) and dimensions, and the parts collected for each.

    The rows are those of a basis that meet a condition; `dimensions` are none that follow from the moment.
    `per_agent` as in `Scan`.
    """

    ground: Ground
    basis: Basis
    where: Row | None
    per_agent: bool
    dimensions: tuple[Field, ...]
    hourly: bool

    @property
    def id(self) -> UUID:
        """The series' id."""
        return UUID(bytes=_digest(16, FORMAT, "cells", self))

    @property
    def fact(self) -> str:
        """The table whose touched hours make its days stale."""
        return TABLES[self.basis.fact]


@dataclass(frozen=True, slots=True)
class Columns:
    """One value of every row of a basis that counts, in the order of the rows' moments and ids, by local day."""

    ground: Ground
    basis: Basis
    value: Row

    @property
    def id(self) -> UUID:
        """The series' id."""
        return UUID(bytes=_digest(16, FORMAT, "columns", self))

    @property
    def fact(self) -> str:
        """The table whose touched hours make its days stale."""
        return TABLES[self.basis.fact]


def part_id(part: Part) -> str:
    """What a part is called within a pack."""
    return _digest(8, part).hex()


def _digest(size: int, *what: object) -> bytes:
    # the repr of frozen values says all that they are; sets, whose order is any, are not among them
    return blake2b(repr(what).encode(), digest_size=size).digest()
