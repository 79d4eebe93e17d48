"""One revision after another: none is lost, none breaks another KPI, each holds from its day on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert

from backend.core.errors import Conflict, Invalid
from backend.interactions.models import attribute
from tenants.database import TenantDatabase
from tests.backend.metrics.authors import MORNING, TODAY, Ann
from tests.backend.metrics.builders import World
from tests.conftest import StandingClock


async def test_someone_was_faster(ann: Ann):
    await ann.create("ours", "count()")
    await ann.revise("ours", 1, formula="count() * 2")
    before = await ann.everything()
    for late in (
        ann.revise("ours", 1, formula="count() * 3"),
        ann.archive("ours", 1),
        ann.restore("ours", 1),
    ):
        with pytest.raises(Conflict) as refusal:
            await late
        assert (refusal.value.code, refusal.value.current) == ("KPI_VERSION_STALE", 2)
    assert await ann.everything() == before


async def test_of_many_at_once_one_is_stored(ann: Ann):
    await ann.create("ours", "count()")
    outcomes = await asyncio.gather(
        *(ann.revise("ours", 1, formula=f"count() * {factor}") for factor in (2, 3, 4)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Conflict", "Kpi"]
    assert [one.version for one in await ann.history("ours")] == [2, 1]


async def test_two_at_once_cannot_close_a_circle(ann: Ann):
    await ann.create("one", "count()")
    await ann.create("two", "count()")
    outcomes = await asyncio.gather(
        ann.revise("one", 1, formula="@two * 2"),
        ann.revise("two", 1, formula="@one * 2"),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, Invalid)]
    assert [str(one.problems[0].code) for one in refused] == ["KPI_CIRCLE"]


async def test_a_revision_closes_no_circle_however_long(ann: Ann):
    await ann.create("one", "count()")
    await ann.create("two", "@one * 2")
    await ann.create("three", "@two * 2")
    for formula in ("@one", "@two + 1", "@three / 2"):
        assert ("KPI_CIRCLE", ("formula",)) in await ann.problems(ann.revise("one", 1, formula=formula))


async def test_a_revision_that_breaks_those_who_refer_to_it_is_refused(ann: Ann):
    await ann.create("wait", "avg(wait_time)")
    await ann.create("slow", "@wait + 30s")
    await ann.create("slower", "@slow * 2")
    with pytest.raises(Invalid) as refusal:
        await ann.revise("wait", 1, formula="count()")
    assert [(one.code, one.message.split("”")[0]) for one in refusal.value.problems] == [
        ("KPI_UNIT_CHANGED", "“wait"),
        ("KPI_DEPENDENT_BROKEN", "“slow"),
        ("KPI_DEPENDENT_BROKEN", "“slower"),
    ]
    assert await ann.problems(ann.create("wait", "count()")) == [("KPI_EXISTS", ("key",))]
    revised = await ann.revise("wait", 1, formula="median(wait_time)")
    assert revised.version == 2


async def test_what_was_broken_before_keeps_nobody_from_revising(ann: Ann, acme: TenantDatabase):
    async with acme.write() as session:
        await session.execute(insert(attribute).values(key="mood", type="text"))
    await ann.create("moody", 'count(where mood = "sour")')
    async with acme.write() as session:
        await session.execute(attribute.delete())
    assert (await ann.revise("aht", 1, formula="median(handle_time)")).version == 2


async def test_a_revision_to_come_is_in_force_from_its_day_on(ann: Ann):
    await ann.create("ours", "count()")
    friday = TODAY + timedelta(days=4)
    now = await ann.revise("ours", 1, on=friday, formula="count() * 2")
    assert (now.version, now.latest_version, now.formula) == (1, 2, "count()")
    for days, expected in ((0, 1), (3, 1), (4, 2), (300, 2)):
        found = await ann.kpi("ours", MORNING + timedelta(days=days))
        assert found is not None
        assert found.version == expected, days


async def test_the_day_is_that_of_the_tenants_zone(ann: Ann):
    await ann.create("ours", "count()")
    object.__setattr__(ann.tenant.tenant, "zone", "Asia/Shanghai")
    ann.now = MORNING.replace(hour=17)  # one in the morning of the next day, there
    revised = await ann.revise("ours", 1, formula="count() * 2")
    assert (revised.version, (await ann.history("ours"))[0].effective_from) == (
        2,
        TODAY + timedelta(days=1),
    )
    assert await ann.problems(ann.revise("ours", 2, on=TODAY, formula="count()")) == [
        ("EFFECTIVE_DATE_PAST", ("effective_from",))
    ]


async def test_a_newer_revision_takes_the_place_of_one_to_come(ann: Ann):
    friday = TODAY + timedelta(days=4)
    await ann.revise("aht", 1, on=friday, formula="median(handle_time)")
    await ann.revise("aht", 2, formula="max(handle_time)")
    for days in (0, 4, 300):
        found = await ann.kpi("aht", MORNING + timedelta(days=days))
        assert found is not None
        assert found.version == 3, days


async def test_a_new_name_leaves_a_formula_to_come_its_day(ann: Ann):
    friday = TODAY + timedelta(days=4)
    await ann.revise("aht", 1, on=friday, formula="median(handle_time)")
    renamed = await ann.revise("aht", 2, name_en="Handling")
    assert (renamed.name_en, renamed.version, renamed.latest_version) == ("Handling", 1, 3)
    [newest, *_] = await ann.history("aht")
    assert (newest.formula, newest.effective_from) == ("median(handle_time)", friday)


async def test_the_days_to_come_are_checked_too(ann: Ann):
    await ann.create("one", "count()")
    await ann.create("two", "count()")
    friday = TODAY + timedelta(days=4)
    await ann.revise("one", 1, on=friday, formula="@two * 2")
    with pytest.raises(Invalid) as refusal:
        await ann.revise("two", 1, formula="@one * 2")  # right until Friday
    [problem] = refusal.value.problems
    assert problem.code == "KPI_CIRCLE"
    assert friday.isoformat() in problem.message
    assert await ann.problems(ann.archive("two")) == [("KPI_IN_USE", ("key",))]


async def test_an_edit_that_changes_nothing_is_not_stored(ann: Ann):
    before = await ann.everything()
    found = await ann.revise("csat", 1)
    await ann.revise("csat", 1, formula=found.formula.upper().replace("CSAT", "csat").lower())
    assert await ann.everything() == before


async def test_key_version_and_origin_are_not_edited(ann: Ann):
    revised = await ann.revise("csat", 1, key="stolen", builtin=False, latest_version=9, name_en="Happy")
    assert (revised.key, revised.builtin, revised.latest_version) == ("csat", True, 2)
    assert await ann.kpi("stolen") is None


async def test_a_kpi_of_the_tenant_is_answered_by_its_formula_of_the_day(
    world: World, ann: Ann, clock: StandingClock
):
    ann.now = clock()
    await world.interact({}, {})
    await ann.create("ours", "count()")
    await ann.revise("ours", 1, on=ann.now.date() + timedelta(days=1), formula="count() * 10")
    assert (await world.total("@ours", window=None)).value == 2
    clock.advance(days=1)
    assert (await world.total("@ours", window=None)).value == 20
    assert (await world.total("@ours")).value == 2  # of a week that was over by then
