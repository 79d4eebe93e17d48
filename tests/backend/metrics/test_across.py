"""`across`: the members of a dimension together, against a count in Python."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from backend.core.windows import Comparison, Grain
from backend.interactions import models
from backend.metrics.questions import Order
from tests.backend.metrics.builders import START, WEEK, World, table

DAYS = [(WEEK.start + timedelta(days=day)) for day in range(7)]


async def varied(world: World, seed: int = 1, count: int = 200) -> list[dict[str, Any]]:
    dice = Random(seed)
    issues = list((await world.name(models.issue_type, "bill", "net", "ship")).values())
    agents = list((await world.name(models.agent, "ann", "bob")).values())
    return await world.interact(
        *[
            {
                "started_at": WEEK.start + timedelta(minutes=dice.randrange(10_080)),
                "issue_type_id": dice.choice([*issues, None]),
                "agent_id": dice.choice(agents),
                "channel": dice.choice(["chat", "call"]),
                "answered": dice.random() < 0.5,
                "handle_time": dice.choice([None, 1000, 2000, 5000]),
                "queued_at": WEEK.start + timedelta(minutes=dice.randrange(10_080)),
            }
            for _ in range(count)
        ]
    )


def issue(world: World, row: dict[str, Any]) -> str | None:
    return world.names.get(("issue_type", row["issue_type_id"]))


@pytest.mark.parametrize(
    "whole, number",
    [
        ("count(across issue_type)", len),
        ("count_distinct(agent across issue_type)", lambda rows: len({row["agent_id"] for row in rows})),
        ("count(over 3d across issue_type)", None),
        ("count(while open across issue_type)", None),
    ],
)
async def test_a_share_of_all_issue_types(world: World, whole: str, number: Any):
    rows = await varied(world)
    answer = await world.ask(f"count() / {whole}", "count()", dimensions=("issue_type",))
    shares, counts = (table(answer, at) for at in (0, 1))
    total = number(rows) if number else (await world.total(whole.replace(" across issue_type", ""))).value
    assert total
    for key in (None, "bill", "net", "ship"):
        own = sum(issue(world, row) == key for row in rows)
        assert (counts[key], shares[key]) == (own, own / total)
    assert answer.totals[0].value == len(rows) / total
    if whole == "count(across issue_type)":
        assert answer.totals[0].value == sum(shares.values()) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("function", ["count", "count_distinct"])
async def test_other_dimensions_and_buckets_still_split(world: World, function: str):
    rows = await varied(world, seed=2)
    value = "source" if function == "count_distinct" else ""
    answer = await world.ask(
        f"count() / {function}({value} across issue_type)",
        f"count() / {function}({value} across issue_type, agent)",
        f"count() / {function}({value} across channel)",
        grain=Grain.DAY, dimensions=("agent", "issue_type"), comparison=Comparison.PREVIOUS_PERIOD,
    )  # fmt: skip
    assert answer.buckets is not None
    for at, (bucket, (agent, kind)) in enumerate(zip(answer.buckets, answer.members, strict=True)):
        day = [row for row in rows if bucket <= row["started_at"] < bucket + timedelta(days=1)]
        of_agent = [row for row in day if world.names["agent", row["agent_id"]] == agent.key]
        own = [row for row in of_agent if issue(world, row) == kind.key]
        for column, together in enumerate((of_agent, day, own)):
            below = min(len(together), 1) if function == "count_distinct" else len(together)
            assert answer.columns[column].values[at] == (len(own) / below if below else None)
    assert answer.previous_totals is not None
    assert answer.previous_totals[0].value is None


async def test_the_questions_filter_narrows_the_whole(world: World):
    rows = await varied(world, seed=3)
    where = 'channel = "chat" and issue_type != "net"'
    chats = [row for row in rows if row["channel"] == "chat" and issue(world, row) in ("bill", "ship")]
    shares = table(
        await world.ask("count() / count(across issue_type)", dimensions=("issue_type",), where=where)
    )
    assert shares == {
        key: sum(issue(world, row) == key for row in chats) / len(chats) for key in ("bill", "ship")
    }


async def test_a_formula_that_is_all_across(world: World):
    rows = await varied(world, seed=4)
    for formula, expected in (
        ("count(across issue_type)", len(rows)),
        ("share(answered across issue_type)", sum(row["answered"] for row in rows) / len(rows)),
        ("count_distinct(agent) across issue_type", 2),
        ("max(handle_time across issue_type, channel)", 5),
    ):
        answer = await world.ask(formula, dimensions=("issue_type",))
        assert table(answer) == dict.fromkeys((None, "bill", "net", "ship"), expected)
        assert answer.totals[0].value == expected
        ranked = await world.ask(
            formula, dimensions=("issue_type",), grain=Grain.DAY, order=Order("a"), limit=2
        )
        assert [member.key for (member,) in ranked.members[:2]] == ["bill", "net"]
        assert ranked.totals[0].value == expected


async def test_rows_that_only_the_whole_knows(world: World):
    """A product that nobody bought this month, but this year."""
    books, pens = (await world.name(models.product, "books", "pens")).values()
    await world.order(
        {"amount": 300, "product_id": books, "ordered_at": START},
        {"amount": 700, "product_id": pens, "ordered_at": START - timedelta(days=20)},
    )
    sold = "sum(order.amount over month to date) / sum(order.amount over year to date across product)"
    answer = await world.ask(sold, dimensions=("product",))
    assert table(answer) == {"books": 0.3, "pens": 0.0}
    assert answer.totals[0].value == 0.3


async def test_without_the_dimension_it_changes_nothing(world: World):
    await varied(world, seed=5)
    answer = await world.ask(
        "count(where answered) / count(across issue_type)", "count(where answered) / count()",
        dimensions=("agent", "weekday"), grain=Grain.DAY,
    )  # fmt: skip
    assert answer.columns[0].values == answer.columns[1].values
    assert answer.totals[0].value == answer.totals[1].value


async def test_calendar_fields_are_dimensions_too(world: World):
    rows = await varied(world, seed=6)
    shares = table(await world.ask("count() / count(across weekday)", dimensions=("weekday",)))
    assert shares == {
        f"{day:%A}": sum(row["started_at"].date() == day.date() for row in rows) / len(rows) for day in DAYS
    }
