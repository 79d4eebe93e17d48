"""Turns: a maximal run of public customer messages, and the human reply that ends it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Subquery, case, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from backend.interactions.derived.timeline import timeline
from backend.interactions.durations import elapsed

COLUMNS = ("interaction_id", "agent_id", "position", "messages", "started_at", "replied_at", "wait")


def turns(asked: Subquery) -> Select[Any]:
    """The turns of those interactions, as rows of `interaction_turn`."""
    events = timeline(asked)
    each = events.c
    before = func.count().filter(each.reply).over(partition_by=each.interaction_id, order_by=each.place)
    # A run and its reply share a number: how many replies came before.
    said = (
        select(*each, (before - case((each.reply, 1), else_=0)).label("run"))
        .where(or_(each.reply, each.asks))
        .subquery("said")
    )
    each = said.c
    started = func.min(each.happened_at).filter(each.asks)
    replied = func.min(each.happened_at).filter(each.reply)

    def first(name: str) -> Any:
        return func.array_agg(aggregate_order_by(each[name], each.place)).filter(each.asks)[1].label(name)

    return (
        select(
            first("id"),
            first("source"),
            first("external_id"),
            each.interaction_id,
            func.min(each.agent_id).filter(each.reply).label("agent_id"),
            func.row_number().over(partition_by=each.interaction_id, order_by=each.run).label("position"),
            func.count().filter(each.asks).label("messages"),
            started.label("started_at"),
            replied.label("replied_at"),
            elapsed(started, replied).label("wait"),
        )
        .group_by(each.interaction_id, each.run)
        .having(func.count().filter(each.asks) > 0)
    )
