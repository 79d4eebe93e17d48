"""Conditions that relate a row to others, against brute force over the same random rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from backend.core.windows import Grain
from backend.metrics.proofs import Drill, Side
from tests.backend.metrics.builders import WEEK, World, asked
from tests.backend.metrics.history import DAY, HOUR, Past, Row, Truth, a_past


@pytest_asyncio.fixture(params=[1, 2])
async def past(world: World, request: pytest.FixtureRequest) -> Past:
    """A past of many ties."""
    return await a_past(world, request.param)


def of_product(product: int | None) -> Callable[[Row], Truth]:
    return lambda other: product is not None and other["product_id"] == product


def above(value: int | None, least: int) -> Truth:
    return None if value is None else value > least


def in_week(moment: datetime | None) -> bool:
    return moment is not None and WEEK.start <= moment < WEEK.end


# condition -> the same by hand, of an interaction placed by its start
ON_INTERACTIONS: dict[str, Callable[[Past, Row], Truth]] = {
    "contacted_again_within(2d)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "started_at", 2 * DAY
    ),
    "followed_within(2d, started)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "started_at", 2 * DAY
    ),
    "preceded_within(2d, started)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "started_at", 2 * DAY, ahead=False
    ),
    "followed_within(1s, started)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "started_at", timedelta(seconds=1)
    ),
    "followed_within(12h, resolved)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "resolved_at", 12 * HOUR
    ),
    "preceded_within(7d, started, issue_type)": lambda past, row: past.near(
        row, row["started_at"], past.interactions, "started_at", 7 * DAY, ahead=False,
        meets=lambda other: row["issue_type_id"] is not None and other["issue_type_id"] == row["issue_type_id"],
    ),
    'preceded_within(7d, started, channel, issue_type where channel = "chat" and handle_time > 20s)': (
        lambda past, row: past.near(
            row, row["started_at"], past.interactions, "started_at", 7 * DAY, ahead=False,
            meets=lambda other: row["issue_type_id"] is not None
            and other["issue_type_id"] == row["issue_type_id"]
            and row["channel"] == other["channel"] == "chat"
            and above(other["handle_time"], 20_000),
        )
    ),
    "followed_within(1d, order.paid)": lambda past, row: past.near(
        row, row["started_at"], past.orders, "paid_at", DAY
    ),
    "preceded_within(1d, order.ordered)": lambda past, row: past.near(
        row, row["started_at"], past.orders, "ordered_at", DAY, ahead=False
    ),
    "followed_within(4d, order.paid, product where order.amount >= 10)": lambda past, row: past.near(
        row, row["started_at"], past.orders, "paid_at", 4 * DAY,
        meets=lambda other: other["currency"] == "USD"
        and other["amount"] >= 1000
        and row["product_id"] is not None
        and other["product_id"] == row["product_id"],
    ),
    "followed_within(2d, survey.responded where survey.score <= 3)": lambda past, row: past.near(
        row, row["started_at"], past.surveys, "responded_at", 2 * DAY,
        meets=lambda other: other["score"] is not None and other["score"] <= 3000,
    ),
    "preceded_within(1d, article.viewed)": lambda past, row: past.near(
        row, row["started_at"], past.views, "viewed_at", DAY, ahead=False
    ),
    'followed_within(1d, article.viewed where article.article = "reset" and hour_of_day >= 12)': (
        lambda past, row: past.near(
            row, row["started_at"], past.views, "viewed_at", DAY,
            meets=lambda other: other["article"] == "reset" and other["viewed_at"].hour >= 12,
        )
    ),
    'followed_within(3d, review.reviewed where channel = "call" and product = "pro")': (
        lambda past, row: past.near(
            row, row["started_at"], past.reviews, "reviewed_at", 3 * DAY,
            meets=lambda other: past.interaction(other).get("channel") == "call"
            and past.interaction(other).get("product_id") == min(
                one["product_id"] for one in past.interactions if one["product_id"]
            ),
        )
    ),
    "has(survey.responded)": lambda past, row: past.linked(row, past.surveys, "responded_at", lambda _: True),
    "has(review.reviewed where review.score < 60)": lambda past, row: past.linked(
        row, past.reviews, "reviewed_at", lambda one: one["score"] is not None and one["score"] < 60_000
    ),
    'has(article.viewed where article.article = "reset")': lambda past, row: past.linked(
        row, past.views, "viewed_at", lambda one: one["article"] == "reset"
    ),
}  # fmt: skip


async def test_on_interactions(world: World, past: Past):
    rows = [row for row in past.counted(past.interactions) if in_week(row["started_at"])]
    for condition, by_hand in ON_INTERACTIONS.items():
        truths = [by_hand(past, row) for row in rows]
        cell = await world.total(f"share({condition})")
        assert (cell.numerator, cell.denominator) == (
            truths.count(True),
            len(truths) - truths.count(None),
        ), condition
        assert truths.count(True), condition
        unmet = await world.total(f"count(where not {condition})")
        assert unmet.value == truths.count(False), condition


async def test_without_a_window_rows_without_the_moment_know_nothing(world: World, past: Past):
    for condition in ("preceded_within(2d, started)", "contacted_again_within(2d)", "has(survey.responded)"):
        truths = [ON_INTERACTIONS[condition](past, row) for row in past.counted(past.interactions)]
        cell = await world.total(f"share({condition})", window=None)
        assert (cell.numerator, cell.denominator) == (truths.count(True), len(truths) - truths.count(None))


async def test_the_anchor_is_where_a_row_is_measured_from(world: World, past: Past):
    def anchor(row: Row) -> datetime | None:
        resolved: datetime | None = row["resolved_at"] or row["started_at"]
        return resolved

    rows = [row for row in past.counted(past.interactions) if in_week(anchor(row))]
    for condition, moment, ahead in (
        ("followed_within(1d, started)", "started_at", True),
        ("preceded_within(1d, started)", "started_at", False),
        ("followed_within(1d, resolved)", "resolved_at", True),
    ):
        truths = [past.near(row, anchor(row), past.interactions, moment, DAY, ahead=ahead) for row in rows]
        cell = await world.total(f"share({condition}) at resolved")
        assert (cell.numerator, cell.denominator) == (truths.count(True), len(truths) - truths.count(None))
    again = [past.near(row, row["started_at"], past.interactions, "started_at", DAY) for row in rows]
    cell = await world.total("share(contacted_again_within(1d)) at resolved")
    assert (cell.numerator, cell.denominator) == (again.count(True), len(again) - again.count(None))


async def test_on_surveys_and_orders(world: World, past: Past):
    def placed(row: Row) -> datetime | None:
        found: datetime | None = row["responded_at"] or past.interaction(row).get("started_at")
        return found

    surveys = [row for row in past.counted(past.surveys) if in_week(placed(row))]
    orders = [row for row in past.counted(past.orders) if in_week(row["ordered_at"])]
    cases: list[tuple[str, list[Truth]]] = [
        (
            "share(followed_within(2d, started) where survey.kind is not missing)",
            [past.near(row, placed(row), past.interactions, "started_at", 2 * DAY) for row in surveys],
        ),
        (
            "share(preceded_within(2d, survey.responded) where survey.kind is not missing)",
            [
                past.near(row, placed(row), past.surveys, "responded_at", 2 * DAY, ahead=False)
                for row in surveys
            ],
        ),
        (
            "share(has(review.reviewed) where survey.kind is not missing)",
            [past.linked(row, past.reviews, "reviewed_at", lambda _: True) for row in surveys],
        ),
        (
            "share(followed_within(3d, order.ordered, product) where order.amount >= 0 or true)",
            [
                past.near(
                    row, row["ordered_at"], past.orders, "ordered_at", 3 * DAY,
                    meets=of_product(row["product_id"]),
                )
                for row in orders
            ],
        ),
        (
            'share(preceded_within(1d, started where channel = "chat") where order.amount >= 0 or true)',
            [
                past.near(
                    row, row["ordered_at"], past.interactions, "started_at", DAY, ahead=False,
                    meets=lambda other: other["channel"] == "chat",
                )
                for row in orders
            ],
        ),
    ]  # fmt: skip
    for formula, truths in cases:
        cell = await world.total(formula)
        assert (cell.numerator, cell.denominator) == (
            truths.count(True),
            len(truths) - truths.count(None),
        ), formula
        assert 0 < truths.count(True) < len(truths), formula


async def test_several_relations_in_one_formula_and_as_a_filter(world: World, past: Past):
    rows = [row for row in past.counted(past.interactions) if in_week(row["started_at"])]
    paid, before = (
        ON_INTERACTIONS[one] for one in ("followed_within(1d, order.paid)", "preceded_within(2d, started)")
    )
    both = [row for row in rows if paid(past, row) and before(past, row) is False]
    formula = "count(where followed_within(1d, order.paid) and not preceded_within(2d, started))"
    assert (await world.total(formula)).value == len(both) > 0
    filtered = await world.total(
        "count(where not preceded_within(2d, started))", where="followed_within(1d, order.paid)"
    )
    assert filtered.value == len(both)


async def test_a_split_and_its_total_agree(world: World, past: Past):
    formula = "share(preceded_within(7d, started, issue_type))"
    by_hand = ON_INTERACTIONS["preceded_within(7d, started, issue_type)"]
    answer = await world.ask(formula, grain=Grain.DAY, dimensions=("agent",))
    assert answer.buckets is not None
    agents = {world.names.get(("agent", row["agent_id"])): row["agent_id"] for row in past.interactions}
    for at, (bucket, (agent,)) in enumerate(zip(answer.buckets, answer.members, strict=True)):
        cell = answer.columns[0].cell(at)
        truths = [
            by_hand(past, row)
            for row in past.counted(past.interactions)
            if row["started_at"] is not None
            and row["started_at"].date() == bucket.date()
            and row["agent_id"] == agents[agent.key]
        ]
        assert (cell.numerator or 0, cell.n) == (truths.count(True), len(truths) - truths.count(None))
    assert answer.totals == (await world.ask(formula)).totals


EVIDENCE = [
    "share(followed_within(4d, order.paid, product where order.amount >= 10))",
    "share(preceded_within(7d, started, issue_type) where agent is not missing)",
    "count(where has(review.reviewed where review.score < 60))",
    "avg(handle_time where not contacted_again_within(2d))",
    "count_distinct(customer, channel where preceded_within(7d, started))",
    "count_repeated(customer, issue_type)",
    "share(not contacted_again_within(2d) where matured(2d))",
]


@pytest.mark.parametrize("formula", EVIDENCE)
async def test_proof_and_rows_make_the_number_again(world: World, past: Past, formula: str):
    question = asked(formula)
    cell = await world.total(formula)
    [found] = await world.evaluator.prove(question)
    [single] = found.aggregates
    assert found.cell == cell
    assert single.population == single.counted + sum(one.rows for one in single.exclusions)
    assert single.population == sum(in_week(row["started_at"]) for row in past.interactions)
    assert single.counted == cell.n > 0
    bottom = await world.evaluator.drill(question, Drill(), limit=1000)
    top = await world.evaluator.drill(question, Drill(side=Side.NUMERATOR), limit=1000)
    assert len(bottom) == cell.n
    by_id = {row["id"]: row for row in past.interactions}
    values: list[Any] = [by_id[row.id] for row in bottom]
    if formula.startswith("share"):
        assert (len(top), len(bottom)) == (cell.numerator, cell.denominator)
    elif formula.startswith("avg"):
        assert sum(row["handle_time"] for row in values) / len(values) / 1000 == pytest.approx(cell.value)
    elif formula.startswith("count_distinct"):
        assert len({(row["customer_id"], row["channel"]) for row in values}) == cell.value
    elif formula.startswith("count_repeated"):
        pairs = [(row["customer_id"], row["issue_type_id"]) for row in values]
        assert sum(pairs.count(pair) > 1 for pair in set(pairs)) == cell.value
    else:
        assert len(bottom) == cell.value
