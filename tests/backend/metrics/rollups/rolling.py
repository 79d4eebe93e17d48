"""What tests of rollups share: packs made for questions, and answers from packs beside those from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from backend.core.errors import DomainError
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Answer, Question
from backend.metrics.rollups.demand import OFTEN, Demands
from backend.metrics.rollups.models import pack
from backend.metrics.rollups.refreshing import refresh
from tenants.database import TenantDatabase
from tenants.versions import Versioned

Clock = Callable[[], datetime]


async def move(door: TenantDatabase) -> None:
    """Says that facts were written, for tests that write them past the bookkeeping."""
    async with door.write() as session:
        await session.move(Versioned.FACTS)


async def demand(door: TenantDatabase, clock: Clock, questions: Iterable[Question]) -> None:
    """Has questions asked often enough for packs to be made."""
    for _ in range(OFTEN):
        demands = Demands()
        demands.note(door, questions)
        await demands.flush(clock)


async def refresh_all(door: TenantDatabase, clock: Clock) -> None:
    """Makes all packs that are missing or stale."""
    for _ in range(1000):
        if not await refresh(door, clock):
            return
    raise AssertionError("the work does not end")


async def count_packs(door: TenantDatabase) -> int:
    """How many packs there are."""
    async with door.read() as session:
        found: int = (await session.execute(select(func.count()).select_from(pack))).scalar_one()
        return found


async def both(
    door: TenantDatabase, clock: Clock, questions: list[Question]
) -> tuple[list[Answer | DomainError], list[Answer | DomainError]]:
    """Answers by way of packs, and answers from the rows."""
    packed = await Evaluator(door, clock).answer(questions)
    rows = await Evaluator(door, clock, rows_only=True).answer(questions)
    return packed, rows


def plain(answer: Answer | DomainError) -> Any:
    """An answer as something that can be compared, bit for bit."""
    return str(answer) if isinstance(answer, DomainError) else repr(answer)
