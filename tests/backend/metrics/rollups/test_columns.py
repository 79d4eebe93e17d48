"""Columns against rows: every statement that columns can answer has the very groups and values of its select."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from backend.core.windows import Grain, Window
from backend.metrics.questions import KpiAsk, Question
from tests.backend.metrics.builders import World
from tests.backend.metrics.rollups.comparing import Twice, odd_facts
from tests.backend.metrics.rollups.formulas import DIMENSIONS, Grammar

# zones, and when their clocks move
ZONES = {
    "Asia/Shanghai": datetime(2026, 4, 1, 16, tzinfo=UTC),  # never; midnight
    "Europe/Berlin": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "Asia/Kolkata": datetime(2026, 3, 31, 18, 30, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),  # by half an hour
    "America/St_Johns": datetime(2010, 11, 7, 2, 31, tzinfo=UTC),  # back over midnight
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("zone", ZONES)
async def test_random_questions_are_answered_alike(world: World, zone: str, seed: int):
    dice, moved = Random(seed), ZONES[zone]
    first = moved.date() - timedelta(days=8)
    await odd_facts(world, dice, first, days=16, count=150, near=moved)
    twice, grammar = Twice(world, dice), Grammar(dice)
    wrong = []
    for _ in range(16):
        start = first + timedelta(days=dice.randrange(8))
        window = Window.of_local(start, start + timedelta(days=dice.randint(1, 12)), zone)
        question = Question(
            tuple(KpiAsk(f"k{at}", grammar.formula()) for at in range(6)),
            window,
            tuple(dice.sample(DIMENSIONS, dice.choice([0, 0, 1, 1, 2, 3]))),
            dice.choice([None, None, *Grain]),
            dice.choice([None, grammar.condition()]),
        )
        wrong += [f"{question}: {one}" for one in await twice.compare(question)]
    assert wrong == []
    assert twice.seen.fit >= 40, twice.seen.unfit
    assert twice.seen.groups >= 800
