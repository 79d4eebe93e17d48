"""Workers of a test: quick ones, run for as long as a block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from backend.jobs.kinds import Kind
from backend.jobs.worker import Pace, Worker

QUICK = Pace(poll=0.05, chores=0.02, lease=5.0, first_pause=0.01)
NEVER = 3600.0  # seconds: the sweep of a kind that tests ask for themselves


async def no(_) -> bool:
    """Needs nothing, or leaves nothing."""
    return False


def kind_of(work, name="count", *, needs=no, every=NEVER, limit=NEVER, after_writes=False) -> Kind:
    """A kind that nobody but the test asks for."""
    return Kind(name, work, needs=needs, every=every, limit=limit, after_writes=after_writes)


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    """Runs workers until the block ends; then they are stopped, and end by themselves."""
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)


async def until(condition: Callable[[], object]) -> None:
    """Waits until something is so."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")
