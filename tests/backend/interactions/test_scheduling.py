"""Changing working hours: what is stored, what is refused, who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.errors import Conflict, NotFound
from backend.interactions import models, scheduling
from backend.interactions.models import audit_entry, write_log
from backend.metrics.evaluator import Evaluator
from backend.schedules.repository import read_timetable
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import START, World
from tests.backend.metrics.scheduling import Max, draft
from tests.backend.schedules.planning import ALWAYS, LATE, OFFICE, hours_of

LATER = START + timedelta(days=3)


@pytest.fixture
def planner(acme: TenantDatabase, globex: TenantDatabase) -> Max:
    """Someone who plans acme's hours; globex stands beside it, full of canaries."""
    return Max(acme)


@pytest.fixture
def world(acme: TenantDatabase, globex: TenantDatabase) -> World:
    """Acme, to name queues and teams in."""
    return World(acme, Evaluator(acme, lambda: START))


async def test_a_schedule_from_creation_to_archive(planner: Max, world: World):
    await world.name(models.queue, "gold")
    made = await planner.create("office", draft(OFFICE, "Europe/Berlin", {"2026-12-25": []}), name="Office")
    assert (made.latest_version, made.name) == (1, "Office")
    revised = await planner.revise("office", 1, LATER, draft=draft(LATE), name="Late")
    assert [one.version for one in revised.versions] == [1, 2]
    await planner.assign("office", "queue", "gold", START)
    await planner.assign("office")
    listed = (await planner.listed())["office"]
    assert listed.schedule == revised
    assert [version.hours for version in listed.schedule.versions] == [
        hours_of("Europe/Berlin", OFFICE, {"2026-12-25": []}),
        hours_of("UTC", LATE),
    ]
    assert [(one.scope, one.external_id, one.name) for one in listed.assignments] == [
        ("queue", "gold", "Gold"),
        ("tenant", None, None),
    ]
    assert await planner.problems(planner.archive("office", 2)) == [("SCHEDULE_IN_USE", ("key",))]
    await planner.create("other", draft(ALWAYS))
    await planner.assign("other", "queue", "gold", LATER)
    await planner.assign("other", since=LATER)
    assert await planner.problems(planner.archive("office", 2)) == [("SCHEDULE_IN_USE", ("key",))]
    planner.now = LATER
    archived = await planner.archive("office", 2)
    assert archived.archived_at == LATER
    assert set(await planner.listed()) == {"other"}
    assert set(await planner.listed(archived=True)) == {"office"}
    assert await planner.archive("office", 2) == archived
    for refused in (planner.assign("office"), planner.revise("office", 2, draft=draft(ALWAYS))):
        assert await planner.problems(refused) == [("SCHEDULE_ARCHIVED", ("key",))]


async def test_every_change_has_its_author_and_moves_the_data_version(planner: Max):
    await planner.create("office", draft(OFFICE))
    assert await planner.rows(write_log) == []  # nobody keeps these hours yet
    await planner.revise("office", 1, draft=draft(LATE))
    await planner.assign("office", since=LATER)
    log = await planner.rows(write_log)
    assert [(row["cause"], row["rows_changed"], row["written_at"]) for row in log] == [
        ("schedule", 0, START)
    ] * 2
    entries = sorted(await planner.rows(audit_entry), key=lambda row: row["id"])
    told = [(row["actor"], row["action"], row["subject"], row["happened_at"]) for row in entries]
    assert told == [("max", f"{verb} schedule", "office", START) for verb in ("create", "revise", "assign")]
    assert entries[1]["details"]["version"] == 2
    assert entries[2]["details"] == {
        "scope": "tenant",
        "external_id": None,
        "effective_from": LATER.isoformat(),
    }


async def test_what_changes_nothing_is_not_stored(planner: Max):
    await planner.create("office", draft(OFFICE))
    before = await planner.everything()
    again = await planner.revise("office", 1, draft=draft(OFFICE), name="Hours")
    assert again.latest_version == 1
    assert await planner.everything() == before
    # the same hours from another instant on are another statement
    assert (await planner.revise("office", 1, LATER, draft=draft(OFFICE))).latest_version == 2


