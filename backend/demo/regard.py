"""How customers feel and what comes of it: sentiment, causes of low scores, call-backs, who joins and leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.demo.aftermath import Surveys, cause_of
from backend.demo.answering import Outcomes
from backend.demo.arrivals import Arrivals, Customers
from backend.demo.rhythm import CALL, CHAT, DAY, HOUR, Floats, Integers
from backend.demo.world import World

MODELS = {CHAT: "tone-text 2.1", CALL: "tone-voice 1.4"}  # who judges a channel's sentiment
CAUSES = {
    "wait": "waiting time",
    "unresolved": "not solved",
    "broken": "product defect",
    "transfer": "passed on",
    "manner": "manner",
}
_MIDDLE, _STEP = (
    3.3,
    1.9,
)  # of the satisfaction that counts as neutral, and from there to the end of the scale
_UNJUDGED = 0.04  # of the chats and calls: too short for a model
_LOW = 2  # a score up to which someone asks why, and calls back
_EXPLAINED, _CALLED_BACK = 0.93, 0.82  # of the low scores
_SAYS_SOLVED = 0.72  # of those who answer also say whether it was solved
_TENURE = 320 * DAY  # how long customers have been there at their first contact, on average
_LEAVING = 24 * DAY  # how long customers who leave wait, on average


@dataclass(slots=True)
class Regard:
    """Sentiment (thousandths, NaN where not judged) and risk of contacts; 1 yes, 0 no, -1 not said.

    By customer: wall-clock ms of joining and leaving (NaN: still there), and whether they are flagged.
    """

    sentiment: Floats
    at_risk: Integers
    joined: Floats
    lost: Floats
    flagged: NDArray[np.bool_]


@dataclass(slots=True)
class FollowUps:
    """What follows the surveys, by their places; `solved` is 1 yes, 0 no, -1 not said."""

    cause: list[str | None]
    solved: Integers
    called_back: Floats


def draw_regard(
    random: np.random.Generator, world: World, customers: Customers, arrivals: Arrivals, outcomes: Outcomes
) -> Regard:
    """Feelings follow how contacts went; whoever felt bad at the last contact rather leaves."""
    felt, size = outcomes.felt, outcomes.felt.size
    spread = (felt - _MIDDLE) / _STEP + 0.18 * random.standard_normal(size)
    judged = (
        np.isin(arrivals.channel, list(MODELS)) & (outcomes.agent >= 0) & (random.random(size) >= _UNJUDGED)
    )
    sentiment = np.where(judged, np.round(np.clip(spread, -1, 1) * 1000), np.nan)
    hard = np.array([issue.hardness for issue in world.issues])[arrivals.issue] >= 0.3
    risky = (felt < 1.9) | (hard & (random.random(size) < 0.3))
    at_risk = np.where(outcomes.agent >= 0, risky.astype(np.int64), -1)

    count = customers.pull.size
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, arrivals.customer, arrivals.started)
    np.maximum.at(last, arrivals.customer, np.fmax(arrivals.started, np.nan_to_num(outcomes.closed)))
    mood = np.full(count, 5.0)
    mood[arrivals.customer] = felt  # contacts are in their order: the last one stays
    tenure = np.round(random.exponential(_TENURE, count) / HOUR) * HOUR
    leaves = random.random(count) < np.where(mood < 2.4, 0.22, 0.025)
    waits = DAY + np.round(random.exponential(_LEAVING, count) / HOUR) * HOUR
    flagged = ~leaves & ((mood < 2.1) | (random.random(count) < 0.015))
    return Regard(
        sentiment,
        at_risk,
        np.round(first - tenure),
        np.where(leaves, np.round(last + waits), np.nan),
        flagged,
    )


def draw_follow_ups(
    random: np.random.Generator, arrivals: Arrivals, outcomes: Outcomes, surveys: Surveys
) -> FollowUps:
    """Causes and call-backs of low scores, and what the customer says about the solution."""
    size = surveys.contact.size
    answered = ~np.isnan(surveys.score)
    low = answered & (surveys.score <= _LOW)
    explained = low & (random.random(size) < _EXPLAINED)
    cause: list[str | None] = [None] * size
    for place in np.flatnonzero(explained).tolist():
        cause[place] = CAUSES[cause_of(arrivals, outcomes, int(surveys.contact[place]))]
    says = answered & (random.random(size) < _SAYS_SOLVED)
    mistaken = random.random(size) < 0.06
    solved = ~np.isnan(outcomes.resolved[surveys.contact]) ^ mistaken
    delay = np.round((2 * HOUR + random.exponential(20 * HOUR, size)) / 1000) * 1000
    called = low & (random.random(size) < _CALLED_BACK)
    return FollowUps(
        cause,
        np.where(says, solved.astype(np.int64), -1),
        np.where(called, surveys.responded + delay, np.nan),
    )
