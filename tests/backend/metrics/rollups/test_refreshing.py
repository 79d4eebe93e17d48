"""Packs are made for what is asked, and answers from them are those of the rows, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backend.core.windows import Comparison, Grain, Window
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import KpiAsk, Question
from tests.backend.metrics.builders import World
from tests.backend.metrics.catalogue.facts import a_random_month
from tests.backend.metrics.rollups.rolling import both, count_packs, demand, move, plain, refresh_all
from tests.statements import counted

MONTH = Window(datetime(2026, 2, 3, tzinfo=UTC), datetime(2026, 2, 17, tzinfo=UTC), "UTC")
RAGGED = Window(datetime(2026, 2, 3, 7, 30, tzinfo=UTC), datetime(2026, 2, 16, 11, tzinfo=UTC), "UTC")
NOW = datetime(2026, 3, 20, tzinfo=UTC)
SHAPES: list[tuple[Grain | None, tuple[str, ...]]] = [
    (None, ()),
    (Grain.DAY, ()),
    (Grain.HOUR, ()),
    (Grain.WEEK, ("agent",)),
    (None, ("channel", "weekday")),
    (None, ("hour_of_day", "weekday")),
    (Grain.MONTH, ("queue",)),
]


def now() -> datetime:
    return NOW


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_kpi_is_the_same_from_packs_and_from_rows(world: World, database, seed):
    await a_random_month(world, seed)
    await move(world.tenant)
    questions = [
        Question((KpiAsk(one.key),), window, dimensions, grain, comparison=comparison)
        for one in CATALOGUE
        for grain, dimensions in SHAPES
        for window, comparison in ((MONTH, Comparison.PREVIOUS_PERIOD), (RAGGED, None))
    ]
    await demand(world.tenant, now, questions)
    await refresh_all(world.tenant, now)
    assert await count_packs(world.tenant) > 100
    for at in range(0, len(questions), 50):
        batch = questions[at : at + 50]
        packed, rows = await both(world.tenant, now, batch)
        for question, one, other in zip(batch, packed, rows, strict=True):
            assert plain(one) == plain(other), question


async def test_a_covered_question_reads_no_rows(world: World, database):
    await a_random_month(world, 3)
    await move(world.tenant)
    question = Question((KpiAsk("aht"),), MONTH, ("agent",), Grain.DAY)
    await demand(world.tenant, now, [question])
    await refresh_all(world.tenant, now)
    async with counted(database) as count:
        await world.evaluator.answer([question])
    assert count.statements <= 6


FILTERED = [
    'channel = "chat"', 'agent = "ann" or agent is missing', 'not resolved and issue_type = "refund"',
    'channel in ("call", "chat") and weekday = "Tuesday"',
]  # fmt: skip


async def test_any_filter_is_answered_from_columns(world: World, database):
    await a_random_month(world, 4)
    await move(world.tenant)
    bare = [
        Question((KpiAsk(key),), MONTH, dimensions, grain)
        for key in ("aht", "csat", "first_response_time_p90", "contacts_offered", "fcr")
        for grain, dimensions in SHAPES
    ]
    await demand(world.tenant, now, bare)
    await refresh_all(world.tenant, now)
    filtered = [
        replace(one, where=where, window=window)
        for one in bare
        for where in FILTERED
        for window in (MONTH, RAGGED)
    ]
    packed, rows = await both(world.tenant, now, filtered)
    for question, one, other in zip(filtered, packed, rows, strict=True):
        assert plain(one) == plain(other), question
    async with counted(database) as count:
        await Evaluator(world.tenant, now).answer([replace(bare[0], where=FILTERED[0])])
    assert count.statements == 4  # versions, packs of cells, what was touched, packs of columns
