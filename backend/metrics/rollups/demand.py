"""Which questions are asked, so that packs are made for them: noticed while answering, kept a little later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from time import monotonic
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from backend.core.clock import Clock
from backend.core.windows import Comparison, Grain, Window
from backend.metrics.questions import KpiAsk, Question
from backend.metrics.rollups import repository
from tenants.database import TenantDatabase
from tenants.registry import Tenant

logger = logging.getLogger("scoredesk.rollups")

LEAST_TIMES = 2  # a question that was asked once may never be asked again
OFTEN = 5  # times that one with a filter has to be asked for cells of its own: columns answer it, too
MOST_DEMANDS = 500  # of one tenant, those asked last
KEPT = timedelta(days=14)  # after it was asked for the last time
NOTED_EVERY = 3600.0  # seconds; that a question is still asked need not be written down each time
FLUSHED_EVERY = 1.0
MOST_WAITING = 10_000  # questions that a process holds; beyond them it takes no notice until they are written


class Demand(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question without its window, as it is stored: what packs follow from."""

    kpis: list[tuple[str, str | None]]
    dimensions: list[str] = []
    where: str | None = None
    hourly: bool = False
    compared: bool = False  # and judged: by guardrails, too

    @classmethod
    def of(cls, question: Question) -> Demand:
        """What a question demands."""
        return cls(
            [(ask.key, ask.formula) for ask in question.kpis],
            list(question.dimensions),
            (question.where or "").strip() or None,
            question.grain is Grain.HOUR,
            question.comparison is not None and question.judged,
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Demand:
        """A demand as it was stored."""
        return msgspec.convert(stored, cls)

    @property
    def stored(self) -> dict[str, Any]:
        """The demand as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @property
    def id(self) -> UUID:
        """The same for equal demands."""
        return UUID(bytes=blake2b(msgspec.json.encode(self), digest_size=16).digest())

    @property
    def often(self) -> int:
        """How often it has to be asked for cells of its own."""
        return LEAST_TIMES if self.where is None else OFTEN

    def question(self, window: Window) -> Question:
        """The demand as a question about a window."""
        return Question(
            tuple(KpiAsk(key, formula) for key, formula in self.kpis),
            window,
            tuple(self.dimensions),
            Grain.HOUR if self.hourly else Grain.DAY,
            self.where,
            Comparison.PREVIOUS_PERIOD if self.compared else None,
        )


@dataclass(slots=True)
class _Noticed:
    database: TenantDatabase
    waiting: dict[UUID, tuple[Demand, int]] = field(default_factory=dict)


class Demands:
    """What a process has noticed of the questions it was asked."""

    def __init__(self, changed: Callable[[Tenant], None] | None = None) -> None:
        self._changed = changed
        self._noticed: dict[UUID, _Noticed] = {}
        self._times: dict[tuple[UUID, UUID], int] = {}
        self._noted: dict[tuple[UUID, UUID], float] = {}

    def note(self, database: TenantDatabase, questions: Iterable[Question]) -> None:
        """Takes notice of questions that packs could answer. It must cost next to nothing."""
        tenant = database.tenant
        for question in questions:
            demand = Demand.of(question)
            key = tenant.id, demand.id
            times = self._times.get(key, 0)
            if times >= demand.often and monotonic() - self._noted[key] < NOTED_EVERY:
                continue
            if len(self._times) >= MOST_WAITING and key not in self._times:
                self._times.clear()
                self._noted.clear()
            self._times[key], self._noted[key] = times + 1, monotonic()
            waiting = self._noticed.setdefault(tenant.id, _Noticed(database)).waiting
            known = waiting.get(demand.id)
            waiting[demand.id] = demand, 1 if known is None else known[1] + 1

    async def flush(self, clock: Clock) -> None:
        """Writes down what was noticed."""
        noticed, self._noticed = self._noticed, {}
        for one in noticed.values():
            asked = {key: (demand.stored, times) for key, (demand, times) in one.waiting.items()}
            async with one.database.write() as session:
                await repository.note_demands(session, asked, clock())
            if self._changed is not None:
                self._changed(one.database.tenant)

    async def keep_flushing(self, clock: Clock, every: float = FLUSHED_EVERY) -> NoReturn:
        """Flushes again and again until it is cancelled; what cannot be written is lost, for it is asked again."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.flush(clock)
            except Exception as error:
                logger.warning("questions asked could not be noted: %s", type(error).__name__)
