"""What an answer reads, from the plans that the server ran: packs of what is asked, rows of what is not packed.

A board of twelve questions about the last month, on half a year of rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import event

from backend.core.windows import Comparison, Grain, Window
from backend.interactions import models
from backend.interactions.identity import fact_id
from backend.metrics.evaluator import Evaluator
from backend.metrics.planning.lowering import Setting
from backend.metrics.planning.planner import plan
from backend.metrics.questions import Answer, KpiAsk, Question, Restriction
from backend.metrics.rollups import repository
from backend.metrics.rollups.reading import PackReader, Source, Touches
from backend.metrics.understanding import prepare_for
from tenants.database import Database, TenantDatabase
from tests.backend.ingestion.importing import bring_in
from tests.backend.metrics.builders import World
from tests.backend.metrics.rollups.rolling import both, demand, move, plain, refresh_all
from tests.conftest import Place, StandingClock

NOW = datetime(2026, 6, 29, 12, tzinfo=UTC)
DAYS, CONTACTS, SURVEYS = 180, 30_000, 12_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
JUNE = Window(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 29, tzinfo=UTC), "UTC")
DIRTY = datetime(2026, 6, 17, 10, tzinfo=UTC)


def asked(formula: str, *dimensions: str, grain: Grain | None = None, compared: bool = False) -> Question:
    comparison = Comparison.PREVIOUS_PERIOD if compared else None
    return Question((KpiAsk("f", formula),), JUNE, dimensions, grain, comparison=comparison)


BOARD = [
    asked("count(where started)", compared=True),
    asked("count(where started)", grain=Grain.DAY),
    asked("avg(handle_time)", compared=True),
    asked("avg(handle_time)", grain=Grain.DAY),
    asked("avg(handle_time)", "agent"),
    asked("share(answered)", "channel"),
    asked("share(answered)", "hour_of_day", "weekday"),
    asked("p90(wait_time)", grain=Grain.WEEK),
    asked("median(handle_time)", "agent"),
    asked("avg(survey.score)", grain=Grain.DAY),
    asked("share(survey.score >= 4)", compared=True),
    asked("count(where survey.responded)", grain=Grain.WEEK),
]
OTHERS = [
    replace(asked("max(wait_time)", *dimensions, grain=Grain.DAY), where=where)
    for where in (None, 'channel = "chat"', 'channel = "call"', "answered", "handle_time > 60s")
    for dimensions in combinations(("agent", "channel", "language", "priority"), 2)
]


@dataclass(frozen=True)
class Read:
    """A scan of a table: how many rows of it were looked at, kept or not."""

    table: str
    how: str
    rows: float


@asynccontextmanager
async def recorded(database: Database) -> AsyncIterator[list[tuple[str, Any]]]:
    """The statements that are sent, with their parameters."""
    engine = database._engine.sync_engine
    found: list[tuple[str, Any]] = []
    watched: set[asyncpg.Connection] = set()

    def on_statement(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        found.append((statement, parameters))

    def on_query(query: asyncpg.connection.LoggedQuery) -> None:
        if not query.query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            found.append((query.query, query.args))

    def on_checkout(connection: Any, *_: Any) -> None:
        driver = connection.driver_connection
        if driver not in watched:
            watched.add(driver)
            driver.add_query_logger(on_query)

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "checkout", on_checkout)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)
        event.remove(engine, "checkout", on_checkout)
        for driver in watched:
            driver.remove_query_logger(on_query)


async def reads_of(
    place: Place, door: TenantDatabase, statements: Sequence[tuple[str, Any]], first: str = ""
) -> list[Read]:
    """What the server looks at when it runs them again, as the role that answers."""
    admin = await asyncpg.connect(place.admin_url)
    try:
        await admin.execute(f'SET ROLE "{door.tenant.readonly_role}"; {first}')
        found: list[Read] = []
        for statement, parameters in statements:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            [told] = msgspec.json.decode(await admin.fetchval(explain, *parameters))
            found += _reads(told["Plan"])
        return found
    finally:
        await admin.close()


def _reads(node: dict[str, Any]) -> Iterator[Read]:
    if "Relation Name" in node:
        # on the way to a bitmap's heap the rows are counted there; of an index-only scan they are the index's
        lost = [key for key in node if key.startswith("Rows Removed by")]
        rows = (node["Actual Rows"] + sum(node[key] for key in lost)) * node["Actual Loops"]
        yield Read(node["Relation Name"], node["Node Type"], rows)
    for inner in node.get("Plans", ()):
        yield from _reads(inner)


def rows_of(reads: list[Read], *tables: str) -> float:
    return sum(one.rows for one in reads if one.table in tables)


FACTS = ("interaction", "survey_response")


@pytest.fixture
async def desk(world: World, clock: StandingClock, place: Place) -> TenantDatabase:
    """Acme with half a year of contacts and surveys, statistics, and packs of the board and of much else."""
    clock.now, dice, door = NOW, Random(7), world.tenant
    agents = list((await world.name(models.agent, *(f"agent-{at}" for at in range(12)))).values())

    def moment() -> datetime:
        return BEGIN + timedelta(seconds=dice.randrange(DAYS * 86_400))

    async with door.write() as session:
        columns = [
            "id",
            "source",
            "external_id",
            "channel",
            "started_at",
            "agent_id",
            "handle_time",
            "wait_time",
        ]
        columns += ["answered", "given", "attributes"]
        told = (
            (fact_id("t", f"c{at}"), "t", f"c{at}", dice.choice(("chat", "call")), moment(), dice.choice(agents),
             dice.randrange(900_000), dice.randrange(90_000), dice.random() < 0.9, 0, "{}")
            for at in range(CONTACTS)
        )  # fmt: skip
        await session.copy(models.interaction, columns, told)
        columns = ["id", "source", "external_id", "kind", "scale_min", "scale_max", "score", "responded_at"]
        rated = (
            (fact_id("t", f"s{at}"), "t", f"s{at}", "csat", 1000, 5000, 1000 * dice.randrange(1, 6), moment())
            for at in range(SURVEYS)
        )
        await session.copy(models.survey_response, columns, rated)
    await move(door)
    await _analyze(place)
    await demand(door, clock, BOARD + OTHERS)
    await refresh_all(door, clock)
    await _analyze(place, _MANY_MORE_PACKS.format(door.tenant.namespace))
    return door


# As of a tenant with many boards: a table of a few packs is quicker read as a whole than by its index.
_MANY_MORE_PACKS = """
    INSERT INTO "{}".pack (series, first_day, last_day, as_of, parts, content)
    SELECT gen_random_uuid(), '2026-06-01', '2026-06-30', 1, '', '' FROM generate_series(1, 8000);
