"""A change is shown before it is published: beside what is, exactly as it will be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from backend.core.errors import Invalid
from backend.core.windows import Grain, Window
from backend.interactions.models import agent, attribute
from backend.metrics.preview import Draft, Preview, TouchedKind
from backend.metrics.questions import Answer, Cell, Column, KpiAsk, Question
from tenants.database import Database, TenantDatabase
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import World, asked
from tests.conftest import StandingClock
from tests.statements import counted

DAY = timedelta(days=1)
TODAY = date(2026, 3, 2)  # the clock's
WINDOW = Window.of_local(TODAY - 7 * DAY, TODAY + DAY, "UTC")
FORMULAS = (
    "avg(handle_time)",
    "median(handle_time)",
    'avg(handle_time where channel = "chat")',
    "@aht * 2",
    "max(wait_time)",
    "sum(handle_time) / count_distinct(customer) at closed",
    "@slow + 1s",
)


def question(**details: Any) -> Question:
    return Question((), **{"window": WINDOW, **details})


def side(answer: Answer, at: int | None) -> tuple[Column, Cell]:
    assert at is not None
    return answer.columns[at], answer.totals[at]


def told(found: tuple[Column, Cell]) -> tuple[Any, ...]:
    """All that a column says but of which KPI."""
    column, total = found
    return column.values, column.n, column.numerators, column.denominators, column.states, total


async def fill(world: World, random: Random) -> None:
    names = await world.name(agent, "ann", "ben")
    start = datetime.combine(TODAY - 10 * DAY, time(), UTC)
    rows = []
    for _ in range(300):
        started = start + timedelta(minutes=random.randrange(11 * 24 * 60))
        rows.append(
            {
                "started_at": started,
                "closed_at": started + timedelta(minutes=random.randrange(500)),
                "channel": random.choice(["chat", "call"]),
                "handle_time": random.choice([None, random.randrange(600_000)]),
                "wait_time": random.randrange(60_000),
                "agent_id": random.choice([None, *names.values()]),
            }
        )
    await world.interact(*rows)


@pytest.mark.parametrize("seed", range(6))
async def test_each_side_is_what_is_answered_before_and_after(
    world: World, ann: Ann, clock: StandingClock, seed: int
):
    random = Random(seed)
    await fill(world, random)
    version = 0
    for days in sorted((random.randrange(1, 9) for _ in range(3)), reverse=True):
        ann.now = clock() - days * DAY
        if version == 0:
            await ann.create("slow", "avg(wait_time)", minimum_sample=15)
            await ann.create("ours", random.choice(FORMULAS), minimum_sample=15, direction="down")
        else:
            for key in ("slow", "ours"):
                formula = random.choice(FORMULAS[: -1 if key == "slow" else None])
                await ann.revise(key, version, formula=formula, minimum_sample=15 + version)
        version += 1
    ann.now = clock()
    rows: dict[str, Any] = random.choice(
        [
            {},
            {"grain": Grain.DAY},
            {"grain": Grain.WEEK, "where": 'channel = "chat"'},
            {"dimensions": ("channel",)},
            {"grain": Grain.DAY, "dimensions": ("agent",)},
        ]
    )
    formula = random.choice(FORMULAS)
    day = TODAY + random.choice([0, 0, 1, 3]) * DAY
    [before] = await world.ask_all(asked("@ours", **{"window": WINDOW, **rows}))
    [by_formula] = await world.ask_all(asked(formula, **{"window": WINDOW, **rows}))
    everything = await ann.everything()
    preview = await world.evaluator.preview(Draft("ours", formula, day), question(**rows))
    assert await ann.everything() == everything
    assert isinstance(before, Answer)
    assert isinstance(by_formula, Answer)
    answer = preview.answer
    assert (answer.members, answer.buckets) == (before.members, before.buckets)
    assert side(answer, preview.old) == (before.columns[0], before.totals[0])
    new, total = side(answer, preview.new)
    assert new.values == by_formula.columns[0].values
    assert total.value == by_formula.totals[0].value
    assert preview.differences == [
        None if one is None or other is None else other - one
        for one, other in zip(before.columns[0].values, new.values, strict=True)
    ]
    await ann.revise("ours", version, day, formula=formula)
    [after] = await world.ask_all(asked("@ours", **{"window": WINDOW, **rows}))
    assert isinstance(after, Answer)
    assert (after.members, after.buckets) == (answer.members, answer.buckets)
    assert side(answer, preview.published) == (after.columns[0], after.totals[0])
    # once its day has come, all that is asked of later days is the new side
    clock.advance(days=5)
    later = await world.total("@ours", window=Window.of_local(day, day + 4 * DAY, "UTC"))
    whole = await world.total(formula, window=Window.of_local(day, day + 4 * DAY, "UTC"))
    assert (later.value, later.n) == (whole.value, whole.n)


async def test_a_change_of_a_later_day_is_shown_from_that_day_on(world: World, ann: Ann):
    await ann.create("ours", "count()")
    ahead = Window.of_local(TODAY, TODAY + 4 * DAY, "UTC")
    await world.interact(*[{"started_at": ahead.start + at * DAY, "customer_messages": 5} for at in range(4)])
    draft = Draft("ours", "sum(customer_messages)", TODAY + 2 * DAY)
    preview = await world.evaluator.preview(draft, question(window=ahead, grain=Grain.DAY))
    published, total = side(preview.answer, preview.published)
    assert (published.values, total.value) == ([1, 1, 5, 5], 20)
    assert side(preview.answer, preview.old)[0].values == [1, 1, 1, 1]


async def test_a_new_kpi_has_only_the_new_side_which_creating_it_gives(world: World, ann: Ann):
    await fill(world, Random(1))
    preview = await world.evaluator.preview(
        Draft("fresh", "avg( handle_time )", TODAY), question(grain=Grain.DAY)
    )
    assert (preview.old, preview.published, preview.differences) == (None, None, None)
    assert preview.total_difference is None
    assert preview.touched == ()
    column, total = side(preview.answer, preview.new)
    ann.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    await ann.create("fresh", "avg(handle_time)")
    after = await world.ask("@fresh", window=WINDOW, grain=Grain.DAY)
    assert told((column, total)) == told((after.columns[0], after.totals[0]))
    assert (column.kpi.key, column.kpi.formula, column.kpi.versions) == (
        "fresh",
        "avg(handle_time)",
        after.columns[0].kpi.versions,
    )


async def test_all_sides_come_from_one_snapshot_of_few_statements(world: World, database: Database):
    await fill(world, Random(2))
    draft = Draft("aht", "avg(handle_time where answered) at closed", TODAY)
    async with counted(database) as count:
        preview = await world.evaluator.preview(draft, question(grain=Grain.DAY))
    assert (count.statements, count.transactions) == (4, 1)  # versions, definitions, attributes, interactions
    assert len(preview.answer.columns) == 3


async def test_without_a_day_there_is_nothing_published(world: World):
    preview = await world.evaluator.preview(Draft("aht", "max(handle_time)"), question())
    assert (preview.old, preview.new, preview.published) == (0, 1, None)
    assert preview.answer.members == [()]


async def test_who_rests_on_it_and_who_would_break(world: World, ann: Ann):
    await ann.create("wait", "avg(wait_time)", name_en="Wait", name_zh="等待")
    await ann.create("slow", "@wait + 30s", name_en="Slow")
    await ann.create("slower", "@slow * 2")
    await ann.create("aside", "avg(wait_time)")
    await ann.revise("aside", 1, TODAY + 30 * DAY, formula="@wait * 3")
    preview = await world.evaluator.preview(Draft("wait", "median(wait_time)"), question())
    found = [(one.kind, one.key, one.name_en, one.problem) for one in preview.touched]
    assert found == [
        (TouchedKind.KPI, "aside", "A name", None),
        (TouchedKind.KPI, "slow", "Slow", None),
        (TouchedKind.KPI, "slower", "A name", None),
    ]
    await ann.create("other", "avg(wait_time)")
    await ann.create("deep0", "@wait")
    for level in range(1, 8):
        await ann.create(f"deep{level}", f"@deep{level - 1} * 1")
    preview = await world.evaluator.preview(Draft("wait", "@other"), question())
    broken = {one.key: str(one.problem.code) for one in preview.touched if one.problem is not None}
    assert broken == {"deep7": "KPI_DEPENDENT_BROKEN"}
    assert ("KPI_DEPENDENT_BROKEN", ("formula",)) in await ann.problems(
        ann.revise("wait", 1, formula="@other")
    )


@pytest.mark.parametrize(
    ("draft", "code", "path"),
    [
        (Draft("aht", "avg(handle_tme)"), "FIELD_UNKNOWN", ("formula",)),
        (Draft("aht", "@aht + 1s"), "KPI_CIRCLE", ("formula",)),
        (Draft("aht", "count()"), "KPI_UNIT_CHANGED", ("formula",)),
        (Draft("aht", "max(handle_time)", TODAY - DAY), "EFFECTIVE_DATE_PAST", ("effective_from",)),
        (Draft("Bad key", "count()"), "KPI_KEY_INVALID", ("key",)),
        (Draft("fresh", "@fresh"), "KPI_CIRCLE", ("formula",)),
        (Draft("fresh", ""), "TEXT_EMPTY", ("formula",)),
    ],
)
async def test_what_publishing_would_refuse_is_said(
    world: World, draft: Draft, code: str, path: tuple[str, ...]
):
    with pytest.raises(Invalid) as refusal:
        await world.evaluator.preview(draft, question())
    assert [(str(one.code), one.path) for one in refusal.value.problems] == [(code, path)]


async def test_an_archived_kpi_has_no_preview(world: World, ann: Ann):
    await ann.create("ours", "count()")
    await ann.archive("ours")
    with pytest.raises(Invalid) as refusal:
        await world.evaluator.preview(Draft("ours", "count()"), question())
    assert refusal.value.code == "KPI_ARCHIVED"


async def test_what_is_wrong_with_the_rows_is_said_by_a_readable_name(world: World):
    with pytest.raises(Invalid) as refusal:
        await world.evaluator.preview(
            Draft("aht", "avg(handle_time)"), question(where='survey.kind = "csat"')
        )
    assert refusal.value.code == "FILTER_NOT_REACHABLE"
    with pytest.raises(Invalid) as refusal:
        await world.evaluator.preview(
            Draft("fresh", "count(where order.paid)"), question(dimensions=("channel",))
        )
    assert refusal.value.message.startswith("“fresh (new)” counts orders")


async def test_the_mending_of_a_formula_that_lost_its_sense_has_only_the_new_side(
    world: World, ann: Ann, acme: TenantDatabase
):
    async with acme.write() as session:
        await session.execute(insert(attribute).values(key="mood", type="text"))
    await ann.create("moody", 'count(where mood = "sour")')
    async with acme.write() as session:
        await session.execute(attribute.delete())
    preview: Preview = await world.evaluator.preview(Draft("moody", "count()", TODAY), question())
    assert (preview.old, preview.published) == (None, None)
    assert replace(preview.answer.columns[0].kpi, versions=()).formula == "count()"


async def test_a_formula_may_bear_the_name_of_a_side(world: World):
    """Names of sides are no keys: a tenant's own formula of that name stays its own."""
    await world.interact({"started_at": datetime(2026, 3, 1, tzinfo=UTC)})
    ask = Question((KpiAsk("aht (new)", "count()"),), WINDOW)
    [answer] = await world.ask_all(ask)
    assert isinstance(answer, Answer)
    assert answer.totals[0].value == 1
