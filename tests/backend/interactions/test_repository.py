"""Pages and filters of interactions and of what they name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.interactions import repository
from backend.interactions.identity import fact_id
from backend.interactions.models import agent, customer
from backend.interactions.repository import InteractionFilter
from tests.backend.ingestion.importing import SOURCE, bring_in, one_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
async def filled(acme):
    talks: list[dict[str, Any]] = [
        {
            "external_id": str(number),
            "channel": "chat" if number % 2 else "call",
            "started_at": T + timedelta(hours=number // 2) if number < 8 else None,
            "agent": f"A-{number % 3}",
            "agent_name": f"Agent {2 - number % 3}",
            "team": "T",
            "queue": f"Q-{number % 2}",
            "customer": f"P-{number % 4}",
            "issue_type": "refund" if number % 5 else None,
            "answered": number != 3,
            "resolved": number % 2 == 0,
            "exclusion": "spam" if number == 7 else None,
        }
        for number in range(10)
    ]
    await bring_in(acme, "interaction", *talks)
    return acme


async def found(door, wanted: InteractionFilter, **options: Any) -> list[str]:
    async with door.read() as session:
        rows = await repository.list_interactions(session, wanted, **{"after": None, "limit": 50, **options})
    return [row.external_id for row in rows]


async def test_pages_meet_without_gap_or_repeat_newest_first(filled):
    everyone = await found(filled, InteractionFilter())
    assert set(everyone[:2]) == {"8", "9"}  # those without a start
    assert [int(name) // 2 for name in everyone[2:]] == [3, 3, 2, 2, 1, 1, 0, 0]
    pages: list[str] = []
    after = None
    while True:
        async with filled.read() as session:
            rows = await repository.list_interactions(session, InteractionFilter(), after=after, limit=3)
        if not rows:
            break
        pages += [row.external_id for row in rows]
        after = (rows[-1].started_at, rows[-1].id)
    assert pages == everyone


FILTERS = {
    "window": (InteractionFilter(start=T, end=T + timedelta(hours=2)), "0123"),
    "channel": (InteractionFilter(channels=["chat"]), "13579"),
    "source": (InteractionFilter(sources=["elsewhere"]), ""),
    "external id": (InteractionFilter(external_ids=["1", "4", "x"]), "14"),
    "agent": (InteractionFilter(agents=["A-0", "A-1"]), "0134679"),
    "team": (InteractionFilter(teams=["T"]), "0123456789"),
    "queue": (InteractionFilter(queues=["Q-1"]), "13579"),
    "customer": (InteractionFilter(customers=["P-3"]), "37"),
    "issue type": (InteractionFilter(issue_types=["refund"]), "12346789"),
    "answered": (InteractionFilter(answered=False), "3"),
    "resolved": (InteractionFilter(resolved=True), "02468"),
    "excluded": (InteractionFilter(excluded=True), "7"),
    "not excluded": (InteractionFilter(excluded=False), "012345689"),
    "together": (InteractionFilter(channels=["chat"], agents=["A-1"], excluded=False), "1"),
    "none of an empty list": (InteractionFilter(agents=[]), ""),
}


@pytest.mark.parametrize("case", FILTERS)
async def test_filters(filled, case):
    wanted, expected = FILTERS[case]
    assert sorted(await found(filled, wanted)) == list(expected)


async def test_an_agent_sees_what_they_served(filled):
    mine = (await one_of(filled, agent, "A-1")).id
    assert sorted(await found(filled, InteractionFilter(), agent_id=mine)) == ["1", "4", "7"]
    async with filled.read() as session:
        own = await repository.find_interaction(session, fact_id(SOURCE, "4"), mine)
        other = await repository.find_interaction(session, fact_id(SOURCE, "5"), mine)
        customers = await repository.list_customers(session, after=None, limit=9, agent_id=mine)
    assert own is not None
    assert (own.external_id, other) == ("4", None)
    assert sorted(row.external_id for row in customers) == ["P-0", "P-1", "P-3"]


async def test_named_things_come_by_name_and_customers_as_they_were_first_seen(filled):
    async with filled.read() as session:
        first = await repository.list_named(session, agent, after=None, limit=2)
        rest = await repository.list_named(session, agent, after=(first[-1].name, first[-1].id), limit=2)
        total = await repository.count_named(session, agent)
        customers = await repository.list_customers(session, after=None, limit=3)
        more = await repository.list_customers(session, after=customers[-1].id, limit=3)
        by_id = await repository.rows_by_id(session, customer, [customers[0].id, 10**6])
        known, unknown = [await repository.find_agent(session, name) for name in ("A-0", "A-9")]
    assert [row.name for row in (*first, *rest)] == ["Agent 0", "Agent 1", "Agent 2"]
    assert (total, len(more), set(by_id)) == (3, 1, {customers[0].id})
    assert known is not None
    assert (known.name, unknown) == ("Agent 2", None)
