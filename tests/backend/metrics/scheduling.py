"""Someone who plans acme's working hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from backend.core.errors import Invalid
from backend.interactions import scheduling
from backend.interactions.models import audit_entry, write_log
from backend.interactions.scheduling import Listed, Planner
from backend.schedules.hours import HoursDraft, Span
from backend.schedules.models import schedule, schedule_assignment, schedule_version
from backend.schedules.timetable import Schedule
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import START

TABLES = (schedule, schedule_version, schedule_assignment, audit_entry, write_log)


def draft(
    week: Sequence[Span], zone: str = "UTC", exceptions: Mapping[str, Sequence[Span]] | None = None
) -> HoursDraft:
    """Hours as someone gives them."""
    return HoursDraft(zone, week, tuple((exceptions or {}).items()))


class Max:
    """Changes acme's schedules, at an instant that a test may move."""

    def __init__(self, tenant: TenantDatabase) -> None:
        self.tenant = tenant
        self.now = START

    async def create(
        self, key: str, hours: HoursDraft, since: datetime | None = None, name: str = "Hours"
    ) -> Schedule:
        async with self.tenant.write() as session:
            return await scheduling.create(session, key, name, hours, self._planner(), effective_from=since)

    async def revise(self, key: str, version: int, since: datetime | None = None, **said: Any) -> Schedule:
        async with self.tenant.write() as session:
            return await scheduling.revise(
                session, key, self._planner(), version=version, effective_from=since, **said
            )

    async def archive(self, key: str, version: int = 1) -> Schedule:
        async with self.tenant.write() as session:
            return await scheduling.archive(session, key, self._planner(), version=version)

    async def assign(
        self,
        key: str,
        scope: str = "tenant",
        external_id: str | None = None,
        since: datetime | None = None,
    ) -> Schedule:
        async with self.tenant.write() as session:
            return await scheduling.assign(
                session, key, scope, external_id, self._planner(), effective_from=since
            )

    async def listed(self, *, archived: bool | None = False) -> dict[str, Listed]:
        async with self.tenant.read() as session:
            found = await scheduling.list_schedules(session, archived=archived)
        return {one.schedule.key: one for one in found}

    async def everything(self) -> list[Any]:
        """All that a change could leave behind."""
        found: list[Any] = []
        async with self.tenant.read() as session:
            for table in TABLES:
                found += sorted(map(repr, await session.execute(select(table))))
        return found

    async def rows(self, table: Any) -> list[dict[str, Any]]:
        async with self.tenant.read() as session:
            return [dict(row._mapping) for row in await session.execute(select(table))]

    async def problems(self, change: Any) -> list[tuple[str, tuple[Any, ...]]]:
        """Codes and places of what a change is refused for; it has left nothing behind."""
        before = await self.everything()
        with pytest.raises(Invalid) as refusal:
            await change
        assert await self.everything() == before
        return [(one.code, one.path) for one in refusal.value.problems]

    def _planner(self) -> Planner:
        return Planner("max", self.now)
