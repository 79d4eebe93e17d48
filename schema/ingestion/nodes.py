"""Finds sync runs again by id."""

from __future__ import annotations

from uuid import UUID

from backend.core.errors import NotFound
from backend.ingestion import runs
from backend.web.access import READ_INGESTION
from schema.context import Info
from schema.ingestion.types import SyncRun
from schema.relay import Find


async def _sync_run(info: Info, key: str) -> SyncRun | None:
    info.context.require(READ_INGESTION)
    try:
        run_id = UUID(key)
    except ValueError:
        return None
    async with info.context.reading() as session:
        try:
            return SyncRun.from_record(await runs.get_run(session, run_id))
        except NotFound:
            return None


FINDERS: dict[str, Find] = {"SyncRun": _sync_run}