async def test_a_name_alone_is_no_version(planner: Max):
    await planner.create("office", draft(OFFICE))
    renamed = await planner.revise("office", 1, name="Front desk")
    assert (renamed.name, renamed.latest_version) == ("Front desk", 1)
    assert (await planner.listed())["office"].schedule.name == "Front desk"


async def test_two_who_revise_at_once(planner: Max):
    await planner.create("office", draft(OFFICE))
    await planner.revise("office", 1, draft=draft(LATE))
    for change in (planner.revise("office", 1, draft=draft(ALWAYS)), planner.archive("office", 1)):
        with pytest.raises(Conflict) as stale:
            await change
        assert (stale.value.code, stale.value.current) == ("SCHEDULE_VERSION_STALE", 2)


async def test_an_assignment_of_the_same_instant_replaces_it(planner: Max, acme: TenantDatabase):
    await planner.create("office", draft(OFFICE))
    await planner.create("always", draft(ALWAYS))
    await planner.assign("office", since=LATER)
    await planner.assign("always", since=LATER)
    async with acme.read() as session:
        timetable = await read_timetable(session)
    assert timetable.scopes() == {("tenant", 0): ((None, "always"),)}


async def test_what_is_refused_leaves_nothing(planner: Max):
    await planner.create("office", draft(OFFICE))
    bad = draft([(600, 540)], "Mars/Base", {"2026-02-30": []})
    assert await planner.problems(planner.create("Office", bad, name=" ")) == [
        ("SCHEDULE_KEY_INVALID", ("key",)),
        ("SCHEDULE_NAME_INVALID", ("name",)),
        ("ZONE_UNKNOWN", ("zone",)),
        ("SCHEDULE_HOURS_INVALID", ("hours", 0)),
        ("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date")),
    ]
    assert await planner.problems(planner.create("office", draft(LATE))) == [("SCHEDULE_EXISTS", ("key",))]
    long_ago = datetime(1815, 6, 18, tzinfo=UTC)
    assert await planner.problems(planner.create("old", draft(LATE), long_ago)) == [
        ("SCHEDULE_DATE_INVALID", ("effective_from",))
    ]
    assert await planner.problems(planner.revise("office", 1, draft=bad, name="\n")) == [
        ("SCHEDULE_NAME_INVALID", ("name",)),
        ("ZONE_UNKNOWN", ("zone",)),
        ("SCHEDULE_HOURS_INVALID", ("hours", 0)),
        ("SCHEDULE_DATE_INVALID", ("exceptions", 0, "date")),
    ]
    for scope in ("queue", "team"):
        for name in ("nobody", None):
            assert await planner.problems(planner.assign("office", scope, name)) == [
                ("SCHEDULE_SCOPE_UNKNOWN", (scope,))
            ]
    for change in (planner.assign("none"), planner.archive("none"), planner.revise("none", 1)):
        with pytest.raises(NotFound):
            await change


async def test_a_tenant_has_so_many_schedules(planner: Max, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scheduling, "MOST_SCHEDULES", 1)
    await planner.create("office", draft(OFFICE))
    assert await planner.problems(planner.create("more", draft(OFFICE))) == [("TOO_MANY_SCHEDULES", ())]


async def test_queues_keep_so_many_different_hours(
    planner: Max, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scheduling, "MOST_TIMELINES", 2)
    await world.name(models.queue, "a", "b", "c")
    await planner.create("office", draft(OFFICE))
    await planner.create("late", draft(LATE))
    await planner.assign("office")
    await planner.assign("late", "queue", "a")
    await planner.assign("late", "queue", "b")  # as another one
    await planner.assign("late", "queue", "b")  # said again
    refused = planner.assign("office", "queue", "b", LATER)
    assert await planner.problems(refused) == [("TOO_MANY_SCHEDULES", ())]
    await planner.assign("office", "queue", "c")


async def test_a_tenants_schedule_is_unknown_to_the_other(planner: Max, globex: TenantDatabase):
    await planner.create("office", draft(OFFICE))
    async with globex.write() as session:
        with pytest.raises(NotFound):
            await scheduling.get_schedule(session, "office")
