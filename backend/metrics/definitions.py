"""Which KPIs a tenant has, and what each means on a day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.core.errors import NotFound
from backend.metrics import repository
from backend.metrics.kpi import Kpi
from tenants.database import ReadSession


async def list_kpis(session: ReadSession, now: datetime) -> list[Kpi]:
    """All KPIs that are not archived, by key, with the formulas in force on the tenant's present day."""
    if session.tenant is None:
        raise LookupError("KPIs belong to a tenant, and this session has none")
    return await repository.list_kpis(session, now.astimezone(ZoneInfo(session.tenant.zone)).date())


async def find_kpi(session: ReadSession, key: str, now: datetime) -> Kpi | None:
    """The KPI of that key, None where there is none or it is archived."""
    return next((one for one in await list_kpis(session, now) if one.key == key), None)


async def get_kpi(session: ReadSession, key: str, now: datetime) -> Kpi:
    """The KPI of that key; raises NotFound."""
    found = await find_kpi(session, key, now)
    if found is None:
        raise NotFound(f"There is no KPI “{key}”.")
    return found
