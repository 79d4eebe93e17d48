"""business(x) over stored rows: the hours of the row's queue, team or tenant, in SQL as in Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from backend.core.windows import Window
from backend.interactions import models
from backend.metrics.proofs import ExclusionKind
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import START, WEEK, World, asked, table
from tests.backend.metrics.scheduling import Max, draft
from tests.backend.schedules.planning import ALWAYS, EVENING, LATE, OFFICE, Counter
from tests.statements import counted

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def planner(acme: TenantDatabase, globex: TenantDatabase) -> Max:
    """Someone who plans acme's hours; globex stands beside it, full of canaries."""
    return Max(acme)


async def test_the_published_example(world: World, planner: Max):
    created = datetime(2020, 9, 29, 17, 1, 38, tzinfo=UTC)
    changed, replied = (datetime(2020, 9, 30, 19, 1, second, tzinfo=UTC) for second in (25, 46))
    for key, week in (("level_1", LATE), ("level_2", EVENING)):
        await planner.create(key, draft(week), LONG_AGO)
    await planner.assign("level_1", since=created)
    await planner.assign("level_2", since=changed)
    await world.interact({"started_at": created, "first_response_at": replied, "channel": "ticket"})
    window = Window(created - HOUR, replied, "UTC")
    answer = await world.ask(
        "avg(business(first_response_time))",
        "avg(business_last(first_response_time))",
        "avg(business(first_response - started))",
        window=window,
    )
    assert [cell.value for cell in answer.totals] == [57_608, 41_408, 57_608]


async def test_every_duration_with_two_ends(world: World, planner: Max):
    await planner.create("office", draft(OFFICE))
    await planner.assign("office")
    friday = datetime(2026, 2, 6, 17, tzinfo=UTC)
    weekend = timedelta(hours=63)  # until Monday 8:00, an hour before opening
    await world.interact(
        {
            "started_at": friday,
            "queued_at": friday + 10 * MINUTE,
            "accepted_at": friday + 30 * MINUTE,
            "first_response_at": friday + weekend,
            "resolved_at": friday + weekend + 2 * HOUR,
            "closed_at": friday + weekend + 3 * HOUR,
        },
        # no queue moment: it waited from the start; never closed: handled until it was resolved
        {"started_at": friday, "accepted_at": friday + 15 * MINUTE, "resolved_at": friday + 45 * MINUTE},
        {"started_at": friday},
    )
    answer = await world.ask(
        "sum(business(first_response_time)) / 1m",
        "sum(business(wait_time)) / 1m",
        "sum(business(handle_time)) / 1m",
        "sum(business(resolution_time)) / 1m",
        "sum(business(closed - first_response)) / 1m",
        "share(business(resolution_time) <= 1h where resolved_on_first_contact is missing)",
        "count(where business(resolution_time) is missing)",
        "max(business(wait_time) + business(handle_time)) / 1m",
        "p90(business(resolution_time))",
    )
    [first, wait, handle, resolution, closed, share, missing, both, _] = (c.value for c in answer.totals)
    assert (first, wait, handle, resolution, closed) == (60, 20 + 15, 30 + 120 + 30, 60 + 60 + 45, 120)
    assert (share, missing, both) == (0.5, 1, 170)
    assert answer.totals[-1].value == pytest.approx(7200, rel=0.01)


async def test_unknown_without_a_schedule_and_never_the_calendar(world: World, planner: Max):
    [queue] = (await world.name(models.queue, "gold")).values()
    row = {"resolved_at": START + HOUR}
    await world.interact(row, {**row, "queue_id": queue})
    formulas = ("avg(business(resolution_time))", "avg(business_last(resolution_time))")
    for _ in range(2):
        answer = await world.ask(*formulas)
        assert [(cell.value, cell.n) for cell in answer.totals] == [(None, 0)] * 2
        await planner.create("office" if _ == 0 else "other", draft(OFFICE))  # a schedule that is nobody's
    await planner.assign("office", "queue", "gold")
    answer = await world.ask(*formulas)
    assert [(cell.value, cell.n) for cell in answer.totals] == [(3600, 1)] * 2


