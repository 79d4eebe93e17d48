"""An import can be interrupted at any time, also in the midst of a file of blank lines, and leaves nothing."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from threading import Event
from typing import Any

import pytest

from backend.ingestion import runs
from backend.ingestion.formats.batch import Table
from backend.ingestion.formats.opening import open_table
from backend.ingestion.formats.options import FileOptions
from backend.ingestion.mapping import load
from backend.ingestion.models import rejected_record
from backend.ingestion.normalize import Normalizer
from backend.ingestion.records import Chunk
from backend.ingestion.service import Progress, _read_ahead
from backend.interactions.models import interaction
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import bring_in_chunks, chunk_of, layout_of, rows_of, staged_rows

MAPPING = """
source = "test"

[file]
drop = { via = ["none"] }

[fields]
external_id = "id"
channel = "via"
"""
CSV = b"id,via\r\n" + b"".join(b"%d,chat\r\n" % number for number in range(3_000))
NDJSON = b"".join(b'{"id": "%d", "via": "chat"}\n' % number for number in range(3_000))
SOURCES = {
    "blank": (CSV, b"\r\n", "csv"),
    "delimiters": (CSV, b",\r\n", "csv"),
    "spaces": (CSV, b" " * 60 + b"\n", "csv"),
    "dropped": (CSV, b"1,none\n", "csv"),
    "ndjson": (NDJSON, b"\n", "ndjson"),
    "ndjson-spaces": (NDJSON, b" " * 60 + b"\n", "ndjson"),
}
BLANK = [name for name in SOURCES if name != "dropped"]


def opened(name: str, blocks: int | None = None) -> Table:
    """Three thousand rows, then blank ones for ever or for so many blocks of 100 KB."""
    start, line, format = SOURCES[name]

    def source() -> Iterator[bytes]:
        yield start
        block = line * (100_000 // len(line))
        yield from islice(iter(lambda: block, None), blocks)

    return open_table(source(), FileOptions(format=format), limit=1 << 40)


async def interrupted(door: TenantDatabase, task: asyncio.Task[Any], times: int) -> float:
    """Seconds from the first cancellation to the end; asserts that nothing is kept and nothing complained."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    began = time.monotonic()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    took = time.monotonic() - began
    for error in (raised.value.__context__, raised.value.__cause__):
        assert error is None or isinstance(error, asyncio.CancelledError | GeneratorExit)
    assert complaints == []
    assert await rows_of(door, interaction) == await rows_of(door, rejected_record) == []
    assert await staged_rows(door) == 0
    async with door.read() as session:
        run = (await runs.list_runs(session, first=1))[0]
    assert (run.status, run.error) == ("refused", "It was interrupted.")
    return took


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("name", SOURCES)
async def test_blank_lines_for_ever_are_interrupted_at_once(acme, name, times):
    table, told = opened(name), []
    normalizer = Normalizer(load(MAPPING), table.header)
    far = asyncio.Event()

    def progress(now: Progress) -> None:
        told.append(now)
        if now.bytes_read > len(CSV) + 2_000_000:
            far.set()

    task = asyncio.create_task(
        bring_in_chunks(acme, normalizer.chunks(table), normalizer.layouts, progress=progress)
    )
    await asyncio.wait_for(far.wait(), timeout=20)
    assert await interrupted(acme, task, times) < 2
    assert told[-1].rows_read == 3_000
    assert [now.bytes_read for now in told] == sorted(now.bytes_read for now in told)


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_step_that_runs_is_ended_before_its_generator_is_closed(acme, times):
    records = [{"external_id": "C-1"}]
    layout = layout_of("interaction", records)
    reached, steps = Event(), []

    def slow() -> Iterator[Chunk]:
        try:
            yield chunk_of(layout, records)
            reached.set()
            time.sleep(0.5)
            steps.append("ended")
            yield chunk_of(layout, records)
        finally:
            steps.append("closed")

    task = asyncio.create_task(bring_in_chunks(acme, slow(), [layout]))
    await asyncio.to_thread(reached.wait)
    await interrupted(acme, task, times)
    assert steps == ["ended", "closed"]


def test_a_loop_that_gives_up_all_its_tasks_ends_the_step_first():
    reached, steps = Event(), []

    def slow() -> Iterator[Chunk]:
        try:
            reached.set()
            time.sleep(0.3)
            steps.append("ended")
            yield Chunk({})
        finally:
            steps.append("closed")

    async def main() -> None:
        reading = asyncio.create_task(anext(_read_ahead(slow(), lambda chunk: [])))
        await asyncio.to_thread(reached.wait)
        reading.cancel()
        await asyncio.sleep(0.01)  # then asyncio.run cancels every task that is left

    asyncio.run(main())
    assert steps == ["ended", "closed"]


@pytest.mark.parametrize("name", BLANK)
def test_blank_lines_give_batches_that_count_their_bytes(name):
    table = opened(name, blocks=20)
    batches = list(table.batches())
    assert len(batches) >= 4
    assert sum(len(batch.lines) for batch in batches) == 3_000
    start, line, _ = SOURCES[name]
    assert sum(batch.bytes_read for batch in batches) == len(start) + 20 * (100_000 // len(line)) * len(line)
    assert all(batch.bytes_read < 700_000 for batch in batches)


@pytest.mark.parametrize("name", BLANK)
def test_rows_after_many_blank_lines_keep_their_lines(name):
    start, line, format = SOURCES[name]
    row = b'{"id": "x", "via": "chat"}\n' if format == "ndjson" else b"x,chat\n"
    table = open_table([start, line * 300_000, row], FileOptions(format=format))
    found = [(number, batch.raw(i)) for batch in table.batches() for i, number in enumerate(batch.lines)]
    assert len(found) == 3_001
    before = 3_000 + 300_000 + (format == "csv")
    assert found[-1] == (before + 1, {"id": "x", "via": "chat"})


@pytest.mark.parametrize("name", ["spaces", "ndjson-spaces"])
def test_memory_stays_flat_however_many_blank_lines(name):
    def peak(blocks: int) -> int:
        tracemalloc.start()
        for _ in opened(name, blocks).batches():
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(24) < 1.5 * peak(8)
