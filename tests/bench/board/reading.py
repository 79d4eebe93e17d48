"""Cases that only read: every way of answering in turn, many boards at once, the memory they leave behind."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from tests.bench.board.answers import EXACT, check, worst_error
from tests.bench.board.document import Asked, Board, Failed
from tests.bench.board.figures import Figures, percentile
from tests.bench.board.references.mixed import ALPHA
from tests.bench.board.serving import serving
from tests.bench.board.settling import wait_until_built
from tests.bench.board.stage import SLUG, Stage

STATED = 0.01  # of a percentile: what Scoredesk's log histogram is off at most
COLD_PER_ROUND = 3
WARM_PER_COLD = 3
LEAST_ROUNDS = 3
AT_ONCE = 16
BOARDS = 1_000


async def build(stage: Stage, figures: Figures) -> None:
    """Boards are asked for the first time, and what they want is worked out beforehand."""
    seconds = await wait_until_built(stage.admin_url, stage.ask_both)
    if seconds:
        figures.add("asked until all packs are there, s", stage.rows, seconds)
    else:
        figures.remarks.append(f"{stage.rows:,} rows: nothing was worked out beforehand.")


async def side_by_side(stage: Stage, figures: Figures, *, rounds: int, seconds: float) -> None:
    """Every way in turn, round by round, as many as that time has room for; the answers of each are compared."""
    taken: dict[str, list[float]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    errors = []
    ends = time.monotonic() + seconds
    for number in range(rounds + 1):
        if number > LEAST_ROUNDS and time.monotonic() > ends:
            break
        found, error = await _round(stage)
        if number == 0:  # statements are prepared, documents parsed, caches warm
            continue
        for name, samples in found.items():
            taken[name] += samples
        errors.append(error)
        middle = {name: statistics.median(samples) for name, samples in found.items()}
        for name, top, bottom in (
            ("cold / MIXED", "cold", "MIXED"),
            ("cold / FACTS", "cold", "FACTS"),
            ("cold / DuckDB", "cold", "DuckDB"),
            ("warm / MIXED", "warm", "MIXED"),
            ("filtered / FACTS", "filtered", "FACTS, filtered"),
            ("filtered / DuckDB", "filtered", "DuckDB, filtered"),
        ):
            if bottom in middle:
                ratios[name].append(middle[top] / middle[bottom])
    for name, samples in taken.items():
        figures.add(f"{name}, ms", stage.rows, *(1000 * one for one in samples))
    for name, values in ratios.items():
        figures.add(name, stage.rows, *values)
    cold = taken["cold"]
    figures.add("cold p95 / p50", stage.rows, percentile(cold, 0.95) / statistics.median(cold))
    figures.add("worst error of a p90", stage.rows, max(errors))


async def _round(stage: Stage) -> tuple[dict[str, list[float]], float]:
    """Seconds by way, and Scoredesk's worst error of a p90."""
    taken: dict[str, list[float]] = defaultdict(list)
    asked = stage.other()
    truth = await _timed(taken["FACTS"], stage.facts.ask, asked)
    board, mixed = await _in_turn(stage, taken, asked)
    check("MIXED", mixed, truth, percentile=ALPHA)
    check("Scoredesk", board, truth, percentile=STATED)
    error = worst_error(board, truth)
    for _ in range(COLD_PER_ROUND - 1):  # what FACTS says of each would take too long
        board, mixed = await _in_turn(stage, taken, stage.other())
        check("Scoredesk", board, mixed, percentile=2 * ALPHA)
    asked = stage.other_filtered()
    truth = await _timed(taken["FACTS, filtered"], stage.facts.ask, asked)
    if stage.columnar is not None:
        column = await _timed(taken["DuckDB, filtered"], stage.columnar.ask, asked)
        check("DuckDB, filtered", column, truth, percentile=EXACT)
    board = await _ask(stage, taken["filtered"], asked)
    check("Scoredesk, filtered", board, truth, percentile=STATED)
    return taken, max(error, worst_error(board, truth))


