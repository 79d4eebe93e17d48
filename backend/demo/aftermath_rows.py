"""What followed the contacts of a story as rows, in the order of the generator's layouts.

Rows come with the place of their contact, so that they are brought in together with it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from backend.demo.labels import Labels, Row, instant, whole
from backend.demo.rhythm import utc_shift
from backend.interactions.models import SCORE_SCALE

Placed = tuple[int, Row]


def survey_rows(labels: Labels) -> list[Placed]:
    rows = []
    for kind, surveys, low, high in (
        ("csat", labels.story.surveys, 1, 5),
        ("nps", labels.story.recommendations, 0, 10),
    ):
        invited = labels.moments(surveys.invited, surveys.contact)
        responded = labels.moments(surveys.responded, surveys.contact)
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
    reviews = labels.story.reviews
    reviewed = labels.moments(reviews.reviewed, reviews.contact)
    return [
        (
            place,
            (
                f"{labels.contacts[place]}-qa",
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
                    None if helpful < 0 else helpful == 1,
                    viewed[number],
                ),
            )
        )
    return rows


def activity_rows(labels: Labels) -> list[Row]:
    activity = labels.story.activity
    shift = utc_shift(activity.started, labels.world.zone)
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
        )
        for number, agent in enumerate(activity.agent.tolist())
    ]
