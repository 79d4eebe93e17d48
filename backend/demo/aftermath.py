"""What follows contacts: ratings with comments, quality reviews, orders and help pages read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.demo.answering import Outcomes
from backend.demo.arrivals import Arrivals, Customers
from backend.demo.comments import COMMENTS
from backend.demo.rhythm import DAY, HOUR, MINUTE, Floats, Integers
from backend.demo.world import World

_INVITED = 0.56  # of the contacts that an agent ended
_ANSWERED = 0.51  # of the invited; of all contacts about 26 % are rated
_NPS = 0.035  # of the contacts that an agent ended are asked for a recommendation
_REVIEWED = 0.03
_REVIEWED_TWICE = 0.22  # of the reviewed contacts, to see whether reviewers agree
_PASS = 75.0  # points that a review needs
_STRAY_ORDERS = 0.015  # contacts after which someone buys although nobody advised them
_READERS = 0.07  # help pages read, as a share of contacts


@dataclass(slots=True)
class Surveys:
    """Ratings asked for. `contact` is a contact's place; score and responded are NaN when unanswered."""

    contact: Integers
    score: Floats
    invited: Floats
    responded: Floats
    comment: list[str | None]


@dataclass(slots=True)
class Reviews:
    """Quality reviews: points of 100; a critical fail has none."""

    contact: Integers
    score: Floats
    critical: NDArray[np.bool_]
    passed: NDArray[np.bool_]
    reviewed: Floats
    reviewer: list[str]


@dataclass(slots=True)
class Orders:
    """Orders after a contact, amounts in minor units; NaN where nothing came back or nothing was paid."""

    contact: Integers
    advised: NDArray[np.bool_]
    product: Integers
    amount: Floats
    refunded: Floats
    ordered: Floats
    paid: Floats


@dataclass(slots=True)
class Views:
    """Help pages read; `contact` is the place of the contact that followed, -1 when none was needed."""

    contact: Integers
    customer: Integers
    article: list[str]
    helpful: Integers  # 1 yes, 0 no, -1 not said
    viewed: Floats


def draw_surveys(
    random: np.random.Generator, world: World, customers: Customers, arrivals: Arrivals, outcomes: Outcomes
) -> Surveys:
    """Satisfaction surveys on 1 to 5; the score follows how the contact felt."""
    contact = _sample(random, _ended(outcomes), _INVITED)
    invited = outcomes.closed[contact] + MINUTE
    answered = random.random(contact.size) < _ANSWERED
    delay = np.round(9 * MINUTE * np.exp(1.3 * random.standard_normal(contact.size)))
    score = np.where(answered, np.clip(np.round(outcomes.felt[contact]), 1, 5), np.nan)
    writes = answered & (random.random(contact.size) < np.where(score <= 3, 0.55, 0.16))
    spice = random.random(contact.size).tolist()
    comment: list[str | None] = [None] * contact.size
    for place in np.flatnonzero(writes).tolist():
        comment[place] = _comment(
            world, customers, arrivals, outcomes, int(contact[place]), score[place], spice[place]
        )
    return Surveys(contact, score, invited, np.where(answered, invited + delay, np.nan), comment)


def draw_recommendations(random: np.random.Generator, outcomes: Outcomes) -> Surveys:
    """Net promoter surveys on 0 to 10, a day after the contact."""
    contact = _sample(random, _ended(outcomes), _NPS)
    invited = outcomes.closed[contact] + DAY
    score = np.clip(
        np.round(2.1 * outcomes.felt[contact] - 0.6 + 1.3 * random.standard_normal(contact.size)), 0, 10
    )
    delay = np.round(3 * HOUR * np.exp(random.standard_normal(contact.size)))
    return Surveys(contact, score, invited, invited + delay, [None] * contact.size)


def draw_reviews(random: np.random.Generator, world: World, outcomes: Outcomes) -> Reviews:
    """Reviews of finished contacts within the week after."""
    contact = _sample(random, _ended(outcomes), _REVIEWED)
    skill = np.array([agent.skill for agent in world.agents])[outcomes.agent[contact]]
    critical = random.random(contact.size) < 0.015 - 0.006 * skill
    points = 84 + 6 * skill - 8 * outcomes.failed[contact] + 7 * random.standard_normal(contact.size)
    points = np.where(critical, 0.0, np.round(np.clip(points, 20, 100), 1))
    reviewed = outcomes.closed[contact] + np.round((1 + 6 * random.random(contact.size)) * DAY)
    reviewer = [
        world.reviewers[number] for number in random.integers(0, len(world.reviewers), contact.size).tolist()
    ]
    return Reviews(contact, points, critical, points >= _PASS, reviewed, reviewer)


