"""Random cells over real data and the demo's: the proof adds up, and the rows behind a cell make it again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.core.settings import Settings
from backend.core.windows import Grain, Window
from backend.demo.generator import LAYOUTS, chunks
from backend.demo.labels import SOURCE
from backend.demo.story import draw_story
from backend.demo.world import LUMEN
from backend.ingestion import mapping as mappings
from backend.ingestion.files import import_file
from backend.ingestion.service import import_source
from backend.interactions.models import interaction
from backend.metrics.evaluator import Evaluator
from backend.metrics.proofs import TOTAL, CellPlace, Drill, DrilledRow, Side
from backend.metrics.questions import Cell, KpiAsk, Question
from tenants.database import TenantDatabase
from tests.golden.reference import DATA, MAPPINGS

FORMULAS = {  # a formula, and how it is made again from the values of the rows behind it
    "count()": len,
    "count(where answered)": len,
    "avg(handle_time)": lambda values: _mean(values),
    "avg(wait_time where answered)": lambda values: _mean(values),
    "sum(handle_time) at closed": lambda values: math.fsum(values) if values else None,
    "max(wait_time)": lambda values: max(values, default=None),
    "share(resolved) at closed": lambda values: _mean(values),
    "share(wait_time > 30s)": lambda values: _mean(values),
    "avg(survey.score)": lambda values: _mean(values),
    "share(survey.score >= 4)": lambda values: _mean(values),
    "avg(resolved - first_response where resolved)": lambda values: _mean(values),
}
DIMENSIONS = ("agent", "channel", "issue_type", "weekday", "hour_of_day", "answered")
GRAINS = (None, Grain.DAY, Grain.WEEK, Grain.MONTH)
CELLS = 12
DAY = timedelta(days=1)
FILES = {
    "pwc_call_center": "csv",
    "anonymous_bank_feb1999": "tsv.gz",
    "customer_support_tickets": "csv.gz",
}


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the reference data is not at {DATA}")
@pytest.mark.parametrize("name", FILES)
async def test_cells_of_real_data(acme: TenantDatabase, name: str):
    mapping = mappings.load((MAPPINGS / f"{name}.toml").read_text(encoding="utf-8"))
    path = DATA / f"{name}.{FILES[name]}"
    imported = await import_file(
        acme, path, mapping, Settings(), origin="file", label=name, actor="test", shown=0
    )
    assert sum(imported.report.written.values()) > 1000
    await check_cells(acme, Random(name))


async def test_cells_of_the_demo(acme: TenantDatabase):
    story = draw_story(LUMEN, seed=7, until=date(2026, 3, 1), interactions=4_000)
    await import_source(
        acme,
        chunks(story),
        LAYOUTS,
        source=SOURCE,
        origin="demo",
        label="demo",
        mapping_text=None,
        actor="test",
    )
    await check_cells(acme, Random(7))


async def check_cells(tenant: TenantDatabase, dice: Random) -> None:
    """Draws cells until CELLS of them had rows."""
    async with tenant.read() as session:
        moments = select(func.min(interaction.c.started_at), func.max(interaction.c.started_at))
        first, last = tuple((await session.execute(moments)).one())
    evaluator = Evaluator(tenant, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    filled = 0
    for _ in range(10 * CELLS):
        formula, dimension = dice.choice(list(FORMULAS)), dice.choice(DIMENSIONS)
        window, grain = None, None  # a source may tell of no start at all
        if first is not None:
            begin = first + (last - first) * dice.random()
            end = begin + (last - first) * dice.uniform(0.02, 0.2)
            window, grain = Window.of_local(begin.date(), end.date() + DAY, "Asia/Tokyo"), dice.choice(GRAINS)
        question = Question((KpiAsk("x", formula),), window, (dimension,), grain)
        [answer] = await evaluator.answer([question])
        assert not isinstance(answer, Exception), answer
        if not answer.members:
            continue
        row = dice.randrange(len(answer.members))
        bucket = None if answer.buckets is None else answer.buckets[row]
        place = CellPlace(bucket, ((dimension, answer.members[row][0].key),))
        await check_cell(evaluator, question, place, answer.columns[0].cell(row))
        if filled % 4 == 0:
            await check_cell(evaluator, question, TOTAL, answer.totals[0])
        filled += answer.columns[0].n[row] > 0
        if filled == CELLS:
            return
    pytest.fail(f"only {filled} cells had rows")


async def check_cell(evaluator: Evaluator, question: Question, place: CellPlace, cell: Cell) -> None:
    """Population is counted and excluded; the counted rows are the drilled ones; they make the value again."""
    [proof] = await evaluator.prove(question, place)
    assert proof.cell == cell
    [part] = proof.aggregates
    assert part.population == part.counted + sum(one.rows for one in part.exclusions)
    rows = [row async for row in evaluator.export(question, Drill(place))]
    assert len(rows) == part.counted == cell.n
    assert len({row.id for row in rows}) == len(rows)
    formula = question.kpis[0].formula
    assert formula is not None
    made = FORMULAS[formula](_values(rows))
    if made is None:
        assert cell.value is None
    else:
        assert cell.value == pytest.approx(made, rel=1e-9)
    if formula.startswith("share"):
        tops = [row async for row in evaluator.export(question, Drill(place, Side.NUMERATOR))]
        assert len(tops) == cell.numerator


def _values(rows: Sequence[DrilledRow]) -> list[Any]:
    return [row.value for row in rows if row.value is not None]
