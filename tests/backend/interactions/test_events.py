"""What events tell of their interaction, whichever of the two comes first, and what its own record keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.interactions.identity import fact_id
from backend.interactions.models import interaction, interaction_event, write_log
from tests.backend.ingestion.importing import SOURCE, bring_in, one_of, rows_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def event(number: int, actor: str, kind: str = "message", **values: Any) -> dict[str, Any]:
    return {
        "external_id": f"E-{number}",
        "interaction_id": fact_id(SOURCE, "1"),
        "happened_at": at(number),
        "actor": actor,
        "kind": kind,
        **values,
    }


TALK = [
    event(0, "customer"),
    event(1, "bot"),
    event(2, "agent", automatic=True),
    event(3, "agent", "note"),
    event(4, "agent", public=False),
    event(5, "agent"),
    event(6, "customer"),
    event(7, "agent"),
    event(8, "system", "transferred"),
    event(9, "system", "solved"),
    event(10, "customer", "reopened"),
]
TOLD = {"customer_messages": 2, "agent_messages": 2, "bot_messages": 1, "reopens": 1, "transfers": 1}


async def talk_row(acme) -> Any:
    return await one_of(acme, interaction, "1")


@pytest.mark.parametrize("events_first", [True, False])
async def test_events_tell_the_first_human_reply_and_the_counts(acme, events_first):
    record = {"external_id": "1", "started_at": T}
    if events_first:
        await bring_in(acme, "event", *TALK)
        await bring_in(acme, "interaction", record)
    else:
        await bring_in(acme, "interaction", record)
        await bring_in(acme, "event", *TALK)
    row = await talk_row(acme)
    assert (row.first_response_at, row.first_response_time, row.answered) == (at(5), 300_000, True)
    assert {name: row._mapping[name] for name in TOLD} == TOLD
    assert row.given == 0

    before = [await rows_of(acme, table) for table in (interaction, interaction_event, write_log)]
    await bring_in(acme, "interaction", record)
    await bring_in(acme, "event", *TALK)
    assert [await rows_of(acme, table) for table in (interaction, interaction_event, write_log)] == before


async def test_what_the_record_gave_wins(acme):
    await bring_in(acme, "event", *TALK)
    await bring_in(
        acme,
        "interaction",
        {
            "external_id": "1",
            "started_at": T,
            "first_response_at": at(1),
            "agent_messages": 9,
            "first_response_time": 7,
        },
    )
    row = await talk_row(acme)
    assert (row.first_response_at, row.first_response_time) == (at(1), 7)
    assert (row.agent_messages, row.customer_messages) == (9, 2)


async def test_a_record_without_a_reply_leaves_the_one_that_events_told(acme):
    await bring_in(acme, "event", *TALK)
    await bring_in(
        acme,
        "interaction",
        {"external_id": "1", "started_at": T, "first_response_at": None, "transfers": None},
    )
    row = await talk_row(acme)
    assert (row.first_response_at, row.transfers) == (at(5), 1)


async def test_an_earlier_reply_that_comes_late_moves_the_first_response(acme):
    await bring_in(acme, "interaction", {"external_id": "1", "started_at": T})
    await bring_in(acme, "event", *TALK)
    await bring_in(acme, "event", event(20, "agent", happened_at=at(2)))
    assert (await talk_row(acme)).first_response_time == 120_000


async def test_an_event_that_moves_to_another_interaction_is_told_there(acme):
    await bring_in(
        acme, "interaction", {"external_id": "1", "started_at": T}, {"external_id": "2", "started_at": T}
    )
    await bring_in(acme, "event", event(5, "agent"))
    await bring_in(acme, "event", event(5, "agent", interaction_id=fact_id(SOURCE, "2")))
    left, got = await talk_row(acme), await one_of(acme, interaction, "2")
    assert (left.first_response_at, left.agent_messages, left.answered) == (None, None, False)
    assert (got.first_response_at, got.agent_messages, got.answered) == (at(5), 1, True)


async def test_counts_that_no_event_speaks_of_stay_missing(acme):
    await bring_in(acme, "interaction", {"external_id": "1"}, {"external_id": "2"})
    await bring_in(acme, "event", event(1, "customer"))
    await bring_in(acme, "event", event(2, "system", "assigned", interaction_id=fact_id(SOURCE, "2")))
    spoken, moved = await talk_row(acme), await one_of(acme, interaction, "2")
    assert (spoken.customer_messages, spoken.agent_messages, spoken.transfers) == (1, 0, None)
    assert (moved.customer_messages, moved.agent_messages, moved.transfers) == (None, None, 0)


async def test_events_without_their_interaction_are_kept_until_it_comes(acme):
    report = await bring_in(acme, "event", *TALK)
    assert report.written == {"event": len(TALK)}
    assert await rows_of(acme, interaction) == []