async def test_backwards_and_beyond_are_missing(world: World, planner: Max):
    await planner.create("always", draft(ALWAYS))
    await planner.assign("always")
    far = datetime(1950, 1, 1, tzinfo=UTC)
    await world.interact(
        {"resolved_at": START - HOUR},
        {"resolved_at": START + HOUR},
        {"resolved_at": None},
        {"resolved_at": far},
        {"resolved_at": START.replace(year=2090)},
    )
    assert (await world.total("sum(business(resolution_time))")).value == 3600
    assert (await world.total("sum(business(resolution_time)) including excluded")).value == 0
    [proof] = await world.evaluator.prove(asked("avg(business(resolution_time))"))
    [one] = proof.aggregates
    assert (one.population, one.counted) == (5, 1)
    assert {each.kind: each.rows for each in one.exclusions} == {
        ExclusionKind.NEGATIVE_DURATION: 2,
        ExclusionKind.VALUE_MISSING: 2,
    }


async def test_rows_of_other_facts_go_by_their_interactions_queue(world: World, planner: Max):
    [queue] = (await world.name(models.queue, "gold")).values()
    await planner.create("office", draft(OFFICE))
    await planner.create("always", draft(ALWAYS))
    await planner.assign("always")
    await planner.assign("office", "queue", "gold")
    evening = START.replace(hour=17)
    one, other = await world.interact({"queue_id": queue, "resolved_at": evening}, {"resolved_at": evening})
    for row in (one, other):
        await world.survey({"interaction_id": row["id"], "responded_at": evening + 2 * HOUR})
    answer = await world.ask("avg(business(survey.responded - resolved))", dimensions=("queue",))
    assert table(answer) == {"gold": 3600, None: 7200}


async def test_as_a_counter_of_minutes_by_queue_and_team(world: World, planner: Max):
    """Random rows of random queues and teams under schedules that change, against the second-hand."""
    dice = Random(7)
    queues = await world.name(models.queue, "q1", "q2", "q3")
    teams = await world.name(models.team, "t1", "t2")
    plans: dict[str, list[tuple[datetime, str, Any, Any]]] = {
        "berlin": [
            (LONG_AGO, "Europe/Berlin", OFFICE, {"2026-02-04": [], "2026-02-05": [(600, 700)]}),
            (START + 30 * HOUR, "Europe/Berlin", LATE, {}),
        ],
        "island": [(LONG_AGO, "Australia/Lord_Howe", EVENING, {})],
        "shanghai": [(START + 20 * HOUR, "Asia/Shanghai", OFFICE, {"2026-02-07": [(0, 1440)]})],
    }
    for key, versions in plans.items():
        for number, (since, zone, week, dated) in enumerate(versions):
            hours = draft(week, zone, dated)
            if number:
                await planner.revise(key, number, since, draft=hours)
            else:
                await planner.create(key, hours, since)
    entries: dict[tuple[str, str | None], list[tuple[datetime, str]]] = {
        ("queue", "q1"): [(LONG_AGO, "island")],
        ("queue", "q2"): [
            (LONG_AGO, "island"),
            (START + 26 * HOUR, "berlin"),
            (START + 50 * HOUR, "shanghai"),
        ],
        ("team", "t1"): [(START + 40 * HOUR, "shanghai")],
        ("tenant", None): [(LONG_AGO, "berlin"), (START + 60 * HOUR, "island")],
    }
    for (scope, name), each in entries.items():
        for since, key in each:
            await planner.assign(key, scope, name, since)
    rows: list[dict[str, Any]] = []
    for _ in range(80):
        started = START + dice.randrange(0, 4 * 1440) * MINUTE
        rows.append(
            {
                "started_at": started,
                "resolved_at": started + dice.randrange(0, 3 * 1440) * MINUTE,
                "queue_id": dice.choice([*queues.values(), None]),
                "team_id": dice.choice([*teams.values(), None]),
            }
        )
    await world.interact(*rows)
    answer = await world.ask(
        "avg(business(resolution_time))",
        "avg(business_last(resolution_time))",
        dimensions=("queue", "team"),
    )
    names = {number: name for name, number in (queues | {}).items()}
    of_team = {number: name for name, number in teams.items()}
    for policy in (0, 1):
        counted: dict[tuple[str | None, str | None], list[int]] = {}
        for row in rows:
            queue, team = names.get(row["queue_id"] or -1), of_team.get(row["team_id"] or -1)
            own = entries.get(("queue", queue)) or entries.get(("team", team)) or entries["tenant", None]
            counter = Counter(plans, own, MINUTE)
            elapsed = counter.elapsed(row["started_at"], row["resolved_at"], last=bool(policy))
            counted.setdefault((queue, team), []).append(elapsed)
        expected = {key: sum(each) / len(each) / 1000 for key, each in counted.items()}
        assert table(answer, policy) == pytest.approx(expected, abs=1e-9)


