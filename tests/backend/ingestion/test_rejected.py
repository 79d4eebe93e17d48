"""Rows set aside can be looked at page by page, read again with a mended mapping, and given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.ingestion import mapping as mappings
from backend.ingestion.models import rejected_record
from backend.ingestion.normalize import Normalizer
from backend.ingestion.rejected import RejectedRecord, discard, list_rejected, replay
from backend.interactions.models import audit_entry, interaction
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import bring_in_chunks, rows_of

MAPPING = """
source = "shop"

[fields]
external_id = "id"
channel = { column = "via", values = { phone = "call" } }
started = "began"
"""
MENDED = MAPPING.replace("phone", 'fax = "ticket", phone')
ROWS = [
    {"id": "1", "via": "phone", "began": "2026-03-02 09:30"},
    {"id": "2", "via": "fax", "began": "2026-03-02 09:40"},
    {"id": "3", "via": "fax", "began": "yesterday"},
]


async def bring_rows(door: TenantDatabase, text: str = MAPPING, rows: list[dict[str, Any]] = ROWS) -> None:
    normalizer = Normalizer(mappings.load(text), None)
    await bring_in_chunks(
        door,
        [normalizer.records(rows, range(2, len(rows) + 2))],
        normalizer.layouts,
        source="shop",
        mapping_text=text,
        rejected_share=1.0,
    )


async def listed(door: TenantDatabase, **options: Any) -> list[RejectedRecord]:
    async with door.read() as session:
        return list(await list_rejected(session, **{"first": 50, **options}))


async def test_rejected_records_come_page_by_page(acme):
    await bring_rows(acme)
    await bring_rows(acme, rows=[{"id": str(n), "via": "fax", "began": None} for n in range(10, 15)])
    everyone = await listed(acme)
    assert [record.line for record in everyone] == [3, 4, 2, 3, 4, 5, 6]
    pages, after = [], None
    while page := await listed(acme, first=3, after=after):
        pages.append(len(page))
        after = page[-1].key
    assert pages == [3, 3, 1]
    only = await listed(acme, sync_run_id=everyone[0].sync_run_id)
    assert [record.raw["id"] for record in only] == ["2", "3"]


async def test_a_replay_with_a_mended_mapping_takes_what_it_can(acme, clock):
    await bring_rows(acme)
    ids = [record.id for record in await listed(acme)]
    outcome = await replay(acme, ids, actor="tester", mapping_text=MENDED, clock=clock)
    assert (outcome.replayed, outcome.still_rejected) == (1, 1)
    assert {row.external_id: row.channel for row in await rows_of(acme, interaction)} == {
        "1": "call",
        "2": "ticket",
    }
    records = {record.raw["id"]: record for record in await listed(acme, status=None)}
    assert (records["2"].status, records["2"].settled_at) == ("replayed", clock.now)
    assert (records["3"].status, records["3"].field) == ("open", "started")

    again = await replay(acme, ids, actor="tester", mapping_text=MENDED, clock=clock)
    assert (again.replayed, again.still_rejected) == (0, 1)
    assert len(await rows_of(acme, rejected_record)) == 2


async def test_a_replay_uses_the_mapping_that_the_source_used_last(acme):
    await bring_rows(acme)
    await bring_rows(acme, MENDED, ROWS[:1])
    outcome = await replay(acme, [record.id for record in await listed(acme)], actor="tester")
    assert outcome.replayed == 1


async def test_a_replay_without_any_mapping_says_so(acme):
    normalizer = Normalizer(mappings.load(MAPPING), None)
    chunk = normalizer.records(ROWS)
    await bring_in_chunks(acme, [chunk], normalizer.layouts, source="shop", rejected_share=1.0)
    with pytest.raises(Invalid) as refusal:
        await replay(acme, [record.id for record in await listed(acme)], actor="tester")
    assert refusal.value.code == "REPLAY_NO_MAPPING"


async def test_records_are_given_up_once(acme, clock):
    await bring_rows(acme)
    ids = [record.id for record in await listed(acme)]
    async with acme.write() as session:
        assert await discard(session, ids[:1], actor="tester", now=clock.now) == 1
    async with acme.write() as session:
        assert await discard(session, ids[:1], actor="tester", now=clock.now) == 0
    assert [record.id for record in await listed(acme)] == ids[1:]
    assert [record.id for record in await listed(acme, status="discarded")] == ids[:1]
    entries = [row for row in await rows_of(acme, audit_entry) if row.action == "discard rejected records"]
    assert [entry.details for entry in entries] in (
        [{"records": 1}, {"records": 0}],
        [{"records": 0}, {"records": 1}],
    )


async def settle(door: TenantDatabase, how: str, ids: list[Any], now: datetime) -> None:
    if how == "discarded":
        async with door.write() as session:
            await discard(session, ids, actor="tester", now=now)
    else:
        await replay(door, ids, actor="tester", mapping_text=MENDED)


@pytest.mark.parametrize("how", ["discarded", "replayed"])
async def test_a_settled_row_that_is_set_aside_again_opens_again(acme, clock, how):
    await bring_rows(acme)
    (before,) = [record for record in await listed(acme) if record.raw["id"] == "2"]
    await settle(acme, how, [before.id], clock.now)
    assert [record.status for record in await listed(acme, status=how)] == [how]

    await bring_rows(acme, rows=[ROWS[0], *[ROWS[1]] * 2])  # twice in one file: of one id, the first line
    assert await listed(acme, status=how) == []
    (after,) = [record for record in await listed(acme) if record.raw["id"] == "2"]
    assert (after.id, after.status, after.settled_at, after.line) == (before.id, "open", None, 3)
    assert (after.code, after.message, after.field) == (before.code, before.message, before.field)
    assert after.sync_run_id > before.sync_run_id
    assert after.created_at > before.created_at


async def test_an_open_row_that_is_set_aside_again_stays_untouched(acme):
    await bring_rows(acme)
    before = await rows_of(acme, rejected_record)
    await bring_rows(acme, rows=[ROWS[0], *ROWS])  # the same rows on other lines
    assert await rows_of(acme, rejected_record) == before
