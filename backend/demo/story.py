"""The whole of what happened to one company, drawn from a seed: the same seed and end give the same story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backend.demo import aftermath, rhythm
from backend.demo.aftermath import Orders, Reviews, Surveys, Views
from backend.demo.answering import Outcomes, answer, load_table
from backend.demo.arrivals import Arrivals, Customers, draw_arrivals, draw_customers, draw_returns
from backend.demo.conversations import Events, draw_events
from backend.demo.promises import Promises, draw_promises
from backend.demo.regard import FollowUps, Regard, draw_follow_ups, draw_regard
from backend.demo.rhythm import BOT, EMAIL, HOUR, MINUTE, TICKET, Floats, Integers
from backend.demo.rota import Activity, draw_activity, draw_rota
from backend.demo.world import World

_RETURNS = 0.13  # of all contacts are about something the customer has asked before
_JUNK = 0.005  # kept but not counted: spam among what is written, tests among the rest


@dataclass(slots=True)
class Story:
    """Contacts in order of their start, and all that belongs to them by place.

    `first` is the place of the contact that a later one repeats (its own place otherwise); `returned` says
    that the customer came again. Moments at or after `end` (wall-clock ms) have not happened yet.
    """

    world: World
    until: date
    end: float
    customers: Customers
    arrivals: Arrivals
    outcomes: Outcomes
    first: Integers
    returned: NDArray[np.bool_]
    exclusion: list[str | None]
    surveys: Surveys
    recommendations: Surveys
    reviews: Reviews
    orders: Orders
    events: Events
    views: Views
    activity: Activity
    regard: Regard
    follow_ups: FollowUps  # of the surveys
    second_reviews: Reviews
    promises: Promises

    @property
    def records(self) -> int:
        """How many records it makes, a few fewer in fact: what would lie after the end is left out."""
        parts = (
            self.arrivals.started,
            np.unique(self.arrivals.customer),
            self.surveys.contact,
            self.recommendations.contact,
            self.reviews.contact,
            self.orders.contact,
            self.events.contact,
            self.views.contact,
            self.activity.agent,
            self.second_reviews.contact,
            self.promises.contact,
        )
        return len(self.world.agents) + sum(part.size for part in parts)


def draw_story(world: World, *, seed: int, until: date, interactions: int) -> Story:
    """`interactions` contacts in the 182 days before `until` (a day in the company's zone) and the rest."""
    random = np.random.default_rng(seed)
    end = float(rhythm.wall_clock(until))
    returns = round(interactions * _RETURNS)
    customers = draw_customers(random, world, interactions)
    rota = draw_rota(random, world, until)
    arrivals = draw_arrivals(random, world, customers, until, interactions - returns)
    load = load_table(world, arrivals, rota, until)
    outcomes = answer(random, world, customers, arrivals, rota, load, until)

    parents, moments = _who_returns(random, arrivals, outcomes, returns, end)
    again = draw_returns(random, world, customers, until, arrivals.take(parents), moments)
    outcomes = outcomes.followed_by(answer(random, world, customers, again, rota, load, until))
    first = np.concatenate((np.arange(interactions - returns), parents))
    returned = np.zeros(interactions, dtype=np.bool_)
    returned[parents] = True
    arrivals = arrivals.followed_by(again)

    order = np.argsort(arrivals.started, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(interactions)
    arrivals, outcomes = arrivals.take(order), outcomes.take(order)
    exclusion = _junk(random, arrivals)
    surveys = aftermath.draw_surveys(random, world, customers, arrivals, outcomes)
    recommendations = aftermath.draw_recommendations(random, outcomes)
    reviews = aftermath.draw_reviews(random, world, outcomes)
    # A generator of their own for what was added later, so that it changes nothing that was there before.
    later = np.random.default_rng([seed, 1])
    return Story(
        world=world,
        until=until,
        end=end,
        customers=customers,
        arrivals=arrivals,
        outcomes=outcomes,
        first=place[first[order]],
        returned=returned[order],
        exclusion=exclusion,
        surveys=surveys,
        recommendations=recommendations,
        reviews=reviews,
        orders=aftermath.draw_orders(random, world, arrivals, outcomes),
        events=draw_events(random, world, arrivals, outcomes),
        views=aftermath.draw_views(random, world, arrivals),
        activity=draw_activity(random, world, rota, until),
        regard=draw_regard(later, world, customers, arrivals, outcomes),
        follow_ups=draw_follow_ups(later, arrivals, outcomes, surveys),
        second_reviews=aftermath.draw_second_reviews(later, world, reviews),
        promises=draw_promises(customers, arrivals, outcomes),
    )


def _who_returns(
    random: np.random.Generator, arrivals: Arrivals, outcomes: Outcomes, count: int, end: float
) -> tuple[Integers, Floats]:
    """Places and moments of `count` contacts that come again: rather those that were not helped."""
    size = arrivals.started.size
    last = np.fmax(np.fmax(arrivals.started, outcomes.closed), outcomes.first_response)
    moment = last + 5 * MINUTE + np.round(7 * HOUR * np.exp(1.1 * random.standard_normal(size)))
    weight = np.where(outcomes.failed, 9.0, np.where(outcomes.abandoned, 12.0, 1.0))
    weight = np.where(moment < end - 12 * HOUR, weight, 1e-9)  # room for the night it may have to wait
    # The largest u^(1/w) are a sample without replacement by weight (Efraimidis and Spirakis).
    keys = np.log(random.random(size)) / weight
    chosen = np.sort(np.argpartition(keys, size - count)[size - count :])
    return chosen, moment[chosen]


def _junk(random: np.random.Generator, arrivals: Arrivals) -> list[str | None]:
    junk = random.random(arrivals.started.size) < _JUNK
    written = (arrivals.channel == TICKET) | (arrivals.channel == EMAIL) | (arrivals.channel == BOT)
    return [
        "spam" if text else "test" if hit else None
        for hit, text in zip(junk.tolist(), (junk & written).tolist(), strict=True)
    ]
