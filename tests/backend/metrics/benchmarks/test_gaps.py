"""Gap tables over real facts, each gap worked out by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.core.windows import Window
from backend.interactions import models
from backend.metrics.authoring import Author
from backend.metrics.benchmarks import service
from backend.metrics.benchmarks.figures import Against, Benchmark, Kind, Standing
from backend.metrics.benchmarks.gaps import GapAsk, GapRow, GapTable, find_gaps
from backend.metrics.kpi import Band
from backend.metrics.questions import CellState, Restriction
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import START, WEEK, World, seconds

BEHIND, WITHIN, AHEAD = Standing.BEHIND, Standing.WITHIN, Standing.AHEAD
DAY, SPAN = timedelta(days=1), timedelta(days=7)


async def gaps(world: World, *keys: str, against: Against = Against.INDUSTRY, **said: Any) -> GapTable:
    ask = GapAsk(**{"keys": keys, "window": WEEK, "against": against, **said})
    return await find_gaps(world.tenant, lambda: START + 4 * SPAN, ask)


def sizes(table: GapTable) -> list[float | None]:
    return [None if row.gap is None or row.gap.size is None else float(row.gap.size) for row in table.rows]


async def test_three_figures_against_the_industry(world: World) -> None:
    await world.survey(*({"score": one, "responded_at": START} for one in [5000] * 7 + [2000] * 3))
    for number in range(20):
        await world.interact(
            {"closed_at": START, "first_response_time": seconds(60), "resolved": number < 15}
        )
    table = await gaps(world, "csat", "first_response_time", "resolution_rate", "aht")
    csat, response, resolution, aht = table.rows
    assert [row.current.value for row in table.rows] == [0.7, 60, 0.75, None]
    assert sizes(table) == [0.1, 15, 0.1, None]
    assert [row.gap.standing if row.gap else None for row in table.rows] == [BEHIND, WITHIN, BEHIND, None]
    assert [held(row) for row in (csat, response, resolution)] == [
        (Decimal("0.80"), "industry baseline"),
        (Decimal(45), "industry baseline"),
        (Decimal("0.85"), "industry baseline"),
    ]
    assert csat.gap is not None
    assert (csat.gap.within_band, csat.gap.within_float) == (False, True)
    assert (aht.against, aht.gap, aht.current.state) == (None, None, CellState.NO_DATA)
    assert csat.definition.measure_en
    assert (table.history, table.zone, table.dimensions) == (None, "UTC", ())


def held(row: GapRow) -> tuple[Decimal, str | None]:
    assert row.against is not None
    figure = row.against.benchmark
    return row.against.reference.value, figure.label if figure else None


async def test_a_kpi_without_a_value_has_its_reference_and_no_gap(world: World) -> None:
    [row] = (await gaps(world, "csat")).rows
    assert row.against is not None
    assert (row.gap, row.current.state) == (None, CellState.NO_DATA)


async def test_a_tenants_own_kpi_is_held_against_its_own_band(world: World, ann: Ann) -> None:
    await world.interact({}, {})
    await ann.create("mine", "count()", benchmark=Band(Decimal(4), Decimal(6)))
    [row] = (await gaps(world, "mine")).rows
    assert held(row) == (Decimal(5), None)
    assert row.gap is not None
    assert (row.gap.size, row.gap.within_float) == (Decimal(3), None)


async def test_peers_are_told_apart_and_the_newest_that_speaks_of_the_time_counts(world: World) -> None:
    await world.survey({"score": 5000, "responded_at": START}, {"score": 1000, "responded_at": START})

    def peer(kind: Kind, label: str, value: str, days: int | None) -> Benchmark:
        day = None if days is None else START.date() + timedelta(days=days)
        return Benchmark("csat", kind, label, Decimal(value), Decimal(value), valid_from=day)

    async with world.tenant.write() as session:
        for figure in (
            peer(Kind.PEER_AVERAGE, "同行同层均值", "0.6", None),
            peer(Kind.PEER_BEST, "always", "0.7", None),
            peer(Kind.PEER_BEST, "last month", "0.8", -30),
            peer(Kind.PEER_BEST, "同行同层优秀", "0.9", 6),  # from the window's last day on
            peer(Kind.PEER_BEST, "next week", "0.95", 7),
        ):
            await service.put(session, figure, Author("ann", START))
    [average] = (await gaps(world, "csat", against=Against.PEER_AVERAGE)).rows
    [best] = (await gaps(world, "csat", against=Against.PEER_BEST)).rows
    assert (held(average), held(best)) == (
        (Decimal("0.6"), "同行同层均值"),
        (Decimal("0.9"), "同行同层优秀"),
    )
    [earlier] = (await gaps(world, "csat", against=Against.PEER_BEST, window=before(1))).rows
    assert held(earlier) == (Decimal("0.8"), "last month")
    [other] = (await gaps(world, "fcr", against=Against.PEER_BEST)).rows
    assert other.against is None


def before(weeks: int) -> Window:
    return Window(WEEK.start - weeks * SPAN, WEEK.end - weeks * SPAN, WEEK.zone)


async def test_own_history_is_all_of_the_past_together_and_no_average_of_averages(world: World) -> None:
    for weeks, ratings in ((0, "5"), (1, "5552"), (2, "2"), (3, "55555"), (4, "2222")):
        at = START - weeks * SPAN
        await world.survey(*({"score": int(one) * 1000, "responded_at": at} for one in ratings))
        await world.interact(*({"started_at": at} for _ in ratings))
    await world.order({"amount": 900})
    table = await gaps(
        world,
        "csat",
        "contacts_offered",
        "contacting_customers",
        "resolution_rate",
        against=Against.OWN_HISTORY,
    )
    rate, volume, different, unknown = table.rows
    assert table.history == Window(before(3).start, WEEK.start, "UTC")
    assert rate.against is not None
    assert rate.against.history is not None
    assert rate.against.history.n == 10  # 8 of 10; the mean of the weeks' shares would be 0.583
    assert rate.against.reference.value == Decimal("0.8")
    assert rate.gap is not None
    assert (float(rate.gap.size or 0), rate.gap.standing) == (-0.2, AHEAD)
    assert volume.against is not None
    assert volume.against.reference.value == Decimal(10) / 3  # of a week, as three of them had ten
    assert volume.gap is not None
    assert (volume.gap.size, volume.gap.standing) == (None, None)  # more contacts are neither good nor bad
    assert different.against is None  # those of three weeks say nothing about one
    assert unknown.against is None
    [one] = (await gaps(world, "csat", against=Against.OWN_HISTORY, windows=1)).rows
    assert held(one) == (Decimal("0.75"), None)


async def test_the_past_of_a_month_is_months(world: World) -> None:
    march = Window.of_local(START.date().replace(month=3, day=1), START.date().replace(month=4, day=1), "UTC")
    table = await gaps(world, "csat", against=Against.OWN_HISTORY, window=march, windows=4)
    assert table.history == Window.of_local(
        march.start.date().replace(year=2025, month=11), march.start.date(), "UTC"
    )


async def test_a_target_is_what_the_tenant_wants(world: World, ann: Ann) -> None:
    await world.interact({"handle_time": seconds(300), "closed_at": START, "resolved": True})
    await ann.revise("aht", 1, target=Band(None, Decimal(240)))
    await ann.revise("resolution_rate", 1, target=Band(Decimal("0.9")))
    table = await gaps(world, "aht", "resolution_rate", "fcr", against=Against.TARGET)
    assert sizes(table) == [60, -0.1, None]
    assert [row.gap.standing if row.gap else None for row in table.rows] == [BEHIND, WITHIN, None]


async def test_each_agent_is_held_against_the_same_and_against_its_own_past(world: World) -> None:
    agents = await world.name(models.agent, "ann", "bob", "cy")
    for agent, weeks, ratings in (
        ("ann", 0, "5552"),
        ("bob", 0, "55"),
        ("cy", 0, "52"),
        ("ann", 1, "55"),
        ("bob", 1, "52"),
    ):
        at = START - weeks * SPAN
        await world.survey(
            *({"score": int(one) * 1000, "responded_at": at, "agent_id": agents[agent]} for one in ratings)
        )
    table = await gaps(world, "csat", dimensions=("agent",))
    assert [row.members[0].key for row in table.rows] == ["ann", "bob", "cy"]
    assert sizes(table) == [0.05, -0.2, 0.3]
    own = await gaps(world, "csat", dimensions=("agent",), against=Against.OWN_HISTORY)
    assert sizes(own) == [0.25, -0.5, None]
    some = await gaps(world, "csat", dimensions=("agent",), where='agent in ("bob", "cy")')
    assert sizes(some) == [-0.2, 0.3]
    ask = GapAsk(("csat",), WEEK, Against.INDUSTRY)
    mine = await find_gaps(world.tenant, lambda: START, ask, restriction=Restriction(agent_id=agents["ann"]))
    assert [row.current.n for row in mine.rows] == [4]


async def test_a_value_on_few_rows_keeps_its_gap_and_says_so(world: World, ann: Ann) -> None:
    await world.survey({"score": 5000, "responded_at": START})
    await ann.revise("csat", 1, minimum_sample=2)
    [row] = (await gaps(world, "csat")).rows
    assert row.current.state is CellState.BELOW_MINIMUM_SAMPLE
    assert row.gap is not None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"keys": ("cast",)}, "KPI_UNKNOWN"),
        ({"keys": ()}, "KPIS_OUT_OF_RANGE"),
        ({"dimensions": ("colour",)}, "DIMENSION_UNKNOWN"),
        ({"where": "chanel"}, "FILTER_INVALID"),
        ({"against": Against.OWN_HISTORY, "windows": 0}, "HISTORY_OUT_OF_RANGE"),
        ({"against": Against.OWN_HISTORY, "windows": 25}, "HISTORY_OUT_OF_RANGE"),
    ],
)
async def test_what_cannot_be_asked_is_refused(world: World, said: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await gaps(world, "csat", **said)
    assert refusal.value.code == code


async def test_a_table_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = await world.name(models.agent, "ann", "bob")
    await world.interact(*({"agent_id": agent} for agent in agents.values()))
    monkeypatch.setattr("backend.metrics.benchmarks.gaps.MOST_ROWS", 3)
    assert len((await gaps(world, "aht", dimensions=("agent",))).rows) == 2
    with pytest.raises(Invalid) as refusal:
        await gaps(world, "aht", "fcr", dimensions=("agent",))
    assert refusal.value.code == "ANSWER_TOO_LARGE"
