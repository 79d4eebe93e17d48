"""What an interaction's events tell of it: the first human reply, messages by side, transfers, reopens.

A human reply is public, by an agent, not automatic, not a note. What the interaction's own record gave wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Table, case, func, or_, select

from backend.interactions import changes
from backend.interactions.derived.timeline import human_reply
from backend.interactions.durations import (
    DERIVED,
    DERIVED_OUTCOMES,
    MASKS,
    Expression,
    Inputs,
    excluded_values,
    given_duration,
    given_value,
    kept,
    outcomes,
    raw_durations,
)
from backend.interactions.models import COUNTS, DURATIONS, MOMENTS, interaction, interaction_event
from tenants.database import WriteSession

_STEPS = (
    "assigned",
    "transferred",
    "solved",
    "reopened",
)  # kinds that only a source which tells of steps has


async def recount(
    session: WriteSession, ids: Select[Any], write: changes.Write, linked: Sequence[Table]
) -> int:
    """Works out again what events tell of the interactions whose ids `ids` yields; returns how many changed.

    The events must be written already. One that has none left loses what they told.
    """
    rows, columns = _rows(ids)
    return await changes.apply(session, interaction, rows, columns, write, linked=linked)


def _rows(ids: Select[Any]) -> tuple[Select[Any], list[str]]:
    told = _told(ids).subquery("told")
    old = interaction.alias("old")
    values: dict[str, Expression] = {
        name: case((old.c.given.bitwise_and(MASKS[name]) != 0, old.c[name]), else_=told.c[name])
        for name in ("first_response_at", *COUNTS)
    }
    inputs = Inputs(
        moments={
            **{f"{name}_at": old.c[f"{name}_at"] for name in MOMENTS},
            "first_response_at": values["first_response_at"],
        },
        durations={
            name: given_duration(name, old.c[name], old.c.excluded_values, old.c.given) for name in DURATIONS
        },
        outcomes={name: given_value(name, old.c[name], old.c.given) for name in DERIVED_OUTCOMES},
        stored={name: old.c[name] for name in DERIVED_OUTCOMES},
        tracked=("first_response_at",),
    )
    raw = raw_durations(inputs)
    values |= {name: kept(raw[name]) for name in DURATIONS if name in DERIVED}
    values["excluded_values"] = excluded_values(raw)
    values |= outcomes(inputs)
    rows = (
        select(
            old.c.id,
            old.c.source,
            old.c.external_id,
            *[value.label(name) for name, value in values.items()],
            *changes.previous(old, interaction),
        )
        .select_from(old.join(told, told.c.interaction_id == old.c.id))
        .where(or_(*[value.is_distinct_from(old.c[name]) for name, value in values.items()]))
    )
    return rows, list(values)


def _told(ids: Select[Any]) -> Select[Any]:
    each = interaction_event.c
    asked = ids.distinct().subquery("asked")
    asked_id = asked.c[0]
    message = each.kind == "message"
    reply = human_reply()
    messages = func.count().filter(message)
    steps = func.count().filter(each.kind.in_(_STEPS))
    # Missing is NULL, never 0: a source that sends no messages says nothing of how many there were.
    return (
        select(
            asked_id.label("interaction_id"),
            func.min(each.happened_at).filter(reply).label("first_response_at"),
            case((messages > 0, func.count().filter(message, each.actor == "customer"))).label(
                "customer_messages"
            ),
            case((messages > 0, func.count().filter(reply))).label("agent_messages"),
            case((messages > 0, func.count().filter(message, each.actor == "bot"))).label("bot_messages"),
            case((steps > 0, func.count().filter(each.kind == "reopened"))).label("reopens"),
            case((steps > 0, func.count().filter(each.kind == "transferred"))).label("transfers"),
        )
        .select_from(asked.outerjoin(interaction_event, each.interaction_id == asked_id))
        .group_by(asked_id)
    )
