"""Which KPIs a tenant has, and what each means on a day."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from backend.core.currencies import MINOR_DIGITS
from backend.core.errors import NotFound
from backend.metrics import repository
from backend.metrics.history import History
from backend.metrics.kpi import Kpi
from backend.metrics.language.types import Vocabulary
from backend.metrics.language.vocabulary import build_vocabulary
from tenants.database import ReadSession
from tenants.registry import Tenant


async def list_kpis(session: ReadSession, now: datetime, *, archived: bool | None = False) -> list[Kpi]:
    """KPIs by key, with the formulas in force on the tenant's present day.

    Those that are not archived; `archived` True gives the others, None all.
    """
    return await repository.list_kpis(session, today_of(session, now), archived=archived)


async def list_histories(session: ReadSession, now: datetime) -> tuple[list[Kpi], History]:
    """The KPIs in use as `list_kpis` gives them, and all that they were and will be."""
    today = today_of(session, now)
    found = await repository.list_histories(session, today)
    history = History({kpi.key: versions for kpi, versions in found}, _tenant(session).zone, today)
    return [kpi for kpi, _ in found], history


async def find_kpi(
    session: ReadSession, key: str, now: datetime, *, archived: bool | None = False
) -> Kpi | None:
    """The KPI of that key; None where there is none, or none that is as `archived` says (None: either)."""
    kpis = await list_kpis(session, now, archived=archived)
    return next((one for one in kpis if one.key == key), None)


async def get_kpi(session: ReadSession, key: str, now: datetime, *, archived: bool | None = False) -> Kpi:
    """The KPI of that key; raises NotFound."""
    found = await find_kpi(session, key, now, archived=archived)
    if found is None:
        raise NotFound(f"There is no KPI “{key}”.")
    return found


async def get_vocabulary(session: ReadSession) -> Vocabulary:
    """What the tenant's formulas may name."""
    digits = MINOR_DIGITS.get(_tenant(session).currency, 2)
    return build_vocabulary(digits, await repository.list_attributes(session))


def today_of(session: ReadSession, now: datetime) -> date:
    """The tenant's present day."""
    return now.astimezone(ZoneInfo(_tenant(session).zone)).date()


def _tenant(session: ReadSession) -> Tenant:
    if session.tenant is None:
        raise LookupError("KPIs belong to a tenant, and this session has none")
    return session.tenant
