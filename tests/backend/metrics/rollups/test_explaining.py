"""An explanation says where an answer comes from: checked against what the answer really sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event

from backend.core.windows import Comparison, Grain, Window
from backend.metrics.catalogue import CATALOGUE, seed_catalogue
from backend.metrics.evaluator import Evaluator
from backend.metrics.planning.lowering import Estimate, read_estimate
from backend.metrics.questions import KpiAsk, Question, Restriction
from backend.metrics.rollups.explaining import Explanation, Origin, tell
from tenants.database import Database, TenantDatabase
from tests.backend.ingestion.importing import bring_in
from tests.backend.metrics.builders import World
from tests.backend.metrics.catalogue.facts import a_random_month
from tests.backend.metrics.rollups.rolling import demand, move, refresh_all
from tests.canaries import CANARY
from tests.conftest import Place, StandingClock

FIRST = datetime(2026, 2, 9, 9, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 9, tzinfo=UTC), datetime(2026, 2, 16, tzinfo=UTC), "UTC")
CONTACTS = Question((KpiAsk("n", "count(where started)"),), WINDOW, ("channel",), Grain.DAY)
CELLS, ROWS = (Origin.CELLS,), (Origin.ROWS,)
BOTH = CELLS + ROWS


def contact(number: int, day: int) -> dict[str, Any]:
    return {"external_id": str(number), "started_at": FIRST + timedelta(days=day)}


def over(start: str, end: str, formula: str = "count()", **question: Any) -> Question:
    first, last = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end))
    return Question((KpiAsk("n", formula),), Window(first, last, "UTC"), **question)


async def explain(door: TenantDatabase, clock: StandingClock, question: Question) -> Explanation:
    return await Evaluator(door, clock).explain(question)


async def why(door: TenantDatabase, clock: StandingClock, question: Question) -> set[str | None]:
    """The reasons of all steps."""
    return {step.reason for step in (await explain(door, clock, question)).steps}


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the rows, or asked about with EXPLAIN, until the block ends; with parameters."""
    engine, sent = database._engine.sync_engine, []

    def on_statement(_: Any, __: Any, text: str, parameters: Any, *___: Any) -> None:
        if " AS rows" in text:
            sent.append((re.sub(r"\s+", " ", text), parameters))

    event.listen(engine, "before_cursor_execute", on_statement)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)


@pytest.fixture
async def packed(world: World, clock: StandingClock) -> TenantDatabase:
    """Acme with a contact on each of three days, and packs of what is asked about them."""
    await bring_in(world.tenant, "interaction", *[contact(day, day) for day in range(3)])
    await demand(world.tenant, clock, [CONTACTS])
    await refresh_all(world.tenant, clock)
    return world.tenant


async def test_what_nobody_has_packed_comes_from_rows(world: World, clock: StandingClock):
    await bring_in(world.tenant, "interaction", *[contact(day, day) for day in range(3)])
    found = await explain(world.tenant, clock, CONTACTS)
    [step] = found.steps
    assert (step.split.grain, step.origins, step.days, len(step.missing)) == (Grain.DAY, ROWS, 7, 7)
    assert step.reason == "2026-02-09 to 2026-02-15 have no pack yet"
    [read] = found.reads
    assert read.windows == (WINDOW,)
    assert "statement 1 reads the whole window" in tell(found)


async def test_what_is_packed_comes_from_cells(packed: TenantDatabase, clock: StandingClock):
    found = await explain(packed, clock, CONTACTS)
    assert found.reads == ()
    assert {(step.origins, len(step.packed), step.reason, step.read) for step in found.steps} == {
        (CELLS, 7, None, None)
    }
    text = tell(found)
    assert text.endswith("\n  from cells (7 of 7 days)")
    assert "SELECT" not in text


async def test_a_changed_day_is_stale_and_read_alone(packed: TenantDatabase, clock: StandingClock):
    await bring_in(packed, "interaction", contact(7, 1))
    found = await explain(packed, clock, CONTACTS)
    for step in found.steps:
        assert step.origins == BOTH
        assert step.stale == (date(2026, 2, 10),)
        assert date(2026, 2, 10) not in step.packed
        assert len(step.packed) == 6
        assert step.reason == "2026-02-10 is stale"
    [read] = found.reads
    assert read.windows == (over("2026-02-10", "2026-02-11").window,)
    text = tell(found)
    assert "  from cells (6 of 7 days) and rows, because 2026-02-10 is stale\n" in text
    assert "    statement 1 reads 2026-02-10T00:00:00+00:00 to 2026-02-11T00:00:00+00:00\n" in text
    assert re.search(r"\n-- statement 1: about [\d,]+ rows?, cost [\d,]+\nSELECT", text)


