"""Who asks what, when and where: contacts as they arrive, before anyone has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from backend.demo import rhythm
from backend.demo.rhythm import DAY, DAYS, HOUR, Floats, Integers
from backend.demo.world import Incident, Issue, Product, Team, World

SEGMENTS = ("standard", "member", "vip")
_SEGMENT_SHARES = (0.66, 0.26, 0.08)
_CUSTOMERS_PER_CONTACT = 0.42
_ADOPTION_DAYS = 11.0  # how long customers take to install a version, on average
_BROKEN_SHARE = 0.85  # of the incident's issue in the bad week that concerns the broken version


class Columns:
    """Parallel arrays, one value per contact."""

    def take(self, places: Integers) -> Self:
        """The rows at those places, in that order."""
        return type(self)(**{f.name: getattr(self, f.name)[places] for f in fields(self)})  # type: ignore[arg-type]

    def followed_by(self, other: Self) -> Self:
        """These rows, then the other's."""
        both = {f.name: np.concatenate((getattr(self, f.name), getattr(other, f.name))) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**both)


@dataclass(slots=True)
class Customers(Columns):
    """Everyone who may ask: indexes into the world's languages and products and into SEGMENTS."""

    language: Integers
    segment: Integers
    product: Integers
    pull: Floats  # how often each asks, adding up to 1


@dataclass(slots=True)
class Arrivals(Columns):
    """Contacts as they come in. `started` is wall-clock ms; the rest are indexes into the world's tables."""

    started: Floats
    channel: Integers
    issue: Integers
    team: Integers
    customer: Integers
    product: Integers
    version: NDArray[np.object_]
    broken: NDArray[np.bool_]  # it is about the incident's version


def draw_customers(random: np.random.Generator, world: World, contacts: int) -> Customers:
    """Enough customers for so many contacts; a few ask often, most once or twice."""
    count = max(20, int(contacts * _CUSTOMERS_PER_CONTACT))
    pull = random.gamma(0.7, size=count) + 0.05
    popular = np.arange(1, len(world.products) + 1, dtype=np.float64) ** -0.7
    return Customers(
        language=_pick(random, np.array([language.share for language in world.languages]), count),
        segment=_pick(random, np.array(_SEGMENT_SHARES), count),
        product=_pick(random, popular, count),
        pull=pull / pull.sum(),
    )


def draw_arrivals(
    random: np.random.Generator, world: World, customers: Customers, until: date, count: int
) -> Arrivals:
    """`count` contacts over the DAYS days before `until`, not yet in order."""
    grid = rhythm.day_weights(until)[:, None] * issue_weights(world, until)
    cell = _pick(random, grid.ravel(), count)
    day, issue = np.divmod(cell, len(world.issues))
    channel = _pick(random, np.array(rhythm.CHANNEL_SHARES), count)
    hour = np.zeros(count, dtype=np.int64)
    for number in range(len(rhythm.CHANNELS)):
        of_channel = np.flatnonzero(channel == number)
        hour[of_channel] = _pick(random, rhythm.hour_shares(number), of_channel.size)
    started = (
        rhythm.wall_clock(rhythm.first_day(until)) + day * DAY + hour * HOUR + random.integers(0, HOUR, count)
    )
    customer = _pick(random, customers.pull, count)
    return _complete(random, world, customers, until, started.astype(np.float64), channel, issue, customer)


def draw_returns(
    random: np.random.Generator,
    world: World,
    customers: Customers,
    until: date,
    first: Arrivals,
    started: Floats,
) -> Arrivals:
    """One more contact of the same customer about the same thing, for each of `first`, at those moments."""
    count = started.size
    channel = np.where(first.channel == rhythm.BOT, rhythm.CHAT, first.channel)
    other = _pick(random, np.array(rhythm.CHANNEL_SHARES[: rhythm.BOT]), count)
    channel = np.where(random.random(count) < 0.35, other, channel)
    live = channel <= rhythm.CALL
    moment = np.where(live, rhythm.into_opening_hours(started, random.random(count)), started)
    again = _complete(random, world, customers, until, moment, channel, first.issue, first.customer)
    again.product, again.version, again.broken = first.product, first.version, first.broken
    return again


