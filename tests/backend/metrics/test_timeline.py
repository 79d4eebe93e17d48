"""The formula in force, as Python works it out and as PostgreSQL does: the same on every day."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from sqlalchemy import insert

from backend.metrics import repository
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.models import kpi_version
from backend.metrics.timeline import Timeline, find_broken
from tenants.database import TenantDatabase

DAY = date(2026, 3, 2)


async def test_python_and_postgresql_agree_on_every_day(acme: TenantDatabase, globex: TenantDatabase):
    random = Random(7)
    keys = ("aht", "csat", "fcr")
    async with acme.write() as session:
        await session.execute(kpi_version.delete().where(kpi_version.c.kpi_key.in_(keys)))
        for key in keys:
            for version in range(1, 8):
                day = DAY + timedelta(days=random.randrange(-5, 15))
                await session.execute(
                    insert(kpi_version).values(
                        kpi_key=key,
                        version=version,
                        formula=f"count() * {version}",
                        effective_from=day,
                        created_by="ann",
                    )
                )
    async with acme.read() as session:
        timeline = Timeline.of(await repository.list_versions(session), DAY)
        for days in range(-7, 17):
            day = DAY + timedelta(days=days)
            stored = await repository.list_kpis(session, day)
            assert timeline.formulas(day) == {one.key: one.formula for one in stored}
            histories = await repository.list_histories(session, day)
            assert [one for one, _ in histories] == stored
            assert {one.latest_version for one in stored if one.key in keys} == {7}


def test_who_rests_on_whom():
    timeline = Timeline(
        {
            "a": [(date.min, "count()")],
            "b": [(date.min, "@a"), (DAY + timedelta(days=9), "count()")],
            "c": [(date.min, "@b * 2")],
            "d": [(date.min, "count()"), (DAY + timedelta(days=1), "@c + @a")],
            "past": [(date.min, "@a"), (DAY, "count()")],
        },
        DAY,
    )
    assert timeline.referring_to("a") == ["b", "d"]
    assert timeline.resting_on("a") == ["b", "c", "d"]
    assert timeline.resting_on("c") == ["d"]
    assert timeline.resting_on("nothing") == []


def test_the_days_on_which_something_begins():
    later = DAY + timedelta(days=3)
    timeline = Timeline({"a": [(date.min, "count()"), (later, "@b")], "b": [(DAY, "count()")]}, DAY)
    assert timeline.days() == [DAY, later]
    assert timeline.referring_to("b") == ["a"]
    assert timeline.revised("b", "count() * 2", DAY).formulas(later) == {"a": "@b", "b": "count() * 2"}


def test_one_that_refers_to_itself_is_not_said_to_be_in_its_own_way():
    timeline = Timeline({"a": [(date.min, "@a")]}, DAY)
    assert timeline.referring_to("a") == []


def test_eight_levels_and_no_more_also_from_below():
    chain = {f"k{level}": [(date.min, f"@k{level + 1} * 1")] for level in range(8)}
    timeline = Timeline({**chain, "k8": [(date.min, "count()")]}, DAY)
    vocabulary = build_vocabulary()
    fine = timeline.revised("k8", "count() * 2", DAY)
    assert find_broken(timeline, fine, "k8", DAY, vocabulary) == []
    deeper = Timeline({**chain, "k8": [(date.min, "count()")], "k9": [(date.min, "count()")]}, DAY)
    [problem] = find_broken(deeper, deeper.revised("k8", "@k9", DAY), "k8", DAY, vocabulary)
    assert (problem.code, "“k0”" in problem.message) == ("KPI_DEPENDENT_BROKEN", True)
