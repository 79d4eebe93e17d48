"""What is derived from an interaction's moments, what wins over it, what becomes of negative durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.interactions.durations import MASKS
from backend.interactions.models import DURATIONS, GIVEN, interaction
from tests.backend.ingestion.importing import bring_in, one_of, rows_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MINUTE = 60_000


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


async def derived(acme, *, columns=(), **record: Any) -> dict[str, Any]:
    await bring_in(acme, "interaction", {"external_id": "1", **record}, columns=columns)
    return dict((await one_of(acme, interaction, "1"))._mapping)


FULL = {
    "started_at": at(0),
    "queued_at": at(1),
    "accepted_at": at(3),
    "first_response_at": at(4),
    "resolved_at": at(30),
    "closed_at": at(40),
}

CASES: dict[str, tuple[dict[str, Any], dict[str, int | None]]] = {
    "all moments": (
        FULL,
        {
            "first_response_time": 4,
            "wait_time": 2,
            "handle_time": 37,
            "resolution_time": 30,
            "talk_time": None,
        },
    ),
    "never queued: the wait begins at the start": (FULL | {"queued_at": None}, {"wait_time": 3}),
    "never closed: the handling ends with the solution": (FULL | {"closed_at": None}, {"handle_time": 27}),
    "talk, hold and wrap-up make the handling": (
        FULL | {"talk_time": 5 * MINUTE, "hold_time": MINUTE, "wrap_up_time": 2 * MINUTE},
        {"talk_time": 5, "hold_time": 1, "wrap_up_time": 2, "handle_time": 8},
    ),
    "talk alone makes it too": (FULL | {"talk_time": 5 * MINUTE}, {"handle_time": 5}),
    "hold alone does not": (FULL | {"hold_time": MINUTE}, {"handle_time": 37}),
    "what is given wins": (
        FULL
        | {"handle_time": 7 * MINUTE, "talk_time": 5 * MINUTE, "wait_time": 0, "first_response_time": MINUTE},
        {"handle_time": 7, "talk_time": 5, "wait_time": 0, "first_response_time": 1, "resolution_time": 30},
    ),
    "missing is missing, never 0": (
        {"started_at": at(0)},
        dict.fromkeys(DURATIONS),
    ),
    "no start: only what needs none": (
        FULL | {"started_at": None, "queued_at": None},
        {"first_response_time": None, "wait_time": None, "resolution_time": None, "handle_time": 37},
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_durations(acme, case):
    record, minutes = CASES[case]
    row = await derived(acme, **record)
    expected = {name: None if value is None else value * MINUTE for name, value in minutes.items()}
    assert {name: row[name] for name in expected} == expected
    assert row["excluded_values"] is None
    given = {name for name in GIVEN if row["given"] & MASKS[name]}
    assert given == {name for name in record if name in GIVEN}


async def test_a_duration_is_rounded_to_the_millisecond(acme):
    row = await derived(acme, started_at=T, first_response_at=T + timedelta(microseconds=1_499_600))
    assert row["first_response_time"] == 1500


async def test_negative_durations_are_kept_apart_by_name(acme):
    row = await derived(acme, started_at=at(10), accepted_at=at(5), closed_at=at(7), silence_time=-1)
    assert row["excluded_values"] == {"wait_time": -5 * MINUTE, "silence_time": -1}
    assert (row["wait_time"], row["silence_time"], row["handle_time"]) == (None, None, 2 * MINUTE)
    mended = await derived(acme, accepted_at=at(12))
    assert (mended["excluded_values"], mended["wait_time"]) == (
        {"handle_time": -5 * MINUTE, "silence_time": -1},
        2 * MINUTE,
    )


async def test_a_given_negative_duration_still_wins_after_another_write(acme):
    await derived(acme, **FULL, handle_time=-5)
    row = await derived(acme, closed_at=at(50))
    assert (row["handle_time"], row["excluded_values"]) == (None, {"handle_time": -5})


async def test_a_later_record_with_a_moment_more_renews_what_depends_on_it(acme):
    first = await derived(acme, started_at=at(0), queued_at=at(1))
    second = await derived(acme, accepted_at=at(3))
    third = await derived(acme, closed_at=at(13))
    assert (first["wait_time"], second["wait_time"], third["wait_time"]) == (None, 2 * MINUTE, 2 * MINUTE)
    assert (first["answered"], second["answered"], third["handle_time"]) == (None, True, 10 * MINUTE)


async def test_a_given_duration_survives_records_that_do_not_speak_of_it(acme):
    await derived(acme, **FULL, wait_time=MINUTE)
    row = await derived(acme, accepted_at=at(20))
    assert (row["wait_time"], row["handle_time"]) == (MINUTE, 20 * MINUTE)


async def test_a_duration_that_is_no_longer_given_is_derived_again(acme):
    await derived(acme, **FULL, wait_time=MINUTE)
    row = await derived(acme, wait_time=None)
    assert (row["wait_time"], row["given"]) == (2 * MINUTE, MASKS["first_response_at"])


OUTCOMES: dict[str, tuple[dict[str, Any], tuple[bool | None, ...]]] = {
    "accepted is answered, so not abandoned": ({"accepted_at": at(1)}, (True, False, None)),
    "a first response is an answer": ({"first_response_at": at(1)}, (True, False, None)),
    "a source that tells of acceptance, and told of none": (
        {"started_at": T, "accepted_at": None},
        (False, None, None),
    ),
    "a source that does not tell of it": ({"started_at": T}, (None, None, None)),
    "queued, over, never answered": (
        {"queued_at": T, "accepted_at": None, "closed_at": at(5)},
        (False, True, None),
    ),
    "queued and still waiting": (
        {"queued_at": T, "accepted_at": None, "closed_at": None},
        (False, None, None),
    ),
    "a source with a word for it says so itself": (
        {"queued_at": T, "accepted_at": None, "closed_at": at(5), "abandoned": None},
        (False, None, None),
    ),
    "solved": ({"resolved_at": at(5)}, (None, None, True)),
    "a source that tells of solutions, and told of none": ({"resolved_at": None}, (None, None, False)),
    "what is given wins": (
        FULL | {"answered": False, "abandoned": True, "resolved": False},
        (False, True, False),
    ),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_outcomes(acme, case):
    record, expected = OUTCOMES[case]
    row = await derived(acme, **record)
    assert (row["answered"], row["abandoned"], row["resolved"]) == expected


async def test_outcomes_outlive_records_that_do_not_speak_of_them(acme):
    before = await derived(acme, queued_at=T, accepted_at=None, closed_at=at(5), resolved_at=None)
    after = await derived(acme, priority="high")
    names = ("answered", "abandoned", "resolved")
    assert [before[name] for name in names] == [after[name] for name in names] == [False, True, False]
    given = await derived(acme, answered=False)
    kept = await derived(acme, accepted_at=at(1))
    assert (given["answered"], kept["answered"], kept["abandoned"]) == (False, False, False)


async def test_writing_the_same_moments_again_changes_nothing_whatever_was_derived(acme):
    record = {"external_id": "1", **FULL, "accepted_at": at(-3), "talk_time": None, "answered": None}
    await bring_in(acme, "interaction", record)
    before = await rows_of(acme, interaction)
    await bring_in(acme, "interaction", record)
    assert await rows_of(acme, interaction) == before
