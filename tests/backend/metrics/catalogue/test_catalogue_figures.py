"""Every built-in KPI: a day counted by hand, and random facts against SQL that shares no code with ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from backend.metrics.catalogue import CATALOGUE
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Cell
from tests.backend.metrics.builders import WEEK, World, asked
from tests.backend.metrics.catalogue.facts import a_day_in_the_shop, a_random_month
from tests.backend.metrics.catalogue.golden import GOLDEN
from tests.conftest import Place

KEYS = [one.key for one in CATALOGUE]
MATURE = datetime(2026, 3, 20, tzinfo=UTC)  # all windows that look ahead are over
YOUNG = datetime(2026, 2, 12, 6, tzinfo=UTC)  # some are still open
ESTIMATED = re.compile(r"\b(median|p\d+)\(")  # within one percent, see the histogram


def _oracles() -> dict[str, str]:
    text = (Path(__file__).parent / "oracles.sql").read_text(encoding="utf-8")
    _, *pieces = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


ORACLES = _oracles()


@pytest_asyncio.fixture
async def connection(place: Place, world: World) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner's, who sees the tenant's tables by their plain names."""
    connection = await asyncpg.connect(place.admin_url, timeout=10)
    await connection.execute(f"SET search_path TO {world.tenant.tenant.namespace}; SET TIME ZONE 'UTC'")
    await connection.execute(ORACLES["preamble"])
    yield connection
    await connection.close()


def test_every_kpi_has_a_golden_case_and_an_oracle():
    assert sorted(GOLDEN) == sorted(KEYS)
    assert sorted(set(ORACLES) - {"preamble"}) == sorted(KEYS)


async def test_the_day_counted_by_hand(world: World):
    await a_day_in_the_shop(world)
    found = await _totals(world, MATURE)
    wrong = {
        key: (found[key].value, float(GOLDEN[key]))
        for key in KEYS
        if not _near(key, found[key].value, GOLDEN[key])
    }
    assert not wrong


@pytest.mark.parametrize("now", [MATURE, YOUNG], ids=["mature", "young"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_random_facts_by_sql(world: World, connection: asyncpg.Connection, seed: int, now: datetime):
    await a_random_month(world, seed)
    found = await _totals(world, now)
    wrong = {}
    for key in KEYS:
        expected = await _by_sql(connection, key, now)
        if not _near(key, found[key].value, expected):
            wrong[key] = found[key].value, expected
    assert not wrong
    unknown = {key for key, cell in found.items() if cell.value is None}
    assert unknown == (set() if now is MATURE else {"retention_save_rate"})  # nobody is known to stay 30 days


async def test_the_oracles_agree_with_the_day_counted_by_hand(world: World, connection: asyncpg.Connection):
    await a_day_in_the_shop(world)
    wrong = {}
    for key, expected in GOLDEN.items():
        found = await _by_sql(connection, key, MATURE)
        if found is None or found != pytest.approx(float(expected), rel=1e-12):
            wrong[key] = found, float(expected)
    assert not wrong


async def _by_sql(connection: asyncpg.Connection, key: str, now: datetime) -> float | None:
    sql = ORACLES[key]
    for at, moment in enumerate((WEEK.start, WEEK.end, now), 1):
        sql = sql.replace(f"${at}", f"timestamptz '{moment.isoformat()}'")
    found = await connection.fetchval(sql)
    return None if found is None else float(found)


async def _totals(world: World, now: datetime) -> dict[str, Cell]:
    evaluator = Evaluator(world.tenant, lambda: now)
    found: dict[str, Cell] = {}
    for at in range(0, len(KEYS), 20):
        keys = KEYS[at : at + 20]
        [answer] = await evaluator.answer([asked(*(f"@{key}" for key in keys))])
        assert not isinstance(answer, Exception), answer
        found |= dict(zip(keys, answer.totals, strict=True))
    return found


def _near(key: str, found: float | None, expected: Fraction | float | None) -> bool:
    if found is None or expected is None:
        return found is None and expected is None
    formula = next(one.formula for one in CATALOGUE if one.key == key)
    tolerance = 0.0101 if ESTIMATED.search(formula) else 1e-9
    return found == pytest.approx(float(expected), rel=tolerance, abs=1e-12)
