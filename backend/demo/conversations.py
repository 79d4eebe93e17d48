"""What happened within contacts: transfers, escalations, reopenings; of some, who took them and what was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from backend.demo.answering import Outcomes
from backend.demo.arrivals import Arrivals
from backend.demo.rhythm import CHAT, DAY, EMAIL, HOUR, MINUTE, SECOND, TICKET, Floats, Integers
from backend.demo.world import World

NOBODY = -1
_KEPT = 40  # of so many written contacts one has its messages kept: few, for the demo has to load quickly
_KEPT_REOPENED = 4  # of those that were reopened, which are rare
_ANSWER = {CHAT: 18.0 * SECOND, TICKET: 70.0 * MINUTE, EMAIL: 90.0 * MINUTE}  # median, after the first reply


@dataclass(slots=True)
class Events:
    """What happened, in no order. `agent` is a number, NOBODY where none is named."""

    contact: Integers
    kind: list[str]
    actor: list[str]
    agent: Integers
    happened: Floats


def draw_events(random: np.random.Generator, world: World, arrivals: Arrivals, outcomes: Outcomes) -> Events:
    """One event for each transfer, escalation and reopening; and of some contacts all that was said."""
    contacts: list[Integers] = []
    moments: list[Floats] = []
    kinds: list[str] = []
    actors: list[str] = []
    last = np.where(np.isnan(outcomes.closed), outcomes.first_response + HOUR, outcomes.closed)
    for kind, actor, times, begin, end in (
        ("transferred", "agent", outcomes.transfers, outcomes.accepted, last),
        ("escalated", "agent", outcomes.escalated.astype(np.int64), outcomes.accepted, last),
        ("reopened", "customer", outcomes.reopens, outcomes.first_response, outcomes.resolved),
    ):
        contact = np.repeat(np.arange(times.size), times)
        contact = contact[~np.isnan(begin[contact])]
        span = np.maximum(end[contact] - begin[contact], 0.0)
        contacts.append(contact)
        moments.append(begin[contact] + np.round(span * (0.1 + 0.8 * random.random(contact.size))))
        kinds += [kind] * contact.size
        actors += [actor] * contact.size
    contact, happened = np.concatenate(contacts), np.concatenate(moments)
    agent = np.where(np.array(actors) == "agent", outcomes.agent[contact], NOBODY)
    steps = Events(contact, kinds, actors, agent, happened)
    # Numbers of its own, so that what was said changes nothing else in the story.
    return _Log(random.spawn(1)[0], world, arrivals, outcomes, steps).written()


@dataclass(slots=True)
class _Log:
    random: np.random.Generator
    world: World
    arrivals: Arrivals
    outcomes: Outcomes
    steps: Events
    rows: list[tuple[int, str, str, int, float]] = field(default_factory=list)

    def written(self) -> Events:
        """The steps and all that is added to them."""
        channel = self.arrivals.channel
        spoken = (channel == CHAT) | (channel == TICKET) | (channel == EMAIL)
        handed: dict[int, float] = {}
        reopened: dict[int, list[float]] = {}
        for place, kind, moment in zip(
            self.steps.contact.tolist(), self.steps.kind, self.steps.happened.tolist(), strict=True
        ):
            if kind == "transferred":
                handed[place] = min(moment, handed.get(place, moment))
            elif kind == "reopened":
                reopened.setdefault(place, []).append(moment)
        share = np.full(channel.size, 1 / _KEPT)
        share[list(reopened)] = 1 / _KEPT_REOPENED
        for place in np.flatnonzero(spoken & (self.random.random(channel.size) < share)).tolist():
            self._say(place, handed.get(place, np.inf))
            self._solve(place, sorted(reopened.get(place, [])))
        steps, rows = self.steps, self.rows
        return Events(
            np.concatenate((steps.contact, np.array([row[0] for row in rows], dtype=np.int64))),
            steps.kind + [row[1] for row in rows],
            steps.actor + [row[2] for row in rows],
            np.concatenate((steps.agent, np.array([row[3] for row in rows], dtype=np.int64))),
            np.concatenate((steps.happened, np.array([row[4] for row in rows], dtype=np.float64))),
        )

    def _say(self, place: int, handed: float) -> None:
        """As many messages as the contact counts, the first reply when it came."""
        began, replied = float(self.arrivals.started[place]), float(self.outcomes.first_response[place])
        asked, answers = (
            int(self.outcomes.customer_messages[place]),
            int(self.outcomes.agent_messages[place]),
        )
        queued = float(self.outcomes.queued[place])
        for number in range(int(self.outcomes.bot_messages[place])):
            share = (number + 1) / (int(self.outcomes.bot_messages[place]) + 1)
            self._note(place, "message", "bot", NOBODY, began + share * (queued - began))
        if asked:
            self._note(place, "message", "customer", NOBODY, began)
        if replied != replied:  # nobody came
            for number in range(1, asked):
                self._note(place, "message", "customer", NOBODY, began + number * 20 * SECOND)
            return
        first, last = self._hands(place)
        self._note(place, "assigned", "system", first, float(self.outcomes.accepted[place]))
        end = self._end(place)
        questions = np.sort(replied + (end - replied) * self.random.random(max(asked - 1, 0))).tolist()
        median = _ANSWER[int(self.arrivals.channel[place])]
        delays = (median * np.exp(0.8 * self.random.standard_normal(max(answers - 1, 0)))).tolist()
        for moment in questions:
            self._note(place, "message", "customer", NOBODY, moment)
        for number, delay in enumerate([0.0, *delays][:answers]):
            # What nobody asked for is said right after the first reply.
            after = replied if number == 0 or number > len(questions) else questions[number - 1]
            moment = min(after + delay, end)
            self._note(place, "message", "agent", first if moment < handed else last, moment)

    def _solve(self, place: int, reopened: list[float]) -> None:
        """The last solve when the contact says so; one on the way to each reopening, and a reply after it."""
        before, end = float(self.outcomes.first_response[place]), self._end(place)
        agent = int(self.outcomes.agent[place])
        for moment, later in pairwise((*reopened, end)):
            self._note(place, "solved", "agent", agent, before + 0.6 * (moment - before))
            self._note(place, "message", "customer", NOBODY, moment)
            self._note(
                place, "message", "agent", agent, moment + 0.4 * self.random.random() * (later - moment)
            )
            before = moment
        resolved = float(self.outcomes.resolved[place])
        if resolved > before:
            self._note(place, "solved", "agent", agent, resolved)

    def _hands(self, place: int) -> tuple[int, int]:
        """Who took the contact, and who has it in the end: a colleague, where it was transferred."""
        agents, last = self.world.agents, int(self.outcomes.agent[place])
        if not self.outcomes.transfers[place]:
            return last, last
        team = [number for number, agent in enumerate(agents) if agent.team == agents[last].team]
        return team[team.index(last) - 1], last

    def _end(self, place: int) -> float:
        replied = float(self.outcomes.first_response[place])
        for end in (float(self.outcomes.resolved[place]), float(self.outcomes.closed[place])):
            if end == end:
                return max(end, replied)
        return replied + DAY

    def _note(self, place: int, kind: str, actor: str, agent: int, moment: float) -> None:
        self.rows.append((place, kind, actor, agent, moment))
