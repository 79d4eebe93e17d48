"""Takes jobs in their turn, a slice at a time, and does the chores whose time has come, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Collection
from dataclasses import dataclass

from backend.jobs.kinds import Chore, Kind
from backend.jobs.sweeping import sweep_of
from tenants.database import Database
from tenants.jobs import HeldJob, finish, hold, listen_for_jobs, next_ready, put_off, take, take_turns

logger = logging.getLogger("scoredesk.jobs")

_LEAST_REST = 0.05  # seconds: what is ready may still be locked by whoever asks for it


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the worker looks and how long it waits; all in seconds."""

    poll: float = 5.0  # the longest rest when nobody wakes it
    chores: float = 5.0  # between looks for chores
    lease: float = 15.0  # how long a job is held without a sign of life
    first_pause: float = 1.0  # after a failure; doubled with each further one
    longest_pause: float = 300.0

    def pause_after(self, failures: int) -> float:
        """How long a job rests that has failed so often in a row."""
        return min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))


class Worker:
    """One worker; there may be any number, in any number of processes.

    `concurrency` is how many jobs, each of another tenant or kind, it runs side by side. With an address `url` it is
    woken when a job is asked for; else it looks each `pace.poll` seconds.
    """

    def __init__(
        self,
        database: Database,
        kinds: Collection[Kind],
        chores: Collection[Chore] = (),
        *,
        url: str | None = None,
        concurrency: int = 1,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._kinds = {kind.name: kind for kind in kinds}
        self._chores = {chore.name: chore for chore in [*map(sweep_of, kinds), *chores]}
        self._url = url
        self._concurrency = concurrency
        self._pace = pace or Pace()
        self._wake = asyncio.Event()
        self._stopping = False
        self._failing = False
        self._slices: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Lets `run` return once the slices that are running have ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Works until it is stopped; cancelled, it cuts its slices short."""
        aside = [asyncio.create_task(self._do_chores())]
        if self._url is not None:
            aside.append(asyncio.create_task(listen_for_jobs(self._url, self._wake.set)))
        try:
            while not self._stopping:
                self._wake.clear()  # before looking: whatever wakes it from here on is looked for once more
                await self._look()
            while self._slices:
                await asyncio.wait(self._slices)
        finally:
            for task in (*aside, *self._slices):
                task.cancel()
            await asyncio.gather(*aside, *self._slices, return_exceptions=True)

    async def _look(self) -> None:
        """Begins the next slice, or rests until there may be one."""
        rest: float | None = None
        if len(self._slices) < self._concurrency:
            try:
                job = await take(self._database, self._kinds, lease=self._pace.lease)
                self._failing = False
                if job is not None:
                    self._begin(job)
                    return
                ready = await next_ready(self._database, self._kinds)
                rest = self._pace.poll if ready is None else min(self._pace.poll, max(ready, _LEAST_REST))
            except Exception as error:
                if not self._failing:
                    logger.warning("no jobs can be taken: %s; trying again", type(error).__name__)
                self._failing, rest = True, self._pace.poll
        try:
            async with asyncio.timeout(rest):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _begin(self, job: HeldJob) -> None:
        task = asyncio.create_task(self._run_slice(job))
        self._slices.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._slices.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its lease ends by itself, and then the job is taken again.
            logger.warning("a job could not be given back: %s", _described(error))

    async def _run_slice(self, job: HeldJob) -> None:
        """Runs one slice while keeping hold of its job, then gives the job back."""
        working = asyncio.create_task(self._work(job))
        holding = asyncio.create_task(self._keep_hold(job))
        try:
            ended, _ = await asyncio.wait(
                (working, holding), timeout=self._kinds[job.kind].limit, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (working, holding):
                task.cancel()
            await asyncio.gather(working, holding, return_exceptions=True)
        if not working.cancelled() and working.exception() is None:
            await finish(self._database, job, more=working.result())
        elif not working.cancelled() or not ended:
            await self._put_off(job, None if working.cancelled() else working.exception())
        else:
            logger.warning("%s of tenant %s was cut short: its lease had ended", job.kind, job.tenant.id)

    async def _work(self, job: HeldJob) -> bool:
        return await self._kinds[job.kind].work(self._database.of(job.tenant))

    async def _keep_hold(self, job: HeldJob) -> None:
        """Keeps the job's lease from ending; returns when it could not."""
        time = asyncio.get_running_loop().time
        lease = self._pace.lease
        until = time() + lease
        while time() < until:
            await asyncio.sleep(lease / 3)
            asked = time()
            try:
                if not await hold(self._database, job, lease=lease):
                    return
                until = asked + lease
            except Exception as error:
                logger.info("%s is not held on to: %s", job.kind, type(error).__name__)

    async def _put_off(self, job: HeldJob, error: BaseException | None) -> None:
        """Lets a job rest that failed; no error means that it took too long. What an error says may be data."""
        failures = job.failures + 1
        reason = f"more than {self._kinds[job.kind].limit:g} s" if error is None else _described(error)
        logger.warning("%s of tenant %s failed, %d in a row: %s", job.kind, job.tenant.id, failures, reason)
        await put_off(self._database, job, pause=self._pace.pause_after(failures))

    async def _do_chores(self) -> None:
        """Does the chores whose turn is ours, one after the other, for ever."""
        every = {chore.name: chore.every for chore in self._chores.values()}
        while True:
            try:
                turns = await take_turns(self._database, every)
            except Exception as error:
                logger.info("no chores: %s", type(error).__name__)  # `_look` complains of the same
                turns = []
            for name in turns:
                try:
                    await self._chores[name].work(self._database)
                except Exception as error:
                    logger.warning("%s failed: %s", name, _described(error))
            await asyncio.sleep(self._pace.chores)


def _described(error: BaseException) -> str:
    """The error's type and the last place of the work that it passed; never what it says."""
    modules = [
        f"{module}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (module := str(frame.f_globals.get("__name__"))).startswith("backend.")
    ]
    return " at ".join([type(error).__name__, *modules[-1:]])
