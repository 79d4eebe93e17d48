"""Random events of a few interactions, and what they tell, worked out by walking through them one by one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from backend.interactions.identity import fact_id
from tests.backend.ingestion.importing import SOURCE

T = datetime(2026, 2, 2, 9, 30, tzinfo=UTC)
AGENTS = ("ann", "bob", "cy")
KINDS = (
    *["message"] * 12, "note", "assigned", "assigned", "transferred", "accepted", "solved", "solved", "closed",
    "reopened", "reopened", "tagged",
)  # fmt: skip
RANKS = {"reopened": 0, "assigned": 1, "transferred": 1, "accepted": 1, "solved": 3, "closed": 4}

Record = dict[str, Any]


def random_event(draw: random.Random, number: int, interactions: Sequence[str]) -> Record:
    """One event; moments are few, so that many happen at one instant."""
    actor = draw.choice(("customer", "customer", "agent", "agent", "agent", "bot", "system"))
    named = actor == "agent" or draw.random() < 0.4
    return {
        "external_id": f"e{number}",
        "interaction_id": fact_id(SOURCE, draw.choice(interactions)),
        "happened_at": T + timedelta(minutes=30 * draw.randrange(90), microseconds=draw.choice((0, 0, 250))),
        "kind": draw.choice(KINDS),
        "actor": actor,
        "agent": draw.choice(AGENTS) if named and draw.random() < 0.9 else None,
        "public": draw.random() < 0.85,
        "automatic": draw.random() < 0.15,
    }


def random_interaction(draw: random.Random, name: str) -> Record:
    """One interaction; some of its moments are missing, or lie where they make no sense."""

    def some(minutes: int) -> datetime | None:
        return T + timedelta(minutes=draw.randrange(-60, minutes)) if draw.random() < 0.6 else None

    return {
        "external_id": name,
        "channel": draw.choice(("chat", "email")),
        "started_at": some(120),
        "first_response_at": some(1500),
        "resolved_at": some(3000),
        "closed_at": some(3000),
        "exclusion": draw.choice((None, None, None, "spam")),
    }


@dataclass
class Told:
    """What the events of one interaction tell; rows as the tables have them, agents by name."""

    turns: list[Record] = field(default_factory=list)
    cycles: list[Record] = field(default_factory=list)
    participants: dict[str, Record] = field(default_factory=dict)


def walk(known: Mapping[str, Any], events: Iterable[Record]) -> Told:
    """The rows of an interaction, given its stored row and its events."""
    ordered = sorted(
        events,
        key=lambda event: (
            event["happened_at"],
            RANKS.get(event["kind"], 2),
            0 if event["actor"] == "customer" else 1,
            fact_id(SOURCE, event["external_id"]).bytes,
        ),
    )
    told = Told()
    if ordered:
        told.turns = _turns(ordered)
        told.cycles = _cycles(known, ordered)
        told.participants = _participants(known, ordered)
    elif known["started_at"] is not None:
        told.cycles = [
            {
                "external_id": known["external_id"],
                "agent": None,
                "position": 1,
                "opened_at": known["started_at"],
                "first_response_at": known["first_response_at"],
                "solved_at": known["resolved_at"],
                "first_response_time": span(known["started_at"], known["first_response_at"]),
                "duration": span(known["started_at"], known["resolved_at"]),
            }
        ]
    return told


def span(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds; None where an end is missing or they run backwards."""
    if start is None or end is None:
        return None
    length = milliseconds(end - start)
    return length if length >= 0 else None


