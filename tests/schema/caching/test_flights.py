"""Equal questions at once are worked out once, and each who asks may leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import httpx2
import pytest

from schema.caching.answers import AN_ENTRY, Answers, Made
from schema.caching.flights import Flights
from schema.caching.sighting import Lookout
from tenants.database import TenantDatabase
from tests.conftest import Place
from tests.schema.caching.asking import COUNT
from tests.schema.desk import RESPONSE_JSON, Desk, served
from tests.statements import counted


@asynccontextmanager
async def locked(place: Place, desk: Desk) -> AsyncIterator[asyncpg.Connection]:
    """Acme's interactions are held by someone else, so that counting them waits. What comes back is a connection
    to look with: within a transaction one sees no backends that came later.
    """
    holder, looker = [await asyncpg.connect(place.admin_url) for _ in range(2)]
    namespace = desk.world.tenant.tenant.namespace
    try:
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE {namespace}.interaction IN ACCESS EXCLUSIVE MODE")
            yield looker
    finally:
        await holder.close()
        await looker.close()


async def until_waiting(connection: asyncpg.Connection, count: int) -> None:
    """Waits until so many others wait for a lock."""
    for _ in range(150):
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
            "current_database()"
        )
        if found == count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


async def test_equal_questions_share_one_run_which_outlives_who_asked_first(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    token = await desk.token("viewer")
    headers = {"authorization": f"Bearer {token}", "accept": RESPONSE_JSON}
    async with served(desk, clock) as (_, port):

        async def asked(formula: str = "count()") -> httpx2.Response:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
                body = {"query": COUNT, "variables": {"formula": formula}}
                return await http.post("/graphql", json=body, headers=headers)

        await asked("1 + 1")  # who is asking is known from here on
        async with locked(place, desk) as connection:
            first = asyncio.create_task(asked())
            await until_waiting(connection, 1)
            others = [asyncio.create_task(asked()) for _ in range(4)]
            other_question = asyncio.create_task(asked("count() * 2"))
            await until_waiting(connection, 2)
            first.cancel()
            await asyncio.sleep(0.2)
            await until_waiting(connection, 2)
        answers = [response.json() for response in await asyncio.gather(*others)]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["data"]["kpiValues"]["answer"]["series"][0]["total"] == {"value": 0.0}
        assert (await other_question).status_code == 200


async def test_the_last_to_leave_ends_the_query(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    token = await desk.token("viewer")
    headers = {"authorization": f"Bearer {token}", "accept": RESPONSE_JSON}
    async with (
        served(desk, clock, operation_seconds=0.6) as (_, port),
        locked(place, desk) as connection,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, headers=headers) as http,
    ):
        both = [asyncio.create_task(http.post("/graphql", json={"query": COUNT})) for _ in "ab"]
        await until_waiting(connection, 1)
        for response in await asyncio.gather(*both):  # each has its own deadline
            code = response.json()["errors"][0]["extensions"]["code"]
            assert (response.status_code, code) == (503, "OPERATION_TIMEOUT")
        await until_waiting(connection, 0)


async def test_who_waits_gets_the_fault_too_and_the_next_one_begins_anew() -> None:
    flights: Flights[str, int] = Flights()
    runs = 0

    async def work() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)
        raise ZeroDivisionError

    found = await asyncio.gather(*[flights.join("a", work) for _ in range(3)], return_exceptions=True)
    assert [type(one) for one in found] == [ZeroDivisionError] * 3
    with pytest.raises(ZeroDivisionError):
        await flights.join("a", work)
    assert runs == 2
    assert not flights._flying


async def test_looks_that_come_together_are_one_and_none_is_older_than_its_question(
    desk: Desk, acme: TenantDatabase, clock: Callable[[], datetime]
) -> None:
    lookout = Lookout(clock)
    await lookout.look(acme)
    async with counted(desk.database) as count:
        first = asyncio.create_task(lookout.look(acme))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is under way
        later = [asyncio.create_task(lookout.look(acme)) for _ in range(20)]
        await asyncio.gather(first, *later)
    assert count.transactions == 2
    assert not lookout._next
    assert not lookout._turns


async def test_the_memory_of_answers_is_bounded_by_bytes(
    acme: TenantDatabase, globex: TenantDatabase, clock: Callable[[], datetime]
) -> None:
    answers = Answers(64 * 1024, clock)

    def making(size: int) -> Callable[[], object]:
        async def make() -> Made:
            return Made(b"x" * size, [], lasting=True)

        return make

    theirs = await answers.look(globex)
    await answers.made(b"theirs", globex, theirs, making(1_000))  # type: ignore[arg-type]
    ours = await answers.look(acme)
    for number in range(100):
        await answers.made(b"%d" % number, acme, ours, making(3_000))  # type: ignore[arg-type]
        assert answers._kept.weight <= 64 * 1024
    assert answers._kept.weight > 32 * 1024 - 2 * (3_000 + AN_ENTRY)
    assert answers.standing(b"theirs", theirs) is not None
    assert answers.standing(b"99", ours) is not None
    assert answers.standing(b"0", ours) is None