def issue_weights(world: World, until: date) -> Floats:
    """How often each issue is asked about on each day, as (DAYS, issues); 1 in all on an ordinary day."""
    shares = 1.0 / np.arange(1, len(world.issues) + 1) ** 0.9
    weights = np.tile(shares / shares.sum(), (DAYS, 1))
    for surge in world.surges:
        start = DAYS - surge.released
        fading = np.linspace(surge.factor - 1, 0, surge.lasting)
        weights[start : start + surge.lasting, _index(world.issues, surge.issue)] *= 1 + fading
    if world.incident is not None:
        weights[bad_days(until), _index(world.issues, world.incident.issue)] *= world.incident.factor
    return weights


def bad_days(until: date) -> slice:
    """The bad week as indexes of days."""
    start = (rhythm.bad_week(until)[0] - rhythm.first_day(until)).days
    return slice(start, start + 7)


def _complete(
    random: np.random.Generator,
    world: World,
    customers: Customers,
    until: date,
    started: Floats,
    channel: Integers,
    issue: Integers,
    customer: Integers,
) -> Arrivals:
    count = started.size
    day = np.floor_divide(started - rhythm.wall_clock(rhythm.first_day(until)), DAY).astype(np.int64)
    product = customers.product[customer].copy()
    broken = np.zeros(count, dtype=np.bool_)
    for surge in world.surges:
        start = DAYS - surge.released
        hit = (day >= start) & (day < start + surge.lasting) & (issue == _index(world.issues, surge.issue))
        product[hit & (random.random(count) < 1 - 1 / surge.factor)] = _index(world.products, surge.product)
    if world.incident is not None:
        week = bad_days(until)
        hit = (day >= week.start) & (day < week.stop) & (issue == _index(world.issues, world.incident.issue))
        broken = hit & (random.random(count) < _BROKEN_SHARE)
        product[broken] = _index(world.products, world.incident.product)
    team = np.array([_index(world.teams, entry.team) for entry in world.issues])[issue]
    vip = customers.segment[customer] == SEGMENTS.index("vip")
    for number, entry in enumerate(world.teams):
        team[vip & (random.random(count) < entry.share_of_vip) & ~broken] = number
    version = _versions(random, world, until, day, product)
    if world.incident is not None:
        version[broken] = world.incident.broken
    return Arrivals(started, channel, issue, team, customer, product, version, broken)


def _versions(
    random: np.random.Generator, world: World, until: date, day: Integers, product: Integers
) -> NDArray[np.object_]:
    """The version each customer runs: the newest that was out some days before, as people update late."""
    known = day - random.exponential(_ADOPTION_DAYS, day.size)
    names = np.empty(day.size, dtype=object)
    for number, entry in enumerate(world.products):
        names[product == number] = entry.versions[0][0]
        for name, back in _releases(entry.key, entry.versions, world.incident, until):
            names[(product == number) & (known >= DAYS - back)] = name
    return names


def _releases(
    product: str, versions: tuple[tuple[str, int], ...], incident: Incident | None, until: date
) -> list[tuple[str, int]]:
    if incident is None or incident.product != product:
        return list(versions)
    start = DAYS - bad_days(until).start
    return [*versions, (incident.broken, start), (incident.fixed, start - 7)]


def _index(entries: Sequence[Team | Issue | Product], key: str) -> int:
    return [entry.key for entry in entries].index(key)


def _pick(random: np.random.Generator, weights: Floats, count: int) -> Integers:
    """`count` indexes drawn by weight."""
    bounds = np.cumsum(weights)
    places = np.searchsorted(bounds, random.random(count) * bounds[-1], side="right")
    return np.asarray(places, dtype=np.int64)
