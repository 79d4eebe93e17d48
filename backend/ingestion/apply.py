"""Staged records to facts, in one transaction: all of an import is seen at once or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, delete, func, literal, select, union
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert

from backend.ingestion.incoming import fact_rows
from backend.ingestion.incoming_interactions import interaction_rows
from backend.ingestion.models import STAGED, rejected_record, staged_rejection
from backend.ingestion.people import apply_people
from backend.ingestion.records import Layout
from backend.ingestion.references import resolve
from backend.ingestion.shapes import SHAPES
from backend.interactions import arrivals, changes, events
from backend.interactions.derived.deriving import derive
from backend.interactions.models import interaction, interaction_event
from tenants.database import WriteSession

# People first, for facts name them; interactions before what belongs to them.
ORDER = (
    "agent",
    "customer",
    "interaction",
    "survey",
    "event",
    "qa_review",
    "agent_activity",
    "article_view",
    "order",
    "sla",
)
_TABLES: dict[str, Table] = {table.name: table for table in changes.FACTS}


async def apply_staged(
    session: WriteSession, run_id: UUID, layouts: Sequence[Layout], write: changes.Write, currency: str
) -> dict[str, int]:
    """Writes what the run has staged, keeps what it set aside, and empties its staging.

    Returns per kind how many records were new or changed; of a record that comes twice the last line counts.
    `currency` is the tenant's, for money that comes without one.
    """
    layouts = sorted(layouts, key=lambda layout: ORDER.index(layout.kind))
    await resolve(session, run_id, layouts, write.at)
    linked = await changes.linked_facts(session)
    written: dict[str, int] = {}
    for layout in layouts:
        match layout.kind:
            case "agent" | "customer":
                written[layout.kind] = await apply_people(session, layout, run_id, write.at)
                write.changed += written[layout.kind]  # numbers by segment or team are others now
            case "interaction":
                rows, columns = interaction_rows(layout, run_id, currency)
                written[layout.kind] = await changes.apply(
                    session, interaction, rows, columns, write, linked=linked
                )
                await arrivals.with_interactions(session)
                linked = await changes.linked_facts(session)
                if interaction_event in linked:
                    await events.recount(session, _staged_with_events(run_id), write, linked)
                    await derive(session, _written_with_events(run_id), write, linked)
            case "event":
                left = await _left_by_events(session, run_id)
                written[layout.kind] = await _apply_fact(session, layout, run_id, currency, write)
                if (await session.execute(_lone_events(run_id))).first() is not None:
                    await arrivals.with_lone_events(session)
                await events.recount(session, _interactions_of_events(run_id, left), write, linked)
                if written[layout.kind]:
                    await derive(session, _interactions_of_events(run_id, left, written=True), write, linked)
            case _:
                written[layout.kind] = await _apply_fact(session, layout, run_id, currency, write)
    await session.execute(_keep_rejections(run_id))
    await clear(session, run_id, [layout.kind for layout in layouts])
    await changes.log(session, write)
    return written


async def clear(session: WriteSession, run_id: UUID, kinds: Iterable[str] = tuple(STAGED)) -> None:
    """Takes a run's rows out of staging."""
    for table in (*[STAGED[kind] for kind in kinds], staged_rejection):
        await session.execute(delete(table).where(table.c.sync_run_id == run_id))


async def _apply_fact(
    session: WriteSession, layout: Layout, run_id: UUID, currency: str, write: changes.Write
) -> int:
    table = _TABLES[SHAPES[layout.kind].table]
    rows, columns = fact_rows(layout, table, run_id, currency)
    return await changes.apply(session, table, rows, columns, write)


def _staged_with_events(run_id: UUID) -> Select[Any]:
    staged = STAGED["interaction"]
    told = select(interaction_event.c.id).where(interaction_event.c.interaction_id == staged.c.id)
    return select(staged.c.id).where(staged.c.sync_run_id == run_id, told.exists())


def _written_with_events(run_id: UUID) -> Select[Any]:
    written = select(interaction.c.id).where(interaction.c.sync_run_id == run_id)
    return _staged_with_events(run_id).where(STAGED["interaction"].c.id.in_(written))


def _lone_events(run_id: UUID) -> Select[Any]:
    """One of the staged events whose interaction is not there, if there is any."""
    staged = STAGED["event"]
    known = select(interaction.c.id).where(interaction.c.id == staged.c.interaction_id)
    return select(staged.c.id).where(staged.c.sync_run_id == run_id, ~known.exists()).limit(1)


async def _left_by_events(session: WriteSession, run_id: UUID) -> Sequence[UUID]:
    """Interactions that a staged event is about to leave for another."""
    staged, old = STAGED["event"], interaction_event
    left = await session.execute(
        select(old.c.interaction_id)
        .join(staged, staged.c.id == old.c.id)
        .where(staged.c.sync_run_id == run_id, staged.c.interaction_id != old.c.interaction_id)
    )
    return left.scalars().all()


def _interactions_of_events(run_id: UUID, left: Sequence[UUID], *, written: bool = False) -> Select[Any]:
    """Those that staged events belong to, and those that an event left; of the events that were `written`."""
    staged, kept = STAGED["event"], interaction_event
    belongs = select(staged.c.interaction_id).where(staged.c.sync_run_id == run_id)
    if written:
        belongs = (
            select(kept.c.interaction_id)
            .join(staged, staged.c.id == kept.c.id)
            .where(staged.c.sync_run_id == run_id, kept.c.sync_run_id == run_id)
        )
    if not left:
        return belongs
    both = union(belongs, select(interaction.c.id).where(interaction.c.id.in_(left))).subquery()
    return select(both.c[0])


def _keep_rejections(run_id: UUID) -> Insert:
    """One record for each row and field. One that is open stays as it is; one that was settled opens again."""
    staged, kept = staged_rejection, rejected_record
    names = [*[c.name for c in staged.c], "status", "created_at"]
    is_open = select(kept.c.id).where(kept.c.id == staged.c.id, kept.c.status == "open").exists()
    rows = (
        select(*staged.c, literal("open"), func.now())
        .where(staged.c.sync_run_id == run_id, ~is_open)
        .ext(distinct_on(staged.c.id))  # a row that comes twice in a file
        .order_by(staged.c.id, staged.c.line)
    )
    materialized = rows.cte("rows").prefix_with("MATERIALIZED")
    addition = insert(kept).from_select(names, select(materialized), include_defaults=False)
    renewed = ("sync_run_id", "line", "field", "code", "message", "status", "created_at")
    return addition.on_conflict_do_update(
        index_elements=[kept.c.id],
        set_={**{name: addition.excluded[name] for name in renewed}, "settled_at": None},
        where=kept.c.status != "open",
    )
