"""Cases of the field that go wrong elsewhere, from a file to a number: what is rated, what is a reply, what is zero."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.core.settings import Settings
from backend.ingestion import mapping as mappings
from backend.ingestion.files import import_file
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Cell, KpiAsk, Question
from tenants.database import TenantDatabase

SURVEYS = """
source = "helpdesk"
kind = "survey"
[fields]
external_id = "id"
kind = { value = "csat" }
"""
OFFERED = (
    SURVEYS + 'score = { column = "score", scale = [1, 5], values = { good = 5, bad = 1 }, other = "" }\n'
)
INVERTED = SURVEYS + (
    'score = { column = "eval_code", scale = [1, 5], values = { 0 = 5, 1 = 4, 2 = 3, 3 = 2, 4 = 1 } }\n'
)
CALLS = """
source = "phone"
kind = "interaction"
[fields]
external_id = "id"
channel = { value = "call" }
queue = "shop"
answered = { column = "answered", values = { Y = true, N = false } }
resolved = { column = "resolved", values = { Y = true, N = false } }
wait_time = { column = "speed", unit = "s", null = ["0"] }
[survey]
kind = { value = "csat" }
score = { column = "rating", scale = [1, 5], null = ["0"] }
"""


@pytest.fixture
def bring(acme: TenantDatabase, tmp_path: Path):
    """Imports lines of CSV by a mapping."""

    async def run(mapping: str, *lines: str) -> None:
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        imported = await import_file(
            acme, path, mappings.load(mapping), Settings(), origin="file", label="rows", actor="test", shown=3
        )
        assert imported.rejections == []

    return run


async def ask(tenant: TenantDatabase, formula: str) -> Cell:
    """One formula over everything."""
    evaluator = Evaluator(tenant, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    [answer] = await evaluator.answer([Question((KpiAsk("x", formula),), None)])
    assert not isinstance(answer, Exception), answer
    return answer.totals[0]


async def test_a_survey_that_was_only_offered_is_no_rating(acme: TenantDatabase, bring):
    await bring(OFFERED, "id,score", "1,good", "2,bad", "3,offered", "4,unoffered", "5,good")
    csat = await ask(acme, "share(survey.score >= 4)")
    assert (csat.numerator, csat.denominator) == (2.0, 3.0)


async def test_a_scale_that_counts_from_the_best_is_turned(acme: TenantDatabase, bring):
    await bring(INVERTED, "id,eval_code", "1,0", "2,0", "3,1", "4,4")
    assert (await ask(acme, "avg(survey.score)")).value == (5 + 5 + 4 + 1) / 4
    assert (await ask(acme, "share(survey.score >= 5)")).value == 0.5


async def test_a_call_nobody_answered_has_no_rating_and_no_speed(acme: TenantDatabase, bring):
    head = "id,shop,answered,resolved,speed,rating"
    await bring(CALLS, head, "1,a,Y,Y,30,4", "2,a,N,N,0,0", "3,a,N,N,0,0")
    assert (await ask(acme, "avg(survey.score)")).value == 4
    speed = await ask(acme, "avg(wait_time)")
    assert (speed.value, speed.n) == (30, 1)
    nothing = await ask(acme, "avg(wait_time where not answered)")
    assert (nothing.value, nothing.n) == (None, 0)  # not 0


async def test_two_shops_are_added_up_and_not_averaged(acme: TenantDatabase, bring):
    small = [f"s{at},small,Y,{'Y' if at < 1 else 'N'},1,5" for at in range(2)]
    large = [f"l{at},large,Y,{'Y' if at < 98 else 'N'},1,5" for at in range(100)]
    await bring(CALLS, "id,shop,answered,resolved,speed,rating", *small, *large)
    rate = await ask(acme, "share(resolved)")
    assert (rate.numerator, rate.denominator, rate.value) == (99, 102, 99 / 102)


async def test_a_weighted_score_of_three_kpis(acme: TenantDatabase, bring):
    # CSAT 70 % against 80 %, 60 s against 45 s, resolution 75 % against 85 %
    rows = [f"{at},a,Y,{'Y' if at < 75 else 'N'},60,{5 if at < 70 else 1}" for at in range(100)]
    await bring(CALLS, "id,shop,answered,resolved,speed,rating", *rows)
    score = await ask(
        acme,
        "100 * (0.4 * share(survey.score >= 4) / 0.8 + 0.3 * (45s / avg(wait_time)) + 0.3 * share(resolved) / 0.85)",
    )
    assert score.value == pytest.approx(83.97, abs=0.005)
