"""The bench of boards: its sizes and their cases, in turn."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

from tenants.embedded import EmbeddedServer
from tests.bench.board.answers import Differs
from tests.bench.board.document import Failed
from tests.bench.board.figures import Figures
from tests.bench.board.inside import graphql_share, isolation
from tests.bench.board.reading import at_once, build, fresh, growth, memory, side_by_side
from tests.bench.board.settling import wait_until_built
from tests.bench.board.stage import Stage, staged
from tests.bench.board.writing import importing, shown
from tests.servers import Server

SIZES = (1_000_000, 10_000_000)
QUICK_SIZES = (100_000,)


async def measure(*, quick: bool, sizes: tuple[int, ...] = ()) -> Figures:
    """Under a minute when quick, some ten minutes else."""
    figures = Figures(judged=not quick)
    with tempfile.TemporaryDirectory(prefix="scoredesk-bench-") as folder:
        os.chmod(folder, 0o755)  # started by root, the server runs as another user
        with EmbeddedServer(Path(folder) / "server") as embedded:
            async with AsyncExitStack() as kept:
                stages = []
                for rows in sizes or (QUICK_SIZES if quick else SIZES):
                    home = Path(folder) / str(rows)
                    home.mkdir()
                    began = time.monotonic()
                    stage = await kept.enter_async_context(staged(Server(embedded), home, rows))
                    figures.remarks.append(f"{rows:,} rows: loaded in {time.monotonic() - began:.0f} s.")
                    stages.append(stage)
                    await _cases(stage, figures, quick=quick)
                if len(stages) > 1:
                    for stage in stages:
                        await wait_until_built(stage.admin_url, stage.ask_both)
                    await _try(growth(stages, figures, rounds=3 if quick else 10), stages[-1], figures)
    if stages[0].columnar is None:
        figures.remarks.append("DuckDB is not installed (the extra `bench`): its column is left out.")
    return figures


async def _cases(stage: Stage, figures: Figures, *, quick: bool) -> None:
    await _try(build(stage, figures), stage, figures)
    large = stage.rows > SIZES[0]
    rounds = 4 if quick else 5 if large else 15
    await _try(side_by_side(stage, figures, rounds=rounds, seconds=10 if quick else 120), stage, figures)
    await _try(graphql_share(stage, figures, rounds=rounds), stage, figures)
    await _try(isolation(stage, figures, rounds=4 * rounds, seconds=2 if quick else 15), stage, figures)
    await _try(at_once(stage, figures, seconds=1.5 if quick else 8), stage, figures)
    await _try(memory(stage, figures, seconds=5 if quick else 60), stage, figures)
    await _try(fresh(stage, figures, rounds=1 if quick else 5), stage, figures)
    await _try(shown(stage, figures, rounds=3 if quick else 20), stage, figures)
    await _try(importing(stage, figures, seconds=3 if quick else 12), stage, figures)


async def _try(case: Awaitable[None], stage: Stage, figures: Figures) -> None:
    """A case whose boards are answered with errors, or otherwise than by another way, is a failure of its own, and the
    next one's turn comes.
    """
    name, began = getattr(case, "__name__", "case"), time.monotonic()
    try:
        await case
    except (Failed, Differs, asyncio.IncompleteReadError) as error:
        figures.failures.append(f"{name}, {stage.rows:,} rows: {str(error)[:300]}")
    print(f"{name}, {stage.rows:,} rows: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
