"""How each contact goes: waiting under load, who takes it, how long it lasts, whether it helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backend.demo import rhythm
from backend.demo.arrivals import Arrivals, Columns, Customers
from backend.demo.rhythm import (
    BOT,
    CALL,
    CHAT,
    DAY,
    DAYS,
    EMAIL,
    HOUR,
    MINUTE,
    SECOND,
    TICKET,
    Floats,
    Integers,
)
from backend.demo.rota import Rota, staffing
from backend.demo.world import World

# By channel, in the order of rhythm.CHANNELS: medians in ms and the spread (sigma) of their lognormals.
_WAIT = np.array((10 * SECOND, 24 * SECOND, 50 * MINUTE, 85 * MINUTE, 0.0))
_WAIT_SPREAD = np.array((0.8, 0.85, 0.8, 0.9, 0.0))
_PATIENCE = np.array((110 * SECOND, 190 * SECOND, np.inf, np.inf, np.inf))
_REPLY = np.array((9 * SECOND, 3 * SECOND, 11 * MINUTE, 14 * MINUTE, SECOND))
_REPLY_SPREAD = np.array((0.7, 0.3, 0.9, 0.9, 0.2))
_WORK = np.array((7.5 * MINUTE, 4.2 * MINUTE, 10 * MINUTE, 8 * MINUTE, 1.5 * MINUTE))
_WORK_SPREAD = np.array((0.62, 0.68, 0.8, 0.75, 0.6))
_WRAP = np.array((30 * SECOND, 45 * SECOND, 0.0, 0.0, 0.0))
_SOLVE = np.array((0.0, 0.0, 13 * HOUR, 9 * HOUR, 0.0))  # tickets and mails: from the first reply
_SILENT = 0.03  # of the chats are opened and nothing is ever asked
_LOAD_POWER = 1.5  # waits grow faster than the load: twice the load, nearly three times the wait
_STEADY = 4.0  # contacts added to both sides of a load, so that quiet hours do not jump


@dataclass(slots=True)
class Outcomes(Columns):
    """What became of each contact. Moments are wall-clock ms, durations ms; NaN where there is none.

    `agent` is -1 where nobody took it; `felt` is the satisfaction before rounding to a score; `strain` says
    how many times the usual wait it was.
    """

    queued: Floats
    accepted: Floats
    first_response: Floats
    resolved: Floats
    closed: Floats
    work: Floats
    hold: Floats
    wrap_up: Floats
    silence: Floats
    agent: Integers
    abandoned: NDArray[np.bool_]
    failed: NDArray[np.bool_]  # answered, and not solved
    reopens: Integers
    transfers: Integers
    escalated: NDArray[np.bool_]
    customer_messages: Integers
    agent_messages: Integers
    bot_messages: Integers
    strain: Floats
    felt: Floats


def load_table(world: World, arrivals: Arrivals, rota: Rota, until: date) -> Floats:
    """How loaded each team is, as (teams, DAYS * 24): 1 when contacts and people are as usual."""
    hour = _hour(arrivals.started, until)
    table = np.ones((len(world.teams), DAYS * 24))
    days = rhythm.day_weights(until)
    live = arrivals.channel != BOT
    for team in range(len(world.teams)):
        of_team = np.flatnonzero(live & (arrivals.team == team))
        came = np.bincount(hour[of_team], minlength=DAYS * 24)[: DAYS * 24]
        by_hour = came.reshape(DAYS, 24).sum(axis=0) / DAYS
        usual = (days[:, None] * by_hour[None, :]).ravel()
        table[team] = (came + _STEADY) / (usual + _STEADY) / np.repeat(staffing(rota, team), 24)
    return table


def answer(
    random: np.random.Generator,
    world: World,
    customers: Customers,
    arrivals: Arrivals,
    rota: Rota,
    load: Floats,
    until: date,
) -> Outcomes:
    """The outcome of every arrival."""
    count = arrivals.started.size
    channel = arrivals.channel
    handed = (channel == CHAT) & (random.random(count) < 0.3)  # a bot was there first
    opening = np.where(channel == CALL, 8 + 30 * random.random(count), np.where(handed, 40.0, 2.0)) * SECOND
    queued = arrivals.started + np.where((channel == TICKET) | (channel == EMAIL), 0.0, np.round(opening))
    strain = load[arrivals.team, _hour(arrivals.started, until)] ** _LOAD_POWER
    noise = np.exp(_WAIT_SPREAD[channel] * random.standard_normal(count))
    wait = np.round(_WAIT[channel] * strain * noise)
    patience = np.round(_PATIENCE[channel] * np.exp(0.8 * random.standard_normal(count)))
    abandoned = wait > patience
    accepted = queued + wait
    slow = (channel == TICKET) | (channel == EMAIL)
    accepted = np.where(slow, np.round(rhythm.into_opening_hours(accepted, random.random(count))), accepted)
    taken = ~abandoned & (channel != BOT)
    agent = np.where(taken, _choose_agents(random, world, customers, arrivals, rota, accepted, until), -1)
    return _serve(
        random,
        world,
        arrivals,
        queued,
        accepted,
        queued + patience,
        abandoned,
        taken,
        agent,
        handed,
        strain * noise,
    )


def _serve(
    random: np.random.Generator,
    world: World,
    arrivals: Arrivals,
    queued: Floats,
    accepted: Floats,
    gave_up: Floats,
    abandoned: NDArray[np.bool_],
    taken: NDArray[np.bool_],
    agent: Integers,
    handed: NDArray[np.bool_],
    strain: Floats,
) -> Outcomes:
    count, channel = queued.size, arrivals.channel
    slow = (channel == TICKET) | (channel == EMAIL)
    effort = np.array([issue.effort for issue in world.issues])[arrivals.issue]
    hardness = np.array([issue.hardness for issue in world.issues])[arrivals.issue]
    complaint = hardness >= 0.3
    skill = np.where(taken, np.array([entry.skill for entry in world.agents])[agent], 0.0)
    pace = np.where(taken, np.array([entry.pace for entry in world.agents])[agent], 1.0)

    def spread(median: Floats, sigma: Floats) -> Floats:
        return np.asarray(np.round(median * np.exp(sigma * random.standard_normal(count))), dtype=np.float64)

    reply = spread(_REPLY[channel] * pace, _REPLY_SPREAD[channel])
    work = spread(_WORK[channel] * effort * pace, _WORK_SPREAD[channel])
    wrap = spread(_WRAP[channel] * pace, np.full(count, 0.5))
    on_hold = (channel == CALL) & (random.random(count) < 0.24)
    hold = np.where(on_hold, spread(np.full(count, 38.0 * SECOND), np.full(count, 0.7)), 0.0)
    transfers = np.where(taken, random.poisson(np.where(arrivals.broken, 0.18, 0.07)), 0)
    odds = hardness + 0.06 - 0.05 * skill + 0.30 * arrivals.broken + 0.12 * (transfers > 0)
    failed = np.where(channel == BOT, random.random(count) < 0.4, taken & (random.random(count) < odds))
    escalated = taken & (random.random(count) < 0.02 + 0.12 * complaint + 0.06 * arrivals.broken)

    responded = np.where(taken | (channel == BOT), np.where(channel == BOT, queued, accepted) + reply, np.nan)
    over = np.where(
        slow,
        responded + work + spread(_SOLVE[channel] * effort, np.full(count, 0.9)),
        responded + work + hold,
    )
    over = np.where(slow & failed & (random.random(count) < 0.4), np.nan, over)  # still open
    solved = (taken | (channel == BOT)) & ~failed
    reopens = np.where(slow & solved, random.binomial(2, np.clip(0.045 - 0.02 * skill, 0.005, 0.2)), 0)
    over = np.where(
        reopens > 0, over + reopens * spread(np.full(count, 20.0 * HOUR), np.full(count, 0.5)), over
    )
    settling = np.where(slow, np.round(random.random(count) * 2 * DAY), 0.0)
    felt = (
        4.52
        + 0.33 * skill
        - 0.34 * np.log(np.maximum(strain, 1.0))
        - 1.45 * failed
        - 0.4 * transfers
        - 0.75 * arrivals.broken
        - 0.3 * escalated
        - 0.4 * (reopens > 0)
        + 0.82 * random.standard_normal(count)
    )
    chatty = np.where(channel == CALL, 0.0, np.where(slow, 1.2, 5.5) * effort)
    silent = (channel == CHAT) & (random.random(count) < _SILENT)
    customer_messages = np.where(silent, 0, random.poisson(chatty) + (channel != CALL))
    agent_messages = np.where(taken & (channel != CALL), random.poisson(chatty * 1.1) + 1, 0)
    talked = taken & (channel == CALL)
    bot_messages = np.where(
        channel == BOT, random.poisson(3.0, count) + 1, np.where(handed, random.poisson(2.0, count) + 1, 0)
    )
    return Outcomes(
        queued=np.where(channel == BOT, np.nan, queued),
        accepted=np.where(taken, accepted, np.nan),
        first_response=responded,
        resolved=np.where(solved, over, np.nan),
        closed=np.where(abandoned, gave_up, over + settling),
        work=np.where(taken, work, np.nan),
        hold=np.where(talked, hold, np.nan),
        wrap_up=np.where(taken & ~slow, wrap, np.nan),
        silence=np.where(talked, np.round(work * (0.03 + 0.12 * random.random(count))), np.nan),
        agent=agent,
        abandoned=abandoned,
        failed=failed,
        reopens=reopens,
        transfers=transfers,
        escalated=escalated,
        customer_messages=customer_messages,
        agent_messages=agent_messages,
        bot_messages=bot_messages,
        strain=strain,
        felt=felt,
    )


def _choose_agents(
    random: np.random.Generator,
    world: World,
    customers: Customers,
    arrivals: Arrivals,
    rota: Rota,
    accepted: Floats,
    until: date,
) -> Integers:
    """One agent of the team for each contact: at work in that hour, rather one who speaks the language."""
    hour = _hour(accepted, until)
    fits = rota.answers.reshape(DAYS * 24, -1)[hour] & (rota.team[None, :] == arrivals.team[:, None])
    spoken = np.array(
        [[language.key in agent.languages.split() for agent in world.agents] for language in world.languages]
    )
    weights = fits * np.where(spoken[customers.language[arrivals.customer]], 5.0, 1.0)
    weights = weights / np.array([agent.pace for agent in world.agents])
    bounds = np.cumsum(weights, axis=1)
    drawn = random.random(accepted.size) * bounds[:, -1]
    return np.asarray((bounds <= drawn[:, None]).sum(axis=1).clip(max=len(world.agents) - 1), dtype=np.int64)


def _hour(moments: Floats, until: date) -> Integers:
    """The hour of the data a wall-clock moment lies in; moments after the end count as the last hour."""
    start = rhythm.wall_clock(rhythm.first_day(until))
    return np.floor_divide(moments - start, HOUR).clip(0, DAYS * 24 - 1).astype(np.int64)
