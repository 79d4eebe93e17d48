"""The events of interactions in the one order that everything here is worked out in, and what each means.

Events of one instant: a reopening first, then who takes it, then what is said (customers before all others),
then the solve, then the close; the id settles the rest.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select

from backend.interactions.models import interaction, interaction_event

ASSIGNING = ("assigned", "transferred", "accepted")
_AMONG = {"reopened": 0, **dict.fromkeys(ASSIGNING, 1), "solved": 3, "closed": 4}
_SAID = 2

Condition = ColumnElement[bool]


def human_reply(event: Any = interaction_event.c) -> Condition:
    """Public, by an agent, not automatic, and no note."""
    return and_(event.kind == "message", event.actor == "agent", event.public, ~event.automatic)


def asked_for(ids: Select[Any]) -> Subquery:
    """The interactions whose ids `ids` yields, once each; those that have not arrived are left out."""
    wanted = ids.distinct().subquery("wanted")
    return select(interaction.c.id).join(wanted, wanted.c[0] == interaction.c.id).subquery("asked")


def timeline(asked: Subquery) -> Subquery:
    """Their events: `place` counts from 1 in each interaction. An event is any of

    opens, solves, ends (a solve or a close), reply, asks (a customer's public message), assigns (to its agent,
    or to nobody), acts (assigns or replies, and names the agent), names (acts, or solves, and names the agent).
    """
    each = interaction_event.c
    instant = case(_AMONG, value=each.kind, else_=_SAID)
    order = (each.happened_at, instant, each.actor != "customer", each.id)
    told = each.agent_id.is_not(None)
    reply, solves = human_reply(), each.kind == "solved"
    # One that was accepted by nobody we know of changed no hands; one transferred to nobody did.
    assigns = and_(each.kind.in_(ASSIGNING), or_(each.kind != "accepted", told))
    acts = and_(told, or_(assigns, reply))
    return (
        select(
            each.id,
            each.source,
            each.external_id,
            each.interaction_id,
            each.happened_at,
            each.agent_id,
            (each.kind == "reopened").label("opens"),
            solves.label("solves"),
            or_(solves, each.kind == "closed").label("ends"),
            reply.label("reply"),
            and_(each.kind == "message", each.actor == "customer", each.public).label("asks"),
            assigns.label("assigns"),
            acts.label("acts"),
            or_(acts, and_(told, solves)).label("names"),
            func.row_number().over(partition_by=each.interaction_id, order_by=order).label("place"),
        )
        .join(asked, asked.c.id == each.interaction_id)
        .subquery("timeline")
    )
