"""Who works when: shifts, days off, the odd sick day, the team that is short-staffed in the bad week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backend.demo.arrivals import bad_days
from backend.demo.rhythm import DAY, DAYS, HOUR, MINUTE, Floats, Integers, first_day, wall_clock
from backend.demo.world import World

SHIFTS = {"early": (8, 17), "late": (13, 22)}
_SICK = 0.02  # of the days someone should work
_MEETS = 0.15  # of the days end with a meeting
_BUSY = 0.68  # of the time people are there for contacts, give or take a tenth
_WAGE, _SKILLED = 2_600.0, 250.0  # minor units an hour, and what skill adds
_CAPACITY = {"early": 3, "late": 3}  # chats at a time


@dataclass(slots=True)
class Rota:
    """`works` is (DAYS, agents); `answers` is (DAYS, 24, agents): who can take a contact in an hour.

    Somebody of each team can at any hour, be it outside their shift: a team is never left without anyone.
    """

    planned: NDArray[np.bool_]  # as works, before anyone fell ill or was sent away
    works: NDArray[np.bool_]
    answers: NDArray[np.bool_]
    team: Integers  # of each agent, as index into the world's teams


@dataclass(slots=True)
class Activity:
    """What agents did, as parallel lists: agent, state, begin and end in wall-clock ms.

    A plan (scheduled) costs nothing, the time worked costs minor units; breaks are paid.
    """

    agent: Integers
    state: list[str]
    started: Floats
    ended: Floats
    capacity: list[int]
    cost: Floats


def draw_rota(random: np.random.Generator, world: World, until: date) -> Rota:
    """The rota of the DAYS days before `until`."""
    teams = [team.key for team in world.teams]
    team = np.array([teams.index(agent.team) for agent in world.agents], dtype=np.int64)
    weekday = (first_day(until).weekday() + np.arange(DAYS)) % 7
    planned = np.ones((DAYS, len(world.agents)), dtype=np.bool_)
    hours = np.zeros((24, len(world.agents)), dtype=np.bool_)
    place_in_team: dict[str, int] = {}
    for number, agent in enumerate(world.agents):
        place = place_in_team[agent.team] = place_in_team.get(agent.team, -1) + 1
        planned[np.isin(weekday, ((2 * place + 5) % 7, (2 * place + 6) % 7)), number] = False
        hours[slice(*SHIFTS[agent.shift]), number] = True
    works = planned & (random.random(planned.shape) >= _SICK)
    if world.incident is not None:
        for number, agent in enumerate(world.agents):
            if agent.key in world.incident.away:
                works[bad_days(until), number] = False
    answers = works[:, None, :] & hours[None, :, :]
    for number in range(len(teams)):
        members = team == number
        nobody = np.asarray(~answers[:, :, members].any(axis=2))
        stand_in = works & members
        stand_in[~stand_in.any(axis=1)] |= members
        answers |= nobody[:, :, None] & stand_in[:, None, :]
    return Rota(planned, works, answers, team)


def staffing(rota: Rota, team: int) -> Floats:
    """Which share of the people planned for each day is there; never less than one person's."""
    members = rota.team == team
    planned = rota.planned[:, members].sum(axis=1).clip(min=1)
    return np.asarray(rota.works[:, members].sum(axis=1).clip(min=1) / planned, dtype=np.float64)


def draw_activity(random: np.random.Generator, world: World, rota: Rota, until: date) -> Activity:
    """Each day that someone was planned for, and on those they work: busy and available before and after a
    break, sometimes with a meeting at the end."""
    agents: list[int] = []
    states: list[str] = []
    spans: list[tuple[float, float]] = []
    midnight = wall_clock(first_day(until))
    for day, number in np.argwhere(rota.planned | rota.works).tolist():
        agent = world.agents[number]
        opens, closes = (midnight + day * DAY + hour * HOUR for hour in SHIFTS[agent.shift])
        late, pause, length, meeting, *busy = random.random(6).tolist()
        parts = [("scheduled", float(opens), float(closes))]
        if rota.works[day, number]:
            begin = opens + round(late * 9) * MINUTE
            rest = begin + round((3.5 + pause) * 60) * MINUTE
            back = rest + round(30 + 30 * length) * MINUTE
            end = closes - HOUR if meeting < _MEETS else closes
            for start, stop, share in ((begin, rest, busy[0]), (back, end, busy[1])):
                turn = start + round((stop - start) * (_BUSY + 0.2 * (share - 0.5)) / MINUTE) * MINUTE
                parts += [("busy", start, turn), ("available", turn, stop)]
            parts += [("away", rest, back), *([("away", end, closes)] if meeting < _MEETS else [])]
        for state, start, stop in parts:
            agents.append(number)
            states.append(state)
            spans.append((start, stop))
    moments = np.array(spans, dtype=np.float64)
    capacity = [_CAPACITY[world.agents[number].shift] for number in agents]
    rates = np.array([_WAGE + _SKILLED * agent.skill for agent in world.agents])[np.array(agents)] / HOUR
    paid = np.array([state != "scheduled" for state in states])
    cost = np.where(paid, np.round((moments[:, 1] - moments[:, 0]) * rates), np.nan)
    return Activity(np.array(agents, dtype=np.int64), states, moments[:, 0], moments[:, 1], capacity, cost)
