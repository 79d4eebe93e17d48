"""Who took part in interactions, and every attribution rule worked out again in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from random import Random
from statistics import stdev
from typing import Any
from uuid import UUID

import numpy
from sqlalchemy import delete, insert

from backend.interactions.derived.models import participation
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import WEEK, World
from tests.backend.metrics.evidence import a_messy_week

Row = dict[str, Any]
MILLION = 1_000_000
RULES = ("owner", "first", "last", "resolver", "time_share", "message_share", "participants")
SHARES = ("time_share", "message_share")


@dataclass(frozen=True)
class Piece:
    """A row as it counts in a cell: with what weight, of a million."""

    row: Row
    weight: int


Pair = tuple[Row, int | None, int]  # a row, an agent it is credited to, with what weight
Participants = Mapping[UUID, Sequence[Row]]


async def take_part(tenant: TenantDatabase, *rows: Row) -> Participants:
    """Stores participations; a row says whose it is, on what, and which of the rest is not false or 0."""
    nothing = {"first": False, "last": False, "resolver": False, "handled": 0, "messages": 0}
    stored = [{**nothing, "time_share": 0, "message_share": 0, **row} for row in rows]
    async with tenant.write() as session:
        for at in range(0, len(stored), 500):
            await session.execute(insert(participation), stored[at : at + 500])
    found = defaultdict(list)
    for row in stored:
        found[row["interaction_id"]].append(row)
    return found


def some_participants(dice: Random, interactions: Iterable[UUID], agents: Sequence[int]) -> list[Row]:
    """Of three in four interactions one to all of the agents; some have shares of nothing, some no resolver."""
    rows = []
    for interaction_id in interactions:
        if dice.random() < 0.25:
            continue
        chosen = dice.sample(agents, dice.randint(1, len(agents)))
        first, last = dice.choice(chosen), dice.choice(chosen)
        resolver = dice.choice([None, *chosen])
        times, messages = a_million(dice, len(chosen)), a_million(dice, len(chosen))
        rows += [
            {
                "interaction_id": interaction_id,
                "agent_id": agent,
                "first": agent == first,
                "last": agent == last,
                "resolver": agent == resolver,
                "time_share": times[at],
                "message_share": messages[at],
            }
            for at, agent in enumerate(chosen)
        ]
    return rows


def a_million(dice: Random, parts: int) -> list[int]:
    """So many integers from 0 that add up to a million, not seldom with a 0 among them."""
    cuts = sorted(dice.choice([0, MILLION, *[dice.randint(0, MILLION)] * 4]) for _ in range(parts - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, MILLION], strict=True)]


def credited(row: Row, rule: str, participants: Participants, owner: int | None) -> list[Pair]:
    """The agents a row is credited to by a rule; `owner` is whose it would be without one."""
    of = row["id"] if "channel" in row else row["interaction_id"]
    took_part = participants.get(of, [])
    if rule == "owner" or not took_part:
        return [(row, owner, MILLION)]
    if rule == "participants":
        return [(row, one["agent_id"], MILLION) for one in took_part]
    if rule in SHARES:
        return [(row, one["agent_id"], one[rule]) for one in took_part if one[rule]]
    found: list[Pair] = [(row, one["agent_id"], MILLION) for one in took_part if one[rule]]
    return found or [(row, None, MILLION)]


def gathered(pairs: Iterable[Pair], rule: str) -> list[Piece]:
    """Each row once: with the weights of all its pairs where the rule divides rows, else in full."""
    weights: dict[UUID, int] = defaultdict(int)
    rows = {}
    for row, _, weight in pairs:
        rows[row["id"]] = row
        weights[row["id"]] += weight
    return [Piece(row, weights[key] if rule in SHARES else MILLION) for key, row in rows.items()]


@dataclass
class Hands:
    """A messy week with participants, in the database and in Python."""

    world: World
    interactions: list[Row]
    surveys: list[Row]
    agents: dict[str, int]
    participants: Participants

    def counted(self) -> list[Row]:
        """The interactions of the week that count."""
        return [row for row in self.interactions if row["exclusion"] is None and in_week(row["started_at"])]

    def pairs(self, rule: str) -> list[Pair]:
        """Each of them with the agents it is credited to."""
        rows = self.counted()
        return [pair for row in rows for pair in credited(row, rule, self.participants, row["agent_id"])]

    def name(self, agent: int | None) -> str | None:
        """The key of an agent."""
        return next((name for name, row_id in self.agents.items() if row_id == agent), None)


def in_week(moment: Any) -> bool:
    return moment is not None and WEEK.start <= moment < WEEK.end


async def many_hands(world: World, globex: TenantDatabase, seed: int = 17, count: int = 240) -> Hands:
    """A messy week of acme's; globex beside it has participations of the same interactions, too."""
    dice = Random(seed)
    interactions, surveys, _ = await a_messy_week(world, seed, count)
    agents = {name: row_id for (kind, row_id), name in world.names.items() if kind == "agent"}
    ids = [row["id"] for row in interactions]
    found = await take_part(world.tenant, *some_participants(dice, ids, list(agents.values())))
    async with globex.write() as session:
        await session.execute(delete(participation))
    await take_part(globex, *some_participants(dice, ids, [*agents.values(), 900, 901]))
    return Hands(world, interactions, surveys, agents, found)


