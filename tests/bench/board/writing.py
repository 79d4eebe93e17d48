"""Cases that write: a few records and the board that shows them, and boards while an import runs.

Afterwards the tenant has rows that the references do not have, so these come last.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import numpy as np

from tests.bench.board import workload
from tests.bench.board.answers import Differs
from tests.bench.board.document import Failed
from tests.bench.board.figures import Figures, percentile
from tests.bench.board.stage import SLUG, Stage
from tests.bench.board.workload import MISSING, Contacts

BATCH = 20
IMPORTED = 60_000  # rows of a file
_HEADINGS = (
    "external_id", "channel", "started", "queued", "accepted", "first_response", "resolved_at", "closed",
    "handle_time", "resolved_on_first_contact", "agent", "issue_type", "survey_score", "survey_responded",
)  # fmt: skip
_seeds = count(100)


async def shown(stage: Stage, figures: Figures, *, rounds: int) -> None:
    """A few records of one day by upload; from its acknowledgement to the board that has them.

    Raises Differs where the first board asked then does not.
    """
    cold, late, writes = [], [], []
    day = workload.DAYS - 10
    for number in range(rounds):
        asked = stage.newest()
        label = (workload.START + timedelta(days=day)).date().isoformat()
        seconds, before = await stage.asker.timed(asked)
        body = "\n".join(_lines(_fresh(day, BATCH))).encode()
        began = time.perf_counter()
        await _upload(stage, body)
        writes.append(time.perf_counter() - began)
        seconds_after, after = await stage.asker.timed(asked)
        found = after["offered_by_day"][label] - before["offered_by_day"][label]
        if found != BATCH:
            raise Differs(f"of {BATCH} records written before a board was asked it shows {found:g}")
        # The day is another one each time, so that no round finds the work of the last one done.
        day = workload.DAYS - 10 - 5 * (number % 8)
        cold.append(seconds)
        late.append(seconds_after)
    figures.add("upload of 20 records, ms", stage.rows, *(1000 * one for one in writes))
    figures.add("first board after a write, ms", stage.rows, *(1000 * one for one in late))
    figures.add(
        "written until shown, p95 / cold p50", stage.rows, percentile(late, 0.95) / statistics.median(cold)
    )


async def importing(stage: Stage, figures: Figures, *, seconds: float) -> None:
    """The board of the newest 90 days while files with rows of its last two days are imported one after another
    at full speed, and without.
    """
    alone = await _asked_for(stage, seconds)
    file = stage.folder / "more.csv"
    writer = asyncio.create_task(_keep_importing(stage, file))
    try:
        await asyncio.sleep(1)  # it has to start
        busy = await _asked_for(stage, seconds, writer)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        file.unlink(missing_ok=True)
    figures.add("cold during an import, ms", stage.rows, *(1000 * one for one in busy))
    figures.add(
        "cold p50 during an import / without", stage.rows, statistics.median(busy) / statistics.median(alone)
    )
    figures.add(
        "cold p95 during an import / without", stage.rows, percentile(busy, 0.95) / percentile(alone, 0.95)
    )


async def _asked_for(stage: Stage, seconds: float, writer: asyncio.Task[None] | None = None) -> list[float]:
    taken: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends or len(taken) < 3:
        if writer is not None and writer.done():
            writer.result()
        taken.append((await stage.asker.timed(stage.newest()))[0])
    return taken


async def _keep_importing(stage: Stage, file: Path) -> None:
    while True:
        with file.open("w", encoding="utf-8") as out:
            for day in (workload.DAYS - 2, workload.DAYS - 1):
                lines = _rows(_fresh(day, IMPORTED // 2))
                out.writelines(",".join(row) + "\n" for row in ([_HEADINGS] if day % 2 == 0 else []))
                out.writelines(",".join(row) + "\n" for row in lines)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.importer", stage.url, SLUG, str(file),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if await process.wait():
                raise RuntimeError("the import beside the boards failed")
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise


async def _upload(stage: Stage, body: bytes) -> None:
    headers = {"authorization": f"Bearer {stage.asker.token}", "content-type": "application/x-ndjson"}
    status, answer = await stage.asker.client.post("/ingest/interaction?source=written", body, headers)
    if status != 200:
        raise Failed(f"{status}: {answer.decode()[:300]}")
    if (written := json.loads(answer)["written"]["interaction"]) != BATCH:
        raise Failed(f"an upload of {BATCH} records wrote {written}")


def _fresh(day: int, rows: int) -> Contacts:
    """Contacts of a day that nobody has seen before."""
    seed = next(_seeds)
    return workload.one_day(day, rows, seed=seed, first=seed * 10_000_000)


def _lines(contacts: Contacts) -> Iterator[str]:
    """As NDJSON; a field that is missing is left out."""
    for row in _rows(contacts):
        yield json.dumps({name: value for name, value in zip(_HEADINGS, row, strict=True) if value})


def _rows(contacts: Contacts) -> Iterator[tuple[str, ...]]:
    """In the built-in export shape."""
    answered = np.where(contacts.response == MISSING, MISSING, contacts.started + contacts.response)
    for at in range(len(contacts)):
        handling, score = int(contacts.handling[at]), int(contacts.score[at])
        known = int(contacts.first_contact[at])
        closed = _iso(contacts.closed[at])
        yield (
            f"w{contacts.number[at]}",
            workload.CHANNELS[contacts.channel[at]],
            _iso(contacts.started[at]),
            _iso(contacts.started[at]),
            _iso(answered[at]),
            _iso(answered[at]),
            closed,
            closed,
            "" if handling == MISSING else f"{handling / 1000:.3f}",
            "" if known == MISSING else ("false", "true")[known],
            str(contacts.agent[at]),
            str(contacts.issue[at]),
            "" if score == MISSING else str(score),
            _iso(contacts.responded[at]),
        )


def _iso(moment: np.int64) -> str:
    if moment == MISSING:
        return ""
    return (workload.START + timedelta(milliseconds=int(moment))).isoformat(timespec="milliseconds")
