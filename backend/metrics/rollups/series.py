"""What packs are of, and their ids: made of everything that their content follows from but the facts.

So nothing has to be thrown away when a definition, a field or the zone changes: what is asked for then has
another id, and what nobody asks for any more goes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias
from uuid import UUID

from backend.metrics.language.bound import Basis, Row
from backend.metrics.language.hashing import HashedOnce
from backend.metrics.language.types import Field
from backend.metrics.planning.parts import Part
from backend.metrics.rollups.days import days_reached
from backend.metrics.rollups.dependence import NOTHING, TABLES, Dependence
from backend.metrics.rollups.packing import FORMAT

MOST_IDS = 4096  # that are remembered

Touched: TypeAlias = Mapping[str, Sequence[tuple[datetime, int]]]  # by table: UTC hours with their versions


@dataclass(frozen=True, slots=True)
class Ground:
    """What all series of a tenant follow from: the zone that cuts days, the currency that money counts in."""

    zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class Cells(HashedOnce):
    """Groups of rows by local day (or hour) and dimensions, and the parts collected for each.

    The rows are those of a basis that meet a condition; `dimensions` are none that follow from the moment.
    `per_agent` as in `Scan`. `on` is what moves them beside their own rows.
    """

    ground: Ground
    basis: Basis
    where: Row | None
    per_agent: bool
    dimensions: tuple[Field, ...]
    hourly: bool
    on: Dependence = NOTHING

    __hash__ = HashedOnce.hash_once

    @property
    def id(self) -> UUID:
        """The series' id."""
        return _id_of(FORMAT, "cells", self)

    @property
    def tables(self) -> set[str]:
        """The tables whose touched hours make its days stale."""
        return {TABLES[self.basis.fact], *self.on.tables}

    def days_touched(self, touched: Touched) -> dict[date, int]:
        """The days that touched hours make stale, each with the newest version that did."""
        own = touched.get(TABLES[self.basis.fact], ())
        spans = [(*NOTHING.reached(hour), version) for hour, version in own]
        for table in self.on.tables:
            spans += [(*self.on.reached(hour), version) for hour, version in touched.get(table, ())]
        return days_reached(spans, self.ground.zone)


@dataclass(frozen=True, slots=True)
class Columns:
    """One value of every row of a basis that counts, in the order of the rows' moments and ids, by local day."""

    ground: Ground
    basis: Basis
    value: Row

    @property
    def id(self) -> UUID:
        """The series' id."""
        return _id_of(FORMAT, "columns", self)

    @property
    def tables(self) -> set[str]:
        """The table whose touched hours make its days stale."""
        return {TABLES[self.basis.fact]}

    def days_touched(self, touched: Touched) -> dict[date, int]:
        """The days that touched hours make stale, each with the newest version that did."""
        own = touched.get(TABLES[self.basis.fact], ())
        return days_reached(((*NOTHING.reached(hour), version) for hour, version in own), self.ground.zone)


@lru_cache(maxsize=MOST_IDS)
def part_id(part: Part) -> str:
    """What a part is called within a pack."""
    return _digest(8, part).hex()


@lru_cache(maxsize=MOST_IDS)
def _id_of(*what: object) -> UUID:
    return UUID(bytes=_digest(16, *what))


def _digest(size: int, *what: object) -> bytes:
    # the repr of frozen values says all that they are; sets, whose order is any, are not among them
    return blake2b(repr(what).encode(), digest_size=size).digest()
