"""`while`: the rows in a state at the end of each cell, against a count in Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median, stdev
from typing import Any

import pytest
from sqlalchemy import insert

from backend.core.windows import Comparison, Grain, Window, bucket_starts
from backend.interactions import models
from backend.interactions.identity import fact_id
from backend.metrics.questions import CellState, Order
from tests.backend.metrics.builders import START, WEEK, World, asked, local, minutes_after, seconds, table

Row = dict[str, Any]
BERLIN = "Europe/Berlin"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # of the clock that stands still


def first(row: Row, *moments: str) -> datetime | None:
    return next((row[f"{moment}_at"] for moment in moments if row[f"{moment}_at"] is not None), None)


def span(row: Row, state: str) -> tuple[datetime | None, datetime | None]:
    """From when to when a row is in a state, None where it is not known or not over; never where that is known
    to be over, but not since when.
    """
    if state == "open":
        begun, ended = row["started_at"], first(row, "resolved", "closed")
        over = row["resolved"] or row["abandoned"]
    elif state == "waiting":
        begun, ended = row["queued_at"], first(row, "accepted", "closed", "resolved")
        over = row["resolved"] or row["abandoned"] or row["answered"]
    else:
        begun, ended = row["accepted_at"], first(row, "closed", "resolved")
        over = row["resolved"] or row["abandoned"]
    return (None if ended is None and over else begun), ended


def in_state(rows: list[Row], state: str, at: datetime) -> list[Row]:
    found = []
    for row in rows:
        begun, ended = span(row, state)
        if row["exclusion"] is None and begun is not None and begun <= at and (ended is None or ended > at):
            found.append(row)
    return found


def ends_of(window: Window, grain: Grain | None) -> list[datetime]:
    starts = bucket_starts(window, grain) if grain else []
    return [*starts[1:], window.end]


async def messy(world: World, around: datetime, seed: int, count: int = 300) -> list[Row]:
    """Interactions of ten days around a moment whose moments are missing, late or the wrong way round."""
    dice = Random(seed)
    agents = list((await world.name(models.agent, "ann", "bob")).values())

    def some(value: Any, often: float) -> Any:
        return value if dice.random() < often else None

    rows = []
    for _ in range(count):
        started = around + timedelta(minutes=dice.randrange(-14_400, 14_400))

        def later(most: int, often: float, started: datetime = started) -> datetime | None:
            return some(started + timedelta(minutes=dice.randrange(-30, most)), often)

        rows.append(
            {
                "started_at": some(started, 0.97),
                "queued_at": later(60, 0.8),
                "accepted_at": later(2000, 0.6),
                "resolved_at": later(9000, 0.4),
                "closed_at": later(9000, 0.4),
                "answered": some(dice.random() < 0.3, 0.5),
                "resolved": some(dice.random() < 0.3, 0.5),
                "abandoned": some(dice.random() < 0.2, 0.5),
                "agent_id": some(dice.choice(agents), 0.8),
                "channel": dice.choice(["chat", "call", "email"]),
                "handle_time": some(dice.randrange(90_000), 0.7),
                "exclusion": some("spam", 0.1),
            }
        )
    return await world.interact(*rows)


def ages(rows: list[Row], state: str, at: datetime) -> list[float]:
    return [(at - begun).total_seconds() for row in rows if (begun := span(row, state)[0]) is not None]


def handled(rows: list[Row]) -> list[float]:
    return [row["handle_time"] / 1000 for row in rows if row["handle_time"] is not None]


def nearest_rank(values: list[float]) -> float | None:
    return sorted(values)[-(-len(values) * 9 // 10) - 1] if values else None


@pytest.mark.parametrize("state", ["open", "waiting", "handled"])
@pytest.mark.parametrize(
    "grain, around", [(Grain.HOUR, "2026-10-25"), (Grain.DAY, "2026-03-29"), (Grain.WEEK, "2026-03-29")]
)
async def test_each_cell_is_what_there_is_at_its_end(
    world: World, clock: Any, state: str, grain: Grain, around: str
):
    clock.now = datetime(2027, 1, 1, tzinfo=UTC)
    middle = local(around, BERLIN)
    rows = await messy(world, middle.astimezone(UTC), seed=len(state))
    length = timedelta(days=1) if grain is Grain.HOUR else timedelta(days=6, hours=5)
    window = Window(middle - length, middle + length, BERLIN)
    numbers: dict[str, Callable[[list[Row], datetime], float | None]] = {
        f"count(while {state})": lambda seen, at: len(seen),
        f"max(age while {state})": lambda seen, at: max(ages(seen, state, at), default=None),
        f"exact_p50(age while {state})": lambda seen, at: median(ages(seen, state, at)) if seen else None,
        f"count_distinct(agent while {state})": lambda seen, at: len(
            {row["agent_id"] for row in seen} - {None}
        ),
        f"count(where age > 12h while {state})": lambda seen, at: sum(
            age > 43_200 for age in ages(seen, state, at)
        ),
        f'share(channel = "chat" while {state})': lambda seen, at: (
            sum(row["channel"] == "chat" for row in seen) / len(seen) if seen else None
        ),
        f"sum(handle_time while {state})": lambda seen, at: sum(handled(seen)) if handled(seen) else None,
        f"min(handle_time while {state})": lambda seen, at: min(handled(seen), default=None),
        f"stddev(handle_time while {state})": lambda seen, at: (
            stdev(handled(seen)) if len(handled(seen)) > 1 else None
        ),
        f"disc_p90(handle_time while {state})": lambda seen, at: nearest_rank(handled(seen)),
        f"count(where answered while {state})": lambda seen, at: sum(row["answered"] is True for row in seen),
        f"count(where age >= 0s and answered) while {state}": lambda seen, at: sum(
            row["answered"] is True for row in seen
        ),
    }
    answer = await world.ask(*numbers, window=window, grain=grain)
    plain = await world.ask(*numbers, window=window)
    total = in_state(rows, state, window.end)
    rough = await world.ask(f"p90(handle_time while {state})", window=window, grain=grain)
    for end, value in zip(ends_of(window, grain), rough.columns[0].values, strict=True):
        assert value == pytest.approx(nearest_rank(handled(in_state(rows, state, end))), rel=0.011)
    for at, number in enumerate(numbers.values()):
        expected = [number(in_state(rows, state, end), end.astimezone(UTC)) for end in ends_of(window, grain)]
        assert answer.columns[at].values == [None if one is None else pytest.approx(one) for one in expected]
        last = number(total, window.end.astimezone(UTC))
        assert answer.totals[at].value == plain.totals[at].value == pytest.approx(last)
    assert total


async def test_a_snapshot_adds_up_over_members_and_not_over_time(world: World):
    rows = await messy(world, WEEK.start, seed=7)
    question: dict[str, Any] = {"dimensions": ("agent", "channel")}
    series = await world.ask("count(while open)", "p90(age while open)", grain=Grain.DAY, **question)
    total = len(in_state(rows, "open", WEEK.end))
    for row, (agent, channel) in enumerate(series.members):
        end = ends_of(WEEK, Grain.DAY)[row // len(set(series.members))]
        own = [one for one in in_state(rows, "open", end) if one["channel"] == channel.key]
        own = [one for one in own if world.names.get(("agent", one["agent_id"])) == agent.key]
        assert series.columns[0].values[row] == len(own)
        oldest = ages(own, "open", end)
        nearest = nearest_rank(oldest)
        assert series.columns[1].values[row] == (
            None if nearest is None else pytest.approx(nearest, rel=0.011)
        )
    members = table(await world.ask("count(while open)", **question))
    assert sum(value or 0 for value in members.values()) == series.totals[0].value == total > 20


async def test_what_is_over_is_not_in_a_state(world: World):
    half, later = minutes_after(30), minutes_after(120)
    await world.interact(
        {"queued_at": START},  # open and waiting
        {"queued_at": START, "accepted_at": half},  # open and handled
        {"queued_at": START, "accepted_at": half, "resolved_at": half},  # over
        {"queued_at": START, "accepted_at": half, "resolved_at": later},  # open still
        {"queued_at": START, "resolved": True},  # nobody knows since when
        {"queued_at": START, "abandoned": True},
        {"queued_at": START, "abandoned": True, "closed_at": later},  # known: since later
        {"queued_at": START, "answered": True},  # open, but not waiting
        {"queued_at": START, "resolved": False, "abandoned": False},
        {"started_at": None, "queued_at": None},
        {"exclusion": "spam", "queued_at": START},
        {"started_at": minutes_after(61), "queued_at": minutes_after(61)},
    )
    hour = Window(START - timedelta(hours=1), minutes_after(60), "UTC")
    answer = await world.ask(
        "count(while open)", "count(while waiting)", "count(while handled)",
        "count(while open including excluded)", window=hour,
    )  # fmt: skip
    assert [cell.value for cell in answer.totals] == [6, 3, 2, 7]


async def test_the_instant_itself_decides(world: World):
    """Begun by then, and not over by then."""
    await world.interact(
        {"started_at": START}, {"started_at": minutes_after(-5), "resolved_at": START},
        {"started_at": START + timedelta(microseconds=1)},
        {"started_at": minutes_after(-5), "resolved_at": START + timedelta(microseconds=1)},
        {"started_at": START, "resolved_at": START},
    )  # fmt: skip
    day = Window(START - timedelta(hours=3), START, "UTC")
    assert (await world.total("count(while open)", window=day)).value == 2
    series = await world.ask("count(while open)", "sum(age while open)", window=day, grain=Grain.HOUR)
    assert series.columns[0].values == [0, 0, 2]
    assert series.columns[1].values == [None, None, 300]


async def test_cells_to_come_have_no_data_and_the_present_one_is_now(world: World, clock: Any):
    clock.now = START + timedelta(hours=2)
    await world.interact(
        {"started_at": START}, {"started_at": minutes_after(150)},
        {"started_at": START, "resolved_at": minutes_after(130)},
    )  # fmt: skip
    for formula, expected in (
        ("count(while open)", [0, 2, None, None]),
        ("count_distinct(source while open)", [0, 1, None, None]),
        ("count(while open) / (count() + 1)", [0, 0.5, None, None]),
        ("max(age while open)", [None, 7200, None, None]),
    ):
        window = Window(START - timedelta(days=1, hours=9), START + timedelta(days=2, hours=15), "UTC")
        answer = await world.ask(formula, window=window, grain=Grain.DAY)
        assert answer.columns[0].values == expected
        assert answer.columns[0].states[2:] == [CellState.NO_DATA] * 2
        assert answer.columns[0].n[2:] == [0, 0]
        [whole] = (await world.ask(formula, window=window)).totals
        assert whole == answer.totals[0]
        if "count() " not in formula:
            assert whole.value == expected[1]
    ahead = Window(START + timedelta(days=1), START + timedelta(days=3), "UTC")
    for grain in (None, Grain.DAY):
        found = await world.ask("count(while open)", "avg(age while open)", window=ahead, grain=grain)
        assert [cell.value for cell in found.totals] == [None, None]
    # what is ahead of now comes after all that has a value
    ordered = await world.ask("count(while open)", window=window, grain=Grain.DAY, order=Order("a"))
    assert ordered.columns[0].values == [2, 0, None, None]


async def test_windows_are_compared_at_their_own_ends(world: World):
    rows = await messy(world, WEEK.start, seed=8)
    answer = await world.ask("count(while open)", grain=Grain.DAY, comparison=Comparison.PREVIOUS_PERIOD)
    assert answer.previous_window is not None
    assert answer.previous_columns is not None
    assert answer.previous_totals is not None
    ends = ends_of(answer.previous_window, Grain.DAY)
    assert answer.previous_columns[0].values == [len(in_state(rows, "open", end)) for end in ends]
    assert answer.previous_totals[0].value == len(in_state(rows, "open", WEEK.start))


async def test_the_calendar_is_that_of_the_beginning(world: World):
    begun = datetime(2026, 1, 30, 23, 30, tzinfo=UTC)
    await world.interact({"started_at": begun, "queued_at": begun + timedelta(hours=1)})
    for state, hour in (("open", "23"), ("waiting", "00")):
        found = await world.ask(f"count(while {state})", dimensions=("hour_of_day",), grain=Grain.DAY)
        assert {member.key for (member,) in found.members} == {hour}
        assert (await world.total(f'count(where weekday = "Saturday") while {state}')).value == (hour == "00")


async def test_agents_who_are_available(world: World):
    agents = await world.name(models.agent, "ann", "bob", "cy")
    rows = [
        ("ann", "available", 0, 60), ("ann", "away", 60, None), ("bob", "available", 30, None),
        ("bob", "available", 40, None), ("cy", "available", 90, 100),
    ]  # fmt: skip
    async with world.tenant.write() as session:
        for at, (agent, state, start, end) in enumerate(rows):
            values = {
                "id": fact_id("wfm", str(at)), "source": "wfm", "external_id": str(at),
                "agent_id": agents[agent], "state": state, "started_at": minutes_after(start),
                "ended_at": None if end is None else minutes_after(end),
            }  # fmt: skip
            await session.execute(insert(models.agent_activity).values(values))
    hours = Window(START, minutes_after(120), "UTC")
    answer = await world.ask(
        'count_distinct(agent where activity.state = "available" while ongoing)',
        "count(while ongoing)", "count_distinct(agent while ongoing)", "max(age while ongoing)",
        window=hours, grain=Grain.HOUR,
    )  # fmt: skip
    assert [column.values for column in answer.columns] == [[1, 1], [3, 3], [2, 2], [1800, 5400]]
    assert table(await world.ask("count(while ongoing)", window=hours, dimensions=("activity.state",))) == {
        "available": 2.0,
        "away": 1.0,
    }


async def test_a_filter_and_a_value_beside_the_state(world: World):
    rows = await messy(world, WEEK.start, seed=9)
    seen = [row for row in in_state(rows, "handled", WEEK.end) if row["channel"] != "email"]
    given = [row["handle_time"] for row in seen if row["handle_time"] is not None]
    found = await world.ask("sum(handle_time while handled)", where='channel != "email"', grain=Grain.DAY)
    assert found.totals[0].value == sum(given) / 1000
    assert found.totals[0].n == len(given)
    assert seconds(found.columns[0].values[-1] or 0) == sum(given)


async def test_a_plan_names_the_state(world: World):
    text = await world.explain(asked("count(while open)", grain=Grain.DAY))
    assert text.startswith(
        "parts of interaction at started, 2026-02-02T00:00:00+00:00 to 2026-02-09T00:00:00+00:00 (UTC), "
        "while open, at the end of each day\n  by day\n  count of rows\n"
    )
