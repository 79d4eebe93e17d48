"""Who took part in an interaction: since when, how long it was theirs, and what share of it that makes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Interval,
    Numeric,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    union_all,
)

from backend.interactions.derived.models import SHARES
from backend.interactions.derived.timeline import timeline
from backend.interactions.models import interaction

KEY = ("interaction_id", "agent_id")
COLUMNS = ("first", "last", "resolver", "handled", "messages", "time_share", "message_share")

_NO_TIME = cast(null(), Interval).label("stretch")
_WEIGHTS = {"handled": "time_share", "messages": "message_share"}

Expression = ColumnElement[Any]


def participants(asked: Subquery) -> Select[Any]:
    """The agents that events name on those interactions, as rows of `participation`."""
    took_part = _took_part(_steps(asked))
    each = took_part.c
    # Whoever only solved it neither began nor ended it, unless nobody else did anything.
    begins = (each.first_act.asc().nulls_last(), each.first_place)
    ends = (each.last_act.desc().nulls_last(), each.last_place.desc())
    row = (
        select(
            *[each[name] for name in (*KEY, "solved", "solver", "resolved", "handled", "messages")],
            (func.row_number().over(partition_by=each.interaction_id, order_by=begins) == 1).label("first"),
            (func.row_number().over(partition_by=each.interaction_id, order_by=ends) == 1).label("last"),
        )
        .subquery("marked")
        .c
    )
    resolver = case((row.solved, row.agent_id == row.solver), else_=and_(row.resolved, row.last))
    whole = (
        select(
            *[row[name] for name in (*KEY, "first", "last", "handled", "messages")],
            func.coalesce(resolver, False).label("resolver"),
            *[part.label(f"{name}_{end}") for name in _WEIGHTS for end, part in _parts(row, name).items()],
        )
        .subquery("whole")
        .c
    )
    return select(
        *[whole[name] for name in (*KEY, "first", "last", "resolver", "handled", "messages")],
        *[_share(whole, name).label(share) for name, share in _WEIGHTS.items()],
    )


def _parts(row: Any, weight: str) -> dict[str, Expression]:
    """Millionths rounded down, and what was cut off by that; equal weights where all are 0."""
    every = {"partition_by": row.interaction_id}
    total = func.sum(row[weight]).over(**every)
    own = case((total > 0, row[weight]), else_=1)
    of = case((total > 0, total), else_=func.count().over(**every))
    scaled = cast(own, Numeric) * SHARES
    return {"floor": cast(func.div(scaled, of), Integer), "cut": func.mod(scaled, of)}


def _share(row: Any, weight: str) -> Expression:
    """The largest remainders get the millionths that rounding down left over; ties go by agent id."""
    floor: Expression = row[f"{weight}_floor"]
    every = row.interaction_id
    left = SHARES - func.sum(floor).over(partition_by=every)
    order = (row[f"{weight}_cut"].desc(), row.agent_id)
    rank = func.row_number().over(partition_by=every, order_by=order)
    return floor + case((rank <= left, 1), else_=0)


def _steps(asked: Subquery) -> CTE:
    """The events, with whom the interaction is assigned to after each, and for how long.

    `stretch` runs until the next event, and is there only while the interaction is open: not between a solve
    or close and the next reopening. The last one runs to the interaction's own resolved or closed moment,
    where no event since the last reopening tells of either. `last_solve` is the place of the last solve.
    """
    events = timeline(asked).c
    by_place: dict[str, Any] = {"partition_by": events.interaction_id, "order_by": events.place}
    told = select(
        *events,
        func.count().filter(events.assigns).over(**by_place).label("hand"),
        func.count().filter(events.opens).over(**by_place).label("stage"),
        func.count().filter(events.opens).over(partition_by=events.interaction_id).label("stages"),
        func.lead(events.happened_at).over(**by_place).label("next_at"),
    ).subquery("told")
    each = told.c
    in_hand: dict[str, Any] = {"partition_by": (each.interaction_id, each.hand)}
    in_stage: dict[str, Any] = {"partition_by": (each.interaction_id, each.stage)}
    known = func.least(interaction.c.resolved_at, interaction.c.closed_at)
    reopened = func.max(each.happened_at).filter(each.opens).over(**in_stage)
    told_of_end = func.count().filter(each.ends).over(**in_stage) > 0
    known_end = case(
        (and_(each.stage == each.stages, ~told_of_end, or_(reopened.is_(None), known >= reopened)), known)
    )
    held = (
        select(
            *each,
            func.max(case((each.assigns, each.agent_id))).over(**in_hand).label("holder"),
            (func.count().filter(each.ends).over(**in_stage, order_by=each.place) == 0).label("open"),
            known_end.label("known_end"),
            func.max(each.place)
            .filter(each.solves)
            .over(partition_by=each.interaction_id)
            .label("last_solve"),
            interaction.c.resolved,
        )
        .join(interaction, interaction.c.id == each.interaction_id)
        .subquery("held")
    )
    each = held.c
    until = func.least(func.coalesce(each.next_at, each.known_end), each.known_end)
    lasts = case((and_(each.open, until > each.happened_at), until - each.happened_at))
    # The agent who solved it, else whose it was at that time.
    solver = case((each.place == each.last_solve, func.coalesce(each.agent_id, each.holder)))
    return select(
        *each,
        lasts.label("stretch"),
        func.max(solver).over(partition_by=each.interaction_id).label("solver"),
    ).cte("steps")


def _took_part(steps: CTE) -> Subquery:
    """By interaction and agent: when they acted, what they wrote, how long it was theirs; who solved it."""
    each = steps.c
    whole = [each.interaction_id, each.last_solve, each.solver, each.resolved]
    named = select(*whole, each.agent_id, each.place, each.acts, each.reply, _NO_TIME).where(each.names)
    # Counted with what they did, not joined to it: of such rows the server would guess that there are few.
    held = select(*whole, each.holder, cast(null(), BigInteger), false(), false(), each.stretch).where(
        each.holder.is_not(None), each.stretch.is_not(None)
    )
    row = union_all(named, held).subquery("both").c
    # Added up first and rounded once: shares of a millisecond count as a whole.
    handled = cast(func.date_part("epoch", func.sum(row.stretch)) * 1000, BigInteger)
    return (
        select(
            row.interaction_id,
            row.agent_id,
            func.min(row.place).filter(row.acts).label("first_act"),
            func.max(row.place).filter(row.acts).label("last_act"),
            func.min(row.place).label("first_place"),
            func.max(row.place).label("last_place"),
            func.count().filter(row.reply).label("messages"),
            func.coalesce(handled, 0).label("handled"),
            func.bool_or(row.last_solve.is_not(None)).label("solved"),
            func.max(row.solver).label("solver"),
            func.bool_or(row.resolved).label("resolved"),
        )
        .group_by(row.interaction_id, row.agent_id)
        .subquery("took_part")
    )