async def test_what_another_tenant_has_packed_is_not_ours(
    packed: TenantDatabase, globex: TenantDatabase, clock: StandingClock
):
    async with globex.write() as session:
        await seed_catalogue(session)
    theirs = await explain(globex, clock, CONTACTS)
    assert {step.origins for step in theirs.steps} == {ROWS}
    assert {step.origins for step in (await explain(packed, clock, CONTACTS)).steps} == {CELLS}
    everything = Question((KpiAsk("csat"), KpiAsk("aht")), None, ("agent",))
    assert CANARY not in tell(await explain(packed, clock, everything))


async def test_parts_of_days_are_never_kept(packed: TenantDatabase, clock: StandingClock):
    ragged = over("2026-02-09T12:00", "2026-02-12", "count(where started)", dimensions=("channel",))
    found = await explain(packed, clock, ragged)
    assert {(step.origins, step.reason) for step in found.steps} == {
        (BOTH, "the window begins or ends within a day")
    }
    assert [(one.start.hour, one.end.hour) for one in found.reads[0].windows] == [(12, 0)]
    short = over("2026-02-09T12:00", "2026-02-09T14:00")
    assert await why(packed, clock, short) == {"no day lies in the window entirely"}


async def test_rows_are_read_at_once_where_packs_leave_many_gaps(
    packed: TenantDatabase, clock: StandingClock
):
    days = range(-100, -10, 2)
    await bring_in(packed, "interaction", *[contact(100 - day, day) for day in days])
    question = over("2025-11-01", "2026-02-16", "count(where started)", dimensions=("channel",))
    found = await explain(packed, clock, question)
    for step in found.steps:
        assert step.origins == ROWS
        assert step.packed == ()
        assert len(step.stale) == len(days)
        assert step.missing == ()
        assert step.reason == "the packs would leave more than 40 gaps"


async def test_a_day_on_which_rows_grow_old_comes_from_columns(world: World, clock: StandingClock):
    await bring_in(world.tenant, "interaction", *[contact(day, day) for day in range(7)])
    question = over("2026-02-09", "2026-02-16", "count(where matured(20d))")  # it is noon of 2 March
    await demand(world.tenant, clock, [question])
    await refresh_all(world.tenant, clock)
    found = await explain(world.tenant, clock, question)
    # beside what is asked all rows are counted, too, which says how many of them are settled
    assert {step.origins for step in found.steps} == {
        (Origin.CELLS,), (Origin.CELLS, Origin.COLUMNS),
    }  # fmt: skip
    assert {len(step.packed) + step.columned for step in found.steps} == {7}


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Question((KpiAsk("n", "count()"),), None), "it takes all rows, also those without a moment"),
        (over("2026-02-09", "2026-02-16", "count(while open)"), "it looks at states"),
        (
            over("2026-02-09", "2026-02-16", "count(over 7d)", grain=Grain.DAY),
            "its cells look back over time that they share",
        ),
        (over("2026-02-09", "2026-02-16", "count_distinct(customer)"), "what it collects does not merge"),
    ],
)
async def test_why_nothing_can_be_kept(world: World, clock: StandingClock, question: Question, reason: str):
    assert reason in await why(world.tenant, clock, question)


async def test_many_days_are_not_all_named(packed: TenantDatabase, clock: StandingClock):
    await bring_in(packed, "interaction", *[contact(20 + at, -at) for at in range(2, 14, 2)])
    question = over("2026-01-20", "2026-02-16", "count(where started)", dimensions=("channel",))
    assert await why(packed, clock, question) == {
        "2026-01-28, 2026-01-30, 2026-02-01, 2026-02-03 and 2 more are stale"
    }


async def test_an_asker_of_some_rows_is_told_what_holds_for_them(
    packed: TenantDatabase, clock: StandingClock
):
    found = await Evaluator(packed, clock).explain(CONTACTS, restriction=Restriction(agent_id=1))
    assert {(step.origins, step.reason) for step in found.steps} == {
        (ROWS, "it shows one agent's or team's rows only")
    }
    assert [read.estimate for read in found.reads] == [None]
    assert "rows, cost" not in tell(found)


async def test_without_packs_it_says_so(packed: TenantDatabase, clock: StandingClock):
    found = await Evaluator(packed, clock, rows_only=True).explain(CONTACTS)
    assert {(step.origins, step.reason) for step in found.steps} == {(ROWS, "packs are left aside")}


