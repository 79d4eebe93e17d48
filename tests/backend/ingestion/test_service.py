"""An import is all or nothing, the same whether it comes once or twice, and leaves other tenants alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from backend.core.errors import Invalid, NotFound
from backend.ingestion import runs
from backend.ingestion.models import rejected_record, source, sync_run
from backend.ingestion.records import Chunk, Layout
from backend.ingestion.service import HOPELESS, Progress
from backend.ingestion.staging import Staging
from backend.interactions.models import (
    agent,
    audit_entry,
    customer,
    interaction,
    survey_response,
    team,
    touched_hour,
    write_log,
)
from tenants.database import TenantDatabase
from tenants.tables import TENANT
from tests.backend.ingestion.importing import (
    SOURCE,
    Record,
    bring_in,
    bring_in_chunks,
    chunk_of,
    layout_of,
    one_of,
    rejection,
    rows_of,
    staged_rows,
)

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FACTS = (interaction, survey_response, agent, team, customer, write_log, touched_hour, rejected_record)


def contacts(count: int, **values: Any) -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"C-{number}",
            "started_at": T + timedelta(minutes=number),
            "closed_at": T + timedelta(minutes=number, hours=1),
            "agent": f"A-{number % 3}",
            "agent_name": f"Agent {number % 3}",
            "customer": f"P-{number}",
            "priority": "normal",
            **values,
        }
        for number in range(count)
    ]


async def everything(door: TenantDatabase) -> dict[str, Any]:
    return {table.name: await rows_of(door, table) for table in FACTS}


async def last_run(door: TenantDatabase) -> runs.SyncRun:
    async with door.read() as session:
        return (await runs.list_runs(session, first=1))[0]


async def assert_nothing_kept(door: TenantDatabase, error: str) -> None:
    assert all(not rows for rows in (await everything(door)).values())
    assert await staged_rows(door) == 0
    run = await last_run(door)
    assert (run.status, run.error) == ("refused", error)
    assert run.finished_at is not None


async def test_the_same_file_twice_changes_nothing_at_all(acme, clock):
    first = await bring_in(acme, "interaction", *contacts(20), clock=clock)
    before = await everything(acme)
    clock.advance(hours=1)
    second = await bring_in(acme, "interaction", *contacts(20), clock=clock)
    assert (first.written, first.unchanged) == ({"interaction": 20}, {"interaction": 0})
    assert (second.written, second.unchanged) == ({"interaction": 0}, {"interaction": 20})
    assert await everything(acme) == before
    assert await staged_rows(acme) == 0


async def test_only_rows_that_differ_are_written(acme, clock):
    await bring_in(acme, "interaction", *contacts(3), clock=clock)
    before = {row.external_id: row for row in await rows_of(acme, interaction)}
    mended = [*contacts(2), contacts(3)[2] | {"priority": "high"}]
    clock.advance(hours=1)
    report = await bring_in(acme, "interaction", *mended, clock=clock)
    after = {row.external_id: row for row in await rows_of(acme, interaction)}
    assert (report.written, report.unchanged) == ({"interaction": 1}, {"interaction": 2})
    assert [after[name] == before[name] for name in ("C-0", "C-1", "C-2")] == [True, True, False]
    changed = after["C-2"]
    assert (changed.priority, changed.created_at, changed.updated_at) == (
        "high",
        before["C-2"].created_at,
        clock.now,
    )
    assert changed.sync_run_id == report.sync_run_id


async def test_columns_that_the_layout_lacks_keep_their_values(acme):
    await bring_in(acme, "interaction", *contacts(1, queue="Q", resolved=True, amount=1250))
    await bring_in(acme, "interaction", {"external_id": "C-0", "priority": None}, columns=["priority"])
    row = await one_of(acme, interaction, "C-0")
    assert (row.priority, row.started_at, row.resolved, row.amount, row.currency) == (
        None,
        T,
        True,
        1250,
        "USD",
    )
    assert row.queue_id is not None


async def test_of_a_record_that_comes_twice_in_a_file_the_last_line_wins(acme):
    low, high = contacts(1, priority="low"), contacts(1, priority="high")
    layout = layout_of("interaction", low)
    chunks = [
        chunk_of(layout, [*low, *high], line=2),
        chunk_of(layout, low, line=4),
        chunk_of(layout, high, line=5),
    ]
    report = await bring_in_chunks(acme, chunks, [layout])
    assert (await one_of(acme, interaction, "C-0")).priority == "high"
    assert (report.written, report.unchanged) == ({"interaction": 1}, {"interaction": 3})


async def test_several_kinds_come_in_one_import(acme):
    talks: list[Record] = [*contacts(2)]
    votes: list[Record] = [{"external_id": "V-1", "interaction_id": None, "score": 4000, "responded_at": T}]
    people: list[Record] = [{"external_id": "A-0", "name": "Ann", "team": "T-1", "team_name": "First line"}]
    layouts = [layout_of("survey", votes), layout_of("interaction", talks), layout_of("agent", people)]
    chunk = Chunk({}, rows_read=3)
    for layout, records in zip(layouts, (votes, talks, people), strict=True):
        chunk.records |= chunk_of(layout, records).records
    report = await bring_in_chunks(acme, [chunk], layouts)
    assert report.written == {"agent": 1, "interaction": 2, "survey": 1}
    lead, row = await one_of(acme, team, "T-1"), await one_of(acme, interaction, "C-0")
    assert (lead.name, row.team_id) == ("First line", lead.id)
    vote = await one_of(acme, survey_response, "V-1")
    assert (vote.scale_min, vote.scale_max) == (1000, 5000)


async def test_chunks_may_come_one_by_one_from_the_network(acme):
    layout = layout_of("interaction", contacts(3))

    async def arriving() -> AsyncIterator[Chunk]:
        for record in contacts(3):
            await asyncio.sleep(0)
            yield chunk_of(layout, [record])

    report = await bring_in_chunks(acme, arriving(), [layout])
    assert report.written == {"interaction": 3}


async def test_progress_tells_of_reading_then_applying_then_done(acme):
    seen: list[Progress] = []
    layout = layout_of("interaction", contacts(4))
    chunks = [chunk_of(layout, contacts(4)[:2]), chunk_of(layout, contacts(4)[2:], line=4)]
    await bring_in_chunks(acme, chunks, [layout], progress=seen.append)
    assert [(each.phase, each.rows_read, each.bytes_read) for each in seen] == [
        ("reading", 2, 200),
        ("reading", 4, 400),
        ("applying", 4, 400),
        ("done", 4, 400),
    ]


async def test_an_empty_file_is_applied_and_changes_nothing(acme):
    report = await bring_in_chunks(
        acme, [], [Layout("interaction", ("line", "id", "source", "external_id", "channel"))]
    )
    assert (report.status, report.rows_read, report.written) == ("applied", 0, {"interaction": 0})
    assert await rows_of(acme, write_log) == []


async def test_the_run_its_source_and_an_audit_entry_tell_what_was_done(acme, clock):
    layout = layout_of("interaction", contacts(5))
    chunk = chunk_of(layout, contacts(5))
    chunk.rejections, chunk.rows_read = [rejection(9)], 6
    report = await bring_in_chunks(
        acme, [chunk], [layout], label="talks.csv", mapping_text="m = 1", clock=clock
    )
    run = await last_run(acme)
    assert (run.id, run.status, run.error, run.label, run.mapping) == (
        report.sync_run_id,
        "applied",
        None,
        "talks.csv",
        "m = 1",
    )
    assert (run.rows_read, run.rows_written, run.rows_unchanged, run.rows_rejected) == (6, 5, 0, 1)
    assert [(row.name, row.mapping) for row in await rows_of(acme, source)] == [(SOURCE, "m = 1")]
    entry = (await rows_of(acme, audit_entry))[-1]
    assert (entry.actor, entry.action, entry.subject) == ("tester", "import", str(run.id))
    assert entry.details["written"] == {"interaction": 5}
    version = (await rows_of(acme, write_log))[0]
    assert (version.sync_run_id, version.rows_changed, version.written_at) == (run.id, 5, clock.now)


async def test_rows_set_aside_are_kept_once(acme):
    layout = layout_of("interaction", contacts(9))
    for _ in range(2):
        chunk = chunk_of(layout, contacts(9))
        chunk.rejections = [
            rejection(11, channel="fax", note="a\x00b\ud800"),
            rejection(11, "started", channel="fax"),
        ]
        chunk.rows_read = 10
        report = await bring_in_chunks(acme, [chunk], [layout])
    kept = await rows_of(acme, rejected_record)
    assert sorted((row.line, row.field, row.status) for row in kept) == [
        (11, "channel", "open"),
        (11, "started", "open"),
    ]
    assert {row.raw["note"] for row in kept if "note" in row.raw} == {"a\ufffdb?"}
    assert report.rows_rejected == 1


async def test_a_file_with_too_many_bad_rows_is_refused_and_nothing_of_it_kept(acme):
    layout = layout_of("interaction", contacts(7))
    chunk = chunk_of(layout, contacts(7))
    chunk.rejections, chunk.rows_read = [rejection(line) for line in (9, 10, 11)], 10
    with pytest.raises(Invalid) as refusal:
        await bring_in_chunks(acme, [chunk], [layout])
    assert refusal.value.code == "IMPORT_TOO_MANY_REJECTED"
    assert [problem.path for problem in refusal.value.problems] == [
        ("line", 9, "channel"),
        ("line", 10, "channel"),
        ("line", 11, "channel"),
    ]
    await assert_nothing_kept(acme, refusal.value.message)


async def test_the_share_of_bad_rows_that_refuses_a_file_can_be_set(acme):
    layout = layout_of("interaction", contacts(1))
    chunk = chunk_of(layout, contacts(1))
    chunk.rejections, chunk.rows_read = [rejection(line) for line in range(3, 12)], 10
    report = await bring_in_chunks(acme, [chunk], [layout], rejected_share=1.0)
    assert (report.written, report.rows_rejected) == ({"interaction": 1}, 9)


async def test_a_hopeless_file_is_given_up_after_its_first_rows(acme):
    layout = layout_of("interaction", contacts(1))
    read = []

    def endless() -> Iterator[Chunk]:
        for number in range(1_000_000):
            read.append(number)
            lines = range(number * 500, number * 500 + 500)
            yield Chunk({}, rejections=[rejection(line) for line in lines], rows_read=500)

    with pytest.raises(Invalid) as refusal:
        await bring_in_chunks(acme, endless(), [layout])
    assert len(read) <= HOPELESS / 500 + 2
    await assert_nothing_kept(acme, refusal.value.message)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            Invalid("The file ends in the middle of a row.", code="FILE_TRUNCATED"),
            "The file ends in the middle of a row.",
        ),
        (RuntimeError("boom"), "It failed inside the program; the log says more."),
    ],
)
async def test_a_fault_while_reading_leaves_nothing_and_closes_the_reader(acme, fault, told):
    layout = layout_of("interaction", contacts(5))
    closed = []

    def breaking() -> Iterator[Chunk]:
        try:
            yield chunk_of(layout, contacts(5))
            raise fault
        finally:
            closed.append(True)

    with pytest.raises(type(fault)) as raised:
        await bring_in_chunks(acme, breaking(), [layout])
    assert raised.value is fault
    assert closed == [True]
    await assert_nothing_kept(acme, told)


async def test_a_fault_while_applying_leaves_nothing(acme):
    records = [*contacts(3), {"external_id": "C-9", "channel": "fax"}]  # a reader would have set it aside
    with pytest.raises(Invalid) as refusal:
        await bring_in(acme, "interaction", *records)
    await assert_nothing_kept(acme, refusal.value.message)


async def test_a_cancelled_import_leaves_nothing(acme):
    layout = layout_of("interaction", contacts(5))
    staged = asyncio.Event()

    async def stuck() -> AsyncIterator[Chunk]:
        yield chunk_of(layout, contacts(5))
        await asyncio.Event().wait()

    task = asyncio.create_task(bring_in_chunks(acme, stuck(), [layout], progress=lambda _: staged.set()))
    await staged.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_nothing_kept(acme, "It was interrupted.")


async def test_what_a_crash_left_staged_is_seen_by_nobody_and_cleaned_by_the_next_import(acme, clock):
    layout = layout_of("interaction", contacts(5))
    async with acme.write() as session:
        crashed = await runs.start(
            session,
            source=SOURCE,
            origin="file",
            label="a test",
            mapping=None,
            actor="tester",
            now=clock(),
        )
    async with acme.write() as session:
        staging = Staging(crashed, SOURCE, [layout])
        await staging.write(session, staging.encode(chunk_of(layout, contacts(5))), [])
    assert await rows_of(acme, interaction) == []

    await bring_in(acme, "interaction", *contacts(1), clock=clock)
    assert await staged_rows(acme) == 5  # it may be alive still
    clock.advance(hours=7)
    await bring_in(acme, "interaction", *contacts(2), clock=clock)
    assert await staged_rows(acme) == 0
    assert len(await rows_of(acme, interaction)) == 2
    async with acme.read() as session:
        run = await runs.get_run(session, crashed)
    assert (run.status, run.error) == ("refused", "It was interrupted and given up.")


async def test_an_import_that_was_taken_for_stale_does_not_apply_half_of_itself(acme, clock):
    layout = layout_of("interaction", contacts(4))

    async def slow() -> AsyncIterator[Chunk]:
        yield chunk_of(layout, contacts(4)[:2])
        await asyncio.sleep(0.1)
        clock.advance(hours=7)
        assert await runs.clean_stale_runs(acme, clock=clock) == 1
        yield chunk_of(layout, contacts(4)[2:], line=4)

    with pytest.raises(NotFound):
        await bring_in_chunks(acme, slow(), [layout], clock=clock)
    assert await rows_of(acme, interaction) == []
    assert await staged_rows(acme) == 0


async def test_two_imports_of_one_file_at_once_have_one_effect(acme):
    talks = contacts(300, team="T", queue="Q")
    layout = layout_of("interaction", talks)
    turned = [chunk_of(layout, talks[half : half + 150], line=half) for half in (150, 0)]
    reports = await asyncio.gather(
        bring_in_chunks(acme, [chunk_of(layout, talks)], [layout]),
        bring_in_chunks(acme, turned, [layout]),
        bring_in_chunks(acme, [chunk_of(layout, talks)], [layout]),
    )
    assert sorted(report.written["interaction"] for report in reports) == [0, 0, 300]
    assert len(await rows_of(acme, interaction)) == 300
    assert len(await rows_of(acme, agent)) == 3
    assert len(await rows_of(acme, write_log)) == 1
    assert await staged_rows(acme) == 0


async def test_imports_of_different_records_do_not_wait_for_each_other(acme):
    await bring_in(acme, "interaction", *contacts(2))
    async with acme.write() as session:  # a long import that holds a row, its agent known to both
        await session.execute(
            update(interaction).where(interaction.c.external_id == "C-0").values(priority="high")
        )
        other = contacts(2)[1] | {"priority": "low"}
        report = await asyncio.wait_for(bring_in(acme, "interaction", other), timeout=5)
    assert report.written == {"interaction": 1}


async def test_an_import_touches_no_other_tenant(acme, globex):
    before = {table.name: await rows_of(globex, table) for table in TENANT.sorted_tables}
    talks = [
        record | {"external_id": name} for name, record in zip(("1", "2", "A-1"), contacts(3), strict=True)
    ]
    await bring_in(acme, "interaction", *talks)
    await bring_in(acme, "survey", {"external_id": "1", "score": 1000})
    assert {table.name: await rows_of(globex, table) for table in TENANT.sorted_tables} == before
    assert len(await rows_of(acme, sync_run)) == 2
