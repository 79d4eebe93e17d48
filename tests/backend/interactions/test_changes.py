"""Every hour that a changed row lies in, before or after, is marked; and no writer hides one from another."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, select, update

from backend.core.errors import Conflict
from backend.ingestion.shapes import SHAPES, FieldType
from backend.interactions import changes
from backend.interactions.changes import FACTS, LINKED, moments
from backend.interactions.derived.models import interaction_cycle, participation
from backend.interactions.exclusion import set_exclusion
from backend.interactions.identity import fact_id
from backend.interactions.models import (
    agent,
    customer,
    interaction,
    survey_response,
    touched_hour,
    write_log,
)
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import SOURCE, bring_in, one_of, rows_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Hours = dict[str, set[datetime]]
State = dict[str, dict[Any, Any]]


def hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def hours_of(table_name: str, row: Any) -> set[datetime]:
    table = next(fact for fact in FACTS if fact.name == table_name)
    return (
        set()
        if row is None
        else {hour(at) for name in moments(table) if (at := row._mapping[name]) is not None}
    )


@dataclass(frozen=True)
class ReadOff:
    """The cycle of an interaction without events, which is stored nowhere."""

    interaction_id: Any
    _mapping: dict[str, Any]


async def state_of(door: TenantDatabase) -> State:
    """The rows of every fact by id, and who took part by interaction and agent."""
    async with door.read() as session:
        state: State = {
            table.name: {row.id: row for row in await session.execute(select(table))} for table in FACTS
        }
        rows = await session.execute(select(participation))
        state["participation"] = {(row.interaction_id, row.agent_id): row for row in rows}
    told = {row.interaction_id for row in state["interaction_cycle"].values()}
    for row in state["interaction"].values():
        if row.id not in told and row.started_at is not None:
            places = (row.started_at, row.first_response_at, row.resolved_at)
            named = dict(zip(("opened_at", "first_response_at", "solved_at"), places, strict=True))
            state["interaction_cycle"][row.id] = ReadOff(row.id, named)
    return state


async def people_of(door: TenantDatabase) -> list[list[Row[Any]]]:
    """Agents and customers: they mark no hours, but a change of theirs is a write."""
    return [await rows_of(door, table) for table in (agent, customer)]


async def marks_of(door: TenantDatabase, *, since: int = 0) -> Hours:
    """What the writes from number `since` on have marked."""
    async with door.read() as session:
        writes = (
            (await session.execute(select(write_log.c.number).order_by(write_log.c.number)))
            .scalars()
            .all()[since:]
        )
        marked: Hours = defaultdict(set)
        for row in await session.execute(select(touched_hour).where(touched_hour.c.version.in_(writes))):
            marked[row.fact].add(row.hour)
    return marked


def due_marks(before: State, after: State) -> tuple[Hours, Hours]:
    """The hours that must be marked, worked out from two snapshots, and those that may be at most."""
    must: Hours = defaultdict(set)
    may: Hours = defaultdict(set)
    was, now = before["interaction"], after["interaction"]
    moved = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
    acted = (before["participation"], after["participation"])
    moved |= {key[0] for key in acted[0].keys() | acted[1].keys() if acted[0].get(key) != acted[1].get(key)}
    for table in FACTS:
        old, new = before[table.name], after[table.name]
        for key in old.keys() | new.keys():
            pair = (old.get(key), new.get(key))
            linked = [row.interaction_id if row and table in LINKED else None for row in pair]
            linked = [key, key] if table is interaction else linked
            if pair[0] == pair[1] and moved.isdisjoint(linked):
                continue
            places = hours_of("interaction", was.get(linked[0])) | hours_of("interaction", now.get(linked[1]))
            must[table.name] |= hours_of(table.name, pair[0]) | hours_of(table.name, pair[1]) | places
            for states in (was, now):
                for link in linked:
                    may[table.name] |= hours_of("interaction", states.get(link))
        may[table.name] |= must[table.name]
    for state, key in itertools.product(
        (was, now), moved
    ):  # one without a start has no cycle, and may get one
        may["interaction_cycle"] |= hours_of("interaction", state.get(key))
    return must, may


def random_records(draw: random.Random, kind: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Records of a kind with some of its columns, among few ids, in a few days."""
    fields = [field for field in SHAPES[kind].fields if field.name != "external_id"]
    chosen = [field for field in fields if field.required or draw.random() < 0.5]
    values: dict[FieldType, Callable[[], Any]] = {
        FieldType.TEXT: lambda: draw.choice(("a", "b")),
        FieldType.REFERENCE: lambda: draw.choice(("X", "Y", "Z")),
        FieldType.INTERACTION: lambda: fact_id(SOURCE, f"interaction-{draw.randrange(12)}"),
        FieldType.MOMENT: lambda: T + timedelta(minutes=draw.randrange(4000)),
        FieldType.DURATION: lambda: draw.randrange(-1000, 9000),
        FieldType.INTEGER: lambda: draw.randrange(5),
        FieldType.BOOLEAN: lambda: draw.random() < 0.5,
        FieldType.SCORE: lambda: draw.randrange(1000, 5000),
        FieldType.MONEY: lambda: draw.randrange(100_000),
    }
    records = []
    for number in draw.sample(range(12), draw.randrange(1, 6)):
        record: dict[str, Any] = {"external_id": f"{kind}-{number}"}
        for field in chosen:
            if field.name in ("scale_min", "scale_max", "currency"):
                continue
            if field.name == "kind" and kind == "event":
                record["kind"] = draw.choice(
                    ("message", "note", "assigned", "transferred", "solved", "reopened")
                )
            elif field.choices:
                record[field.column] = draw.choice(field.choices[:2])
            elif field.required or draw.random() < 0.8:
                record[field.column] = draw.randrange(*field.bounds) if field.bounds else values[field.type]()
        records.append(record)
    return records, [
        field.column for field in chosen if field.name not in ("scale_min", "scale_max", "currency")
    ]


