"""KPIs over turns, cycles and problems, against the rows that a walk through the events gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import pytest

from backend.core.windows import Grain
from backend.interactions.identity import fact_id
from backend.interactions.models import agent, interaction
from backend.metrics.proofs import CellPlace, Drill, Side
from backend.metrics.questions import Restriction
from tests.backend.ingestion.importing import bring_in, rows_of
from tests.backend.interactions.streams import AGENTS, Record, random_event, random_interaction, walk
from tests.backend.metrics.builders import WEEK, World, asked, table

MESSY = 14  # interactions; those past EVENTFUL have no events
EVENTFUL = 9


@dataclass
class Rows:
    """Turns and cycles, each with what its interaction says; those of excluded ones left out."""

    turns: list[Record]
    cycles: list[Record]


async def a_talkative_week(world: World, seed: int) -> Rows:
    draw = random.Random(seed)
    await bring_in(world.tenant, "agent", *[{"external_id": name} for name in AGENTS])
    names = [f"i{number}" for number in range(MESSY)]
    records = [
        random_interaction(draw, name)
        | {"agent": draw.choice((*AGENTS, None)), "customer": draw.choice(("c1", "c2", "c3", None))}
        for name in names
    ]
    events = [random_event(draw, number, names[:EVENTFUL]) for number in range(500)]
    await bring_in(world.tenant, "interaction", *records)
    await bring_in(world.tenant, "event", *events)
    by_name = {record["external_id"]: record for record in records}
    rows = Rows([], [])
    for known in await rows_of(world.tenant, interaction):
        record = by_name[known.external_id]
        if record["exclusion"] is not None:
            continue
        told = walk(dict(known._mapping), [one for one in events if one["interaction_id"] == known.id])
        of_it = {
            "channel": record["channel"],
            "customer": record["customer"],
            "resolved_of": known.resolved_at,
        }
        for kept, found in ((rows.turns, told.turns), (rows.cycles, told.cycles)):
            kept += [row | of_it | {"agent": row["agent"] or record["agent"]} for row in found]
    return rows


def mean(rows: list[Record], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return float(Fraction(sum(values), len(values) * 1000)) if values else None


def share(rows: list[Record], holds: Callable[[Record], bool | None]) -> float | None:
    known = [yes for row in rows if (yes := holds(row)) is not None]
    return sum(known) / len(known) if known else None


def in_week(moment: datetime | None) -> bool:
    return moment is not None and WEEK.start <= moment < WEEK.end


# formula, rows of which kind, the moment that places them, the answer by hand
CASES: list[tuple[str, str, str, Callable[[list[Record]], float | None]]] = [
    ("avg(turn.wait) at replied", "turns", "replied_at", lambda rows: mean(rows, "wait")),
    (
        "avg(turn.wait where turn.position > 1)", "turns", "started_at",
        lambda rows: mean([row for row in rows if row["position"] > 1], "wait"),
    ),
    (
        "share(turn.wait <= 30m where turn.replied is not missing or turn.messages > 1)", "turns", "started_at",
        lambda rows: share(
            [row for row in rows if row["replied_at"] or row["messages"] > 1],
            lambda row: None if row["wait"] is None else row["wait"] <= 30 * 60_000,
        ),
    ),
    (
        "count(where turn.replied is missing)", "turns", "started_at",
        lambda rows: len([row for row in rows if row["replied_at"] is None]),
    ),
    (
        "count_distinct(customer where turn.replied)", "turns", "started_at",
        lambda rows: len({row["customer"] for row in rows if row["replied_at"]} - {None}),
    ),
    ("sum(turn.messages)", "turns", "started_at", lambda rows: sum(row["messages"] for row in rows) if rows else None),
    ("avg(cycle.first_response_time)", "cycles", "opened_at", lambda rows: mean(rows, "first_response_time")),
    ("avg(cycle.duration) at solved", "cycles", "solved_at", lambda rows: mean(rows, "duration")),
    (
        "share(cycle.solved)", "cycles", "opened_at",
        lambda rows: share(rows, lambda row: row["solved_at"] is not None),
    ),
    (
        "count(where cycle.position > 1)", "cycles", "opened_at",
        lambda rows: len([row for row in rows if row["position"] > 1]),
    ),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_numbers_over_turns_and_cycles_are_those_counted_by_hand(world: World, seed: int):
    week = await a_talkative_week(world, seed)
    assert len(week.turns) > 15
    assert len([row for row in week.cycles if row["position"] > 1]) > 5
    for formula, kind, moment, counted in CASES:
        rows = [row for row in getattr(week, kind) if in_week(row[moment])]
        assert (await world.total(formula)).value == pytest.approx(counted(rows)), formula
        for dimension in ("agent", "channel", "customer"):
            groups: dict[str | None, list[Record]] = defaultdict(list)
            for row in rows:
                groups[row[dimension]].append(row)
            expected = {key: counted(group) for key, group in groups.items()}
            answer = table(await world.ask(formula, dimensions=(dimension,)))
            assert answer == pytest.approx(expected), (formula, dimension)
        days: dict[str, list[Record]] = defaultdict(list)
        for row in rows:
            days[row[moment].date().isoformat()].append(row)
        answer = table(await world.ask(formula, grain=Grain.DAY))
        by_day = {day[:10]: value for day, value in answer.items()}
        assert by_day == pytest.approx({day: counted(days.get(day, [])) for day in by_day}), formula
        chats = [row for row in rows if row["channel"] == "chat"]
        found = await world.total(formula, where='channel = "chat"')
        assert found.value == pytest.approx(counted(chats)), formula


async def test_their_interactions_moments_place_them_too(world: World):
    week = await a_talkative_week(world, seed=7)
    resolved = [row for row in week.turns if row["resolved_of"] is not None]
    found = await world.ask(
        "avg(turn.wait) at resolved", where="resolved - started >= 0s or resolved", grain=Grain.DAY
    )
    by_day = {day[:10]: value for day, value in table(found).items()}
    for day, value in by_day.items():
        rows = [row for row in resolved if row["resolved_of"].date().isoformat() == day]
        assert value == pytest.approx(mean(rows, "wait")), day


async def test_what_is_looked_up_of_their_customers_is_theirs_too(world: World):
    week = await a_talkative_week(world, seed=9)
    answers = [
        {
            "external_id": f"s-{name}",
            "kind": "csat",
            "score": score,
            "scale_min": 1000,
            "scale_max": 5000,
            "customer": name,
            "responded_at": WEEK.start,
        }
        for name, score in (("c1", 5000), ("c2", 1000))
    ]
    await bring_in(world.tenant, "survey", *answers)
    bands = {"c1": "satisfied", "c2": "dissatisfied"}
    for formula, rows, moment in (
        ("count(where turn.messages > 0)", week.turns, "started_at"),
        ("count(where cycle.position > 0)", week.cycles, "opened_at"),
    ):
        expected: dict[str | None, int] = defaultdict(int)
        for row in rows:
            if in_week(row[moment]):
                expected[bands.get(row["customer"])] += 1
        assert {"satisfied", "dissatisfied"} <= expected.keys()
        assert table(await world.ask(formula, dimensions=("customer.first_csat",))) == expected, formula


async def test_positions_are_dimensions(world: World):
    week = await a_talkative_week(world, seed=8)
    for field, kind, moment in (
        ("turn.position", week.turns, "started_at"),
        ("cycle.position", week.cycles, "opened_at"),
    ):
        expected: dict[str, int] = defaultdict(int)
        for row in kind:
            if in_week(row[moment]):
                expected[str(row["position"])] += 1
        answer = await world.ask(f"count(where {field} > 0)", dimensions=(field,))
        assert table(answer) == expected


@pytest.mark.parametrize(
    "formula", ["avg(turn.wait)", "share(cycle.first_response_time < 2h)", "avg(cycle.duration)"]
)
async def test_numbers_over_them_can_be_opened(world: World, formula: str):
    await a_talkative_week(world, seed=9)
    question = asked(formula, dimensions=("agent",))
    answer = await world.ask(formula, dimensions=("agent",))
    for at, (member,) in enumerate(answer.members):
        place = CellPlace(None, (("agent", member.key),))
        [proof] = await world.evaluator.prove(question, place)
        [one] = proof.aggregates
        cell = answer.columns[0].cell(at)
        assert one.counted == cell.n
        assert one.population == one.counted + sum(left.rows for left in one.exclusions)
        rows = await world.evaluator.drill(question, Drill(place), limit=500)
        assert len(rows) == cell.n
        if cell.n:
            assert sum(row.value or 0 for row in rows) / cell.n == pytest.approx(cell.value)
        for row in rows:
            assert row.fact in ("turn", "cycle")
            assert row.id == fact_id(row.source, row.external_id)
            assert row.interaction_id is not None
            assert f"{row.fact}.position" in row.fields
    rows = [row async for row in world.evaluator.export(asked(formula), Drill(side=Side.NUMERATOR))]
    assert rows
    assert {"channel", "problem", "customer"} <= set(rows[0].fields)


async def test_an_agent_sees_the_turns_they_answered(world: World):
    week = await a_talkative_week(world, seed=10)
    [ann] = [row.id for row in await rows_of(world.tenant, agent) if row.external_id == "ann"]
    question = asked("count(where turn.replied)")
    [answer] = await world.ask_all(question, restriction=Restriction(agent_id=ann))
    own = [
        row
        for row in week.turns
        if row["agent"] == "ann" and row["replied_at"] and in_week(row["started_at"])
    ]
    assert answer.totals[0].value == len(own) > 0  # type: ignore[union-attr]


async def test_interactions_of_one_problem_count_once(world: World):
    first, *_ = await world.interact(
        {"problem_id": "p1"}, {"problem_id": "p1"}, {}, {}, {"exclusion": "spam"}
    )
    await world.survey({"interaction_id": first["id"], "score": 5000, "responded_at": WEEK.start})
    assert (await world.total("count_distinct(problem)")).value == 3
    assert (await world.total("count_distinct(problem_id)")).value == 1
    assert (await world.total('count(where problem = "p1")')).value == 2
    assert (await world.total("count_distinct(problem where survey.score >= 4)")).value == 1
    assert (await world.total("count(where problem is missing)")).value == 0
    refused = (await world.ask_all(asked("count()", dimensions=("problem",))))[0]
    assert getattr(refused, "code", None) == "DIMENSION_NOT_GROUPABLE", refused
