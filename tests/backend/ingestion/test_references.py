"""What records name by external id, and the records of agents and customers themselves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sqlalchemy import insert

from backend.interactions.models import (
    agent,
    customer,
    interaction,
    queue,
    survey_response,
    team,
    touched_hour,
)
from tests.backend.ingestion.importing import Record, bring_in, one_of, rows_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def names(acme, table) -> dict[str, str | None]:
    return {row.external_id: row.name for row in await rows_of(acme, table)}


async def test_what_is_named_is_made_once_with_its_name_or_its_key(acme):
    await bring_in(
        acme,
        "interaction",
        {"external_id": "1", "agent": "A", "agent_name": "Ann", "queue": "Q", "customer": "P"},
        {"external_id": "2", "agent": "B", "queue": "Q", "customer": "P", "customer_name": "Pat"},
    )
    assert await names(acme, agent) == {"A": "Ann", "B": "B"}
    assert await names(acme, queue) == {"Q": "Q"}
    assert await names(acme, customer) == {"P": "Pat"}
    row = await one_of(acme, interaction, "2")
    assert row.agent_id == (await one_of(acme, agent, "B")).id


async def test_the_last_name_given_stays_and_silence_changes_none(acme):
    first = [
        {"external_id": str(n), "agent": "A", "agent_name": name}
        for n, name in enumerate(("Ann", "Anna", None))
    ]
    await bring_in(acme, "interaction", *first)
    assert await names(acme, agent) == {"A": "Anna"}
    for silent in ({"agent": "A"}, {"agent": "A", "agent_name": None}, {"agent": "A", "agent_name": "A"}):
        await bring_in(acme, "interaction", {"external_id": "9", **silent})
        assert await names(acme, agent) == {"A": "Anna"}
    await bring_in(acme, "survey", {"external_id": "V", "agent": "A", "agent_name": "Ann Lee"})
    assert await names(acme, agent) == {"A": "Ann Lee"}


async def test_known_names_take_no_ids_and_keep_their_rows(acme):
    for number in range(5):
        await bring_in(acme, "interaction", {"external_id": str(number), "agent": "A", "agent_name": "Ann"})
    before = await rows_of(acme, agent)
    await bring_in(
        acme, "interaction", {"external_id": "6", "agent": "A"}, {"external_id": "7", "agent": "B"}
    )
    after = {row.external_id: row for row in await rows_of(acme, agent)}
    assert [after["A"]] == before
    assert after["B"].id == after["A"].id + 1


async def test_writers_that_name_the_same_new_agent_meet_in_one_row(acme):
    async with acme.write() as session:
        await session.execute(insert(agent).values(external_id="A", name="A"))
        task = asyncio.create_task(
            bring_in(acme, "interaction", {"external_id": "1", "agent": "A", "agent_name": "Ann"})
        )
        await asyncio.sleep(0.3)
    await task
    assert await names(acme, agent) == {"A": "Ann"}


async def test_the_team_is_the_one_named_else_the_agents_at_that_time(acme):
    await bring_in(acme, "agent", {"external_id": "A", "team": "old"}, {"external_id": "B", "team": "new"})
    talks: list[Record] = [
        {"external_id": "1", "agent": "A"},
        {"external_id": "2", "agent": "A", "team": "own"},
        {"external_id": "3", "agent": None},
    ]
    await bring_in(acme, "interaction", *talks)

    async def teams() -> list[str | None]:
        known = {row.id: row.external_id for row in await rows_of(acme, team)}
        return [known.get((await one_of(acme, interaction, number)).team_id) for number in "123"]

    assert await teams() == ["old", "own", None]
    await bring_in(acme, "agent", {"external_id": "A", "team": "new"})
    await bring_in(acme, "interaction", *talks)
    assert await teams() == ["old", "own", None]  # the past is left alone
    await bring_in(
        acme, "interaction", {"external_id": "1", "agent": "B"}, {"external_id": "3", "agent": "A"}
    )
    assert await teams() == ["new", "own", "new"]


async def test_records_of_agents_and_customers_are_merged_like_all_others(acme):
    people = [{"external_id": "A", "name": "Ann", "team": "T", "team_name": "Tier 1", "active": False}]
    first = await bring_in(acme, "agent", *people)
    before = await rows_of(acme, agent)
    again = await bring_in(acme, "agent", *people)
    assert (first.written, again.written, again.unchanged) == ({"agent": 1}, {"agent": 0}, {"agent": 1})
    assert await rows_of(acme, agent) == before
    await bring_in(
        acme, "agent", {"external_id": "A", "name": "Anna"}, {"external_id": "A", "name": "Anna Lee"}
    )
    row = await one_of(acme, agent, "A")
    assert (row.name, row.active, row.team_id) == ("Anna Lee", False, (await one_of(acme, team, "T")).id)

    await bring_in(
        acme, "customer", {"external_id": "P", "segment": "vip"}, {"external_id": "Q", "name": "Quinn"}
    )
    await bring_in(acme, "customer", {"external_id": "P", "name": "Pat"})
    pat = await one_of(acme, customer, "P")
    assert (pat.name, pat.segment) == ("Pat", "vip")
    assert await rows_of(acme, touched_hour) == []


async def test_a_survey_takes_the_scale_of_its_kind_unless_it_says_its_own(acme):
    kinds = [{"external_id": kind, "kind": kind, "score": 3000} for kind in ("csat", "nps", "ces")]
    own = {"external_id": "own", "kind": "csat", "score": 9000, "scale_min": 1000, "scale_max": 10000}
    await bring_in(acme, "survey", *kinds, own)
    scales = {row.external_id: (row.scale_min, row.scale_max) for row in await rows_of(acme, survey_response)}
    assert scales == {"csat": (1000, 5000), "nps": (0, 10000), "ces": (1000, 7000), "own": (1000, 10000)}
    await bring_in(acme, "survey", {"external_id": "own", "kind": "csat", "score": 8000})
    assert (await one_of(acme, survey_response, "own")).score == 8000


async def test_a_score_that_does_not_fit_the_stored_scale_is_left_out_and_does_not_stop_the_file(acme):
    await bring_in(acme, "survey", {"external_id": "1", "score": 2000, "scale_min": 1000, "scale_max": 3000})
    await bring_in(acme, "survey", {"external_id": "1", "score": 5000}, {"external_id": "2", "score": 5000})
    off, fine = await one_of(acme, survey_response, "1"), await one_of(acme, survey_response, "2")
    assert (off.score, off.exclusion) == (None, "off_scale")
    assert (fine.score, fine.exclusion) == (5000, None)
