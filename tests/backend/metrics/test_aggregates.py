"""Every aggregate against numpy over the same random rows: by group, by bucket, and in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import numpy
import pytest
import pytest_asyncio

from backend.core.windows import Grain
from backend.interactions import models
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.parts import PARTS, aggregates_of
from tests.backend.metrics.builders import START, WEEK, World, table

Row = dict[str, Any]
Values = Sequence[int]


def durations(rows: Sequence[Row], name: str) -> list[int]:
    return [row[name] for row in rows if row[name] is not None]


def mean(values: Values) -> float | None:
    return sum(values) / len(values) / 1000 if values else None


def cont(share: float) -> Callable[[Values], float | None]:
    return lambda values: float(numpy.percentile(values, share)) / 1000 if values else None


def disc(share: float) -> Callable[[Values], float | None]:
    def of(values: Values) -> float | None:
        return float(numpy.percentile(values, share, method="inverted_cdf")) / 1000 if values else None

    return of


def share_of(rows: Sequence[Row], name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) / len(known) if known else None


def difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else 100 * (one - other)


def ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def repeated(values: Iterable[Any]) -> int:
    """How many values occur more than once, nothing not counted as one."""
    return sum(often > 1 for value, often in Counter(values).items() if value is not None)


# formula -> the same by hand
ORACLES: dict[str, Callable[[Sequence[Row]], float | None]] = {
    "count()": len,
    "count(where answered)": lambda rows: sum(row["answered"] is True for row in rows),
    "count(where not answered)": lambda rows: sum(row["answered"] is False for row in rows),
    "count_distinct(customer)": lambda rows: len({row["customer_id"] for row in rows} - {None}),
    'count_distinct(agent where channel = "chat")': lambda rows: len(
        {row["agent_id"] for row in rows if row["channel"] == "chat"} - {None}
    ),
    "count_distinct(customer, date)": lambda rows: len(
        {(row["customer_id"], row["started_at"].date()) for row in rows if row["customer_id"] is not None}
    ),
    "count_distinct(customer, agent, handle_time * 1.5 where answered)": lambda rows: len(
        {
            (row["customer_id"], row["agent_id"], row["handle_time"])
            for row in rows
            if None not in (row["customer_id"], row["agent_id"], row["handle_time"]) and row["answered"]
        }
    ),
    "count_repeated(customer)": lambda rows: repeated(row["customer_id"] for row in rows),
    "count_repeated(date where answered)": lambda rows: repeated(
        row["started_at"].date() for row in rows if row["answered"]
    ),
    "count_repeated(customer, channel)": lambda rows: repeated(
        (row["customer_id"], row["channel"]) if row["customer_id"] else None for row in rows
    ),
    "count_repeated(customer where answered) / count_distinct(customer where answered)": lambda rows: ratio(
        repeated(row["customer_id"] for row in rows if row["answered"]),
        len({row["customer_id"] for row in rows if row["answered"]} - {None}),
    ),
    "sum(handle_time)": lambda rows: (
        ratio(sum(durations(rows, "handle_time")), 1000) if durations(rows, "handle_time") else None
    ),
    "avg(handle_time)": lambda rows: mean(durations(rows, "handle_time")),
    "avg(handle_time where answered)": lambda rows: mean(
        durations([row for row in rows if row["answered"]], "handle_time")
    ),
    "min(wait_time)": lambda rows: min(durations(rows, "wait_time"), default=None),
    "max(wait_time)": lambda rows: max(durations(rows, "wait_time"), default=None),
    "stddev(wait_time)": lambda rows: (
        float(numpy.std(durations(rows, "wait_time"), ddof=1)) / 1000
        if len(durations(rows, "wait_time")) > 1
        else None
    ),
    "share(answered)": lambda rows: share_of(rows, "answered"),
    "share(wait_time > 30s)": lambda rows: ratio(
        sum(value > 30_000 for value in durations(rows, "wait_time")), len(durations(rows, "wait_time"))
    ),
    "exact_p90(wait_time)": lambda rows: cont(90)(durations(rows, "wait_time")),
    "exact_p50(handle_time)": lambda rows: cont(50)(durations(rows, "handle_time")),
    "disc_p50(wait_time)": lambda rows: disc(50)(durations(rows, "wait_time")),
    "p90(wait_time)": lambda rows: disc(90)(durations(rows, "wait_time")),
    "median(handle_time where answered)": lambda rows: disc(50)(
        durations([row for row in rows if row["answered"]], "handle_time")
    ),
    "count(where answered) / count()": lambda rows: ratio(
        sum(row["answered"] is True for row in rows), len(rows)
    ),
    "sum(amount) / count_distinct(customer)": lambda rows: (
        ratio(sum(durations(rows, "amount")) / 100, len({row["customer_id"] for row in rows} - {None}))
        if durations(rows, "amount") or not rows
        else None
    ),
    "100 * (share(answered) - share(resolved))": lambda rows: difference(
        share_of(rows, "answered"), share_of(rows, "resolved")
    ),
    "max(handle_time + wait_time)": lambda rows: (
        ratio(
            max(
                (
                    row["handle_time"] + row["wait_time"]
                    for row in rows
                    if row["handle_time"] is not None and row["wait_time"] is not None
                ),
                default=0,
            ),
            1000,
        )
        or None
    ),
}
IN_SECONDS = {"min(wait_time)", "max(wait_time)"}


def tolerance(formula: str) -> float:
    return 0.01 if formula.startswith(("p90", "median")) else 1e-9


def check(formula: str, found: float | None, rows: Sequence[Row]) -> None:
    expected = ORACLES[formula](rows)
    if formula in IN_SECONDS and expected is not None:
        expected /= 1000
    if expected is None:
        assert found is None, formula
    else:
        assert found == pytest.approx(expected, rel=tolerance(formula), abs=1e-12), formula


@pytest_asyncio.fixture
async def rows(world: World) -> list[Row]:
    """Two weeks of interactions, of which WEEK holds the first; an empty Sunday; much that is missing."""
    random = Random(20260202)
    agents = [None, *(await world.name(models.agent, "ann", "bob", "cleo")).values()]
    customers = [None, *(await world.name(models.customer, *[f"c{at}" for at in range(25)])).values()]

    def maybe(value: Any, chance: float = 0.8) -> Any:
        return value if random.random() < chance else None

    made = [
        {
            "channel": random.choice(models.CHANNELS),
            "started_at": START.replace(hour=0)
            + timedelta(days=random.choice([0, 1, 2, 3, 4, 5, 7, 9]), seconds=random.randrange(86_400)),
            "agent_id": random.choice(agents),
            "customer_id": random.choice(customers),
            "handle_time": maybe(round(random.lognormvariate(12, 1.5))),
            "wait_time": maybe(random.choice([0, 1, random.randrange(120_000)])),
            "answered": maybe(random.random() < 0.7),
            "resolved": maybe(random.random() < 0.4),
            "amount": maybe(random.randrange(10**6), 0.3),
        }
        for _ in range(700)
    ]
    await world.interact(*made)
    return [row for row in world.interactions if WEEK.start <= row["started_at"] < WEEK.end]


def test_every_aggregate_has_an_oracle():
    bound = [compile_formula(formula, build_vocabulary(), {}).formula for formula in ORACLES]
    used = {one.function for formula in bound if formula for one in aggregates_of(formula.expression)}
    assert used == set(PARTS) - {"union_time", "agreement"}  # test_choices_and_pairs has theirs


async def test_totals(world: World, rows: list[Row]):
    answer = await world.ask(*ORACLES)
    for at, formula in enumerate(ORACLES):
        check(formula, answer.totals[at].value, rows)
        assert answer.columns[at].cell(0) == answer.totals[at]


async def test_by_two_dimensions(world: World, rows: list[Row]):
    answer = await world.ask(*ORACLES, dimensions=("agent", "channel"))
    ids = {world.names.get(("agent", row["agent_id"])): row["agent_id"] for row in rows}
    for row, (agent, channel) in enumerate(answer.members):
        group = [one for one in rows if (one["agent_id"], one["channel"]) == (ids[agent.key], channel.key)]
        assert group
        for at, formula in enumerate(ORACLES):
            check(formula, answer.columns[at].values[row], group)
    assert len(answer.members) == len({(row["agent_id"], row["channel"]) for row in rows})
    for at, formula in enumerate(ORACLES):
        check(formula, answer.totals[at].value, rows)


async def test_by_day_and_dimension_with_empty_cells(world: World, rows: list[Row]):
    answer = await world.ask(*ORACLES, grain=Grain.DAY, dimensions=("channel",))
    assert len(answer.members) == 7 * len(models.CHANNELS)
    assert answer.buckets is not None
    for row, (bucket, (channel,)) in enumerate(zip(answer.buckets, answer.members, strict=True)):
        group = [
            one for one in rows if one["channel"] == channel.key and one["started_at"].date() == bucket.date()
        ]
        for at, formula in enumerate(ORACLES):
            check(formula, answer.columns[at].values[row], group)
    for at, formula in enumerate(ORACLES):
        check(formula, answer.totals[at].value, rows)


async def test_filtered(world: World, rows: list[Row]):
    where = 'channel in ("chat", "call") and (answered or wait_time < 20s) and customer is not missing'
    kept = [
        row
        for row in rows
        if row["channel"] in ("chat", "call")
        and row["customer_id"] is not None
        and (row["answered"] or (row["wait_time"] is not None and row["wait_time"] < 20_000))
    ]
    answer = await world.ask(*ORACLES, where=where)
    for at, formula in enumerate(ORACLES):
        check(formula, answer.totals[at].value, kept)


async def test_however_it_is_split_the_total_is_the_same(world: World, rows: list[Row]):
    whole = await world.ask(*ORACLES)
    for split in (
        {"grain": Grain.HOUR},
        {"dimensions": ("customer",)},
        {"dimensions": ("weekday", "answered")},
        {"grain": Grain.WEEK, "dimensions": ("agent",), "limit": 1},
    ):
        assert (await world.ask(*ORACLES, **split)).totals == whole.totals


async def test_n_counts_the_rows_behind_a_value(world: World, rows: list[Row]):
    answer = await world.ask(*ORACLES)
    n = dict(zip(ORACLES, (cell.n for cell in answer.totals), strict=True))
    waits = len(durations(rows, "wait_time"))
    assert n["count()"] == len(rows)
    assert {
        n[name]
        for name in (
            "max(wait_time)",
            "stddev(wait_time)",
            "share(wait_time > 30s)",
            "exact_p90(wait_time)",
            "p90(wait_time)",
        )
    } == {waits}
    assert n["count_distinct(customer)"] == len([row for row in rows if row["customer_id"] is not None])
    assert n["count(where answered) / count()"] == len(rows)


async def test_sums_beyond_64_bits_and_products_do_not_overflow(world: World):
    huge = 2**62
    await world.interact(
        *[{"handle_time": huge, "amount": huge, "customer_messages": 2**31 - 1, "agent_messages": 2**31 - 1}]
        * 3
    )
    answer = await world.ask(
        "sum(handle_time)",
        "stddev(handle_time)",
        "sum(customer_messages + agent_messages)",
        "p50(handle_time)",
        "max(amount * 3)",
    )
    assert [cell.value for cell in answer.totals[:3]] == [3 * huge / 1000, 0.0, 6.0 * (2**31 - 1)]
    assert answer.totals[3].value == pytest.approx(huge / 1000, rel=0.01)
    assert answer.totals[4].value == 3 * huge / 100


async def test_negative_values_and_zero_in_a_histogram(world: World):
    await world.interact(*[{"amount": value} for value in (-500, -3, 0, 7, 40)])
    answer = await world.ask("p10(amount)", "p30(amount)", "p50(amount)", "p70(amount)", "p99(amount)")
    assert answer.totals[0].value == pytest.approx(-5.0, rel=0.01)
    assert [cell.value for cell in answer.totals[1:]] == [-0.03, 0.0, 0.07, 0.4]


async def test_shares_are_added_up_not_averaged(world: World):
    # two shops, 1 of 2 and 98 of 100: 99 of 102, not the mean of 50 % and 98 %
    shops = await world.name(models.queue, "small", "large")
    rows = [{"queue_id": shops["small"], "resolved": at < 1} for at in range(2)]
    rows += [{"queue_id": shops["large"], "resolved": at < 98} for at in range(100)]
    await world.interact(*rows)
    answer = await world.ask("share(resolved)", dimensions=("queue",))
    assert table(answer) == {"small": 0.5, "large": 0.98}
    assert (answer.totals[0].value, answer.totals[0].n) == (99 / 102, 102)
    assert (answer.totals[0].numerator, answer.totals[0].denominator) == (99.0, 102.0)
