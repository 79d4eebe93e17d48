"""The business clocks that questions need: read once for all of them, and only if one asks for working time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from backend.core.windows import Window
from backend.metrics import repository
from backend.metrics.language.bound import Row
from backend.metrics.planning.reach import asks_business
from backend.schedules.clocks import Clocks, Horizon, clocks_of
from backend.schedules.repository import read_timetable
from backend.schedules.timetable import Held
from tenants.database import ReadSession


async def find_clocks(session: ReadSession, rows: Iterable[Row], now: datetime) -> Clocks | None:
    """The tenant's clocks; None where no row expression asks for one, or no schedule is assigned to anyone."""
    if not asks_business(rows):
        return None
    timetable = await read_timetable(session)
    if not timetable.assignments:
        return None
    earliest, latest = await repository.find_extent(session)
    # new clocks over many years take a moment, in which others are to be served
    return await asyncio.to_thread(clocks_of, timetable, Horizon.around(earliest, latest, now))


def held_in(clocks: Clocks | None, window: Window | None) -> tuple[Held, ...]:
    """The versions of schedules that were in force for anyone within a window."""
    if clocks is None:
        return ()
    span = window or clocks.horizon
    return tuple(clocks.timetable.held(span.start, span.end))