async def _in_turn(stage: Stage, taken: dict[str, list[float]], asked: Asked) -> tuple[Board, Board]:
    """A board of Scoredesk, cold and then warm, and MIXED's of the same window."""
    mixed = await _timed(taken["MIXED"], stage.mixed.ask, asked)
    if stage.columnar is not None:
        column = await _timed(taken["DuckDB"], stage.columnar.ask, asked)
        check("DuckDB", column, mixed, percentile=2 * ALPHA)
    board = await _ask(stage, taken["cold"], asked)
    for _ in range(WARM_PER_COLD):
        again = await _ask(stage, taken["warm"], asked)
        check("Scoredesk, asked again", again, board, percentile=0)
    return board, mixed


async def _timed(taken: list[float], ask: Callable[[Asked], Awaitable[Board]], asked: Asked) -> Board:
    began = time.perf_counter()
    board = await ask(asked)
    taken.append(time.perf_counter() - began)
    return board


async def _ask(stage: Stage, taken: list[float], asked: Asked) -> Board:
    seconds, board = await stage.asker.timed(asked)
    taken.append(seconds)
    return board


async def at_once(stage: Stage, figures: Figures, *, seconds: float) -> None:
    """Boards a second with many in flight: each other than all before, then all the same."""
    same = stage.other()
    for name, choose in (("cold", stage.other), ("warm", lambda: same)):
        done: list[float] = []
        failed: list[str] = []
        ends = time.monotonic() + seconds

        async def keep_asking(
            choose: Callable[[], Asked] = choose, done=done, failed=failed, ends=ends
        ) -> None:
            while time.monotonic() < ends:
                began = time.perf_counter()
                try:
                    await stage.asker.ask(choose())
                except Failed as error:
                    failed.append(str(error))
                else:
                    done.append(time.perf_counter() - began)

        began = time.monotonic()
        await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))
        figures.add(
            f"{name}, {AT_ONCE} in flight, boards/s", stage.rows, len(done) / (time.monotonic() - began)
        )
        if done:
            figures.add(f"{name}, {AT_ONCE} in flight, ms", stage.rows, *(1000 * one for one in done))
        if failed:
            figures.failures.append(
                f"{name}, {AT_ONCE} in flight, {stage.rows:,} rows: {len(failed)} of {len(failed) + len(done)} "
                f"boards failed, the first with {failed[0][:200]}"
            )


async def memory(stage: Stage, figures: Figures, *, seconds: float) -> None:
    """What the serving process holds after a thousand boards, or as many as it answers in that time."""
    ends = time.monotonic() + seconds
    boards = 0
    while boards < BOARDS and time.monotonic() < ends:
        await stage.asker.ask(stage.other() if boards % 10 else stage.other_filtered())
        boards += 1
    figures.add("memory of the process, MiB", stage.rows, stage.serving.memory)
    if boards < BOARDS:
        figures.remarks.append(f"{stage.rows:,} rows: its memory is that after {boards} boards.")


async def fresh(stage: Stage, figures: Figures, *, rounds: int) -> None:
    """The first board of a process that has just begun to serve: nothing is in its memory yet."""
    taken = []
    for _ in range(rounds):
        async with serving(stage.url, stage.folder) as serves:
            asker = await serves.asker(SLUG)
            taken.append((await asker.timed(stage.other()))[0])
            await asker.client.close()
    figures.add("first board of a process, ms", stage.rows, *(1000 * one for one in taken))


async def growth(stages: list[Stage], figures: Figures, *, rounds: int) -> None:
    """The largest size beside the smallest, in turn."""
    small, large = stages[0], stages[-1]
    for name, filtered in (("cold", False), ("filtered", True)):
        ratios = []
        for number in range(rounds + 1):
            taken = []
            for stage in (small, large):
                asked = stage.other_filtered() if filtered else stage.other()
                taken.append((await stage.asker.timed(asked))[0])
            if number:
                ratios.append(taken[1] / taken[0])
        figures.add(f"{name}, growth from the smaller size", large.rows, *ratios)
