"""Works out turns, cycles and participation again, for exactly the interactions that a write touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, Subquery, Table, delete, func, insert, literal, or_, select, update

from backend.interactions import changes
from backend.interactions.derived import cycles, participants, turns
from backend.interactions.derived.models import interaction_cycle, interaction_turn, participation
from backend.interactions.derived.timeline import asked_for
from backend.interactions.models import interaction
from tenants.database import WriteSession

_FACTS: tuple[tuple[Table, Callable[[Subquery], Select[Any]], Sequence[str]], ...] = (
    (interaction_turn, turns.turns, turns.COLUMNS),
    (interaction_cycle, cycles.cycles, cycles.COLUMNS),
)


async def derive(
    session: WriteSession, ids: Select[Any], write: changes.Write, linked: Sequence[Table]
) -> None:
    """Makes the derived rows of the interactions whose ids `ids` yields what their events tell.

    Events and interactions must be written already. Rows that differ are written, those that are told of no
    more are deleted, the others are left untouched. An interaction that has not arrived has none.
    """
    await _hold(session, ids, write)
    for table, derived, columns in _FACTS:
        asked = asked_for(ids)
        rows = _differing(table, derived(asked).subquery("derived"), columns, asked)
        await changes.apply(session, table, rows, columns, write)
    await _write_participation(session, ids, write, linked)


async def _hold(session: WriteSession, ids: Select[Any], write: changes.Write) -> None:
    """Waits for other writers of the same interactions' events, and has later ones wait.

    What they commit is then seen by the statements that follow. Rows that this run has written are held
    already.
    """
    held = select(interaction.c.id).where(interaction.c.id.in_(ids)).order_by(interaction.c.id)
    if write.run_id is not None:
        held = held.where(interaction.c.sync_run_id.is_distinct_from(write.run_id))
    rows = held.with_for_update(key_share=True).subquery("held")
    await session.execute(select(func.count()).select_from(rows))


def _stored(table: Table, asked: Subquery) -> Subquery:
    version = changes.version_of(table.name).label("ctid")
    return select(*table.c, version).where(table.c.interaction_id.in_(select(asked.c.id))).subquery("old")


def _differing(table: Table, derived: Subquery, columns: Sequence[str], asked: Subquery) -> Select[Any]:
    """Rows for `changes.apply`: the derived beside the stored, where they differ or one is missing."""
    old = _stored(table, asked)
    differs = [derived.c[name].is_distinct_from(old.c[name]) for name in columns]
    return (
        select(
            *[
                func.coalesce(derived.c[name], old.c[name]).label(name)
                for name in ("id", "source", "external_id")
            ],
            *[derived.c[name].label(name) for name in columns],
            derived.c.id.is_(None).label(changes.GONE),
            *changes.previous(old, table),
        )
        .select_from(derived.outerjoin(old, derived.c.id == old.c.id, full=True))
        .where(or_(old.c.id.is_(None), derived.c.id.is_(None), *differs))
    )


async def _write_participation(
    session: WriteSession, ids: Select[Any], write: changes.Write, linked: Sequence[Table]
) -> None:
    """In one statement. Whoever writes them holds their interaction, so no version needs to be compared."""
    asked = asked_for(ids)
    table, columns = participation, participants.COLUMNS
    derived = participants.participants(asked).subquery("derived")
    old = _stored(table, asked)
    same = [derived.c[name] == old.c[name] for name in participants.KEY]
    differs = [derived.c[name].is_distinct_from(old.c[name]) for name in columns]
    changed = (
        select(
            *[func.coalesce(derived.c[name], old.c[name]).label(name) for name in participants.KEY],
            *[derived.c[name] for name in columns],
            old.c.agent_id.is_(None).label("fresh"),
            derived.c.agent_id.is_(None).label(changes.GONE),
        )
        .select_from(derived.outerjoin(old, same[0] & same[1], full=True))
        .where(or_(old.c.agent_id.is_(None), derived.c.agent_id.is_(None), *differs))
        .cte("changed")
        .prefix_with("MATERIALIZED")
    )
    met = [table.c[name] == changed.c[name] for name in participants.KEY]
    gone = delete(table).where(*met, changed.c[changes.GONE]).returning(literal(1)).cte("gone")
    kept = ~changed.c[changes.GONE] & ~changed.c.fresh
    updated = (
        update(table)
        .values({name: changed.c[name] for name in columns})
        .where(*met, kept)
        .returning(literal(1))
        .cte("updated")
    )
    names = [*participants.KEY, *columns]
    fresh = select(*[changed.c[name] for name in names]).where(changed.c.fresh)
    inserted = insert(table).from_select(names, fresh).cte("inserted")
    marks = changes.marks_of_interactions(select(changed.c.interaction_id), write, linked)
    counted = select(func.count()).select_from(changed)
    result = await session.execute(counted.add_cte(gone, updated, inserted, marks))
    write.changed += result.scalar_one()
