"""Relations by example: ties, ends of spans, rows that are no others; and the instant of the answer."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert

from backend.interactions import models
from tests.backend.metrics.builders import WEEK, World, table
from tests.backend.metrics.history import DAY, HOUR


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


async def test_equal_numbers_are_one_value_however_they_were_written(world: World):
    async with world.tenant.write() as session:
        await session.execute(insert(models.attribute), [{"key": "weight", "type": "number"}])
    await world.interact(
        *({"attributes": {"weight": weight}, "priority": '1", "1'} for weight in (1000, 1000.0, 1500)),
        {"attributes": {"weight": 1000}, "priority": "1"},
        {"attributes": {}, "priority": "1"},
    )
    answer = await world.ask("count_distinct(weight, priority)", "count_repeated(weight, priority)")
    assert [(cell.value, cell.n) for cell in answer.totals] == [(3, 4), (1, 4)]


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
