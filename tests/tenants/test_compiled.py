"""Queries that are compiled once and asked of any tenant."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from backend.core.errors import Exhausted, Invalid
from backend.interactions.identity import fact_id, new_id
from backend.interactions.models import outbox, queue, team
from backend.metrics.models import kpi, kpi_version
from tenants.compiled import CompiledSelect

NAMED = CompiledSelect(
    select(team.c.external_id, team.c.name)
    .where(team.c.external_id == any_(bindparam("wanted", type_=ARRAY(Text))))
    .order_by(team.c.external_id)
)


async def add_teams(tenant, *rows):
    async with tenant.write() as session:
        for external_id, name in rows:
            await session.execute(insert(team).values(external_id=external_id, name=name))


async def test_each_tenant_gets_its_own_rows_in_turn_on_one_connection(acme, globex):
    await add_teams(acme, ("n", "North"), ("s", "South"), ("w", "West"))
    await add_teams(globex, ("n", "CANARY"))
    for _ in range(3):
        for tenant, expected in ((acme, [("n", "North"), ("s", "South")]), (globex, [("n", "CANARY")])):
            async with tenant.read() as session:
                rows = await session.fetch(NAMED, {"wanted": ["s", "n"]})
            assert [tuple(row) for row in rows] == expected
            assert rows[0]["name"] == expected[0][1]


async def test_a_query_knows_every_table_of_the_namespace(acme, globex):
    both = CompiledSelect(
        select(team.c.name, queue.c.name.label("queue"))
        .join(queue, queue.c.external_id == team.c.external_id)
        .where(team.c.id == select(func.max(team.c.id)).scalar_subquery())
    )
    await add_teams(acme, ("n", "North"))
    async with acme.write() as session:
        await session.execute(insert(queue).values(external_id="n", name="Calls"))
    async with acme.read() as session:
        assert [tuple(row) for row in await session.fetch(both)] == [("North", "Calls")]


async def test_values_are_those_of_an_ordinary_statement_json_among_them(acme):
    at = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    identity = new_id()
    async with acme.write() as session:
        await session.execute(
            insert(outbox).values(id=identity, topic="é“x”", payload={"n": [1]}, created_at=at)
        )
        rows = await session.fetch(
            CompiledSelect(
                select(
                    outbox.c.id, outbox.c.topic, outbox.c.payload, outbox.c.created_at, outbox.c.moved_at
                ).where(
                    outbox.c.id == bindparam("id"),
                    outbox.c.created_at == bindparam("at"),
                    outbox.c.payload == bindparam("payload"),
                )
            ),
            {"id": identity, "at": at, "payload": {"n": [1]}},
        )
    assert [tuple(row) for row in rows] == [(identity, "é“x”", {"n": [1]}, at, None)]


async def test_all_kpis_come_as_an_ordinary_statement_gives_them(acme):
    statement = (
        select(kpi.c.key, kpi.c.minimum_sample, kpi.c.target_low, kpi.c.builtin, kpi_version.c.effective_from)
        .join(kpi_version, kpi_version.c.kpi_key == kpi.c.key)
        .where(kpi.c.builtin, kpi_version.c.version == 1, kpi_version.c.effective_from <= bindparam("day"))
        .order_by(kpi.c.key)
    )
    day = date(2026, 3, 2)
    async with acme.read() as session:
        fetched = await session.fetch(CompiledSelect(statement), {"day": day})
        ordinary = (await session.execute(statement, {"day": day})).all()
    assert [tuple(row) for row in fetched] == [tuple(row) for row in ordinary]
    assert any(isinstance(row["target_low"], Decimal) for row in fetched)


@pytest.mark.parametrize(
    "kind, values",
    [
        (Text, ["a", 'b,}" é']),
        (Integer, [1, -2]),
        (BigInteger, [2**40]),
        (Uuid, [fact_id("s", "1"), fact_id("s", "2")]),
        (Date, [date(2026, 3, 2), date(1970, 1, 1)]),
        (DateTime(timezone=True), [datetime(2026, 3, 2, 12, 30, 1, 5, tzinfo=UTC)]),
        (Integer, []),
    ],
)
async def test_a_list_of_any_kind_is_bound_on_a_fresh_connection(acme, kind, values):
    each = func.unnest(bindparam("values", type_=ARRAY(kind))).column_valued("each")
    async with acme.read() as session:
        rows = await session.fetch(CompiledSelect(select(each)), {"values": values})
        assert [row["each"] for row in rows] == values
        assert await session.fetch(CompiledSelect(select(each)), {"values": None}) == []


async def test_a_writer_sees_its_own_change(acme):
    async with acme.write() as session:
        await session.execute(insert(team).values(external_id="n", name="North"))
        assert len(await session.fetch(NAMED, {"wanted": ["n"]})) == 1


async def test_a_failure_that_is_swallowed_keeps_nothing(acme):
    broken = CompiledSelect(select(literal(1) / cast(bindparam("by"), Integer)))

    async def write():
        async with acme.write() as session:
            await session.execute(insert(team).values(external_id="n", name="North"))
            with pytest.raises(Invalid):
                await session.fetch(broken, {"by": 0})

    with pytest.raises(RuntimeError, match="nothing was kept"):
        await write()
    async with acme.read() as session:
        assert await session.fetch(NAMED, {"wanted": ["n"]}) == []


async def test_it_is_bound_by_the_timeout_and_leaves_the_connection_usable(acme):
    slow = CompiledSelect(
        select(func.count()).select_from(func.generate_series(1, 10_000_000).table_valued("n"))
    )
    with pytest.raises(Exhausted):
        async with acme.read(statement_timeout=0.05) as session:
            await session.fetch(slow)
    async with acme.read() as session:
        assert await session.fetch(NAMED, {"wanted": []}) == []


async def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing_behind(acme):
    slow = CompiledSelect(
        select(func.count()).select_from(func.generate_series(1, 10_000_000).table_valued("n"))
    )

    async def read():
        async with acme.read() as session:
            await session.fetch(slow)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with acme.read() as session:
        assert await session.fetch(NAMED, {"wanted": []}) == []


async def test_a_session_without_a_tenant_has_no_such_tables(database):
    async with database.control() as session:
        with pytest.raises(LookupError):
            await session.fetch(NAMED, {"wanted": []})


@pytest.mark.parametrize(
    "parameters", [None, {}, {"wnated": ["n"]}, {"wanted": ["n"], "limit": 3}, {"wanted": ["n"], "": 1}]
)
async def test_all_values_are_given_and_no_others(acme, parameters):
    async with acme.read() as session:
        with pytest.raises(TypeError, match="wanted"):
            await session.fetch(NAMED, parameters)
        assert await session.fetch(NAMED, {"wanted": []}) == []


def test_a_value_in_the_statement_itself_is_kept():
    query = CompiledSelect(select(team.c.name).where(team.c.external_id == "n").limit(bindparam("most")))
    assert query.values({"most": 3}) == ["n", 3]
    assert query.text("t_1") == query.text("t_2").replace("t_2", "t_1")


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT 1"),
        select(text("1")),
        insert(team).values(external_id="n", name="N").returning(team.c.id),
        select(insert(team).values(external_id="n", name="N").returning(team.c.id).cte("made")),
        select(team.c.name).where(team.c.external_id.in_(["a", "b"])),
        select(func.cardinality(bindparam("values", type_=ARRAY(LargeBinary)))),
    ],
)
def test_only_a_query_whose_text_stays_the_same_is_taken(statement):
    with pytest.raises(TypeError):
        CompiledSelect(statement)