"""


async def _analyze(place: Place, first: str = "") -> None:
    admin = await asyncpg.connect(place.admin_url)
    await admin.execute(f"{first} ANALYZE")
    await admin.close()


async def test_a_board_reads_its_packs_and_of_the_rows_only_what_is_not_packed(desk, clock, place, database):
    """Three states of one tenant, for its rows take a while to make."""
    evaluator = Evaluator(desk, clock)
    wanted, others = await packs_of(place, desk, clock)
    assert others > wanted > 0

    await same(desk, clock)
    async with recorded(database) as sent:
        await evaluator.answer(BOARD)
    reads = await reads_of(place, desk, sent)
    assert rows_of(reads, "pack") == wanted
    assert rows_of(reads, *FACTS) == 0
    assert len(sent) == 4  # versions, packs, touched hours, names

    await bring_in(desk, "interaction", {"external_id": "late", "started_at": DIRTY, "handle_time": 5})
    await same(desk, clock)
    async with recorded(database) as sent:
        await evaluator.answer(BOARD)
    reads = await reads_of(place, desk, sent)
    assert rows_of(reads, "pack") == wanted
    scans = [one.rows for one in reads if one.table in FACTS]
    assert scans == [await count_contacts(place, desk, DIRTY.date(), 1)] * 2  # numbers, histograms
    assert len(sent) == 6

    async with recorded(database) as sent:
        await Evaluator(desk, clock, rows_only=True).answer(BOARD)
    # Two months are a third of these tables: to read all of one is quicker, and is not what this asks.
    reads = await reads_of(place, desk, sent, "SET enable_seqscan = off")
    two_windows = await count_contacts(
        place, desk, JUNE.compared(Comparison.PREVIOUS_PERIOD).start.date(), 56
    )
    assert max(one.rows for one in reads if one.table == "interaction") <= two_windows
    assert len(sent) == 7


async def same(door: TenantDatabase, clock: StandingClock) -> None:
    """From packs and from rows the board is the same."""
    packed, rows = await both(door, clock, BOARD)
    assert list(map(plain, packed)) == list(map(plain, rows))
    assert all(isinstance(one, Answer) for one in packed)


async def packs_of(place: Place, door: TenantDatabase, clock: StandingClock) -> tuple[int, int]:
    """How many packs a board needs, of its series and months, and how many others there are."""
    admin = await asyncpg.connect(place.admin_url)
    table = f'"{door.tenant.namespace}".pack'
    try:
        all_of_them = await admin.fetchval(f"SELECT count(*) FROM {table}")
        async with door.read(snapshot=True) as session:
            head = await repository.read_head(session)
            preparation = await prepare_for(session, door, head.versions, clock(), Restriction())
        setting = Setting(preparation.vocabulary, "UTC", "USD", Restriction(), clock())
        statements = plan([preparation.prepare(one).task for one in BOARD]).statements
        reader = PackReader(session, head, setting, Touches(session, head))
        wanted = reader._wanted([Source(one) for statement in statements for one in reader._match(statement)])
        overlapping = f"SELECT count(*) FROM {table} WHERE series = $1 AND last_day >= $2 AND first_day <= $3"
        needed = [
            await admin.fetchval(overlapping, series.id, days.first, days.last)
            for series, days in wanted.items()
        ]
        return sum(needed), all_of_them - sum(needed)
    finally:
        await admin.close()


async def count_contacts(place: Place, door: TenantDatabase, day: date, days: int) -> int:
    """How many contacts began on so many days from a day on."""
    admin = await asyncpg.connect(place.admin_url)
    try:
        counted = f"""
            SELECT count(*) FROM "{door.tenant.namespace}".interaction
            WHERE started_at >= $1 AND started_at < $1 + $2 * interval '1 day'
        """
        begin = datetime.combine(day, time(), UTC)
        found: int = await admin.fetchval(counted, begin, days)
        return found
    finally:
        await admin.close()
