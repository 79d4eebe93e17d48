"""How columns come from the database and what is asked of them: days, order, names, reasons why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

import numpy as np
import pytest

from backend.core.windows import Grain, Window
from backend.interactions import models
from backend.metrics.language.bound import Basis, FieldValue, Row
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.lowering import Setting
from backend.metrics.planning.lowering.columns import ANCHOR, lower_columns
from backend.metrics.planning.planner import Statement
from backend.metrics.questions import KpiAsk, Question, Restriction
from backend.metrics.rollups.columns import divided, named_in, needed
from backend.metrics.rollups.columns_packs import Column, Unfit, fold, joined, pack_columns, unpacked
from backend.metrics.rollups.columns_table import Table
from tests.backend.metrics.builders import START, WEEK, World
from tests.backend.metrics.rollups.comparing import Twice

BERLIN = Window.of_local(date(2026, 3, 28), date(2026, 4, 1), "Europe/Berlin")
BASIS = Basis("interaction", "started")
VOCABULARY = build_vocabulary(2)


def leaf(name: str) -> FieldValue:
    field = VOCABULARY.fields[name]
    return FieldValue(field, field.type)


async def packs_of(
    world: World, leaves: Sequence[Row], window: Window, *, within: Sequence[Window] = ()
) -> dict[Row, list[tuple[date, bytes]]]:
    setting = Setting(
        VOCABULARY, window.zone, "USD", Restriction(agent_id=1), datetime(2026, 4, 1, tzinfo=UTC)
    )
    lowered = lower_columns(BASIS, leaves, window, setting, within)
    async with world.tenant.read() as session:
        return pack_columns(lowered, (await session.execute(lowered.select)).all())


async def statements_of(world: World, *formulas: str, **question: object) -> tuple[Statement, ...]:
    asks = tuple(KpiAsk(f"k{at}", formula) for at, formula in enumerate(formulas))
    async with world.tenant.read() as session:
        asked = Question(asks, **{"window": WEEK, **question})  # type: ignore[arg-type]
        return (await Twice(world, Random(0))._planned(session, [asked]))[1]


def plain(column: Column) -> list[int | str | None]:
    values, missing = column.taken(None)
    gone = np.zeros(len(values), np.bool_) if missing is None else missing
    shown = values.tolist() if column.words is None else [column.words[at] for at in values.tolist()]
    return [None if absent else value for value, absent in zip(shown, gone.tolist(), strict=True)]


async def test_every_day_has_a_pack_and_rows_stand_in_order(world: World):
    agents = await world.name(models.agent, "ann")
    day = datetime(2026, 3, 29, tzinfo=UTC)
    moments = [day + timedelta(hours=5), day + timedelta(microseconds=1), day + timedelta(hours=5), day]
    await world.interact(
        *(
            {"started_at": at, "handle_time": number, "priority": f"p{number}", "agent_id": agents["ann"]}
            for number, at in enumerate(moments)
        ),
        {"started_at": day, "exclusion": "spam"},
        {"started_at": day + timedelta(hours=23), "handle_time": None, "answered": True},
    )
    leaves = [ANCHOR, leaf("handle_time"), leaf("priority"), leaf("answered"), leaf("agent")]
    packs = await packs_of(world, leaves, BERLIN)
    days = [date(2026, 3, day) for day in (28, 29, 30, 31)]
    assert {tuple(day for day, _ in each) for each in packs.values()} == {tuple(days)}
    whole = {one: joined([unpacked(content) for _, content in each]) for one, each in packs.items()}
    assert whole[ANCHOR].counts.tolist() == [0, 4, 1, 0]
    tied = sorted((0, 2), key=lambda number: world.interactions[number]["id"])
    assert plain(whole[leaf("handle_time")]) == [3, 1, *tied, None]
    assert plain(whole[leaf("priority")]) == ["p3", "p1", *(f"p{number}" for number in tied), None]
    assert plain(whole[leaf("answered")]) == [None] * 4 + [True]
    assert plain(whole[leaf("agent")]) == [agents["ann"]] * 4 + [None]
    microseconds = [
        round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) for at in moments
    ]
    assert plain(whole[ANCHOR])[:4] == sorted(microseconds)
    apart = [await packs_of(world, [one], BERLIN) for one in leaves]
    assert {one: content for each in apart for one, content in each.items()} == packs


async def test_only_some_days_are_read(world: World):
    await world.interact(
        *({"started_at": BERLIN.start + timedelta(hours=12 * at), "handle_time": at} for at in range(8))
    )
    within = [
        Window.of_local(date(2026, 3, day), date(2026, 3, day) + timedelta(days=1), "Europe/Berlin")
        for day in (28, 30)
    ]
    packs = await packs_of(world, [leaf("handle_time")], BERLIN, within=within)
    found = {day: plain(unpacked(content)) for day, content in packs[leaf("handle_time")]}
    assert found == {date(2026, 3, 28): [0, 1], date(2026, 3, 30): [4, 5]}


async def test_columns_of_other_rows_are_not_put_side_by_side(world: World):
    await world.interact({"started_at": BERLIN.start}, {"started_at": BERLIN.start})
    before = await packs_of(world, [leaf("channel")], BERLIN)
    await world.interact({"started_at": BERLIN.start})
    after = await packs_of(world, [ANCHOR], BERLIN)
    days = [day for day, _ in after[ANCHOR]]
    columns = {
        one: [unpacked(fold(content for _, content in packs[one]))]
        for one, packs in ((leaf("channel"), before), (ANCHOR, after))
    }
    with pytest.raises(ValueError, match="different rows"):
        Table.of("Europe/Berlin", days, columns, {}, START)
    with pytest.raises(ValueError, match="lack a day"):
        Table.of("Europe/Berlin", [*days, date(2026, 5, 1)], columns, {}, START)
    with pytest.raises(ValueError, match="overlap"):
        joined([columns[ANCHOR][0], columns[ANCHOR][0]])


async def test_what_a_statement_needs(world: World):
    [statement] = await statements_of(
        world,
        'avg(handle_time where agent = "ann")',
        "share(closed)",
        dimensions=("queue", "weekday"),
        where='channel = "chat" and customer is missing',
    )
    names = {leaf.field.name for leaf in needed(statement)}  # type: ignore[union-attr]
    assert names == {"channel", "customer", "handle_time", "agent", "closed", "queue"}
    assert named_in(statement) == {"agent"}
    [daily] = await statements_of(world, "count()", grain=Grain.DAY)
    assert needed(daily) == (ANCHOR,)  # nothing but the number of rows
    [hourly] = await statements_of(world, 'count(where channel = "chat")', dimensions=("hour_of_day",))
    assert set(needed(hourly)) == {ANCHOR, leaf("channel")}
    for counting in await statements_of(world, "count_distinct(customer) + count_distinct(customer, date)"):
        assert named_in(counting) == set()


@pytest.mark.parametrize(
    "formula",
    [
        "count(over 7d)", "count(while open)", "share(contacted_again_within(7d))", "exact_p90(handle_time)",
        'share(has(survey.responded))', "avg(business(wait_time))", "union_time(accepted, closed)",
        'count(where customer.first_csat = "satisfied")', 'count(where customer.segment = "vip")',
        'count(where order.paid and team = "north")', "count(where base.at_risk)",
    ],
)  # fmt: skip
async def test_what_lies_beyond_a_row_is_left_to_the_database(world: World, formula: str):
    statements = await statements_of(world, formula, grain=Grain.DAY if "over" in formula else None)
    unfit = [statement for statement in statements if divided(statement) == (None, statement)]
    assert unfit
    for statement in unfit:
        with pytest.raises(Unfit):
            needed(statement)


async def test_parts_that_columns_lack_do_not_hold_back_the_others(world: World):
    [statement] = await statements_of(
        world, "count()", "share(contacted_again_within(7d))", "sum(handle_time)"
    )
    fit, rest = divided(statement)
    assert fit is not None
    assert rest is not None
    assert {*fit.parts, *rest.parts} == {*statement.parts}
    assert {part.value for part in fit.parts} == {None, leaf("handle_time")}
    assert needed(fit) == (leaf("handle_time"),)
    assert divided(rest) == (None, rest)


async def test_an_unknown_window_or_agents_who_share_are_left_to_the_database(world: World):
    [statement] = await statements_of(world, "count()", window=None)
    with pytest.raises(Unfit):
        needed(statement)
    by_agent = await statements_of(world, "count(credited to time_share)", dimensions=("agent",))
    assert [one for one in by_agent if one.scan.per_agent]
    for one in by_agent:
        assert divided(one) == ((None, one) if one.scan.per_agent else (one, None))