async def test_steps_that_differ_are_told_apart(packed: TenantDatabase, clock: StandingClock):
    kpis = (KpiAsk("n", "count(where started)"), KpiAsk("m", "count(where matured(20d))"))
    question = Question(kpis, WINDOW, ("channel",), Grain.DAY)
    await demand(packed, clock, [question])
    await refresh_all(packed, clock)
    lines = tell(await explain(packed, clock, question)).splitlines()
    assert "  count of rows where started, count of rows by day, channel: from cells (7 of 7 days)" in lines
    mixed = "from cells (6 of 7 days) and columns (1 of 7 days)"
    aged = "count of rows where matured(20d), count of rows where not matured(20d)"
    assert f"  {aged} by day, channel: {mixed}" in lines


async def test_what_is_explained_is_what_is_sent(world: World, database: Database, clock: StandingClock):
    clock.now = datetime(2026, 3, 20, tzinfo=UTC)
    await a_random_month(world, 4)
    await move(world.tenant)
    window = Window(datetime(2026, 2, 3, tzinfo=UTC), datetime(2026, 2, 16, 11, tzinfo=UTC), "UTC")
    shapes: list[tuple[Grain | None, tuple[str, ...]]] = [(Grain.DAY, ()), (None, ("weekday",))]
    questions = [
        Question((KpiAsk(one.key),), window, dimensions, grain, comparison=Comparison.PREVIOUS_PERIOD)
        for one in CATALOGUE[::3]
        for grain, dimensions in shapes
    ]
    await demand(world.tenant, clock, questions[::2])
    await refresh_all(world.tenant, clock)
    await bring_in(world.tenant, "interaction", contact(1, 0))
    met = set()
    for question in questions:
        with statements(database) as explained:
            found = await explain(world.tenant, clock, question)
        with statements(database) as sent:
            await Evaluator(world.tenant, clock).answer([question])
        assert explained == [(f"EXPLAIN (FORMAT JSON) {text}", given) for text, given in sent], question
        assert len(found.reads) == len(sent)
        met |= {step.origins for step in found.steps}
    assert {ROWS, BOTH} <= met


async def test_long_lists_are_cut_where_people_read_them(world: World, clock: StandingClock):
    year = over("2025-03-01", "2026-03-01", grain=Grain.DAY)
    text = tell(await explain(world.tenant, clock, year))
    assert '"2025-03-07T00:00:00+00:00","2025-03-08T00:00:00+00:00", … 365 in all}' in text
    assert "2025-03-09" not in text
    week = over("2026-02-02", "2026-02-05", grain=Grain.DAY)
    assert " in all" not in tell(await explain(world.tenant, clock, week))
    assert (await Evaluator(world.tenant, clock).answer([year]))[0].total_rows == 365  # type: ignore[union-attr]


def test_an_estimate_takes_the_processes_of_a_parallel_plan_together():
    scan = {"Node Type": "Seq Scan", "Plan Rows": 1000, "Total Cost": 50.0}
    gather = {"Node Type": "Gather", "Plan Rows": 10, "Workers Planned": 2, "Plans": [scan]}
    plan = {"Node Type": "Limit", "Plan Rows": 3, "Total Cost": 70.25, "Plans": [gather]}
    assert read_estimate([{"Plan": plan}]) == Estimate(2400, 70.25)
    assert read_estimate('[{"Plan": {"Plan Rows": 5, "Total Cost": 1.5}}]') == Estimate(5, 1.5)


async def analyze(place: Place, door: TenantDatabase) -> None:
    """Has PostgreSQL look at the tenant's interactions, as it does by itself now and then."""
    admin = await asyncpg.connect(place.admin_url)
    try:
        await admin.execute(f'ANALYZE "{door.tenant.namespace}".interaction')
    finally:
        await admin.close()


async def test_an_estimate_follows_what_postgresql_knows(world: World, clock: StandingClock, place: Place):
    await world.interact(*({"started_at": FIRST} for _ in range(3000)))
    await analyze(place, world.tenant)
    [read] = (await explain(world.tenant, clock, CONTACTS)).reads
    assert read.estimate is not None
    assert 2000 < read.estimate.rows < 4000
    [none] = (await explain(world.tenant, clock, over("2020-01-01", "2020-02-01"))).reads
    assert none.estimate is not None
    assert none.estimate.rows < 100
    assert none.estimate.cost < read.estimate.cost
