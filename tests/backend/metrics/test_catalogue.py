"""The built-in KPIs as data: each can be understood, is written canonically, and is seeded once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select, update

from backend.core.errors import NotFound
from backend.metrics import definitions
from backend.metrics.acceptance import find_faults
from backend.metrics.catalogue import CATALOGUE, seed_catalogue
from backend.metrics.kpi import Kpi
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.models import DIRECTIONS, FAMILIES, kpi, kpi_version
from tests.backend.metrics.builders import START, World, asked, minutes_after, seconds

KEYS = {one.key for one in CATALOGUE}
FORMULAS = {one.key: one.formula for one in CATALOGUE}


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.key)
def test_each_is_whole(one: Kpi):
    bound = compile_formula(one.formula, build_vocabulary(), FORMULAS)
    assert bound.formula is not None, bound.diagnostics
    assert bound.formula.canonical == one.formula
    assert one.name_en != one.name_zh
    assert (one.doc or "").endswith(".")
    assert one.family in FAMILIES
    assert one.direction is None or one.direction in DIRECTIONS
    assert find_faults(one, {other.key: other for other in CATALOGUE}) == []
    assert (one.measure_en is None) is (one.measure_zh is None)


def test_keys_are_unique_and_those_of_the_first_screen_are_there():
    assert len(KEYS) == len(CATALOGUE)
    assert {
        "contacts_offered",
        "contacts_handled",
        "first_response_time",
        "average_speed_of_answer",
        "abandonment_rate",
        "aht",
        "resolution_rate",
        "fcr",
        "csat",
        "csat_mean",
        "nps",
        "ces",
    } <= KEYS


def test_the_main_figures_say_what_to_do_about_a_gap():
    said = {one.key for one in CATALOGUE if one.measure_en}
    assert {
        "csat",
        "first_response_time",
        "resolution_rate",
        "fcr",
        "aht",
        "abandonment_rate",
        "low_score_rate",
        "nps",
        "qa_score",
    } <= said


async def test_seeding_again_changes_nothing_that_a_tenant_changed(world: World):
    async with world.tenant.write() as session:
        await session.execute(update(kpi).where(kpi.c.key == "csat").values(name_en="Happy"))
        await seed_catalogue(session)
    async with world.tenant.read() as session:
        kpis = await definitions.list_kpis(session, START)
        versions = (await session.execute(select(func.count()).select_from(kpi_version))).scalar_one()
    assert len(kpis) == versions == len(CATALOGUE)
    changed = next(one for one in kpis if one.key == "csat")
    assert changed.name_en == "Happy"
    assert {one.key: one.formula for one in kpis} == FORMULAS


async def test_definitions_come_back_as_they_went_in(world: World):
    async with world.tenant.read() as session:
        stored = [replace(one, effective_from=date(1970, 1, 1)) for one in CATALOGUE]
        assert await definitions.list_kpis(session, START) == sorted(stored, key=lambda one: one.key)
        assert await definitions.find_kpi(session, "nothing", START) is None
        with pytest.raises(NotFound):
            await definitions.get_kpi(session, "nothing", START)


async def test_the_formula_in_force_is_that_of_the_day(world: World):
    async with world.tenant.write() as session:
        for version, day, formula in ((2, "2026-02-03", "count()"), (3, "2026-02-05", "count() at closed")):
            await session.execute(
                kpi_version.insert().values(
                    kpi_key="aht",
                    version=version,
                    formula=formula,
                    created_by="ann",
                    effective_from=date.fromisoformat(day),
                )
            )
    for today, expected in ((2, 1), (3, 2), (4, 2), (5, 3), (28, 3)):
        async with world.tenant.read() as session:
            found = await definitions.get_kpi(session, "aht", START.replace(day=today))
        assert found.version == expected, today


async def test_an_archived_kpi_is_gone(world: World):
    async with world.tenant.write() as session:
        await session.execute(update(kpi).where(kpi.c.key == "csat").values(archived_at=START))
        assert await definitions.find_kpi(session, "csat", START) is None


async def test_every_kpi_can_be_answered(world: World):
    await world.interact({})
    keys = [f"@{key}" for key in sorted(KEYS)]
    for at in range(0, len(keys), 20):
        [answer] = await world.ask_all(asked(*keys[at : at + 20]))
        assert not isinstance(answer, Exception), answer


async def test_short_abandons_are_in_neither_part(world: World):
    call = {"channel": "call", "answered": False, "abandoned": True}
    await world.interact(
        {"channel": "call", "answered": True, "abandoned": False, "wait_time": seconds(2)},
        call | {"wait_time": seconds(4.999)},  # short: left out
        call | {"wait_time": seconds(5)},
        call,  # wait unknown: counted
        {"channel": "chat", "abandoned": True, "answered": False, "wait_time": seconds(1)},
    )
    rate = await world.total("@abandonment_rate")
    assert (rate.numerator, rate.denominator) == (3.0, 4.0)
    level = await world.total("@service_level")
    assert (level.numerator, level.denominator) == (1.0, 4.0)


async def test_a_bots_chat_is_offered_only_if_a_human_was_asked_for(world: World):
    await world.interact(
        {"channel": "bot"}, {"channel": "bot", "queued_at": START}, {"channel": "bot", "answered": True}, {}
    )
    assert (await world.total("@contacts_offered")).value == 3


async def test_nps_in_points(world: World):
    await world.survey(
        *[
            {"kind": "nps", "scale_min": 0, "scale_max": 10_000, "score": score, "responded_at": START}
            for score in (10_000, 9000, 9000, 8000, 7000, 6000, 0, None)
        ]
    )
    nps = await world.total("@nps")
    assert (nps.value, nps.n) == (100 * (3 - 2) / 7, 7)


async def test_invited_and_silent_lowers_the_response_rate_only(world: World):
    await world.survey(
        {"invited_at": START, "score": 5000, "responded_at": minutes_after(3)}, {"invited_at": START}
    )
    assert (await world.total("@csat_response_rate")).value == 0.5
    assert (await world.total("@csat")).value == 1.0
