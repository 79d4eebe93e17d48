"""Turns, cycles and participation: whatever comes in whichever order, the rows are those worked out by hand."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from backend.interactions.derived.cycles import every_cycle
from backend.interactions.derived.models import (
    SHARES,
    interaction_cycle,
    interaction_turn,
    participation,
)
from backend.interactions.identity import fact_id
from backend.interactions.models import agent, interaction, touched_bucket, write_log
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import bring_in, rows_of
from tests.backend.interactions.streams import AGENTS, Told, random_event, random_interaction, walk

T = datetime.fromisoformat("2026-03-02T09:30:00+00:00")
TABLES = (interaction_turn, interaction_cycle, participation)
TURN = ("external_id", "agent", "position", "messages", "started_at", "replied_at", "wait")
CYCLE = (
    "external_id",
    "agent",
    "position",
    "opened_at",
    "first_response_at",
    "solved_at",
    "first_response_time",
    "duration",
)
PART = ("first", "last", "resolver", "handled", "messages", "time_share", "message_share")


async def stored(door: TenantDatabase) -> dict[str, Told]:
    """The rows there are, by the interaction's external id."""
    async with door.read() as session:
        names = {row.id: row.external_id for row in await session.execute(select(agent))}
        known = {row.id: row.external_id for row in await session.execute(select(interaction))}
        turns = (await session.execute(select(interaction_turn))).all()
        cycles = (await session.execute(select(every_cycle()))).all()
        people = (await session.execute(select(participation))).all()

    def named(row: Any, columns: tuple[str, ...]) -> dict[str, Any]:
        values = {**row._mapping, "agent": names.get(row.agent_id)}
        return {column: values[column] for column in columns}

    found = {name: Told() for name in known.values()}
    for row in sorted(turns, key=lambda row: row.position):
        assert row.id == fact_id(row.source, row.external_id)
        found[known[row.interaction_id]].turns.append(named(row, TURN))
    for row in sorted(cycles, key=lambda row: row.position):
        assert row.id == fact_id(row.source, row.external_id)
        found[known[row.interaction_id]].cycles.append(named(row, CYCLE))
    for row in people:
        found[known[row.interaction_id]].participants[names[row.agent_id]] = named(row, PART)
    return found


async def by_hand(door: TenantDatabase, events: dict[str, dict[str, Any]]) -> dict[str, Told]:
    """The rows there should be."""
    return {
        row.external_id: walk(
            dict(row._mapping), [event for event in events.values() if event["interaction_id"] == row.id]
        )
        for row in await rows_of(door, interaction)
    }


async def everything(door: TenantDatabase) -> list[Any]:
    return [await rows_of(door, table) for table in (*TABLES, write_log, touched_bucket)]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_order_and_batches_the_rows_are_those_worked_out_by_hand(acme, globex, seed):
    draw = random.Random(seed)
    beside = await everything(globex)
    await bring_in(acme, "agent", *[{"external_id": name} for name in AGENTS])
    names = [f"i{number}" for number in range(6)]
    arrivals: list[tuple[str, dict[str, Any]]] = [
        *[("interaction", random_interaction(draw, name)) for name in names * 2],
        *[("event", random_event(draw, number, names[:5])) for number in range(70)],
        *[("event", random_event(draw, number, names[:5])) for number in draw.sample(range(70), 15)],
    ]
    draw.shuffle(arrivals)
    events: dict[str, dict[str, Any]] = {}
    while arrivals:
        kind, size = draw.choice(arrivals)[0], draw.choice((1, 3, 10, 25))
        batch = [record for one, record in arrivals if one == kind][:size]
        arrivals = [
            one for one in arrivals if not (one[0] == kind and any(one[1] is record for record in batch))
        ]
        await bring_in(acme, kind, *batch)
        if kind == "event":
            events |= {record["external_id"]: record for record in batch}
        assert await stored(acme) == await by_hand(acme, events)
        before = await everything(acme)
        await bring_in(acme, kind, *batch)
        assert await everything(acme) == before
    found = await stored(acme)
    assert any(one.turns for one in found.values())
    assert {len(one.cycles) > 1 for one in found.values()} == {True, False}
    for one in found.values():
        if one.participants:
            assert sum(row["time_share"] for row in one.participants.values()) == SHARES
            assert sum(row["message_share"] for row in one.participants.values()) == SHARES
            assert sum(row["first"] for row in one.participants.values()) == 1
            assert sum(row["last"] for row in one.participants.values()) == 1
    assert await everything(globex) == beside