def milliseconds(length: timedelta) -> int:
    return round(Fraction(length // timedelta(microseconds=1), 1000))


def is_reply(event: Record) -> bool:
    return bool(
        event["kind"] == "message"
        and event["actor"] == "agent"
        and event["public"]
        and not event["automatic"]
    )


def _turns(events: Sequence[Record]) -> list[Record]:
    turns: list[Record] = []
    waiting: Record | None = None
    for event in events:
        if event["kind"] == "message" and event["actor"] == "customer" and event["public"]:
            if waiting is None:
                waiting = {
                    "external_id": event["external_id"],
                    "agent": None,
                    "position": len(turns) + 1,
                    "messages": 0,
                    "started_at": event["happened_at"],
                    "replied_at": None,
                    "wait": None,
                }
                turns.append(waiting)
            waiting["messages"] += 1
        elif is_reply(event) and waiting is not None:
            waiting["agent"] = event["agent"]
            waiting["replied_at"] = event["happened_at"]
            waiting["wait"] = span(waiting["started_at"], event["happened_at"])
            waiting = None
    return turns


def _cycles(known: Mapping[str, Any], events: Sequence[Record]) -> list[Record]:
    groups: list[list[Record]] = [[]]
    for event in events:
        if event["kind"] == "reopened":
            groups.append([])
        groups[-1].append(event)
    cycles = []
    answered = any(is_reply(event) for event in events)
    for number, group in enumerate(groups):
        if number == 0:
            name, opened = known["external_id"], known["started_at"] or events[0]["happened_at"]
        else:
            name, opened = group[0]["external_id"], group[0]["happened_at"]
        replies = [event["happened_at"] for event in group if is_reply(event)]
        replied = replies[0] if replies else None
        if number == 0 and not answered and known["first_response_at"] is not None:
            later = groups[1][0]["happened_at"] if len(groups) > 1 else None
            if later is None or known["first_response_at"] < later:
                replied = known["first_response_at"]
        solves = [place for place, event in enumerate(group) if event["kind"] == "solved"]
        solved, agent = None, None
        acts = group
        if solves:
            acts = group[: solves[-1] + 1]
            solved, agent = acts[-1]["happened_at"], acts[-1]["agent"]
        elif number == len(groups) - 1:
            stale = number > 0 and known["resolved_at"] is not None and known["resolved_at"] < opened
            solved = None if stale else known["resolved_at"]
        if agent is None:
            for event in acts:
                agent = actor_of(event) or agent
        cycles.append(
            {
                "external_id": name,
                "agent": agent,
                "position": number + 1,
                "opened_at": opened,
                "first_response_at": replied,
                "solved_at": solved,
                "first_response_time": span(opened, replied),
                "duration": span(opened, solved),
            }
        )
    return cycles


def actor_of(event: Record, *, solving: bool = True) -> str | None:
    """The agent that an event names as having part in it."""
    named = event["kind"] in ("assigned", "transferred", "accepted") or is_reply(event)
    return event["agent"] if named or (solving and event["kind"] == "solved") else None


def _participants(known: Mapping[str, Any], events: Sequence[Record]) -> dict[str, Record]:
    holder: str | None = None
    resolver: str | None = None
    solved, is_open = False, True
    since: datetime | None = None
    held: dict[str, timedelta] = defaultdict(timedelta)
    replies: dict[str, int] = defaultdict(int)
    acted: list[str] = []
    named: list[str] = []

    def let_go(at: datetime) -> None:
        nonlocal since
        if holder is not None and since is not None and at > since:
            held[holder] += at - since
        since = None

    own = [known[name] for name in ("resolved_at", "closed_at") if known[name] is not None]
    own_end = min(own) if own else None
    reopenings = [at for at, event in enumerate(events) if event["kind"] == "reopened"]
    last_stage = events[reopenings[-1] :] if reopenings else events
    if any(event["kind"] in ("solved", "closed") for event in last_stage) or (
        reopenings and own_end is not None and own_end < last_stage[0]["happened_at"]
    ):
        own_end = None
    final = own_end or events[-1]["happened_at"]
    last_begin = reopenings[-1] if reopenings else 0

    for place, event in enumerate(events):
        at = event["happened_at"]
        if own_end is not None and place >= last_begin:
            at = min(at, own_end)
        kind, agent = event["kind"], event["agent"]
        if kind in ("assigned", "transferred") or (kind == "accepted" and agent is not None):
            let_go(at)
            holder = agent
            since = at if is_open else None
        elif kind in ("solved", "closed"):
            let_go(at)
            is_open = False
        elif kind == "reopened":
            let_go(at)
            is_open, since = True, at
        if kind == "solved":
            solved, resolver = True, agent or holder
        if (who := actor_of(event, solving=False)) is not None:
            acted.append(who)
        if (who := actor_of(event)) is not None:
            named.append(who)
        if is_reply(event) and agent is not None:
            replies[agent] += 1
    let_go(final)

    people = sorted(set(named))
    if not people:
        return {}
    ends = acted or named
    if not solved and known["resolved"]:
        resolver = ends[-1]
    handled = {name: milliseconds(held[name]) for name in people}
    return {
        name: {
            "first": name == ends[0],
            "last": name == ends[-1],
            "resolver": name == resolver,
            "handled": handled[name],
            "messages": replies[name],
            "time_share": shares(handled)[name],
            "message_share": shares({one: replies[one] for one in people})[name],
        }
        for name in people
    }


def shares(weights: Mapping[str, int]) -> dict[str, int]:
    """Millionths by largest remainder; agents have ids in the order of their names."""
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    exact = {name: Fraction(weight * 1_000_000, sum(weights.values())) for name, weight in weights.items()}
    given = {name: int(part) for name, part in exact.items()}
    wanting = sorted(exact, key=lambda name: (given[name] - exact[name], name))
    for name in wanting[: 1_000_000 - sum(given.values())]:
        given[name] += 1
    return given
