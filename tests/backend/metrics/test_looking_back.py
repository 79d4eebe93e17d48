"""`over`: cells that look back from their end, against a count of the rows in Python."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median, stdev
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.core.windows import Comparison, Grain, Window, bucket_starts
from backend.interactions import models
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.questions import Order
from tests.backend.metrics.builders import WEEK, World, asked, local, table

BERLIN = "Europe/Berlin"
SPANS = ("90m", "1d", "28d", "37h", "week to date", "month to date", "quarter to date", "year to date")

Rows = list[dict[str, Any]]


def back_from(end: datetime, over: str, zone: str) -> datetime:
    """Where a cell that ends at `end` looks back to, said anew."""
    here = ZoneInfo(zone)
    if over[-1] in "mh":
        return end.astimezone(UTC) - timedelta(minutes=int(over[:-1]) * (60 if over[-1] == "h" else 1))
    wall = end.astimezone(here)
    if over.endswith("d"):
        day = wall.date() - timedelta(days=int(over[:-1]))
        return datetime.combine(day, wall.time(), here)
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).astimezone(here).date()
    first = {
        "week": last - timedelta(days=last.isoweekday() - 1),
        "month": last.replace(day=1),
        "quarter": last.replace(day=1, month={1: 1, 2: 4, 3: 7, 4: 10}[(last.month + 2) // 3]),
        "year": last.replace(day=1, month=1),
    }[over.split()[0]]
    return datetime(first.year, first.month, first.day, tzinfo=here)


def ends_of(window: Window, grain: Grain | None) -> list[datetime]:
    starts = bucket_starts(window, grain) if grain else []
    return [*starts[1:], window.end]


def seen(rows: Iterable[dict[str, Any]], end: datetime, over: str, zone: str) -> Rows:
    first, last = back_from(end, over, zone).astimezone(UTC), end.astimezone(UTC)
    return [row for row in rows if row["started_at"] and first <= row["started_at"] < last]


async def scattered(world: World, around: datetime, days: int, seed: int, count: int = 400) -> Rows:
    dice = Random(seed)
    agents = list((await world.name(models.agent, "ann", "bob", "cy")).values())
    return await world.interact(
        *[
            {
                "started_at": around + timedelta(minutes=dice.randrange(-days * 1440, days * 1440)),
                "handle_time": dice.choice([None, *range(1000, 90_000, 1000)]),
                "answered": dice.choice([True, False, None]),
                "agent_id": dice.choice(agents),
                "channel": dice.choice(["chat", "call"]),
            }
            for _ in range(count)
        ]
    )


FORMULAS = {
    "count(over {0})": len,
    "avg(handle_time over {0})": lambda rows: mean(handled(rows)),
    "max(handle_time over {0})": lambda rows: max(handled(rows), default=None),
    "stddev(handle_time over {0})": lambda rows: stdev(handled(rows)) if len(handled(rows)) > 1 else None,
    "exact_p50(handle_time over {0})": lambda rows: median(handled(rows)) if handled(rows) else None,
    "count_distinct(agent over {0})": lambda rows: len({row["agent_id"] for row in rows}),
    'count(where channel = "chat" over {0}) / count(over {0})': lambda rows: mean(
        [row["channel"] == "chat" for row in rows]
    ),
    "p90(handle_time over {0})": lambda rows: nearest_rank(handled(rows)),
}


def handled(rows: Rows) -> list[float]:
    return [row["handle_time"] / 1000 for row in rows if row["handle_time"] is not None]


def mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


def nearest_rank(values: list[float]) -> float | None:
    return sorted(values)[-(-len(values) * 9 // 10) - 1] if values else None


def check(found: float | None, expected: float | None, formula: str) -> None:
    if expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected, rel=0.011 if formula.startswith("p90") else 1e-9)


@pytest.mark.parametrize("over", SPANS)
@pytest.mark.parametrize("grain, changes", [(Grain.DAY, "2026-03-29"), (Grain.HOUR, "2026-10-25")])
async def test_each_cell_looks_back_from_its_end(world: World, over: str, grain: Grain, changes: str):
    around = local(changes, BERLIN)
    days = 4 if over in ("90m", "37h") else 40
    rows = await scattered(world, around.astimezone(UTC), days, seed=len(over))
    length = timedelta(days=2) if grain is Grain.HOUR else timedelta(days=12, hours=7)
    window = Window(around - length / 2, around + length / 2, BERLIN)
    ends = ends_of(window, grain)
    texts = [text.format(over) for text in FORMULAS]
    answer = await world.ask(*texts, window=window, grain=grain)
    for at, (text, number) in enumerate(FORMULAS.items()):
        for end, value in zip(ends, answer.columns[at].values, strict=True):
            check(value, number(seen(rows, end, over, BERLIN)), text)
        # a total is what there is at the window's end, with a grain or without
        check(answer.totals[at].value, number(seen(rows, window.end, over, BERLIN)), text)
    plain = await world.ask(*texts, window=window)
    assert [cell.value for cell in plain.totals] == [cell.value for cell in answer.totals]
    assert [cell.n for cell in plain.totals] == [cell.n for cell in answer.totals]


@pytest.mark.parametrize("grain", [None, Grain.DAY, Grain.WEEK, Grain.MONTH])
async def test_members_look_back_each_on_its_own(world: World, grain: Grain | None):
    rows = await scattered(world, WEEK.start, 60, seed=3)
    window = Window(WEEK.start - timedelta(days=20), WEEK.end, "UTC")
    formulas = list(FORMULAS)
    answer = await world.ask(
        *(text.format("9d") for text in formulas), window=window, grain=grain, dimensions=("agent", "channel")
    )
    assert len(answer.members) == len(ends_of(window, grain)) * 6
    for row, (agent, channel) in enumerate(answer.members):
        own = [
            one
            for one in rows
            if one["channel"] == channel.key and world.names["agent", one["agent_id"]] == agent.key
        ]
        end = ends_of(window, grain)[row // 6]
        for at, text in enumerate(formulas):
            check(answer.columns[at].values[row], FORMULAS[text](seen(own, end, "9d", "UTC")), text)
    for at, text in enumerate(formulas):
        check(answer.totals[at].value, FORMULAS[text](seen(rows, window.end, "9d", "UTC")), text)


async def test_the_clause_trails_one_aggregate_or_all(world: World):
    rows = await scattered(world, WEEK.start, 30, seed=4)
    both = await world.ask("count(where answered over 14d) / count(over 14d)", grain=Grain.DAY)
    trailing = await world.ask("count(where answered) / count() over 14d", grain=Grain.DAY)
    assert both.columns[0].values == trailing.columns[0].values
    own = await world.ask("count(over 2d) / count() over 14d", grain=Grain.DAY)
    for end, value in zip(ends_of(WEEK, Grain.DAY), own.columns[0].values, strict=True):
        assert value == len(seen(rows, end, "2d", "UTC")) / len(seen(rows, end, "14d", "UTC"))
    definition = next(one.formula for one in CATALOGUE if one.key == "abandonment_rate")
    referred = await world.ask("@abandonment_rate + 0 over 14d", f"{definition} over 14d", grain=Grain.DAY)
    assert referred.columns[0].values == referred.columns[1].values


async def test_what_is_compared_looks_back_from_its_own_ends(world: World):
    rows = await scattered(world, WEEK.start, 60, seed=5)
    for formula, number in (("count() over 14d", len), ("count_distinct(agent) over 2d", None)):
        answer = await world.ask(formula, grain=Grain.DAY, comparison=Comparison.PREVIOUS_PERIOD)
        assert answer.previous_columns is not None
        assert answer.previous_totals is not None
        assert answer.previous_window is not None
        before = await world.ask(formula, grain=Grain.DAY, window=answer.previous_window)
        assert answer.previous_columns[0].values == before.columns[0].values
        assert answer.previous_totals == before.totals
        if number is not None:
            ends = ends_of(answer.previous_window, Grain.DAY)
            assert before.columns[0].values == [number(seen(rows, end, "14d", "UTC")) for end in ends]


async def test_members_are_ranked_as_of_the_end(world: World):
    ann, bob = (await world.name(models.agent, "ann", "bob")).values()
    old, new = WEEK.start + timedelta(hours=1), WEEK.end - timedelta(hours=1)
    await world.interact(
        *[{"agent_id": ann, "started_at": old}] * 5, *[{"agent_id": bob, "started_at": new}] * 2
    )
    for formula in ("count() over 2d", "count_distinct(source) over 2d"):
        answer = await world.ask(formula, grain=Grain.DAY, dimensions=("agent",), order=Order("a"), limit=1)
        assert {member.key for (member,) in answer.members} == {"bob"}
    found = table(await world.ask("count() over 2d", grain=Grain.DAY, dimensions=("agent",)))
    days = [(WEEK.start + timedelta(days=day)).isoformat() for day in range(7)]
    assert [found[day, "ann"] for day in days] == [5, 5, 0, 0, 0, 0, 0]


async def test_only_looked_at_members_are_rows(world: World):
    ann, bob = (await world.name(models.agent, "ann", "bob")).values()
    await world.interact(
        {"agent_id": ann, "started_at": WEEK.start + timedelta(hours=1)},  # in no day's last hour
        {"agent_id": bob, "started_at": WEEK.start + timedelta(hours=23, minutes=30)},
    )
    answer = await world.ask("count() over 1h", grain=Grain.DAY, dimensions=("agent",))
    assert {member.key for (member,) in answer.members} == {"bob"}
    assert answer.columns[0].values == [1, 0, 0, 0, 0, 0, 0]
    assert answer.totals[0].value == 0


async def test_a_plan_says_how_far_back(world: World):
    question = asked("count(over 28d)", "count_distinct(agent over 28d)", grain=Grain.DAY)
    text = await world.explain(question)
    assert "over 28d, at the end of each day" in text
    assert text.count("generate_series") == 1  # what merges is merged from segments