@pytest.mark.parametrize("seed", range(8))
async def test_the_hours_marked_are_those_that_random_writes_touch(acme, seed):
    draw = random.Random(seed)
    for step in range(14):
        before = await state_of(acme)
        count = len(await rows_of(acme, write_log))
        people = await people_of(acme)
        if step % 7 == 6:
            ids = draw.sample(sorted(before["interaction"]), min(3, len(before["interaction"])))
            async with acme.write() as session:
                reason = draw.choice(("spam", None))
                await set_exclusion(session, ids, reason, actor="tester", now=T)
        else:
            kind = draw.choice(("interaction", "interaction", *SHAPES))
            records, columns = random_records(draw, kind)
            await bring_in(acme, kind, *records, columns=columns)
        after, marked = await state_of(acme), await marks_of(acme, since=count)
        must, may = due_marks(before, after)
        for table in FACTS:
            assert must[table.name] <= marked[table.name] <= may[table.name], (step, table.name)
        if before == after and people == await people_of(acme):
            assert len(await rows_of(acme, write_log)) == count


async def waiting(door: TenantDatabase, work: asyncio.Task[Any]) -> None:
    """Until the import has had the time to run into the other's lock."""
    done, _ = await asyncio.wait([work], timeout=0.5)
    assert not done, "it was to wait for the other writer"


def talk(**values: Any) -> dict[str, Any]:
    return {"external_id": "1", "started_at": T, **values}


def elsewhere(**values: Any) -> dict[str, Any]:
    row = {"id": fact_id(SOURCE, "1"), "source": SOURCE, "external_id": "1", "channel": "call"}
    return row | {"created_at": T, "updated_at": T} | values


