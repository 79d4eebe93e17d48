"""Someone who changes acme's definitions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from backend.core.errors import Invalid
from backend.interactions.models import audit_entry
from backend.metrics import authoring, definitions, repository
from backend.metrics.authoring import Author
from backend.metrics.kpi import Kpi, KpiVersion
from backend.metrics.models import kpi, kpi_version
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import START

MORNING = START  # of a Monday, in UTC, which is acme's zone
TODAY = START.date()


def draft(key: str, formula: str, **details: Any) -> Kpi:
    """A definition of which a test says only what matters to it."""
    return replace(Kpi(key, "A name", "指标", formula, "quality", "up"), **details)


class Ann:
    """Changes acme's definitions, at an instant that a test may move."""

    def __init__(self, tenant: TenantDatabase) -> None:
        self.tenant = tenant
        self.now = MORNING

    async def create(self, key: str, formula: str, **details: Any) -> Kpi:
        async with self.tenant.write() as session:
            return await authoring.create(session, draft(key, formula, **details), self._author())

    async def revise(self, which: str, version: int, on: date | None = None, **said: Any) -> Kpi:
        async with self.tenant.write() as session:
            return await authoring.revise(
                session,
                which,
                lambda one: replace(one, **said),
                version=version,
                author=self._author(),
                effective_from=on,
            )

    async def archive(self, key: str, version: int = 1) -> Kpi:
        async with self.tenant.write() as session:
            return await authoring.archive(session, key, version=version, author=self._author())

    async def restore(self, key: str, version: int = 1, **how: bool) -> Kpi:
        async with self.tenant.write() as session:
            return await authoring.restore(session, key, version=version, author=self._author(), **how)

    async def kpi(self, key: str, now: datetime | None = None) -> Kpi | None:
        async with self.tenant.read() as session:
            return await definitions.find_kpi(session, key, now or self.now)

    async def history(self, key: str) -> list[KpiVersion]:
        async with self.tenant.read() as session:
            return (await repository.versions_by_key(session, [key], 100))[key]

    async def everything(self) -> list[Any]:
        """All that a change could leave behind."""
        found: list[Any] = []
        async with self.tenant.read() as session:
            for table in (kpi, kpi_version, audit_entry):
                found += sorted(map(repr, await session.execute(select(table))))
        return found

    async def audit(self) -> list[Any]:
        columns = audit_entry.c
        async with self.tenant.read() as session:
            rows = await session.execute(
                select(columns.actor, columns.action, columns.subject, columns.details)
            )
            return [tuple(row) for row in rows]

    async def problems(self, change: Any) -> list[tuple[str, tuple[Any, ...]]]:
        """Codes and places of what a change is refused for; it has left nothing behind."""
        before = await self.everything()
        with pytest.raises(Invalid) as refusal:
            await change
        assert await self.everything() == before
        return [(str(one.code), one.path) for one in refusal.value.problems]

    def _author(self) -> Author:
        return Author("ann", self.now)
