"""Every built-in KPI from columns, where it can be: what its select says of random facts of all kinds."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from backend.core.windows import Grain, Window
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.questions import KpiAsk, Question
from tests.backend.metrics.builders import World
from tests.backend.metrics.catalogue.facts import a_random_month
from tests.backend.metrics.rollups.comparing import Twice

KEYS = [one.key for one in CATALOGUE]
WINDOWS = {
    "Asia/Kolkata": Window.of_local(date(2026, 1, 28), date(2026, 2, 20), "Asia/Kolkata"),
    "Europe/Berlin": Window.of_local(date(2026, 2, 2), date(2026, 2, 9), "Europe/Berlin"),
}


@pytest.mark.parametrize("zone", WINDOWS)
async def test_every_kpi_that_columns_can_answer_is_answered_as_rows_do(world: World, zone: str):
    await a_random_month(world, seed=3, count=200)
    fit = set()
    for at, key in enumerate(KEYS):
        twice = Twice(world, Random(at))
        grain = [None, Grain.DAY, Grain.HOUR, Grain.WEEK][at % 4]
        dimensions = [(), ("weekday",), ("hour_of_day",)][at % 3]
        question = Question((KpiAsk(key),), WINDOWS[zone], dimensions, grain)
        assert await twice.compare(question) == [], key
        if not twice.seen.unfit:
            fit.add(key)
    assert len(fit) >= 68, sorted(set(KEYS) - fit)
