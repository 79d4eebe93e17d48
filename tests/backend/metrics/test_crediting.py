"""Every attribution rule against plain Python: by agent, filtered by agent, in total; exact where it promises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from backend.core.windows import Comparison, Grain
from backend.metrics.questions import Answer, Order
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import WEEK, World
from tests.backend.metrics.crediting import (
    RULES,
    Hands,
    Pair,
    Piece,
    Reference,
    Row,
    credited,
    gathered,
    many_hands,
    references,
)


def check(formula: str, found: float | None, pieces: Sequence[Piece], by_hand: Reference) -> None:
    expected = by_hand(pieces)
    if expected is None:
        assert found is None, formula
    else:
        rel = 0.011 if formula.startswith("p90") else 1e-9
        assert found == pytest.approx(float(expected), rel=rel, abs=1e-12), formula


def check_rows(answer: Answer, groups: dict[Any, list[Piece]], by_hand: dict[str, Reference]) -> None:
    assert {tuple(member.key for member in members) for members in answer.members} == set(groups)
    for at, formula in enumerate(by_hand):
        for row, members in enumerate(answer.members):
            pieces = groups[tuple(member.key for member in members)]
            check(formula, answer.columns[at].values[row], pieces, by_hand[formula])
            if formula.startswith("count() "):
                assert answer.columns[at].n[row] == len(pieces)


def by(pairs: Sequence[Pair], key: Callable[[Pair], tuple[str | None, ...]]) -> dict[Any, list[Piece]]:
    groups: dict[Any, list[Piece]] = defaultdict(list)
    for pair in pairs:
        groups[key(pair)].append(Piece(pair[0], pair[2]))
    return groups


@pytest.mark.parametrize("rule", RULES)
async def test_by_agent(hands: Hands, rule: str):
    formulas = references(rule)
    answer = await hands.world.ask(*formulas, dimensions=("agent",))
    check_rows(answer, by(hands.pairs(rule), lambda pair: (hands.name(pair[1]),)), formulas)
    answer = await hands.world.ask(*formulas, dimensions=("agent", "channel"))
    groups = by(hands.pairs(rule), lambda pair: (hands.name(pair[1]), pair[0]["channel"]))
    check_rows(answer, groups, formulas)


@pytest.mark.parametrize("rule", RULES)
async def test_by_agent_and_day_ranked_and_compared(hands: Hands, rule: str):
    formulas = references(rule)
    answer = await hands.world.ask(
        *formulas,
        dimensions=("agent",),
        grain=Grain.DAY,
        order=Order("a"),
        limit=3,
        comparison=Comparison.PREVIOUS_PERIOD,
    )
    groups = by(
        hands.pairs(rule), lambda pair: (pair[0]["started_at"].date().isoformat(), hands.name(pair[1]))
    )
    sizes = by(hands.pairs(rule), lambda pair: (hands.name(pair[1]),))

    def place(key: tuple[str | None]) -> tuple[int, bool, str]:
        return -sum(one.weight for one in sizes[key]), key[0] is None, key[0] or ""

    most = sorted(sizes, key=place)[:3]
    assert [member.key for (member,) in answer.members[:3]] == [key for (key,) in most]
    assert answer.buckets is not None
    for at, formula in enumerate(formulas):
        for row, (bucket, (member,)) in enumerate(zip(answer.buckets, answer.members, strict=True)):
            pieces = groups[bucket.date().isoformat(), member.key]
            check(formula, answer.columns[at].values[row], pieces, formulas[formula])
    before = [row for row in hands.interactions if row["exclusion"] is None and row["started_at"] is not None]
    earlier = [row for row in before if row["started_at"] < WEEK.start]
    assert answer.previous_totals is not None
    assert answer.previous_totals[0].value == len(earlier)


@pytest.mark.parametrize("rule", RULES)
async def test_where_no_agent_is_asked_about_each_row_counts_once(hands: Hands, rule: str):
    formulas = references(rule)
    plain = [formula.partition(" credited")[0] for formula in formulas]
    for question in ({}, {"dimensions": ("channel",)}, {"grain": Grain.DAY}, {"where": "answered"}):
        one = await hands.world.ask(*formulas, **question)
        other = await hands.world.ask(*plain, **question)
        assert one.totals == other.totals
        assert [c.values for c in one.columns] == [c.values for c in other.columns]
        assert [c.n for c in one.columns] == [c.n for c in other.columns]
    answer = await hands.world.ask(*formulas, dimensions=("agent",))
    assert answer.totals == (await hands.world.ask(*plain)).totals


FILTERS: dict[str, Callable[[Row, str | None], bool]] = {
    'agent = "ann"': lambda row, agent: agent == "ann",
    'agent in ("ann", "bob")': lambda row, agent: agent in ("ann", "bob"),
    'agent != "ann"': lambda row, agent: agent not in ("ann", None),
    "agent is missing": lambda row, agent: agent is None,
    "agent is not missing": lambda row, agent: agent is not None,
    'agent = "ann" or channel = "chat"': lambda row, agent: agent == "ann" or row["channel"] == "chat",
    'not (agent = "cy") and answered': lambda row, agent: (
        agent not in ("cy", None) and row["answered"] is True
    ),
}


@pytest.mark.parametrize("rule", RULES)
async def test_filtered_by_agent(hands: Hands, rule: str):
    formulas = references(rule)
    for where, keeps in FILTERS.items():
        kept = [pair for pair in hands.pairs(rule) if keeps(pair[0], hands.name(pair[1]))]
        answer = await hands.world.ask(*formulas, where=where)
        for at, (formula, by_hand) in enumerate(formulas.items()):
            check(f"{formula}, {where}", answer.totals[at].value, gathered(kept, rule), by_hand)
        split = await hands.world.ask(*formulas, where=where, dimensions=("agent",))
        check_rows(split, by(kept, lambda pair: (hands.name(pair[1]),)), formulas)
        assert split.totals == answer.totals
        split = await hands.world.ask(*formulas, where=where, dimensions=("channel",))
        channels: dict[Any, list[Piece]] = {
            (channel,): gathered([pair for pair in kept if pair[0]["channel"] == channel], rule)
            for channel in {pair[0]["channel"] for pair in kept}
        }
        check_rows(split, channels, formulas)


@pytest.mark.parametrize("rule", RULES)
async def test_a_condition_on_the_agent_within_an_aggregate(hands: Hands, rule: str):
    def kept(*names: str) -> list[Piece]:
        return gathered([pair for pair in hands.pairs(rule) if hands.name(pair[1]) in names], rule)

    def size(pieces: Sequence[Piece]) -> float:
        return sum(one.weight for one in pieces) / 1_000_000

    answer = await hands.world.ask(
        f'count(where agent = "ann") / count() credited to {rule}',
        f'count(where agent in ("ann", "bob")) - count(where agent = "bob") credited to {rule}',
        f'share(agent in ("ann", "bob")) credited to {rule}',
        f'sum(handle_time where agent in ("ann", "bob")) credited to {rule}',
    )
    rows = hands.counted()
    known = [
        row
        for row in rows
        if any(pair[1] for pair in credited(row, rule, hands.participants, row["agent_id"]))
    ]
    both = kept("ann", "bob")
    expected = [
        size(kept("ann")) / len(rows),
        size(both) - size(kept("bob")),
        size(both) / len(known),
        sum(one.row["handle_time"] * one.weight for one in both if one.row["handle_time"] is not None) / 1e9,
    ]
    assert [cell.value for cell in answer.totals] == pytest.approx(expected)


async def test_agents_can_be_counted(hands: Hands):
    answer = await hands.world.ask(
        "count_distinct(agent) credited to participants",
        "count_distinct(agent) credited to resolver",
        dimensions=("channel",),
    )
    for at, rule in enumerate(("participants", "resolver")):
        for row, (channel,) in enumerate(answer.members):
            here = [pair for pair in hands.pairs(rule) if pair[0]["channel"] == channel.key and pair[1]]
            assert answer.columns[at].values[row] == len({pair[1] for pair in here})
            assert answer.columns[at].n[row] == len({pair[0]["id"] for pair in here})


@pytest.mark.parametrize("seed", range(5))
async def test_other_weeks_by_all_rules_at_once(world: World, globex: TenantDatabase, seed: int):
    hands = await many_hands(world, globex, seed, count=60)
    chosen = ("count()", "avg(handle_time)", "share(resolved)")
    for question, key in (
        ({"dimensions": ("agent", "answered")}, ("agent", "answered")),
        ({"dimensions": ("agent",), "where": 'channel in ("chat", "bot") and agent != "bob"'}, ("agent",)),
    ):
        formulas = [f"{formula} credited to {rule}" for rule in RULES for formula in chosen]
        answer = await world.ask(*formulas, window=None, **question)
        for at, formula in enumerate(formulas):
            rule = formula.rpartition(" ")[2]
            rows = [row for row in hands.interactions if row["exclusion"] is None]
            if "where" in question:
                rows = [row for row in rows if row["channel"] in ("chat", "bot")]
            groups: dict[Any, list[Piece]] = defaultdict(list)
            for row in rows:
                for _, agent, weight in credited(row, rule, hands.participants, row["agent_id"]):
                    name = hands.name(agent)
                    if "where" not in question or name not in ("bob", None):
                        member = {None: None, True: "true", False: "false"}[row["answered"]]
                        groups[(name, member)[: len(key)]].append(Piece(row, weight))
            for place, members in enumerate(answer.members):
                pieces = groups.pop(tuple(member.key for member in members), [])
                check(formula, answer.columns[at].values[place], pieces, references(rule)[formula])
            assert not groups