async def test_a_row_that_another_moves_meanwhile_is_marked_where_it_was_replaced(acme):
    await bring_in(acme, "interaction", talk())
    aside = T + timedelta(hours=5)
    async with acme.write() as session:
        await session.execute(update(interaction).values(started_at=aside, priority="high"))
        task = asyncio.create_task(bring_in(acme, "interaction", talk(started_at=T + timedelta(hours=9))))
        await waiting(acme, task)
    report = await task
    row = await one_of(acme, interaction, "1")
    assert report.written == {"interaction": 1}
    assert (row.started_at, row.priority) == (T + timedelta(hours=9), "high")
    assert (await marks_of(acme, since=1))["interaction"] >= {hour(aside), hour(T + timedelta(hours=9))}


async def test_a_row_that_another_brings_meanwhile_is_merged_and_marked_where_it_was(acme):
    aside = T + timedelta(hours=5)
    async with acme.write() as session:
        await session.execute(
            insert(interaction).values(elsewhere(started_at=aside, resolved_at=aside, priority="high"))
        )
        task = asyncio.create_task(bring_in(acme, "interaction", talk()))
        await waiting(acme, task)
    report = await task
    row = await one_of(acme, interaction, "1")
    assert report.written == {"interaction": 1}
    assert (row.channel, row.started_at, row.priority) == ("chat", T, "high")
    assert row.resolution_time == 5 * 3600 * 1000
    assert (await marks_of(acme))["interaction"] == {hour(T), hour(aside)}


async def test_a_row_that_another_deletes_meanwhile_comes_back_whole(acme):
    await bring_in(acme, "interaction", talk(priority="low"))
    async with acme.write() as session:
        await session.execute(delete(interaction))
        task = asyncio.create_task(bring_in(acme, "interaction", talk(priority="high")))
        await waiting(acme, task)
    await task
    assert (await one_of(acme, interaction, "1")).priority == "high"


async def test_a_row_that_does_not_differ_waits_for_nobody(acme):
    await bring_in(acme, "interaction", talk())
    async with acme.write() as session:
        await session.execute(update(interaction).values(priority="high"))
        report = await asyncio.wait_for(bring_in(acme, "interaction", talk()), timeout=5)
    assert report.unchanged == {"interaction": 1}


async def test_writers_of_the_same_rows_all_finish_and_every_hour_is_marked(acme):
    """Each moves the same rows to an hour of its own; whoever comes last, all hours on the way are marked."""

    def records(writer: int) -> list[dict[str, Any]]:
        at = T + timedelta(hours=10 * writer)
        made = [{"external_id": str(number), "started_at": at} for number in range(60)]
        return made if writer % 2 else made[::-1]

    await asyncio.gather(*[bring_in(acme, "interaction", *records(writer)) for writer in range(4)])
    rows = await rows_of(acme, interaction)
    assert len(rows) == 60
    assert len({row.started_at for row in rows}) == 1  # an import is seen whole
    assert (await marks_of(acme))["interaction"] == {
        hour(T + timedelta(hours=10 * writer)) for writer in range(4)
    }


async def test_rows_that_never_come_to_rest_are_given_up_as_a_conflict(acme, monkeypatch):
    monkeypatch.setattr(changes, "ROUNDS", 0)
    with pytest.raises(Conflict):
        await bring_in(acme, "interaction", talk())
    assert await rows_of(acme, interaction) == []


async def test_an_exclusion_marks_the_interaction_and_what_belongs_to_it(acme):
    await bring_in(acme, "interaction", talk(), {"external_id": "2", "started_at": T + timedelta(days=1)})
    rated = T + timedelta(days=2)
    await bring_in(
        acme,
        "survey",
        {"external_id": "V", "interaction_id": fact_id(SOURCE, "1"), "responded_at": rated, "score": 5000},
    )
    count = len(await rows_of(acme, write_log))
    for reason in ("spam", "spam", None):
        async with acme.write() as session:
            await set_exclusion(session, [fact_id(SOURCE, "1")], reason, actor="tester", now=T)
        assert (await one_of(acme, interaction, "1")).exclusion == reason
    marked = await marks_of(acme, since=count)
    assert marked == {
        "interaction": {hour(T)},
        interaction_cycle.name: {hour(T)},
        survey_response.name: {hour(T), hour(rated)},
    }
    assert len(await rows_of(acme, write_log)) == count + 2
