"""Staged agents and customers: records of what facts name. They have no moments and touch no hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Table, cast, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from backend.ingestion.models import STAGED
from backend.ingestion.records import Layout
from backend.interactions.models import agent, customer, team
from tenants.database import WriteSession

# What a record of a customer does not say stays as it is known: systems that each know a part of a customer
# send records of the same one.
KEPT = ("segment", "joined_at", "lost_at", "at_risk")


async def apply_people(session: WriteSession, layout: Layout, run_id: UUID, now: datetime) -> int:
    """Writes staged agents or customers that are new or differ; returns how many."""
    staged = STAGED[layout.kind]
    table = agent if layout.kind == "agent" else customer
    row = (
        select(*[staged.c[name] for name in layout.columns])
        .ext(distinct_on(staged.c.external_id))
        .where(staged.c.sync_run_id == run_id)
        .order_by(staged.c.external_id, staged.c.line.desc())
        .subquery("incoming")
    )
    old = table.alias("old")
    joined: FromClause = row.outerjoin(old, old.c.external_id == row.c.external_id)
    values: dict[str, ColumnElement[Any]] = {}
    for column in KEPT:
        if column in layout.columns:
            values[column] = func.coalesce(row.c[column], old.c[column])
    if "active" in layout.columns:
        values["active"] = func.coalesce(row.c.active, old.c.active, true())
    if "team" in layout.columns:
        joined = joined.outerjoin(team, team.c.external_id == row.c.team)
        values["team_id"] = team.c.id
    if "attributes" in layout.columns and table is customer:
        empty = cast(literal({}, JSONB), JSONB)
        both = func.coalesce(old.c.attributes, empty).op("||")(func.coalesce(row.c.attributes, empty))
        values["attributes"] = func.jsonb_strip_nulls(both)
    name = row.c.name if "name" in layout.columns else None
    values["name"] = func.coalesce(name, old.c.name, *([row.c.external_id] if table is agent else []))
    return await _write(session, table, old, joined, row.c.external_id, values, now)


async def _write(
    session: WriteSession,
    table: Table,
    old: Any,
    joined: FromClause,
    key: ColumnElement[str],
    values: dict[str, ColumnElement[Any]],
    now: datetime,
) -> int:
    changed = (
        select(key, *[value.label(name) for name, value in values.items()])
        .select_from(joined)
        .where(or_(old.c.id.is_(None), *[v.is_distinct_from(old.c[name]) for name, v in values.items()]))
        .cte("changed")
        .prefix_with("MATERIALIZED")
    )
    addition = insert(table).from_select(
        ["external_id", *values, "created_at"],
        select(*changed.c, literal(now)).order_by(changed.c.external_id),
        include_defaults=False,
    )
    written = (
        addition.on_conflict_do_update(
            index_elements=["external_id"], set_={name: addition.excluded[name] for name in values}
        )
        .returning(table.c.id)
        .cte("written")
    )
    return int((await session.execute(select(func.count()).select_from(written))).scalar_one())
