"""What conditions and fields mean on a row: missing values, moments, names, attributes, later contacts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from backend.core.errors import Invalid
from backend.interactions import models
from tests.backend.metrics.builders import START, WEEK, World, minutes_after, table


async def counted(world: World, condition: str) -> float | None:
    return (await world.total(f"count(where {condition})")).value


async def test_what_is_unknown_meets_no_condition_and_no_opposite(world: World):
    await world.interact({"resolved": True}, {"resolved": False}, {"resolved": None})
    assert await counted(world, "resolved") == 1
    assert await counted(world, "not resolved") == 1
    assert await counted(world, "resolved or not resolved") == 2
    share = await world.total("share(resolved)")
    assert (share.value, share.n) == (0.5, 2)


async def test_missing_can_be_asked_for(world: World):
    await world.interact({"handle_time": 0}, {"handle_time": None}, {"priority": "high"})
    assert await counted(world, "handle_time is missing") == 2
    assert await counted(world, "handle_time is not missing") == 1
    assert await counted(world, "agent is missing and priority is not missing") == 1


async def test_a_list_with_an_unknown_value_decides_nothing(world: World):
    await world.interact({"priority": "high"}, {"priority": "low"}, {"priority": None})
    assert await counted(world, 'priority in ("high", "urgent")') == 1
    assert await counted(world, 'priority not in ("high", "urgent")') == 1
    assert await counted(world, 'priority != "high"') == 1


async def test_contains_ignores_case_and_takes_no_wildcards(world: World):
    await world.interact(
        {"product_version": "Pro 100%"},
        {"product_version": "pro 1000"},
        {"product_version": "a_b"},
        {"product_version": "aXb"},
        {"product_version": None},
    )
    assert await counted(world, 'product_version contains "PRO"') == 2
    assert await counted(world, 'product_version contains "100%"') == 1
    assert await counted(world, 'product_version contains "a_b"') == 1
    assert await counted(world, 'not product_version contains "pro"') == 2


async def test_values_are_bound_never_spelt(world: World):
    evil = "'; DROP TABLE interaction; --"
    await world.interact({"priority": evil}, {"priority": "\\"})
    assert await counted(world, f'priority = "{evil}"') == 1
    assert (await world.ask("count()", dimensions=("priority",))).total_rows == 2


async def test_named_things_are_compared_by_external_id(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    await world.interact({"agent_id": agents["ann"]}, {"agent_id": agents["bob"]}, {"agent_id": None})
    assert await counted(world, 'agent = "ann"') == 1
    assert await counted(world, 'agent != "nobody"') == 2
    assert await counted(world, 'agent in ("ann", "bob")') == 2
    assert (await world.total("count()", where='agent = "bob"')).value == 1


async def test_the_customers_segment_of_today_is_not_the_one_of_then(world: World):
    vip = await world.name(models.customer, "one", segment="vip")
    new = await world.name(models.customer, "two", segment="new")
    then_new, then_vip, _ = await world.interact(
        {"customer_id": vip["one"], "segment": "new"},
        {"customer_id": new["two"], "segment": "vip"},
        {"customer_id": None, "segment": "vip"},
    )
    await world.survey(
        {"interaction_id": then_new["id"], "score": 5000},
        {"interaction_id": then_vip["id"], "score": 1000, "customer_id": vip["one"]},  # goes first
    )
    await world.order({"customer_id": vip["one"], "amount": 500}, {"customer_id": None, "amount": 900})
    assert await counted(world, 'customer.segment = "vip" and segment = "new"') == 1
    assert await counted(world, 'customer.segment = "vip" and customer = "one"') == 1
    assert await counted(world, "customer.segment is missing") == 1
    assert (await world.total("count()", where='customer.segment = "new"')).value == 1
    by_segment = await world.ask("count()", dimensions=("customer.segment",))
    assert table(by_segment) == {"vip": 1.0, "new": 1.0, None: 1.0}
    assert (await world.total('avg(survey.score where customer.segment = "vip")')).value == 3.0
    assert (await world.total('sum(order.amount where customer.segment = "vip")')).value == 5.0


async def test_a_moment_in_a_condition_asks_whether_it_happened(world: World):
    await world.interact(
        {"accepted_at": None, "answered": True},
        {"accepted_at": START, "answered": False},
        {"first_response_at": START},
        {"resolved_at": START, "resolved": False},
    )
    assert await counted(world, "accepted") == 1  # as the source says, whatever it knows of the moment
    assert await counted(world, "resolved") == 0
    assert await counted(world, "first_response") == 1
    assert await counted(world, "accepted is not missing") == 1


async def test_moments_subtract_to_durations(world: World):
    await world.interact(
        {"first_response_at": minutes_after(2), "resolved_at": minutes_after(5)},
        {"first_response_at": minutes_after(5), "resolved_at": minutes_after(2)},
        {"first_response_at": minutes_after(1)},
    )
    gap = await world.ask(
        "avg(resolved - first_response)",
        "min(resolved - first_response)",
        "count(where resolved - first_response >= 3m)",
    )
    assert [cell.value for cell in gap.totals] == [0.0, -180.0, 1.0]


async def test_if_chooses_per_row(world: World):
    await world.interact(
        {"channel": "call", "talk_time": 3000, "handle_time": 9000},
        {"channel": "chat", "talk_time": 3000, "handle_time": 8000},
    )
    assert (await world.total('sum(if(channel = "call", talk_time, handle_time))')).value == 11.0


async def test_attributes_are_fields_like_any_other(world: World):
    await _register(world, tier="text", years="number", vip="boolean", idle="duration", spent="money")
    await world.interact(
        {"attributes": {"tier": "gold", "years": 41_500, "vip": True, "idle": 2500, "spent": 1999}},
        {"attributes": {"tier": "basic", "years": 20_000, "vip": False}},
        {"attributes": {}},
    )
    answer = await world.ask(
        "avg(years)",
        "share(vip)",
        "sum(idle)",
        "sum(spent)",
        "p50(years)",
        'count(where tier = "gold" and years > 41.4)',
    )
    assert [cell.value for cell in answer.totals[:4]] == [30.75, 0.5, 2.5, 19.99]
    assert answer.totals[4].value == pytest.approx(20.0, rel=0.01)
    assert answer.totals[5].value == 1.0
    assert table(await world.ask("count()", dimensions=("tier",))) == {"basic": 1.0, "gold": 1.0, None: 1.0}
    assert table(await world.ask("count()", dimensions=("vip",))) == {"false": 1.0, "true": 1.0, None: 1.0}


async def test_an_attribute_value_of_another_type_is_missing(world: World):
    await _register(world, years="number", vip="boolean")
    await world.interact({"attributes": {"years": "forty", "vip": "yes"}}, {"attributes": {"years": 1000}})
    answer = await world.ask("avg(years)", "share(vip)")
    assert [(cell.value, cell.n) for cell in answer.totals] == [(1.0, 1), (None, 0)]


async def test_money_of_another_currency_is_not_added(world: World):
    await world.interact({"amount": 1000}, {"amount": 99_999, "currency": "JPY"})
    total = await world.total("sum(amount)")
    assert (total.value, total.n) == (10.0, 1)


async def test_excluded_rows_are_left_out_unless_asked_for(world: World):
    await world.interact({"handle_time": 1000}, {"handle_time": 5000, "exclusion": "spam"})
    assert (await world.total("count()")).value == 1
    assert (await world.total("avg(handle_time)")).value == 1.0
    assert (await world.total("avg(handle_time) including excluded")).value == 3.0
    answer = await world.ask("count() including excluded", dimensions=("exclusion",))
    assert table(answer) == {"spam": 1.0, None: 1.0}
    assert (await world.total("count(including excluded) - count()")).value == 1


async def test_negative_durations_are_seen_including_excluded_only(world: World):
    await world.interact({"wait_time": 4000}, {"excluded_values": {"wait_time": -2000}})
    assert (await world.total("sum(wait_time)")).value == 4.0
    assert (await world.total("sum(wait_time) including excluded")).value == 2.0
    assert (await world.total("min(wait_time) including excluded")).value == -2.0


async def test_surveys_of_excluded_interactions_are_left_out(world: World):
    counted_one, spam = await world.interact({}, {"exclusion": "test"})
    await world.survey(
        {"interaction_id": counted_one["id"], "score": 5000, "responded_at": START},
        {"interaction_id": spam["id"], "score": 1000, "responded_at": START},
        {"interaction_id": None, "score": 3000, "responded_at": START},
        {"interaction_id": None, "score": 1000, "responded_at": START, "exclusion": "duplicate"},
    )
    assert (await world.total("avg(survey.score)")).value == 4.0
    assert (await world.total('count(where survey.kind = "csat") including excluded')).value == 4


async def test_linked_facts_reach_their_interaction(world: World):
    agents = await world.name(models.agent, "ann", "bob")
    chat, call = await world.interact(
        {"agent_id": agents["ann"]}, {"channel": "call", "agent_id": agents["ann"]}
    )
    await world.survey(
        {"interaction_id": chat["id"], "score": 5000},  # unanswered moment: lies where its chat began
        {"interaction_id": call["id"], "score": 2000, "agent_id": agents["bob"]},
    )
    by_channel = await world.ask("avg(survey.score)", dimensions=("channel",))
    assert table(by_channel) == {"call": 2.0, "chat": 5.0}
    # a survey's own agent goes before its interaction's
    assert table(await world.ask("avg(survey.score)", dimensions=("agent",))) == {"ann": 5.0, "bob": 2.0}
    assert (await world.total('avg(survey.score where channel = "call")')).value == 2.0


async def test_contacted_again(world: World):
    ids = await world.name(models.customer, "one", "two", "three")
    hour = timedelta(hours=1)
    await world.interact(
        {"customer_id": ids["one"]},  # followed after 24 h to the millisecond
        {"customer_id": ids["one"], "started_at": START + 24 * hour},
        {"customer_id": ids["two"]},  # followed too late
        {"customer_id": ids["two"], "started_at": START + 24 * hour + timedelta(milliseconds=1)},
        {"customer_id": ids["three"]},  # followed by what is not counted
        {"customer_id": ids["three"], "started_at": START + hour, "exclusion": "spam"},
        {"customer_id": None},
        {"customer_id": None, "started_at": START + hour},
    )
    share = await world.total("share(contacted_again_within(24h))")
    assert (share.numerator, share.denominator) == (1.0, 5.0)
    assert (await world.total("count(where not contacted_again_within(24h))")).value == 4


async def test_of_two_contacts_of_one_instant_one_is_followed(world: World):
    ids = await world.name(models.customer, "one")
    await world.interact({"customer_id": ids["one"]}, {"customer_id": ids["one"]})
    assert (await world.total("count(where contacted_again_within(1h))")).value == 1


async def test_a_contact_that_follows_outside_the_window_counts(world: World):
    ids = await world.name(models.customer, "one")
    last = WEEK.end - timedelta(minutes=5)
    await world.interact(
        {"customer_id": ids["one"], "started_at": last},
        {"customer_id": ids["one"], "started_at": last + timedelta(minutes=10)},
    )
    assert (await world.total("share(contacted_again_within(1h))")).value == 1.0


async def test_anchors_place_rows_and_fall_back(world: World):
    later = WEEK.end + timedelta(days=1)
    await world.interact(
        {"started_at": WEEK.start - timedelta(hours=1), "closed_at": START},  # closed inside
        {"started_at": START, "closed_at": later},  # closed after
        {"started_at": START},  # never closed: as it began
        {"started_at": WEEK.start - timedelta(days=1), "resolved_at": START},  # closed as resolved
        {"started_at": None},
    )
    assert (await world.total("count() at closed")).value == 3
    assert (await world.total("count()")).value == 2
    assert (await world.total("count()", window=None)).value == 5


async def test_fields_of_rows_that_lack_them_are_refused(world: World):
    with pytest.raises(Invalid) as refusal:
        await world.ask("sum(order.amount)", dimensions=("channel",))
    assert refusal.value.code == "DIMENSION_NOT_REACHABLE"
    with pytest.raises(Invalid) as refusal:
        await world.ask("sum(order.amount)", where='channel = "chat"')
    assert refusal.value.code == "FILTER_NOT_REACHABLE"
    with pytest.raises(Invalid) as refusal:
        await world.ask("sum(order.amount)", where="contacted_again_within(1h)")
    assert refusal.value.code == "FILTER_NOT_REACHABLE"


async def _register(world: World, **types: str) -> None:
    rows: list[dict[str, Any]] = [{"key": key, "type": kind} for key, kind in types.items()]
    async with world.tenant.write() as session:
        await session.execute(insert(models.attribute), rows)
