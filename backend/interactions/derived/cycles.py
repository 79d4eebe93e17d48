"""Cycles: from an opening of an interaction to its solve, anew with each reopening.

Where events are silent, the interaction's own moments speak: its first response in the first cycle where no
event is a human reply, its resolved moment in the last cycle where no event of that cycle is a solve (one
from before the last reopening solved another cycle).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from backend.interactions.derived.models import interaction_cycle
from backend.interactions.derived.timeline import timeline
from backend.interactions.durations import elapsed, kept
from backend.interactions.models import interaction

COLUMNS = (
    "interaction_id",
    "agent_id",
    "position",
    "opened_at",
    "first_response_at",
    "solved_at",
    "first_response_time",
    "duration",
)
_ORIGIN = ("id", "source", "external_id")


def cycles(asked: Subquery) -> Select[Any]:
    """The cycles of those interactions that have events, as rows of `interaction_cycle`."""
    told = _told(asked).c
    every: dict[str, Any] = {"partition_by": told.interaction_id}
    whole = select(
        *told,
        func.min(told.cycle).over(**every).label("lowest"),
        func.max(told.cycle).over(**every).label("cycles"),
        func.sum(told.replies).over(**every).label("all_replies"),
        func.min(told.began_at).over(**every).label("first_at"),
    ).subquery("whole")
    each = whole.c
    # Where the first event is a reopening, nothing is told of the first cycle, and it was there all the same.
    begin = case((each.cycle == each.lowest, 1), else_=each.cycle)
    number = func.generate_series(begin, each.cycle, type_=Integer).table_valued("n").render_derived("number")
    n = number.c.n

    def of(name: str) -> Any:
        return case((n == each.cycle, each[name]))

    first, last = n == 1, n == each.cycles
    resolved = interaction.c.resolved_at
    known_solve = case((and_(last, or_(first, resolved >= of("reopened_at"))), resolved))
    opened = case((first, func.coalesce(interaction.c.started_at, each.first_at)), else_=of("reopened_at"))
    spans = (
        select(
            *[case((first, interaction.c[name]), else_=of(name)).label(name) for name in _ORIGIN],
            each.interaction_id,
            of("agent_id").label("agent_id"),
            n.label("position"),
            opened.label("opened_at"),
            func.lead(of("reopened_at")).over(partition_by=each.interaction_id, order_by=n).label("next_at"),
            of("replied_at").label("replied_at"),
            each.all_replies,
            interaction.c.first_response_at.label("known_at"),
            func.coalesce(of("solved_at"), known_solve).label("solved_at"),
        )
        .select_from(whole.join(interaction, interaction.c.id == each.interaction_id).join(number, true()))
        .subquery("spans")
    )
    span = spans.c
    silent = and_(span.position == 1, span.all_replies == 0)
    within = or_(span.next_at.is_(None), span.known_at < span.next_at)
    replied = func.coalesce(span.replied_at, case((and_(silent, within), span.known_at)))
    return select(
        *[span[name] for name in (*_ORIGIN, "interaction_id", "agent_id", "position", "opened_at")],
        replied.label("first_response_at"),
        span.solved_at,
        kept(elapsed(span.opened_at, replied)).label("first_response_time"),
        kept(elapsed(span.opened_at, span.solved_at)).label("duration"),
    )


def every_cycle() -> Subquery:
    """All cycles there are: those of interactions without events are read off the interaction itself.

    They are not stored, so that bringing such interactions in costs nothing. One without a start has none.
    """
    known, of = interaction.c, interaction_cycle.c
    names = [*_ORIGIN, *COLUMNS]
    plain = {
        "interaction_id": known.id,
        "agent_id": cast(null(), Integer),
        "position": literal(1, Integer),
        "opened_at": known.started_at,
        "solved_at": known.resolved_at,
        "first_response_time": kept(elapsed(known.started_at, known.first_response_at)),
        "duration": kept(elapsed(known.started_at, known.resolved_at)),
    }
    stored = select(of.id).where(of.id == known.id).exists()  # the first has its interaction's id
    return union_all(
        select(*[of[name] for name in names]),
        select(*[(plain[name] if name in plain else known[name]).label(name) for name in names]).where(
            known.started_at.is_not(None), ~stored
        ),
    ).subquery(interaction_cycle.name)


def _told(asked: Subquery) -> Subquery:
    """What events tell of each cycle by its number; of one that they are silent about there is no row."""
    events = timeline(asked).c
    cycle = 1 + func.count().filter(events.opens).over(
        partition_by=events.interaction_id, order_by=events.place
    )
    numbered = select(*events, cycle.label("cycle")).subquery("numbered")
    ended = (
        func.max(numbered.c.place)
        .filter(numbered.c.solves)
        .over(partition_by=(numbered.c.interaction_id, numbered.c.cycle))
    )
    each = select(*numbered.c, ended.label("ended")).subquery("each").c

    def latest(condition: Any) -> Any:
        by_place = aggregate_order_by(each.agent_id, each.place.desc())
        return func.array_agg(by_place).filter(condition)[1]

    def opening(name: str) -> Any:
        return func.array_agg(each[name]).filter(each.opens)[1].label(name)

    until_solved = or_(each.ended.is_(None), each.place <= each.ended)
    return (
        select(
            each.interaction_id,
            each.cycle,
            *[opening(name) for name in _ORIGIN],
            func.min(each.happened_at).label("began_at"),
            func.min(each.happened_at).filter(each.opens).label("reopened_at"),
            func.min(each.happened_at).filter(each.reply).label("replied_at"),
            func.count().filter(each.reply).label("replies"),
            func.max(each.happened_at).filter(each.solves).label("solved_at"),
            func.coalesce(latest(each.solves), latest(and_(each.names, until_solved))).label("agent_id"),
        )
        .group_by(each.interaction_id, each.cycle)
        .subquery("told")
    )
