"""Natural keys to rows: the agents, teams, queues, customers ... that staged records name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, Text, and_, case, cast, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert

from backend.ingestion.models import STAGED
from backend.ingestion.records import Layout
from backend.ingestion.shapes import SHAPES, FieldType
from backend.interactions.models import agent, customer, issue_type, product, queue, team
from tenants.database import WriteSession

# In the order they are locked in, the same for all imports, so that no two wait for each other.
REFERENCES: dict[str, Table] = {
    "team": team,
    "queue": queue,
    "issue_type": issue_type,
    "product": product,
    "agent": agent,
    "customer": customer,
}


def references_of(layout: Layout) -> tuple[str, ...]:
    """The references that records of this layout can name."""
    shape = SHAPES[layout.kind]
    return tuple(
        name
        for name in REFERENCES
        if (field := shape.field(name)) and field.type is FieldType.REFERENCE and name in layout.columns
    )


async def resolve(session: WriteSession, run_id: UUID, layouts: Collection[Layout], now: datetime) -> None:
    """Makes the rows that staged records name and that are not there, and renames those with another name
    given.

    Rows that are there already are not locked: writers that name the same agents do not wait for one another.
    """
    for name, table in REFERENCES.items():
        for layout in layouts:
            if name in references_of(layout):
                missing = _missing(name, table, layout, run_id)
                await session.execute(_insertion(table, missing, now))


def _missing(name: str, table: Table, layout: Layout, run_id: UUID) -> Select[Any]:
    staged = STAGED[layout.kind]
    key = staged.c[name]
    named = f"{name}_name" in layout.columns
    called = staged.c[f"{name}_name"] if named else cast(null(), Text)
    spoken = (
        select(key.label("external_id"), called.label("name"), func.max(staged.c.line).label("line"))
        .where(staged.c.sync_run_id == run_id, key.is_not(None))
        .group_by(key, *([called] if named else []))
        .subquery("spoken")
    )
    latest = (
        select(spoken.c.external_id, spoken.c.name)
        .ext(distinct_on(spoken.c.external_id))
        .order_by(spoken.c.external_id, spoken.c.name.is_(None), spoken.c.line.desc())
        .subquery("latest")
    )
    # A name that only repeats the key is none.
    name_given = and_(latest.c.name.is_not(None), latest.c.name != latest.c.external_id)
    return (
        select(latest.c.external_id, case((name_given, latest.c.name)).label("name"))
        .select_from(latest.outerjoin(table, table.c.external_id == latest.c.external_id))
        .where(or_(table.c.id.is_(None), and_(name_given, table.c.name.is_distinct_from(latest.c.name))))
        .order_by(latest.c.external_id)
    )


def _insertion(table: Table, missing: Select[Any], now: datetime) -> Insert:
    rows = missing.cte("missing").prefix_with("MATERIALIZED")
    name = rows.c.name if table is customer else func.coalesce(rows.c.name, rows.c.external_id)
    addition = insert(table).from_select(
        ["external_id", "name", "created_at"],
        select(rows.c.external_id, name, literal(now)).order_by(rows.c.external_id),
        include_defaults=False,
    )
    given = addition.excluded.name
    return addition.on_conflict_do_update(
        index_elements=["external_id"],
        set_={"name": given},
        where=and_(given != addition.excluded.external_id, table.c.name.is_distinct_from(given)),
    )
