"""Orders, agent activities, article views and QA reviews: what is filled in where a record is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backend.interactions.identity import fact_id
from backend.interactions.models import agent_activity, article_view, order, qa_review
from tests.backend.ingestion.importing import SOURCE, bring_in, one_of, rows_of

T = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def test_an_order_without_a_currency_is_in_the_tenants(acme):
    await bring_in(
        acme,
        "order",
        {"external_id": "1", "amount": 1999, "ordered_at": T, "customer": "P", "product": "X"},
        {"external_id": "2", "amount": 500, "ordered_at": T, "currency": "EUR"},
    )
    assert [row.currency for row in await rows_of(acme, order)] in (["USD", "EUR"], ["EUR", "USD"])
    await bring_in(acme, "order", {"external_id": "2", "amount": 600, "ordered_at": T})
    row = await one_of(acme, order, "2")
    assert (row.amount, row.currency) == (600, "EUR")


async def test_an_activity_lasts_from_its_start_to_its_end_unless_told_otherwise(acme):
    end = T + timedelta(minutes=5)
    base = {"agent": "A", "state": "available", "started_at": T}
    await bring_in(
        acme,
        "agent_activity",
        {"external_id": "1", **base, "ended_at": end},
        {"external_id": "2", **base, "ended_at": end, "duration": 1000},
        {"external_id": "3", **base},
        {"external_id": "4", **base, "ended_at": T - timedelta(minutes=1)},
    )
    found = {row.external_id: row.duration for row in await rows_of(acme, agent_activity)}
    assert found == {"1": 300_000, "2": 1000, "3": None, "4": None}
    await bring_in(acme, "agent_activity", {"external_id": "3", **base, "ended_at": end})
    await bring_in(acme, "agent_activity", {"external_id": "2", **base, "state": "away"})
    assert (await one_of(acme, agent_activity, "3")).duration == 300_000
    assert (await one_of(acme, agent_activity, "2")).duration == 1000


async def test_reviews_and_views_belong_to_interactions_that_may_come_later(acme):
    talk = fact_id(SOURCE, "1")
    review = {"external_id": "R", "interaction_id": talk, "score": 87_500, "passed": True, "reviewed_at": T}
    view = {
        "external_id": "W",
        "interaction_id": talk,
        "article": "reset-password",
        "viewed_at": T,
        "customer": "P",
    }
    for _ in range(2):
        await bring_in(acme, "qa_review", review)
        await bring_in(acme, "article_view", view)
    kept = await one_of(acme, qa_review, "R")
    assert (kept.interaction_id, kept.score, kept.passed) == (talk, 87_500, True)
    assert (await one_of(acme, article_view, "W")).interaction_id == talk