async def test_milliseconds(world: World, planner: Max):
    await planner.create("office", draft(OFFICE))
    await planner.assign("office")
    opening = START.replace(hour=9)
    await world.interact(
        {
            "started_at": opening - timedelta(milliseconds=3),
            "resolved_at": opening + timedelta(milliseconds=1),
        }
    )
    assert (await world.total("max(business(resolution_time))")).value == 0.001


async def test_schedules_are_read_only_when_a_formula_asks(world: World, planner: Max, database: Any):
    await planner.create("office", draft(OFFICE))
    await planner.assign("office")
    await world.interact({"resolved_at": START + HOUR})
    statements = []
    for formula in ("avg(resolution_time)", "avg(business(resolution_time))"):
        await world.total(formula)
        async with counted(database) as count:
            await world.total(formula)
        statements.append(count.statements)
    assert statements[1] - statements[0] == 4  # schedules, versions, assignments, the facts' extent


async def test_a_filter_may_ask_too(world: World, planner: Max):
    await planner.create("office", draft(OFFICE))
    await planner.assign("office")
    await world.interact({"resolved_at": START + HOUR}, {"resolved_at": START + 30 * HOUR})
    answer = await world.ask("count()", where="business(resolution_time) <= 1h")
    assert answer.totals[0].value == 1


async def test_another_row_goes_by_its_own_hours(world: World, planner: Max):
    [queue] = (await world.name(models.queue, "gold")).values()
    one, other = (await world.name(models.customer, "one", "other")).values()
    await planner.create("office", draft(OFFICE), LONG_AGO)
    await planner.assign("office", "queue", "gold")
    evening = START.replace(hour=17)
    span = {"started_at": evening, "resolved_at": evening + 2 * HOUR}
    [_, _, again, _] = await world.interact(
        {"customer_id": one},
        {"customer_id": other},
        {"customer_id": one, "queue_id": queue, **span},
        {"customer_id": other, **span},  # nobody's hours: the span is unknown
    )
    await world.survey({"interaction_id": again["id"], "responded_at": evening + 3 * HOUR})
    soon = "followed_within(1d, started where business(resolution_time) <= 1h)"
    formulas = (
        "count(where followed_within(1d, started where resolved - started <= 2h))",
        f"count(where {soon})",
        "count(where followed_within(1d, started where business(resolution_time) > 1h))",
        "count(where has(survey.responded where business(survey.responded - started) = 1h))",
    )
    assert [cell.value for cell in (await world.ask(*formulas)).totals] == [2, 1, 0, 1]
    assert (await world.ask("count()", where=soon)).totals[0].value == 1
    [proof] = await world.evaluator.prove(asked(formulas[1]))
    assert [(held.key, held.version) for held in proof.schedules] == [("office", 1)]


async def test_the_time_an_open_row_has_waited_until_now(
    world: World, planner: Max, clock: Callable[[], datetime]
):
    await planner.create("office", draft(OFFICE), LONG_AGO)
    await planner.assign("office")
    # a Monday's last hour, 19 working days, and the morning of the Monday that it is
    await world.interact({"started_at": START.replace(hour=17)})
    assert clock() == datetime(2026, 3, 2, 12, tzinfo=UTC)
    answer = await world.ask(
        "avg(business(now - started)) / 1h", "count_distinct(business(now - started), channel)"
    )
    assert [cell.value for cell in answer.totals] == [1 + 19 * 9 + 3, 1]


async def test_the_proof_names_the_schedules(world: World, planner: Max):
    await planner.create("office", draft(OFFICE), LONG_AGO)
    await planner.create("idle", draft(ALWAYS), LONG_AGO)
    since = WEEK.start + timedelta(days=2)
    await planner.revise("office", 1, since, draft=draft(LATE))
    await planner.assign("office")
    await world.interact({"resolved_at": START + HOUR})
    formulas = ("avg(business(resolution_time))", "avg(resolution_time)")
    told = [
        [(one.key, one.version, one.effective_from) for one in proof.schedules]
        for proof in await world.evaluator.prove(asked(*formulas))
    ]
    assert told == [[("office", 1, LONG_AGO), ("office", 2, since)], []]


async def test_the_statement_can_be_read(world: World, planner: Max, clock: Callable[[], datetime]):
    await planner.create("office", draft(OFFICE))
    await planner.assign("office")
    shown = await world.explain(asked("avg(business(resolution_time))"))
    assert "business(resolved - started)" in shown
    assert "width_bucket" in shown