def draw_second_reviews(random: np.random.Generator, world: World, reviews: Reviews) -> Reviews:
    """Another reviewer's look at some reviewed contacts, a day or so later, mostly of the same mind."""
    first = _sample(
        random, np.arange(reviews.contact.size), _REVIEWED_TWICE if len(world.reviewers) > 1 else 0.0
    )
    points = reviews.score[first] + 3.5 * random.standard_normal(first.size)
    points = np.where(reviews.critical[first], 0.0, np.round(np.clip(points, 20, 100), 1))
    step = random.integers(1, max(2, len(world.reviewers)), first.size).tolist()
    names = [world.reviewers.index(reviews.reviewer[place]) for place in first.tolist()]
    reviewer = [
        world.reviewers[(name + by) % len(world.reviewers)] for name, by in zip(names, step, strict=True)
    ]
    reviewed = reviews.reviewed[first] + np.round((0.5 + random.random(first.size)) * DAY)
    return Reviews(
        reviews.contact[first], points, reviews.critical[first], points >= _PASS, reviewed, reviewer
    )


def draw_orders(random: np.random.Generator, world: World, arrivals: Arrivals, outcomes: Outcomes) -> Orders:
    """Orders by people who were advised (these contacts converted), and some by others."""
    sells = np.array([issue.sells for issue in world.issues])[arrivals.issue]
    skill = np.where(
        outcomes.agent >= 0, np.array([agent.skill for agent in world.agents])[outcomes.agent], 0.0
    )
    helped = (outcomes.agent >= 0) & ~np.isnan(outcomes.resolved)
    advised = helped & (random.random(sells.size) < sells * (1 + 0.25 * skill))
    contact = np.flatnonzero(advised | (random.random(sells.size) < _STRAY_ORDERS))
    count = contact.size
    product = np.where(
        random.random(count) < 0.6, arrivals.product[contact], random.integers(0, len(world.products), count)
    )
    price = np.array([entry.price for entry in world.products])[product] * 100
    amount = np.round(
        price * (1 + random.poisson(0.25, count)) * np.where(random.random(count) < 0.2, 0.9, 1.0)
    )
    begun = np.fmax(np.nan_to_num(outcomes.closed[contact], nan=0.0), arrivals.started[contact])
    ordered = begun + np.round(5 * HOUR * np.exp(1.2 * random.standard_normal(count)))
    paid = np.where(
        random.random(count) < 0.94, ordered + np.round(4 * MINUTE * random.random(count)), np.nan
    )
    came_back = random.random(count) < 0.05
    return Orders(
        contact,
        advised[contact],
        product,
        amount.astype(np.float64),
        np.where(came_back & ~np.isnan(paid), amount, np.nan),
        ordered,
        paid,
    )


def draw_views(random: np.random.Generator, world: World, arrivals: Arrivals) -> Views:
    """Help pages: half of the readers contact us soon after all the same."""
    count = int(arrivals.started.size * _READERS)
    contact = random.integers(0, arrivals.started.size, count)
    customer = arrivals.customer[contact]
    needed = random.random(count) < 0.5
    viewed = arrivals.started[contact] - np.round(
        np.where(needed, 20 * MINUTE, 3 * DAY) * random.random(count)
    )
    article = [world.articles[number] for number in random.integers(0, len(world.articles), count).tolist()]
    said = random.random(count)
    helpful = np.where(said < 0.6, -1, np.where(said < np.where(needed, 0.7, 0.93), 1, 0))
    return Views(np.where(needed, contact, -1), customer, article, helpful, viewed)


def cause_of(arrivals: Arrivals, outcomes: Outcomes, contact: int) -> str:
    """What weighed most on a contact: wait, unresolved, broken, transfer or manner."""
    weights = {
        "wait": 0.34 * float(np.log(max(outcomes.strain[contact], 1.0))),
        "unresolved": 1.0 if outcomes.failed[contact] else 0.0,
        "broken": 1.2 if arrivals.broken[contact] else 0.0,
        "transfer": 0.5 * float(outcomes.transfers[contact]),
        "manner": 0.25,
    }
    return max(weights, key=weights.__getitem__)


def _ended(outcomes: Outcomes) -> Integers:
    return np.flatnonzero((outcomes.agent >= 0) & ~np.isnan(outcomes.closed))


def _sample(random: np.random.Generator, places: Integers, share: float) -> Integers:
    return places[random.random(places.size) < share]


def _comment(
    world: World,
    customers: Customers,
    arrivals: Arrivals,
    outcomes: Outcomes,
    contact: int,
    score: float,
    spice: float,
) -> str:
    """A sentence whose cause is what weighed most on this contact."""
    cause = "delighted" if score == 5 and spice < 0.6 else "content"
    if score <= 3:
        cause = cause_of(arrivals, outcomes, contact)
    language = world.languages[customers.language[arrivals.customer[contact]]].key
    sentences = COMMENTS[cause, language]
    product = world.products[arrivals.product[contact]].name
    return sentences[int(spice * 9973) % len(sentences)].format(
        product=product, version=arrivals.version[contact]
    )
