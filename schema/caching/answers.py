"""Answers from memory where they still stand, worked out where they do not.

An answer is kept with the versions that were read before it was worked out. Its snapshot saw these or later
ones: where a later look finds the same numbers, nothing has changed since, in whichever process it was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.core.clock import Clock
from schema.caching.flights import Flights
from schema.caching.sighting import Lookout, Sighting
from schema.errors import Formatted
from schema.running.fair import FairMemory
from tenants.database import TenantDatabase
from tenants.versions import Versions

SHARE = 0.5  # of one tenant
IDLE = 900.0  # seconds after which an answer that nobody asks for is gone
AN_ENTRY = 512  # bytes that an answer takes beside its own


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as it was worked out: encoded data, errors, and whether it may be kept."""

    data: bytes
    errors: list[Formatted]
    lasting: bool


@dataclass(frozen=True, slots=True)
class Served:
    """An answer, the versions that it is of (None: they were not looked at), its age in seconds, and whether it came
    from memory. Only of a `lasting` one the same may be said again while the versions stand.
    """

    data: bytes
    errors: list[Formatted]
    versions: Versions | None = None
    age: float = 0.0
    cached: bool = False
    lasting: bool = False


@dataclass(slots=True)
class _Kept:
    data: bytes
    versions: Versions
    checked: datetime


Make = Callable[[], Coroutine[Any, Any, Made]]


class Answers:
    """The answers that a process keeps, at most `most` bytes of them; 0: none."""

    def __init__(self, most: int, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.keeps = most > 0
        self._clock = clock
        self._lookout = Lookout(clock)
        self._kept: FairMemory[bytes, _Kept] = FairMemory(most, share=SHARE, idle=IDLE, now=monotonic)
        self._flights: Flights[tuple[bytes, Versions], Made] = Flights()

    async def look(self, database: TenantDatabase) -> Sighting:
        """The versions of now."""
        return await self._lookout.look(database)

    def recent(self, key: bytes, staleness: float) -> Served | None:
        """The answer kept under a key if it stood at most `staleness` seconds ago; the database is not asked."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        age = (self._clock() - kept.checked).total_seconds()
        if not 0 <= age <= staleness:  # a clock that was set back makes nothing younger
            return None
        return Served(kept.data, [], kept.versions, age, cached=True, lasting=True)

    def standing(self, key: bytes, sighting: Sighting) -> Served | None:
        """The answer kept under a key if it is of the versions that were seen."""
        kept = self._kept.get(key)
        if kept is None or kept.versions != sighting.versions:
            return None
        kept.checked = max(kept.checked, sighting.at)
        return Served(kept.data, [], kept.versions, cached=True, lasting=True)

    async def made(self, key: bytes, database: TenantDatabase, sighting: Sighting, make: Make) -> Served:
        """The answer worked out now, and kept if it may be; shared with all who want it at these versions."""

        async def work() -> Made:
            made = await make()
            if made.lasting:
                kept = _Kept(made.data, sighting.versions, sighting.at)
                self._kept.put(database.tenant.id, key, kept, len(made.data) + AN_ENTRY)
            return made

        made = await self._flights.join((key, sighting.versions), work)
        return Served(made.data, made.errors, sighting.versions, lasting=made.lasting)
