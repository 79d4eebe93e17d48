"""Turns, cycles and participation: whatever comes in whichever order, the rows are those worked out by hand."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
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
from backend.interactions.exclusion import set_exclusion
from backend.interactions.identity import fact_id
from backend.interactions.models import agent, interaction, touched_hour, write_log
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import SOURCE, bring_in, one_of, rows_of
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
    return [await rows_of(door, table) for table in (*TABLES, write_log, touched_hour)]


@pytest.mark.parametrize("seed", range(8))
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


# one talk, told by hand


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def event(number: int, minutes: float, actor: str, kind: str = "message", **values: Any) -> dict[str, Any]:
    return {
        "external_id": f"E-{number}",
        "interaction_id": fact_id(SOURCE, "1"),
        "happened_at": at(minutes),
        "actor": actor,
        "kind": kind,
        **values,
    }


TALK = [
    event(1, 0, "customer"),
    event(2, 1, "bot"),
    event(3, 2, "customer"),
    event(4, 3, "agent", automatic=True, agent="ann"),
    event(5, 4, "agent", "note", agent="cy"),
    event(6, 4, "system", "assigned", agent="ann"),
    event(7, 10, "agent", agent="ann"),
    event(8, 11, "agent", agent="ann"),
    event(9, 20, "system", "transferred", agent="bob"),
    event(10, 24, "agent", "solved"),
    event(11, 60, "customer", "reopened"),
    event(12, 60, "customer"),
    event(13, 70, "agent", agent="bob"),
    event(14, 72, "customer"),
]


async def test_what_a_talk_tells(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-1), "closed_at": at(80)})
    await bring_in(acme, "event", *TALK)
    told = (await stored(acme))["1"]
    assert [tuple(row.values()) for row in told.turns] == [
        ("E-1", "ann", 1, 2, at(0), at(10), 600_000),
        ("E-12", "bob", 2, 1, at(60), at(70), 600_000),
        ("E-14", None, 3, 1, at(72), None, None),
    ]
    # The solve names nobody: it is of the one who acted last. The second first response is from the reopening.
    assert [tuple(row.values()) for row in told.cycles] == [
        ("1", "bob", 1, at(-1), at(10), at(24), 660_000, 1_500_000),
        ("E-11", "bob", 2, at(60), at(70), None, 600_000, None),
    ]
    # Ann had it for 16 minutes, Bob for 4 and, reopened, for 20 until it was closed; Cy only left a note.
    assert {name: tuple(row.values()) for name, row in told.participants.items()} == {
        "ann": (True, False, False, 16 * 60_000, 2, 400_000, 666_667),
        "bob": (False, True, True, 24 * 60_000, 1, 600_000, 333_333),
    }


async def test_events_of_one_instant_have_one_order(acme):
    """Reopened, taken over, asked, answered, solved: whatever order they come in and whatever their ids are."""
    steps = [
        ("customer", "message"), ("agent", "message"), ("agent", "solved"), ("customer", "reopened"),
        ("system", "assigned"), ("system", "closed"),
    ]  # fmt: skip
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-1)})
    for shift in range(len(steps)):
        turned = steps[shift:] + steps[:shift]
        await bring_in(
            acme,
            "event",
            *[event(number, 5, actor, kind, agent="ann") for number, (actor, kind) in enumerate(turned)],
        )
        told = (await stored(acme))["1"]
        assert [(row["messages"], row["wait"]) for row in told.turns] == [(1, 0)]
        assert [(row["first_response_time"], row["solved_at"]) for row in told.cycles] == [
            (None, None),
            (0, at(5)),
        ]
        assert told.participants["ann"]["resolver"] is True


async def test_the_thirds_of_three_agents_add_up(acme):
    await bring_in(acme, "agent", *[{"external_id": name} for name in AGENTS])
    await bring_in(acme, "interaction", {"external_id": "1"})
    named = [event(number, number, "agent", agent=name) for number, name in enumerate(AGENTS)]
    await bring_in(acme, "event", *named)
    people = (await stored(acme))["1"].participants
    assert [people[name]["time_share"] for name in AGENTS] == [333_334, 333_333, 333_333]
    assert [people[name]["message_share"] for name in AGENTS] == [333_334, 333_333, 333_333]


# marks


async def marked(door: TenantDatabase, *, since: int) -> dict[str, set[datetime]]:
    writes = sorted(row.number for row in await rows_of(door, write_log))[since:]
    hours: dict[str, set[datetime]] = {}
    for row in await rows_of(door, touched_hour):
        if row.version in writes:
            hours.setdefault(row.fact, set()).add(row.hour)
    return hours


def hour(moment: datetime) -> datetime:
    return moment.replace(minute=0)


async def test_rows_that_go_mark_the_hours_they_leave(acme):
    """All events move to another interaction: turns, cycles and participation go with them."""
    await bring_in(
        acme,
        "interaction",
        {"external_id": "1", "started_at": at(-600)},
        {"external_id": "2", "started_at": at(-1200)},
    )
    await bring_in(acme, "event", *TALK)
    count = len(await rows_of(acme, write_log))
    await bring_in(acme, "event", *[one | {"interaction_id": fact_id(SOURCE, "2")} for one in TALK])
    told = await stored(acme)
    assert (told["1"].turns, told["1"].participants, len(told["1"].cycles)) == ([], {}, 1)
    assert len(told["2"].turns) == 3
    assert {row.interaction_id for row in await rows_of(acme, interaction_cycle)} == {fact_id(SOURCE, "2")}
    hours = await marked(acme, since=count)
    for fact in ("interaction", "interaction_turn", "interaction_cycle"):
        assert {hour(at(-600)), hour(at(-1200))} <= hours[fact], fact
    assert {hour(at(0)), hour(at(60))} <= hours["interaction_turn"]
    assert {hour(at(10)), hour(at(24)), hour(at(60))} <= hours["interaction_cycle"]


async def test_a_turn_that_changes_marks_both_places(acme):
    await bring_in(acme, "interaction", {"external_id": "1"})
    await bring_in(acme, "event", event(1, 0, "customer"), event(2, 200, "agent"))
    count = len(await rows_of(acme, write_log))
    await bring_in(acme, "event", event(2, 400, "agent"))
    hours = await marked(acme, since=count)
    assert {hour(at(0)), hour(at(200)), hour(at(400))} <= hours["interaction_turn"]


async def test_another_participant_marks_what_is_linked_to_the_interaction(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-600)})
    rated = at(3000)
    await bring_in(
        acme,
        "survey",
        {"external_id": "V", "interaction_id": fact_id(SOURCE, "1"), "responded_at": rated, "score": 5000},
    )
    await bring_in(acme, "event", event(1, 0, "system", "assigned", agent="ann"))
    count = len(await rows_of(acme, write_log))
    await bring_in(acme, "event", event(1, 0, "system", "assigned", agent="bob"))
    hours = await marked(acme, since=count)
    assert hours["interaction"] == {hour(at(-600))}
    assert hours["survey_response"] == {hour(at(-600)), hour(rated)}


# the interaction's own record


async def test_a_start_that_moves_moves_the_first_cycle(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-1)})
    await bring_in(acme, "event", *TALK)
    turns = await rows_of(acme, interaction_turn)
    count = len(await rows_of(acme, write_log))
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-601)})
    assert [row["opened_at"] for row in (await stored(acme))["1"].cycles] == [at(-601), at(60)]
    assert await rows_of(acme, interaction_turn) == turns
    assert {hour(at(-1)), hour(at(-601))} <= (await marked(acme, since=count))["interaction_cycle"]


async def test_events_wait_for_their_interaction(acme):
    await bring_in(acme, "event", *TALK)
    assert [await rows_of(acme, table) for table in TABLES] == [[], [], []]
    await bring_in(acme, "interaction", {"external_id": "1"})
    told = (await stored(acme))["1"]
    assert (len(told.turns), len(told.cycles), len(told.participants)) == (3, 2, 2)
    assert told.cycles[0]["opened_at"] == at(0)


async def test_an_exclusion_marks_turns_and_cycles_and_leaves_them(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-600)})
    await bring_in(acme, "event", *TALK)
    before = [await rows_of(acme, table) for table in TABLES]
    count = len(await rows_of(acme, write_log))
    async with acme.write() as session:
        await set_exclusion(session, [fact_id(SOURCE, "1")], "spam", actor="tester", now=T)
    assert [await rows_of(acme, table) for table in TABLES] == before
    hours = await marked(acme, since=count)
    assert {hour(at(-600)), hour(at(0)), hour(at(60))} <= hours["interaction_turn"] & hours[
        "interaction_cycle"
    ]


# several writers


async def test_writers_of_one_talk_all_finish_and_the_last_sees_everything(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": at(-1)})
    await bring_in(acme, "agent", *[{"external_id": name} for name in ("ann", "bob")])
    await asyncio.gather(*[bring_in(acme, "event", *TALK[start::4]) for start in range(4)])
    row = await one_of(acme, interaction, "1")
    assert (await stored(acme))["1"] == walk(
        dict(row._mapping), [{"agent": None, "public": True, "automatic": False, **one} for one in TALK]
    )


async def test_an_interaction_and_its_events_that_come_at_once_find_each_other(acme):
    await bring_in(acme, "agent", *[{"external_id": name} for name in AGENTS])
    for number in range(8):
        name = f"pair-{number}"
        talk = [
            one | {"external_id": f"{name}-{one['external_id']}", "interaction_id": fact_id(SOURCE, name)}
            for one in TALK
        ]
        record = {"external_id": name, "started_at": at(-1)}
        await asyncio.gather(bring_in(acme, "interaction", record), bring_in(acme, "event", *talk))
        told = (await stored(acme))[name]
        assert (len(told.turns), len(told.cycles), len(told.participants)) == (3, 2, 2)
        assert (await one_of(acme, interaction, name)).agent_messages == 3