# formula -> the same by hand; seconds where there is a duration
Reference = Callable[[Sequence[Piece]], float | Fraction | None]


def having(pieces: Sequence[Piece], name: str) -> list[Piece]:
    return [one for one in pieces if one.row[name] is not None]


def values(pieces: Sequence[Piece], name: str) -> list[int]:
    return [one.row[name] for one in having(pieces, name)]


def weight(pieces: Iterable[Piece]) -> Fraction:
    return sum((Fraction(one.weight, MILLION) for one in pieces), Fraction(0))


def total(pieces: Sequence[Piece], name: str) -> Fraction:
    return sum(
        (Fraction(one.row[name] * one.weight, MILLION * 1000) for one in having(pieces, name)), Fraction(0)
    )


def mean(pieces: Sequence[Piece], name: str) -> Fraction | None:
    known = having(pieces, name)
    return total(known, name) / weight(known) if known else None


def part(pieces: Sequence[Piece], name: str) -> Fraction | None:
    known = having(pieces, name)
    return weight(one for one in known if one.row[name]) / weight(known) if known else None


def extreme(pick: Callable[[list[int]], int], name: str) -> Reference:
    return lambda pieces: Fraction(pick(values(pieces, name)), 1000) if values(pieces, name) else None


def nearest_rank(pieces: Sequence[Piece], name: str, percent: int) -> float | None:
    found = sorted(values(pieces, name))
    return found[max(ceil(len(found) * percent / 100), 1) - 1] / 1000 if found else None


ADDED: dict[str, Reference] = {
    "count()": weight,
    "count(where answered)": lambda pieces: weight(one for one in pieces if one.row["answered"] is True),
    "sum(handle_time)": lambda pieces: (
        total(pieces, "handle_time") if having(pieces, "handle_time") else None
    ),
    "avg(handle_time)": lambda pieces: mean(pieces, "handle_time"),
    "avg(wait_time where answered)": lambda pieces: mean(
        [one for one in pieces if one.row["answered"] is True], "wait_time"
    ),
    "share(resolved)": lambda pieces: part(pieces, "resolved"),
    "min(wait_time)": extreme(min, "wait_time"),
    "max(handle_time)": extreme(max, "handle_time"),
    "sum(handle_time) / count()": lambda pieces: (
        total(pieces, "handle_time") / weight(pieces) if having(pieces, "handle_time") else None
    ),
}
WHOLE_ONLY: dict[str, Reference] = {
    "count_distinct(customer)": lambda pieces: len({one.row["customer_id"] for one in pieces} - {None}),
    "stddev(handle_time)": lambda pieces: (
        stdev(values(pieces, "handle_time")) / 1000 if len(values(pieces, "handle_time")) > 1 else None
    ),
    "p90(handle_time)": lambda pieces: nearest_rank(pieces, "handle_time", 90),
    "disc_p50(wait_time)": lambda pieces: nearest_rank(pieces, "wait_time", 50),
    "exact_p90(wait_time)": lambda pieces: (
        float(numpy.percentile(values(pieces, "wait_time"), 90)) / 1000
        if values(pieces, "wait_time")
        else None
    ),
}


def references(rule: str) -> dict[str, Reference]:
    """The formulas that a rule can be asked of, with the clause, and the same by hand."""
    every = ADDED if rule in SHARES else ADDED | WHOLE_ONLY
    return {f"{formula} credited to {rule}": by_hand for formula, by_hand in every.items()}
