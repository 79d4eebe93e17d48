"""The seeded workload: half a year of contacts, in the order of time, as columns of numpy.

A day is drawn from a generator of its own, so that any number of days can be had without those before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAYS = 180
DAY = 86_400_000  # milliseconds, as all times and durations here
AGENTS, TEAMS, ISSUES = 200, 20, 40
CHANNELS = ("chat", "call", "email", "ticket", "social")
MISSING = -1  # where a column has no value

ABANDONED = 0.04
SURVEYED = 0.26
RESOLVED_AT_ONCE = 0.72

# By channel: how often, the median first response and handling in milliseconds, the spread of both logarithms.
_OFTEN = np.array([0.42, 0.24, 0.16, 0.12, 0.06])
_RESPONSE = np.array([45_000, 30_000, 4 * 3_600_000, 6 * 3_600_000, 20 * 60_000])
_HANDLING = np.array([480_000, 360_000, 420_000, 900_000, 300_000])
_SPREAD = 0.8
_SCORES = np.array([0.05, 0.06, 0.13, 0.32, 0.44])  # 1 to 5
_HOURS = np.array(
    [1, 1, 1, 1, 1, 2, 5, 12, 26, 38, 42, 40, 34, 36, 40, 38, 34, 28, 20, 14, 9, 5, 3, 2], float
)
_WEEKDAYS = np.array([1.25, 1.15, 1.1, 1.05, 1.0, 0.45, 0.3])

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts by when they started. Times are milliseconds since START; MISSING where there is none.

    An abandoned contact has neither response nor end; of those that ended, some have a survey's score. `issue`,
    `agent` and `team` count from 0, `channel` is a place in CHANNELS, `first_contact` is 0 or 1.
    """

    number: Column
    started: Column
    response: Column
    handling: Column
    closed: Column
    responded: Column
    score: Column
    channel: Column
    issue: Column
    agent: Column
    team: Column
    first_contact: Column

    def __len__(self) -> int:
        return len(self.number)


def contacts(rows: int, *, seed: int = 1) -> Iterator[Contacts]:
    """`rows` contacts, a day at a time."""
    weights = _WEEKDAYS[np.arange(DAYS) % 7] * (1 + np.arange(DAYS) / (4 * DAYS))  # a business that grows
    ends = np.rint(np.cumsum(weights / weights.sum()) * rows).astype(int)
    first = 0
    for day, end in enumerate(ends):
        yield one_day(day, end - first, seed=seed, first=first)
        first = end


def one_day(day: int, rows: int, *, seed: int, first: int = 0) -> Contacts:
    """That many contacts of one day, numbered from `first`."""
    draw = np.random.default_rng((seed, day))
    hours = draw.choice(24, rows, p=_HOURS / _HOURS.sum())
    started = np.sort(hours * 3_600_000 + draw.integers(0, 3_600_000, rows)) + day * DAY
    channel = draw.choice(len(CHANNELS), rows, p=_OFTEN)
    agent = draw.choice(AGENTS, rows, p=_skewed(AGENTS, 0.6))
    issue = draw.choice(ISSUES, rows, p=_skewed(ISSUES, 1.0))
    abandoned = draw.random(rows) < ABANDONED
    skill = 1 + (agent * 37 % AGENTS) / AGENTS  # some agents take longer than others
    response = np.rint(_RESPONSE[channel] * draw.lognormal(0, _SPREAD, rows)).astype(np.int64)
    handling = np.rint(_HANDLING[channel] * skill * draw.lognormal(0, _SPREAD, rows)).astype(np.int64)
    closed = started + response + handling
    surveyed = ~abandoned & (draw.random(rows) < SURVEYED / (1 - ABANDONED))
    responded = closed + np.rint(draw.exponential(600_000, rows)).astype(np.int64)
    score = draw.choice(5, rows, p=_SCORES) + 1
    return Contacts(
        number=first + np.arange(rows),
        started=started,
        response=np.where(abandoned, MISSING, response),
        handling=np.where(abandoned, MISSING, handling),
        closed=np.where(abandoned, MISSING, closed),
        responded=np.where(surveyed, responded, MISSING),
        score=np.where(surveyed, score, MISSING),
        channel=channel,
        issue=issue,
        agent=agent,
        team=agent % TEAMS,
        first_contact=np.where(
            abandoned, MISSING, draw.random(rows) < RESOLVED_AT_ONCE - 0.15 * (skill - 1)
        ).astype(np.int64),
    )


def _skewed(members: int, exponent: float) -> NDArray[np.float64]:
    """Zipf-like shares: the second has a half (to the exponent) of the first, the third a third."""
    shares = np.arange(1, members + 1) ** -exponent
    return shares / shares.sum()
