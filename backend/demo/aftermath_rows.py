"""What followed the contacts of a story as rows, in the order of the generator's layouts.

Rows come with the place of their contact, so that they are brought in together with it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from backend.demo.aftermath import Reviews
from backend.demo.labels import Labels, Row, instant, whole, yes_or_no
from backend.demo.promises import METRICS, POLICIES
from backend.demo.rhythm import utc_shift
from backend.interactions.models import SCORE_SCALE

Placed = tuple[int, Row]


def survey_rows(labels: Labels) -> list[Placed]:
    rows = []
    story = labels.story
    for kind, surveys, low, high, after in (
        ("csat", story.surveys, 1, 5, story.follow_ups),
        ("nps", story.recommendations, 0, 10, None),
    ):
        invited = labels.moments(surveys.invited, surveys.contact)
        responded = labels.moments(surveys.responded, surveys.contact)
        called_back = labels.moments(after.called_back, surveys.contact) if after else None
        for number, place in enumerate(surveys.contact.tolist()):
            if invited[number] is None:
                continue
            answered = responded[number] is not None
            rows.append(
                (
                    place,
                    (
                        f"{labels.contacts[place]}-{kind}",
                        labels.ids[place],
                        kind,
                        int(surveys.score[number]) * SCORE_SCALE if answered else None,
                        low * SCORE_SCALE,
                        high * SCORE_SCALE,
                        surveys.comment[number] if answered else None,
                        invited[number],
                        responded[number],
                        labels.agent_of(place),
                        labels.customer_of(place),
                        after.cause[number] if after and answered else None,
                        yes_or_no(int(after.solved[number])) if after and answered else None,
                        called_back[number] if called_back else None,
                    ),
                )
            )
    return rows


def event_rows(labels: Labels) -> list[Placed]:
    events = labels.story.events
    happened = labels.moments(events.happened, events.contact)
    rows: list[Placed] = []
    count: Counter[tuple[int, str]] = Counter()
    for place, kind, actor, agent, at in zip(
        events.contact.tolist(), events.kind, events.actor, events.agent.tolist(), happened, strict=True
    ):
        if at is not None:
            count[place, kind] += 1
            rows.append(
                (
                    place,
                    (
                        f"{labels.contacts[place]}-{kind}-{count[place, kind]}",
                        labels.ids[place],
                        at,
                        kind,
                        actor,
                        labels.agents[agent] if agent >= 0 else None,
                    ),
                )
            )
    return rows


def review_rows(labels: Labels) -> list[Placed]:
    story = labels.story
    return [*_reviews(labels, story.reviews, "qa"), *_reviews(labels, story.second_reviews, "qa-2")]


def _reviews(labels: Labels, reviews: Reviews, ending: str) -> list[Placed]:
    reviewed = labels.moments(reviews.reviewed, reviews.contact)
    return [
        (
            place,
            (
                f"{labels.contacts[place]}-{ending}",
                labels.ids[place],
                labels.agent_of(place),
                reviews.reviewer[number],
                "Service basics",
                round(float(reviews.score[number]) * SCORE_SCALE),
                bool(reviews.passed[number]),
                bool(reviews.critical[number]),
                reviewed[number],
            ),
        )
        for number, place in enumerate(reviews.contact.tolist())
        if reviewed[number] is not None
    ]


def order_rows(labels: Labels) -> list[Placed]:
    orders = labels.story.orders
    ordered, paid = (labels.moments(values, orders.contact) for values in (orders.ordered, orders.paid))
    amount, refunded = whole(orders.amount), whole(orders.refunded)
    rows = []
    for number, place in enumerate(orders.contact.tolist()):
        product = labels.world.products[orders.product[number]]
        if ordered[number] is not None:
            rows.append(
                (
                    place,
                    (
                        f"{labels.contacts[place]}-order",
                        labels.customer_of(place),
                        labels.agent_of(place) if orders.advised[number] else None,
                        product.key,
                        product.name,
                        amount[number],
                        refunded[number] if paid[number] else None,
                        labels.world.currency,
                        ordered[number],
                        paid[number],
                    ),
                )
            )
    return rows


def view_rows(labels: Labels) -> list[Placed]:
    views = labels.story.views
    near = np.where(views.contact >= 0, views.contact, 0)
    viewed = labels.moments(views.viewed, near)
    rows = []
    for number, (place, customer, helpful) in enumerate(
        zip(views.contact.tolist(), views.customer.tolist(), views.helpful.tolist(), strict=True)
    ):
        rows.append(
            (
                max(place, 0),
                (
                    f"{labels.world.prefix}-v{number + 1:05d}",
                    views.article[number],
                    labels.customers[customer],
                    labels.ids[place] if place >= 0 else None,
                    yes_or_no(helpful),
                    viewed[number],
                ),
            )
        )
    return rows


def sla_rows(labels: Labels) -> list[Placed]:
    promises = labels.story.promises
    contact = promises.contact
    applied, achieved = (labels.moments(values, contact) for values in (promises.applied, promises.achieved))
    due = labels.moments(promises.due, contact, to_come=True)
    target = whole(promises.target)
    return [
        (
            place,
            (
                f"{labels.contacts[place]}-sla-{METRICS[metric]}",
                labels.ids[place],
                METRICS[metric],
                POLICIES[policy],
                target[number],
                applied[number],
                due[number],
                achieved[number],
            ),
        )
        for number, (place, metric, policy) in enumerate(
            zip(contact.tolist(), promises.metric.tolist(), promises.policy.tolist(), strict=True)
        )
    ]


def activity_rows(labels: Labels) -> list[Row]:
    activity = labels.story.activity
    shift = utc_shift(activity.started, labels.world.zone)
    cost = whole(activity.cost)
    begun, ended = ((values + shift).tolist() for values in (activity.started, activity.ended))
    return [
        (
            f"{labels.world.prefix}-s{number + 1:05d}",
            labels.agents[agent],
            activity.state[number],
            instant(begun[number]),
            instant(ended[number]),
            round(ended[number] - begun[number]),
            activity.capacity[number],
            cost[number],
            labels.world.currency if cost[number] is not None else None,
        )
        for number, agent in enumerate(activity.agent.tolist())
    ]
