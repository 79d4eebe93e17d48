"""The hours in which the companies of the demo answer: what business(...) goes by there."""

from __future__ import annotations

from datetime import datetime

from backend.demo.rhythm import CLOSES, OPENS
from backend.demo.world import World
from backend.interactions import scheduling
from backend.schedules.hours import HoursDraft
from backend.schedules.repository import read_timetable
from backend.schedules.timetable import TENANT_SCOPE
from tenants.database import TenantDatabase

KEY = "desk"


async def ensure_opening_hours(door: TenantDatabase, world: World, now: datetime) -> None:
    """Gives a tenant without any schedule the company's hours: every day, by its own wall clock."""
    async with door.write() as session:
        if (await read_timetable(session)).schedules:
            return
        week = [((day * 24 + OPENS) * 60, (day * 24 + CLOSES) * 60) for day in range(7)]
        planner = scheduling.Planner("demo", now)
        await scheduling.create(session, KEY, f"{world.name} desk", HoursDraft(world.zone, week), planner)
        await scheduling.assign(session, KEY, TENANT_SCOPE, None, planner)
