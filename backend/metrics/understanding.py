"""What a tenant's questions are understood by, remembered for as long as no definition changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from backend.metrics import definitions, repository
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Restriction
from tenants.database import ReadSession, TenantDatabase
from tenants.versions import Versions


async def prepare_for(
    session: ReadSession,
    database: TenantDatabase,
    versions: Versions,
    now: datetime,
    restriction: Restriction,
) -> Preparation:
    """The preparation of a tenant's questions as of the session's snapshot, which sees these versions.

    What holds on a day holds for all of it, so the tenant's present day is part of what it is remembered by.
    """
    tenant = database.tenant
    today = definitions.today_of(session, now)
    key = "preparation", tenant.id
    version = versions.definitions, today, tenant.zone, tenant.currency
    known: Preparation | None = database.memory.recall(key, version)
    if known is None:
        kpis, history = await definitions.list_histories(session, now)
        attributes = await repository.list_attributes(session)
        known = Preparation.of(kpis, attributes, tenant.zone, tenant.currency, Restriction(), history)
        database.memory.remember(key, version, known)
    return known if restriction == Restriction() else replace(known, restriction=restriction)
