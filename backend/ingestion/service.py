"""Bringing records in: staged chunk by chunk in transactions of their own, then applied in one or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from backend.core.clock import Clock, system_clock
from backend.core.errors import Conflict, DomainError, Invalid, Problem
from backend.ingestion import runs
from backend.ingestion.apply import apply_staged
from backend.ingestion.collecting import rarer_collections
from backend.ingestion.records import Chunk, Layout, Rejection
from backend.ingestion.shapes import INTERACTION
from backend.ingestion.staging import Block, Staging
from backend.interactions import attributes, changes
from backend.interactions.attributes import Attribute
from backend.interactions.identity import new_id
from backend.interactions.models import audit_entry
from tenants.database import TenantDatabase

HOPELESS = 1000  # rows: when the first thousand are all rejected, the mapping belongs to another file
SHOWN_PROBLEMS = 5
ATTEMPTS = 3  # to apply: of two imports of the same rows that deadlock, one begins anew
APPLY_TIMEOUT = 3600.0  # seconds for one statement: some 100 million rows
LOCK_TIMEOUT = 600.0  # seconds to wait for another import that writes the same rows
WORK_MEMORY = 32  # MB for each of a statement's dozen sorts and hash tables; a larger one goes to disk

Encoded = tuple[Chunk, list[Block]]
Encode = Callable[[Chunk], list[Block]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. `phase` is reading, then applying, then done."""

    phase: str
    rows_read: int
    rows_rejected: int
    bytes_read: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to. Per kind: `written` counts records new or changed, `unchanged` all others."""

    sync_run_id: UUID
    rows_read: int
    rows_rejected: int
    written: dict[str, int]
    unchanged: dict[str, int]
    status: str


async def import_source(
    database: TenantDatabase,
    rows: Iterable[Chunk] | AsyncIterable[Chunk],
    layouts: Sequence[Layout],
    *,
    source: str,
    origin: str,
    label: str,
    mapping_text: str | None,
    actor: str,
    rejected_share: float = 0.2,
    progress: Callable[[Progress], None] | None = None,
    clock: Clock = system_clock,
) -> ImportReport:
    """Brings all chunks in, or nothing of them.

    A plain iterable is read in a thread, one chunk ahead of the database. Memory does not grow with the
    input. Raises Invalid (IMPORT_TOO_MANY_REJECTED, with the first problems) when more than `rejected_share`
    of the rows were set aside, and whatever reading the chunks raises; in each case only the refused run is
    left.
    """
    work = _Import(database, tuple(layouts), source, origin, label, mapping_text, actor, clock, progress)
    await runs.clean_stale_runs(database, clock=clock)
    run_id = await work.start()
    try:
        with rarer_collections():
            await work.stage_all(run_id, rows, rejected_share)
        work.report("applying")
        written = await work.apply(run_id)
    except BaseException as error:
        # A cancelled import cleans up as well, and its cleaning is not to be cancelled half-way.
        await _to_its_end(asyncio.ensure_future(work.refuse(run_id, error)))
        raise
    work.report("done")
    unchanged = {kind: work.staged.get(kind, 0) - count for kind, count in written.items()}
    return ImportReport(run_id, work.rows_read, work.rows_rejected, written, unchanged, "applied")


@dataclass(slots=True)
class _Import:
    """One import while it lasts: what it is about, and how far it has come."""

    database: TenantDatabase
    layouts: tuple[Layout, ...]
    source: str
    origin: str
    label: str
    mapping: str | None
    actor: str
    clock: Clock
    progress: Callable[[Progress], None] | None
    rows_read: int = 0
    rows_rejected: int = 0
    bytes_read: int = 0
    staged: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def attributes(self) -> list[Attribute]:
        """Those to be registered: what customers carry beside their fields is kept, and no field of formulas."""
        told = (layout for layout in self.layouts if layout.kind == INTERACTION.kind)
        return [attribute for layout in told for attribute in layout.attributes]

    def report(self, phase: str) -> None:
        if self.progress is not None:
            self.progress(Progress(phase, self.rows_read, self.rows_rejected, self.bytes_read))

    async def start(self) -> UUID:
        async with self.database.write() as session:
            if self.attributes:
                await attributes.check(session, self.attributes)
            return await runs.start(
                session,
                source=self.source,
                origin=self.origin,
                label=self.label,
                mapping=self.mapping,
                actor=self.actor,
                now=self.clock(),
            )

    async def stage_all(
        self, run_id: UUID, rows: Iterable[Chunk] | AsyncIterable[Chunk], rejected_share: float
    ) -> None:
        """Stages each chunk in a transaction of its own. Raises Invalid when too many rows were set aside."""
        staging = Staging(run_id, self.source, self.layouts)
        async with aclosing(_read_ahead(rows, staging.encode)) as chunks:
            async for chunk, blocks in chunks:
                self._count(chunk)
                if self.rows_read >= HOPELESS and self.rows_rejected >= self.rows_read and rejected_share < 1:
                    break
                if blocks or chunk.rejections:
                    async with self.database.write() as session:
                        await staging.write(session, blocks, chunk.rejections)
                self.report("reading")
        if self.rows_rejected > rejected_share * self.rows_read:
            raise Invalid(
                f"{self.rows_rejected:,} of the {self.rows_read:,} rows read cannot be taken; "
                "nothing was kept. The mapping may not fit this file.",
                code="IMPORT_TOO_MANY_REJECTED",
                problems=self.problems,
            )

    async def apply(self, run_id: UUID) -> dict[str, int]:
        """Applies what is staged; begins anew when another import of the same rows and this one deadlock."""
        for _ in range(ATTEMPTS - 1):
            with suppress(Conflict):
                return await self._apply_once(run_id)
        return await self._apply_once(run_id)

    async def _apply_once(self, run_id: UUID) -> dict[str, int]:
        async with self.database.write(
            statement_timeout=APPLY_TIMEOUT, lock_timeout=LOCK_TIMEOUT, work_memory=WORK_MEMORY
        ) as session:
            now = self.clock()
            await attributes.register(session, self.attributes, now=now)
            write = changes.Write(cause=f"import:{self.origin}", at=now, run_id=run_id)
            written = await apply_staged(session, run_id, self.layouts, write, self.database.tenant.currency)
            counts = {
                "rows_read": self.rows_read,
                "rows_rejected": self.rows_rejected,
                "rows_written": sum(written.values()),
                "rows_unchanged": sum(self.staged.values()) - sum(written.values()),
            }
            await runs.remember_source(session, self.source, self.mapping, now)
            await runs.finish(session, run_id, now=now, **counts)
            details = {
                "source": self.source,
                "origin": self.origin,
                "label": self.label,
                "written": written,
                **counts,
            }
            await session.execute(
                insert(audit_entry).values(
                    id=new_id(),
                    actor=self.actor,
                    action="import",
                    subject=str(run_id),
                    details=details,
                    happened_at=now,
                )
            )
        return written

    async def refuse(self, run_id: UUID, error: BaseException) -> None:
        """Leaves the refused run and nothing else."""
        match error:
            case DomainError():
                reason = error.message
            case asyncio.CancelledError():
                reason = "It was interrupted."
            case _:
                reason = "It failed inside the program; the log says more."
        counts = {"rows_read": self.rows_read, "rows_rejected": self.rows_rejected}
        with suppress(
            Exception
        ):  # the database may be away: the run is then cleaned as stale, and `error` is the news
            async with self.database.write(statement_timeout=APPLY_TIMEOUT) as session:
                await runs.refuse(session, run_id, reason, now=self.clock(), **counts)

    def _count(self, chunk: Chunk) -> None:
        self.rows_read += chunk.rows_read
        self.bytes_read += chunk.bytes_read
        self.rows_rejected += len({each.line for each in chunk.rejections})
        for kind, records in chunk.records.items():
            self.staged[kind] = self.staged.get(kind, 0) + len(records)
        self.problems += [_problem(each) for each in chunk.rejections[: SHOWN_PROBLEMS - len(self.problems)]]


async def _read_ahead(
    rows: Iterable[Chunk] | AsyncIterable[Chunk], encode: Encode
) -> AsyncGenerator[Encoded, None]:
    """The chunks in order, encoded; while one is written, the next is being made."""
    chunks = _arriving(rows, encode) if isinstance(rows, AsyncIterable) else _threaded(rows, encode)
    ahead = asyncio.ensure_future(anext(chunks, None))
    try:
        while (chunk := await ahead) is not None:
            ahead = asyncio.ensure_future(anext(chunks, None))
            yield chunk
    finally:
        ahead.cancel()
        try:
            await _to_its_end(ahead)
        finally:
            await chunks.aclose()


async def _arriving(rows: AsyncIterable[Chunk], encode: Encode) -> AsyncGenerator[Encoded, None]:
    try:
        async for chunk in rows:
            yield chunk, encode(chunk)
    finally:
        if hasattr(rows, "aclose"):
            await rows.aclose()


async def _threaded(rows: Iterable[Chunk], encode: Encode) -> AsyncGenerator[Encoded, None]:
    chunks = iter(rows)
    making: asyncio.Future[Encoded | None] | None = None

    def make() -> Encoded | None:
        chunk = next(chunks, None)
        return None if chunk is None else (chunk, encode(chunk))

    try:
        while True:
            making = _in_thread(make)
            await asyncio.wait([making])
            made = making.result()
            if made is None:
                return
            yield made
    finally:  # a thread cannot be cancelled, and a generator is not closed while it runs
        try:
            if making is not None:
                await _to_its_end(making)
        finally:
            if hasattr(chunks, "close"):
                closing = _in_thread(chunks.close)
                await _to_its_end(closing)
                closing.result()


def _in_thread(call: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
    """Like asyncio.to_thread, but no task: a loop that cancels all its tasks does not take it for ended."""
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, call, *arguments)


async def _to_its_end(work: asyncio.Future[Any]) -> None:
    """Waits until the work has ended, in whatever way. A cancellation meanwhile is raised only then."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as again:
            cancelled = again
    if not work.cancelled():
        work.exception()  # it has been seen
    if cancelled is not None:
        raise cancelled


def _problem(rejection: Rejection) -> Problem:
    place = ("line", rejection.line) if rejection.field is None else ("line", rejection.line, rejection.field)
    return Problem(rejection.code, f"Line {rejection.line}: {rejection.message}", path=place)
