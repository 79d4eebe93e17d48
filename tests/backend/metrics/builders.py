"""Facts for the tests of numbers: valid rows, of which a test says only what matters to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from string import ascii_letters
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, insert

from backend.core.errors import DomainError
from backend.core.windows import Window
from backend.interactions import models
from backend.interactions.identity import fact_id
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Answer, Cell, KpiAsk, Question, Restriction
from backend.metrics.rollups.explaining import tell
from tenants.database import TenantDatabase
from tenants.versions import Versioned

START = datetime(2026, 2, 2, 9, tzinfo=UTC)  # a Monday
WEEK = Window(datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC), "UTC")


EVERYTHING = Restriction()


def local(text: str, zone: str = "UTC") -> datetime:
    """A wall-clock moment of a zone: "2026-03-29 01:30"; the first of two where the hour is repeated."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@dataclass
class World:
    """One tenant's facts, kept in Python too, so that a test can count them its own way."""

    tenant: TenantDatabase
    evaluator: Evaluator
    interactions: list[dict[str, Any]] = field(default_factory=list)
    names: dict[tuple[str, int], str] = field(default_factory=dict)  # ("agent", 7) -> "ann"
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def interact(self, *rows: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Stores interactions: chats of START unless a row says otherwise; every row has every column."""
        added = [
            {**_EMPTY_INTERACTION, **self._origin(), "channel": "chat", "started_at": START, **row}
            for row in rows
        ]
        for row in added:
            if row["amount"] is not None and row["currency"] is None:
                row["currency"] = self.tenant.tenant.currency
        await self._store(models.interaction, added)
        self.interactions += added
        return added

    async def survey(self, *rows: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Stores CSAT responses on a scale of 1 to 5."""
        added = [
            {
                "kind": "csat",
                "scale_min": 1000,
                "scale_max": 5000,
                "score": None,
                "interaction_id": None,
                "responded_at": None,
                "invited_at": None,
                "agent_id": None,
                "customer_id": None,
                "comment": None,
                "exclusion": None,
                **self._origin(),
                **row,
            }
            for row in rows
        ]
        await self._store(models.survey_response, added)
        return added

    async def order(self, *rows: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Stores orders, placed at START and paid then."""
        added = [
            {
                "customer_id": None,
                "agent_id": None,
                "product_id": None,
                "refunded": None,
                "margin": None,
                "currency": self.tenant.tenant.currency,
                "ordered_at": START,
                "paid_at": START,
                "exclusion": None,
                **self._origin(),
                **row,
            }
            for row in rows
        ]
        await self._store(models.order, added)
        return added

    async def name(self, table: Table, *names: str, **columns: Any) -> dict[str, int]:
        """Stores agents, teams ... whose external ids are these; returns their ids."""
        async with self.tenant.write() as session:
            rows = [{"external_id": name, "name": name.title(), **columns} for name in names]
            stored = await session.execute(
                insert(table).values(rows).returning(table.c.external_id, table.c.id)
            )
            ids = {row.external_id: row.id for row in stored}
        self.names |= {(table.name, row_id): name for name, row_id in ids.items()}
        return ids

    async def ask(self, *formulas: str, **question: Any) -> Answer:
        """The answer to formulas (or keys, written @key) over WEEK; raises the error in its place."""
        [answer] = await self.ask_all(asked(*formulas, **question))
        if isinstance(answer, DomainError):
            raise answer
        return answer

    async def ask_all(
        self, *questions: Question, restriction: Restriction = EVERYTHING
    ) -> list[Answer | DomainError]:
        """The outcomes of several questions together."""
        return await self.evaluator.answer(questions, restriction=restriction)

    async def total(self, formula: str, **question: Any) -> Cell:
        """One formula over everything in WEEK."""
        return (await self.ask(formula, **question)).totals[0]

    async def explain(self, question: Question) -> str:
        """How a question would be answered, as people read it."""
        return tell(await self.evaluator.explain(question))

    def _origin(self) -> dict[str, Any]:
        number = str(next(self._numbers))
        return {"id": fact_id("test", number), "source": "test", "external_id": number}

    async def _store(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = list(rows[0])
        async with self.tenant.write() as session:
            for at in range(0, len(rows), 500):
                await session.execute(
                    insert(table),
                    [{column: row[column] for column in columns} for row in rows[at : at + 500]],
                )
            await session.move(Versioned.FACTS)  # as every write does


def asked(*formulas: str, **question: Any) -> Question:
    """A question over WEEK; its KPIs are named a, b, c ... or by the key that `@key` says."""
    kpis = tuple(
        KpiAsk(text[1:]) if re.fullmatch(r"@\w+", text) else KpiAsk(name, text)
        for name, text in zip(ascii_letters, formulas, strict=False)
    )
    return Question(kpis, **{"window": WEEK, **question})


def seconds(value: float) -> int:
    """A duration as it is stored."""
    return round(value * 1000)


def minutes_after(minutes: float, start: datetime = START) -> datetime:
    """A moment so long after START."""
    return start + timedelta(minutes=minutes)


def table(answer: Answer, at: int = 0) -> dict[Any, float | None]:
    """One column by its rows: by bucket and members, whichever there are; a lone key is not a tuple."""
    rows = {}
    for row, members in enumerate(answer.members):
        bucket = [] if answer.buckets is None else [answer.buckets[row].isoformat()]
        key = (*bucket, *(member.key for member in members))
        rows[key[0] if len(key) == 1 else key] = answer.columns[at].values[row]
    return rows


_EMPTY_INTERACTION: dict[str, Any] = {
    column.name: None for column in models.interaction.columns if column.nullable
} | {"given": 0, "attributes": {}}
del _EMPTY_INTERACTION["sync_run_id"]
