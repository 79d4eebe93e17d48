"""A number is computed by the definition in force on its day: series, totals, comparisons, proofs, rows behind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert

from backend.core.windows import Comparison, Grain, Window
from backend.interactions.models import agent, attribute
from backend.metrics.explanation import explain
from backend.metrics.kpi import DatedFormula
from backend.metrics.models import kpi_version
from backend.metrics.proofs import CellPlace, Drill
from backend.metrics.questions import CellState, KpiAsk, Question
from tenants.database import Database, TenantDatabase
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import World, asked
from tests.conftest import StandingClock
from tests.statements import counted

DAY = timedelta(days=1)


# one revision


@pytest.fixture
async def revised(world: World, ann: Ann, clock: StandingClock) -> World:
    """`ours` counts rows, from Thursday 26 February on those that were answered; it is Monday 2 March."""
    ann.now = clock() - 10 * DAY
    await ann.create("ours", "count()")
    ann.now = clock() - 4 * DAY
    await ann.revise("ours", 1, formula="count(where answered)")
    await world.interact(
        *(
            {"started_at": clock() - days * DAY, "answered": answered}
            for days in range(8)
            for answered in (True, False)
        )
    )
    return world


LAST_WEEK = Window.of_local(date(2026, 2, 23), date(2026, 3, 2), "UTC")


async def test_the_days_before_keep_their_version(revised: World):
    answer = await revised.ask("@ours", window=LAST_WEEK, grain=Grain.DAY)
    assert answer.columns[0].values == [2, 2, 2, 1, 1, 1, 1]
    assert answer.totals[0].value == 7  # all days by the version of the last
    kpi = answer.columns[0].kpi
    assert (kpi.version, kpi.formula) == (2, "count(where answered)")
    assert kpi.versions == (
        DatedFormula(1, "count()", date(2026, 2, 20)),
        DatedFormula(2, "count(where answered)", date(2026, 2, 26)),
    )


async def test_a_window_that_is_over_keeps_its_number_whatever_is_revised(
    revised: World, ann: Ann, clock: StandingClock
):
    question = asked("@ours", "@ours * 2", window=LAST_WEEK, grain=Grain.DAY)
    before = await revised.ask_all(question)
    ann.now = clock()
    await ann.revise("ours", 2, formula="count() * 100")
    await ann.revise("ours", 3, ann.now.date() + 5 * DAY, formula="count() * 1000")
    clock.advance(days=20)
    assert await revised.ask_all(question) == before
    assert (await revised.total("@ours", window=None)).value == 16_000


async def test_a_cell_that_ends_in_the_future_is_by_todays_version(
    revised: World, ann: Ann, clock: StandingClock
):
    ann.now = clock()
    await ann.revise("ours", 2, ann.now.date() + DAY, formula="count() * 100")
    month = Window.of_local(date(2026, 2, 1), date(2026, 4, 1), "UTC")
    answer = await revised.ask("@ours", window=month, grain=Grain.MONTH)
    assert (answer.columns[0].values, answer.columns[0].kpi.version) == ([6, 2], 2)
    clock.advance(days=1)
    answer = await revised.ask("@ours", window=month, grain=Grain.MONTH)
    assert (answer.columns[0].values, answer.columns[0].kpi.version) == ([6, 400], 3)


async def test_the_compared_window_goes_by_its_own_end(revised: World):
    window = Window.of_local(date(2026, 2, 26), date(2026, 2, 28), "UTC")
    answer = await revised.ask("@ours", window=window, comparison=Comparison.PREVIOUS_PERIOD)
    assert answer.previous_totals is not None
    assert (answer.totals[0].value, answer.previous_totals[0].value) == (2, 4)


async def test_an_hour_goes_by_its_day(revised: World):
    window = Window.of_local(datetime(2026, 2, 25, 12), datetime(2026, 2, 26, 13), "UTC")
    answer = await revised.ask("@ours", window=window, grain=Grain.HOUR)
    assert answer.columns[0].values == [2, *[0] * 23, 1]
    until_midnight = Window.of_local(date(2026, 2, 25), date(2026, 2, 26), "UTC")
    assert (await revised.total("@ours", window=until_midnight)).value == 2
    past_it = Window.of_local(date(2026, 2, 25), datetime(2026, 2, 26, 0, 0, 1), "UTC")
    assert (await revised.total("@ours", window=past_it)).value == 1


async def test_where_midnight_comes_twice_the_day_begins_with_the_first(
    world: World, ann: Ann, clock: StandingClock
):
    object.__setattr__(world.tenant.tenant, "zone", "America/Havana")  # 1:00 goes back to 0:00 on 1 November
    ann.now = clock()
    await ann.create("ours", "count()")
    await ann.revise("ours", 1, date(2026, 11, 1), formula="count() * 10")
    clock.advance(days=300)
    first = datetime(2026, 11, 1, 4, tzinfo=UTC)  # midnight, for the first time
    await world.interact(*({"started_at": first + timedelta(hours=hour)} for hour in range(-2, 3)))
    window = Window(first - timedelta(hours=2), first + timedelta(hours=3), "America/Havana")
    answer = await world.ask("@ours", window=window, grain=Grain.HOUR)
    assert answer.columns[0].values == [1, 1, 10, 10, 10]


async def test_a_member_without_rows_by_the_days_version_is_no_row(
    world: World, ann: Ann, clock: StandingClock
):
    names = await world.name(agent, "ann", "ben")
    ann.now = clock() - 10 * DAY
    await ann.create("ours", "count()")
    ann.now = clock() - 4 * DAY
    await ann.revise("ours", 1, formula="count_distinct(customer where answered)")
    old, new = clock() - 6 * DAY, clock() - 2 * DAY
    await world.survey({"agent_id": names["ben"], "responded_at": new, "score": 4000})
    await world.interact({"started_at": new, "agent_id": names["ann"], "answered": True})
    answer = await world.ask("@ours", window=LAST_WEEK, dimensions=("agent",))
    assert [member.key for (member,) in answer.members] == ["ann"]
    await world.interact({"started_at": old, "agent_id": names["ben"]})
    answer = await world.ask("@ours", window=LAST_WEEK, dimensions=("agent",), grain=Grain.DAY)
    assert {member.key for (member,) in answer.members} == {"ann", "ben"}


async def test_a_version_of_other_rows_is_collected_for_its_own_cells(
    world: World, ann: Ann, clock: StandingClock
):
    """The old version counted surveys: their days have surveys, later ones interactions, no row has both."""
    ann.now = clock() - 10 * DAY
    await ann.create("ours", "count(where survey.score >= 4)")
    ann.now = clock() - 4 * DAY
    await ann.revise("ours", 1, formula="count(where answered)")
    names = await world.name(agent, "ann", "ben", "cy")
    for days, who in ((6, "ann"), (2, "ben")):
        await world.survey(
            *[{"responded_at": clock() - days * DAY, "agent_id": names[who], "score": 5000}] * 3
        )
    await world.interact({"started_at": clock() - 6 * DAY, "agent_id": names["cy"], "answered": True})
    await world.interact({"started_at": clock() - 2 * DAY, "agent_id": names["cy"], "answered": True})
    answer = await world.ask("@ours", window=LAST_WEEK, dimensions=("agent",), grain=Grain.DAY)
    found = {
        (bucket.day, member.key): value
        for bucket, (member,), value in zip(
            answer.buckets or (), answer.members, answer.columns[0].values, strict=True
        )
        if value
    }
    assert found == {(24, "ann"): 3, (28, "cy"): 1}
    assert {member.key for (member,) in answer.members} == {"ann", "cy"}
    assert answer.totals[0].value == 2


# proofs, rows, explanation


async def test_a_proof_names_the_version_of_its_cell_and_its_rows_are_that_versions(revised: World):
    question = Question((KpiAsk("ours"),), LAST_WEEK, grain=Grain.DAY)
    answer = await revised.ask("@ours", window=LAST_WEEK, grain=Grain.DAY)
    for row, bucket in enumerate(answer.buckets or ()):
        place = CellPlace(bucket)
        [proof] = await revised.evaluator.prove(question, place)
        assert proof.cell == answer.columns[0].cell(row)
        version, begins = (1, date(2026, 2, 20)) if row < 3 else (2, date(2026, 2, 26))
        assert (proof.version, proof.effective_from) == (version, begins)
        assert proof.kpi.formula == ("count()" if row < 3 else "count(where answered)")
        drilled = await revised.evaluator.drill(question, Drill(place), limit=10)
        assert len(drilled) == proof.cell.value
    [total] = await revised.evaluator.prove(question)
    assert (total.version, total.cell) == (2, answer.totals[0])


async def test_a_comparison_says_nothing_of_a_cell_also_without_a_window(revised: World):
    question = Question((KpiAsk("ours"),), None, comparison=Comparison.PREVIOUS_YEAR)
    [proof] = await revised.evaluator.prove(question)
    assert (proof.cell.value, proof.version, proof.window) == (8, 2, None)


async def test_an_explanation_has_each_version_that_cells_need(revised: World, clock: StandingClock):
    question = asked("@ours", window=LAST_WEEK, grain=Grain.DAY)
    text = await explain(revised.tenant, clock, question)
    assert "ours (version 1) = count()\n" in text
    assert "ours (version 2, from 2026-02-26 on) = count(where answered)\n" in text
    early = Window.of_local(date(2026, 2, 23), date(2026, 2, 25), "UTC")
    text = await explain(revised.tenant, clock, asked("@ours", window=early))
    assert text.startswith("ours = count()\n")
    assert "answered" not in text


# versions that cannot be computed any more


async def test_a_version_that_names_what_is_gone_leaves_its_own_cells_without_a_value(
    world: World, ann: Ann, acme: TenantDatabase, clock: StandingClock
):
    async with acme.write() as session:
        await session.execute(insert(attribute).values(key="mood", type="text"))
    ann.now = clock() - 10 * DAY
    await ann.create("moody", 'count(where mood = "sour")')
    ann.now = clock() - 4 * DAY
    await ann.revise("moody", 1, formula="count()")
    async with acme.write() as session:
        await session.execute(attribute.delete())
    answer = await world.ask("@moody", window=LAST_WEEK, grain=Grain.DAY, dimensions=())
    column = answer.columns[0]
    assert column.values == [None] * 3 + [0] * 4
    assert column.states == [CellState.ERROR] * 3 + [CellState.OK] * 4
    assert answer.totals[0].state is CellState.OK


async def test_a_version_that_has_no_such_dimension_leaves_its_own_cells_without_a_value(
    world: World, ann: Ann, clock: StandingClock
):
    ann.now = clock() - 10 * DAY
    await ann.create("ours", "count(where order.paid)")
    ann.now = clock() - 4 * DAY
    await ann.revise("ours", 1, formula="count()")
    await world.order({"ordered_at": clock() - 6 * DAY, "paid_at": clock() - 6 * DAY, "amount": 100})
    await world.interact({"started_at": clock() - DAY})
    answer = await world.ask("@ours", window=LAST_WEEK, grain=Grain.DAY, dimensions=("channel",))
    assert answer.columns[0].states[:4] == [CellState.ERROR] * 3 + [CellState.OK]
    assert answer.columns[0].values[-1] == 1
    whole = await world.ask("@ours", window=LAST_WEEK, grain=Grain.DAY)
    assert whole.columns[0].values == [0, 1, 0, 0, 0, 0, 1]


async def test_values_of_another_unit_do_not_stand_in_one_column(world: World, clock: StandingClock):
    async with world.tenant.write() as session:  # as an older release would have stored it
        await session.execute(
            insert(kpi_version).values(
                kpi_key="aht",
                version=2,
                formula="count()",
                effective_from=date(2026, 2, 26),
                created_by="ann",
            )
        )
    answer = await world.ask("@aht", window=LAST_WEEK, grain=Grain.DAY)
    assert answer.columns[0].states == [CellState.ERROR] * 3 + [CellState.OK] * 4


# what it costs


async def test_one_edition_costs_no_statement_more(
    world: World, ann: Ann, clock: StandingClock, database: Database
):
    questions = [
        asked("@aht", "@csat", "@resolution_rate", window=LAST_WEEK, grain=Grain.DAY, dimensions=("channel",))
    ]

    async def cost() -> int:
        async with counted(database) as count:
            await world.ask_all(*questions)
        return count.statements

    before = await cost()
    assert before == 5  # versions, definitions, attributes, interactions, surveys
    ann.now = clock() - 4 * DAY
    await ann.revise("fcr", 1, formula="share(resolved)")  # nobody asked for that one
    await ann.revise("aht", 1, name_en="Handling")  # a version that says the same
    assert await cost() == before
    await ann.revise("aht", 2, formula="max(handle_time) at closed")
    assert await cost() == before  # the same rows, one part more
