"""Conditions that relate a row to others, against brute force over the same random rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert

from backend.core.windows import Grain
from backend.interactions import models
from backend.interactions.identity import fact_id
from backend.metrics.proofs import Drill, Side
from tests.backend.metrics.builders import WEEK, World, asked, table

Row = dict[str, Any]
Truth = bool | None
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Past:
    """Everything that happened, and how Python looks through it."""

    interactions: list[Row]
    orders: list[Row]
    surveys: list[Row]
    reviews: list[Row]
    views: list[Row]

    def interaction(self, row: Row) -> Row:
        """The interaction that a row is or belongs to; empty when there is none."""
        if "channel" in row:
            return row
        return next((one for one in self.interactions if one["id"] == row["interaction_id"]), {})

    def customer(self, row: Row) -> int | None:
        own: int | None = row.get("customer_id")
        if own is None and "interaction_id" in row:
            own = self.interaction(row).get("customer_id")
        return own

    def counted(self, rows: list[Row]) -> Iterator[Row]:
        for row in rows:
            linked = self.interaction(row) if "interaction_id" in row else {}
            if row.get("exclusion") is None and linked.get("exclusion") is None:
                yield row

    def near(
        self,
        row: Row,
        start: datetime | None,
        rows: list[Row],
        moment: str,
        span: timedelta,
        *,
        ahead: bool = True,
        meets: Callable[[Row], Truth] = lambda other: True,
    ) -> Truth:
        """Whether a row is followed (or preceded) by one of `rows`; None when nobody can tell."""
        customer = self.customer(row)
        if customer is None or start is None:
            return None
        same_kind = any(one is row for one in rows)
        for other in self.counted(rows):
            at = other[moment]
            if other is row or at is None or self.customer(other) != customer or not meets(other):
                continue
            if same_kind and at == start:
                close = (other["id"] > row["id"]) is ahead
            elif ahead:
                close = start <= at <= start + span
            else:
                close = start - span <= at < start
            if close:
                return True
        return False

    def linked(self, row: Row, rows: list[Row], moment: str, meets: Callable[[Row], Truth]) -> Truth:
        own = row["id"] if "channel" in row else row["interaction_id"]
        if own is None:
            return None
        found = (one for one in self.counted(rows) if one["interaction_id"] == own)
        return any(one[moment] is not None and bool(meets(one)) for one in found)


def above(value: int | None, least: int) -> Truth:
    return None if value is None else value > least


@pytest_asyncio.fixture(params=[1, 2])
async def past(world: World, request: pytest.FixtureRequest) -> Past:
    """Few customers, and hours that repeat, so that rows meet often and at one instant."""
    dice = Random(request.param)

    def some(value: Any, often: float = 0.8) -> Any:
        return value if dice.random() < often else None

    def moment() -> datetime:
        return WEEK.start + 3 * HOUR * dice.randrange(-8, 9 * 8)

    customers = list((await world.name(models.customer, *(f"c{at}" for at in range(12)))).values())
    issues = list((await world.name(models.issue_type, "late", "broken")).values())
    agents = list((await world.name(models.agent, "ann", "bob")).values())
    products = list((await world.name(models.product, "pro", "lite")).values())
    interactions = await world.interact(
        *[
            {
                "channel": dice.choice(["chat", "call"]),
                "started_at": some(started := moment(), 0.95),
                "resolved_at": some(started + HOUR * dice.randrange(30), 0.7),
                "customer_id": some(dice.choice(customers), 0.9),
                "issue_type_id": some(dice.choice(issues)),
                "agent_id": some(dice.choice(agents)),
                "product_id": some(dice.choice(products)),
                "handle_time": some(dice.randrange(100_000)),
                "exclusion": some("spam", 0.1),
            }
            for _ in range(220)
        ]
    )
    orders = await world.order(
        *[
            {
                "customer_id": some(dice.choice(customers), 0.9),
                "product_id": some(dice.choice(products)),
                "amount": dice.randrange(3000),
                "currency": dice.choice(["USD", "USD", "EUR"]),
                "ordered_at": (placed := moment()),
                "paid_at": some(placed + HOUR * dice.randrange(20), 0.7),
                "exclusion": some("test", 0.1),
            }
            for _ in range(120)
        ]
    )
    surveys = await world.survey(
        *[
            {
                "interaction_id": some(dice.choice(interactions)["id"], 0.9),
                "customer_id": some(dice.choice(customers), 0.3),
                "score": some(1000 * dice.randrange(1, 6)),
                "responded_at": some(moment()),
                "exclusion": some("staff", 0.1),
            }
            for _ in range(120)
        ]
    )

    def origin(kind: str, at: int) -> Row:
        return {"id": fact_id(kind, str(at)), "source": kind, "external_id": str(at)}

    reviews = [
        {
            **origin("qa", at),
            "interaction_id": some(dice.choice(interactions)["id"], 0.9),
            "score": some(dice.randrange(100_000)),
            "reviewed_at": moment(),
            "exclusion": some("calibration", 0.15),
        }
        for at in range(90)
    ]
    views = [
        {
            **origin("help", at),
            "interaction_id": some(dice.choice(interactions)["id"], 0.4),
            "customer_id": some(dice.choice(customers), 0.5),
            "article": dice.choice(["reset", "refund"]),
            "viewed_at": moment(),
        }
        for at in range(120)
    ]
    async with world.tenant.write() as session:
        await session.execute(insert(models.qa_review), reviews)
        await session.execute(insert(models.article_view), views)
    return Past(interactions, orders, surveys, reviews, views)


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
                    meets=lambda other, row=row: row["product_id"] is not None
                    and other["product_id"] == row["product_id"],
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


# by example


async def test_of_two_contacts_of_one_instant_one_follows_the_other(world: World):
    ids = await world.name(models.customer, "one")
    await world.interact({"customer_id": ids["one"]}, {"customer_id": ids["one"]})
    for name in ("followed_within", "preceded_within"):
        assert (await world.total(f"count(where {name}(1h, started))")).value == 1


async def test_beside_another_kind_an_equal_instant_follows(world: World):
    ids = await world.name(models.customer, "one")
    [contact] = await world.interact({"customer_id": ids["one"]})
    await world.order({"customer_id": ids["one"], "amount": 1, "ordered_at": contact["started_at"]})
    assert (await world.total("count(where followed_within(1s, order.ordered))")).value == 1
    assert (await world.total("count(where preceded_within(1s, order.ordered))")).value == 0
    assert (await world.total("count(where followed_within(1s, started) and order.paid)")).value == 1


async def test_a_row_never_meets_itself(world: World):
    ids = await world.name(models.customer, "one")
    [contact] = await world.interact({"customer_id": ids["one"]})
    await world.interact({"customer_id": None, "resolved_at": contact["started_at"] + HOUR})
    later = contact["started_at"] + HOUR
    await world.interact({"customer_id": ids["one"], "started_at": later, "resolved_at": later + HOUR})
    share = await world.total("share(followed_within(1d, resolved))")
    assert (share.numerator, share.denominator) == (1.0, 2.0)


async def test_the_span_ends_with_its_last_instant(world: World):
    ids = await world.name(models.customer, "one", "two")
    [one, two] = await world.interact({"customer_id": ids["one"]}, {"customer_id": ids["two"]})
    await world.order(
        {"customer_id": ids["one"], "amount": 1, "paid_at": one["started_at"] + 4 * DAY},
        {
            "customer_id": ids["two"],
            "amount": 1,
            "paid_at": two["started_at"] + 4 * DAY + timedelta(milliseconds=1),
        },
    )
    cell = await world.total("share(followed_within(4d, order.paid))")
    assert (cell.numerator, cell.denominator) == (1.0, 2.0)


async def test_another_tenants_rows_are_no_others(world: World, globex: Any):
    ids = await world.name(models.customer, "one")
    [contact] = await world.interact({"customer_id": ids["one"]})
    later = contact["started_at"] + HOUR
    beside = World(globex, world.evaluator, _numbers=count(10_000))
    await beside.interact({"customer_id": ids["one"], "started_at": later})
    await beside.order({"customer_id": ids["one"], "amount": 1, "paid_at": later})
    await beside.survey({"interaction_id": contact["id"], "responded_at": later})
    answer = await world.ask(
        "count(where followed_within(1d, started))",
        "count(where followed_within(1d, order.paid))",
        "count(where has(survey.responded))",
    )
    assert [cell.value for cell in answer.totals] == [0, 0, 0]


async def test_excluded_rows_are_no_others_even_among_excluded_ones(world: World):
    ids = await world.name(models.customer, "one")
    [first, _] = await world.interact(
        {"customer_id": ids["one"]},
        {"customer_id": ids["one"], "started_at": WEEK.start + 2 * DAY, "exclusion": "spam"},
    )
    await world.survey({"interaction_id": first["id"], "responded_at": WEEK.start, "exclusion": "staff"})
    answer = await world.ask(
        "count(where followed_within(7d, started)) including excluded",
        "count(where preceded_within(7d, started)) including excluded",
        "count(where has(survey.responded)) including excluded",
    )
    assert [cell.value for cell in answer.totals] == [0, 1, 0]


async def test_a_field_of_the_customer_and_an_attribute_may_be_alike(world: World):
    ids = await world.name(models.customer, "one", segment="vip")
    async with world.tenant.write() as session:
        await session.execute(insert(models.attribute), [{"key": "region", "type": "text"}])
    await world.interact(
        {"customer_id": ids["one"], "attributes": {"region": "north"}},
        {"customer_id": ids["one"], "attributes": {"region": "north"}},
        {"customer_id": ids["one"], "attributes": {"region": "south"}},
        {"customer_id": ids["one"]},
    )
    assert (await world.total("count(where followed_within(7d, started, region))")).value == 1
    assert (await world.total("count(where followed_within(7d, started, customer.segment))")).value == 3
    named = 'count(where followed_within(7d, started where customer = "one" and customer.segment = "vip"))'
    assert (await world.total(named)).value == 3


# now


async def test_now_is_the_instant_of_the_answer(world: World, clock: Any):
    await world.interact({"resolved_at": None}, {"resolved_at": WEEK.end})
    clock.now = WEEK.start + 3 * DAY
    open_for = (clock.now - world.interactions[0]["started_at"]).total_seconds()
    assert (await world.total("avg(now - started where resolved is missing)")).value == open_for
    assert (await world.total("count(where now - started > 1d)")).value == 2
    assert (await world.total("count(where resolved > now)")).value == 1
    assert (await world.total("count(where now)")).value == 2
    assert (await world.total("count(where now is missing)")).value == 0
    clock.advance(hours=5)
    assert (await world.total("max(now - started)")).value == open_for + 5 * 3600


async def test_matured_asks_whether_the_time_has_passed(world: World, clock: Any):
    clock.now = WEEK.start + 3 * DAY
    await world.interact(
        {"started_at": clock.now - DAY}, {"started_at": clock.now - DAY + timedelta(seconds=1)}
    )
    assert (await world.total("count(where matured(1d))")).value == 1
    assert table(await world.ask("count(where not matured(1d))"))[()] == 1
