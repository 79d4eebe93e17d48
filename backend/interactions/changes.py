"""Writing changed rows of a fact and, in the same statement, the hours they touch: the only way to write.

What a rollup holds for an hour is stale as soon as a row leaves it, enters it, or changes within it. So every
write logs, under the fact's table name, the UTC hours of all moments of its changed rows, as they were and as
they are. Formulas over a linked fact read fields of its interaction and may be anchored at its moments, so
those hours count too, and a changed interaction marks the hours of the rows linked to it. Marks are only ever
appended, each under the id of its own write: writers do not wait for one another over them. Only at its end a
write gets its number, in the order of commits, and its marks are kept under it.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Select,
    String,
    Table,
    delete,
    func,
    literal,
    literal_column,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import array, insert

from backend.core.errors import Conflict
from backend.interactions.derived.models import interaction_cycle, interaction_turn
from backend.interactions.identity import new_id
from backend.interactions.models import (
    agent_activity,
    article_view,
    interaction,
    interaction_event,
    mark,
    order,
    qa_review,
    sla_instance,
    survey_response,
    touched_hour,
    write_log,
)
from tenants.database import ReadSession, WriteSession
from tenants.versions import Versioned

FACTS: tuple[Table, ...] = (
    interaction,
    survey_response,
    interaction_event,
    qa_review,
    agent_activity,
    article_view,
    order,
    sla_instance,
    interaction_turn,
    interaction_cycle,
)
# Facts whose formulas reach the fields of the interaction they belong to.
LINKED: tuple[Table, ...] = (
    survey_response,
    interaction_event,
    qa_review,
    article_view,
    sla_instance,
    interaction_turn,
    interaction_cycle,
)

ROUNDS = 8  # each round settles all rows but those that other writers changed while it ran
VERSION = "old_version"
GONE = "gone"

_HOUR = timedelta(hours=1)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_KEPT = ("created_at", "updated_at")


@dataclass(slots=True)
class Write:
    """One write while its transaction lasts; its marks stand under its id until it ends."""

    cause: str
    at: datetime
    run_id: UUID | None = None
    id: UUID = field(default_factory=new_id)
    changed: int = 0


def moments(table: Table) -> tuple[str, ...]:
    """The columns of a fact that place its rows in time."""
    return tuple(c.name for c in table.c if isinstance(c.type, DateTime) and c.name not in _KEPT)


def version_of(name: str) -> ColumnElement[Any]:
    """Which version of a row a statement saw; `name` is the table's name in that statement.

    For the column `old_version` that `apply` compares with the version it could lock.
    """
    return literal_column(f'"{name}".ctid')


def previous(old: Any, table: Table) -> list[ColumnElement[Any]]:
    """What rows handed to `apply` carry of the stored row: its version, its moments, its interaction."""
    names = [*moments(table), *(["interaction_id"] if "interaction_id" in table.c else [])]
    return [version_of(old.name).label(VERSION), *[old.c[name].label(f"old_{name}") for name in names]]


async def linked_facts(session: ReadSession) -> tuple[Table, ...]:
    """The linked facts that this tenant has any rows of: the others need no marks."""
    row = (
        await session.execute(select(*[select(literal(1)).select_from(table).exists() for table in LINKED]))
    ).one()
    return tuple(table for table, present in zip(LINKED, row, strict=True) if present)


async def apply(
    session: WriteSession,
    table: Table,
    rows: Select[Any],
    columns: Sequence[str],
    write: Write,
    *,
    linked: Sequence[Table] = (),
) -> int:
    """Writes the rows that `rows` yields and logs what they touch. Returns how many were new, changed or
    deleted.

    `rows` yields only rows that are new or differ, one for each id: `id`, `source`, `external_id`, the values
    of `columns`, and `previous(...)` of the stored row, all NULL for a new one. It may have a column `gone`:
    where that is true, the row is deleted and the values are NULL. `linked` matters for interactions.
    Raises Conflict when other writers keep changing the same rows.

    How two writers of one row meet: a row is written only if the version that its values were worked out from
    is still the newest once it is locked (or if it is still new); otherwise another writer came between, and
    the round after this, a new statement that sees what that writer committed, works them out again. So the
    hours marked are those of the very version that was replaced, and no writer can move a row out of an hour
    unseen. Rows are locked in the order of their ids, and a row that does not differ is neither locked nor
    touched.
    """
    statement = _statement(table, rows, columns, write, linked)
    total = 0
    for _ in range(ROUNDS):
        row = (await session.execute(statement)).one()
        written: int = row.written
        total += written
        if written == row.changed:
            break
    else:
        raise Conflict("Other changes to the same records keep coming; try again shortly.")
    write.changed += total
    return total


def marks_of_interactions(ids: Select[Any], write: Write, linked: Sequence[Table]) -> CTE:
    """Marks what a change of those interactions would mark, for a statement that changes what belongs to
    them and is no fact itself.
    """
    names = moments(interaction)
    touched = select(interaction.c.id, *[interaction.c[name] for name in names]).where(
        interaction.c.id.in_(ids)
    )
    rows = touched.cte("touched")
    places = [rows.c[name] for name in names]
    own = _with_cycles([_hours(interaction, places, rows)])
    return _marked(write, own, *[_linked_hours(fact, rows, places) for fact in linked])


async def log(session: WriteSession, write: Write) -> None:
    """Ends a write, unless it changed nothing: it makes the next data version, under which its marks are kept.

    From here until the commit other writers that come to their end wait, so it is to be near.
    """
    if write.changed:
        number = await note(session, write)
        gone = delete(mark).where(mark.c.write_id == write.id).returning(mark.c.fact, mark.c.hour).cte("gone")
        kept = insert(touched_hour).from_select(
            ["fact", "hour", "version"], select(gone.c.fact, gone.c.hour, literal(number))
        )
        newest = {"version": kept.excluded.version}
        await session.execute(kept.on_conflict_do_update(index_elements=["fact", "hour"], set_=newest))


async def note(session: WriteSession, write: Write) -> int:
    """Moves the data version, and says why; for what changes numbers and touches no hours. Returns its number."""
    number = await session.move(Versioned.FACTS)
    await session.execute(
        insert(write_log).values(
            number=number,
            cause=write.cause,
            sync_run_id=write.run_id,
            rows_changed=write.changed,
            written_at=write.at,
        )
    )
    return number


def _statement(
    table: Table, rows: Select[Any], columns: Sequence[str], write: Write, linked: Sequence[Table]
) -> Select[Any]:
    # Materialized: read several times below, and Citus refuses what is not immutable in INSERT .. SELECT.
    changed = rows.cte("changed").prefix_with("MATERIALIZED")
    known = changed.c[VERSION].is_not(None)
    held = (
        select(table.c.id, version_of(table.name).label("version"))
        .where(table.c.id.in_(select(changed.c.id).where(known)))
        .order_by(table.c.id)
        .with_for_update(key_share=True, of=table)
        .cte("held")
        .prefix_with("MATERIALIZED")
    )
    gone = changed.c.get(GONE)
    newest = (table.c.id == changed.c.id, held.c.id == changed.c.id, held.c.version == changed.c[VERSION])
    stamp = {"updated_at": literal(write.at), "sync_run_id": literal(write.run_id, table.c.sync_run_id.type)}
    updated = (
        update(table)
        .values({**{name: changed.c[name] for name in columns}, **stamp})
        .where(*newest, true() if gone is None else ~gone)
        .returning(table.c.id)
        .cte("updated")
    )
    origin = ("id", "source", "external_id")
    values = [changed.c[name] for name in (*origin, *columns)]
    fresh = select(*values, literal(write.at), *stamp.values()).where(~known).order_by(changed.c.id)
    inserted = (
        insert(table)
        .from_select([*origin, *columns, "created_at", *stamp], fresh, include_defaults=False)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(table.c.id)
        .cte("inserted")
    )
    writing = [inserted, updated]
    if gone is not None:
        writing.append(delete(table).where(*newest, gone).returning(table.c.id).cte("deleted"))
    counted = [select(func.count()).select_from(each).scalar_subquery() for each in writing]
    counts = [
        select(func.count()).select_from(changed).scalar_subquery().label("changed"),
        reduce(operator.add, counted).label("written"),
    ]
    return select(*counts).add_cte(_marks(table, changed, columns, write, linked))


def _marks(table: Table, changed: CTE, columns: Sequence[str], write: Write, linked: Sequence[Table]) -> CTE:
    was = [changed.c[f"old_{name}"] for name in moments(table)]
    now = [changed.c[name] for name in moments(table) if name in columns]
    known = changed.c[VERSION].is_not(None)
    places = [_hours(table, was, changed, known), _hours(table, now, changed)]
    if table is interaction:
        return _marked(
            write, _with_cycles(places), *[_linked_hours(fact, changed, was + now) for fact in linked]
        )
    if table in LINKED:
        places += [
            _anchor_hours(table, changed, column)
            for column in ("old_interaction_id", "interaction_id")
            if column in changed.c
        ]
    return _marked(write, *places)


def _marked(write: Write, *places: Select[Any] | None) -> CTE:
    hours = union_all(*[place for place in places if place is not None]).subquery("hours")
    return (
        insert(mark)
        .from_select(
            ["write_id", "fact", "hour"],
            select(literal(write.id), hours.c.fact, hours.c.hour).where(hours.c.hour.is_not(None)).distinct(),
        )
        .on_conflict_do_nothing()
        .cte("marked")
    )


def _with_cycles(places: Sequence[Select[Any] | None]) -> Select[Any]:
    """Hours of interactions, for their cycles too: one without events is read as a cycle, stored nowhere."""
    hours = union_all(*[place for place in places if place is not None]).subquery("own_hours")
    once = select(hours.c.hour).distinct().subquery("once")
    facts = array([literal(table.name, String) for table in (interaction, interaction_cycle)])
    return select(func.unnest(facts).label("fact"), once.c.hour)


def _linked_hours(fact: Table, changed: CTE, moved: Sequence[ColumnElement[Any]]) -> Select[Any] | None:
    """Where rows that belong to a changed interaction lie: by their own moments, and by the interaction's."""
    joined = changed.join(fact, fact.c.interaction_id == changed.c.id)
    return _hours(fact, [*[fact.c[name] for name in moments(fact)], *moved], joined)


def _anchor_hours(fact: Table, changed: CTE, column: str) -> Select[Any] | None:
    """Where changed rows lie by the moments of the interaction they belong to."""
    joined = changed.join(interaction, interaction.c.id == changed.c[column])
    return _hours(fact, [interaction.c[name] for name in moments(interaction)], joined)


def _hours(
    table: Table,
    places: Sequence[ColumnElement[Any]],
    origin: Any,
    condition: ColumnElement[bool] | None = None,
) -> Select[Any] | None:
    """(fact, hour) for each hour of the given moments; NULL hours among them."""
    if not places:
        return None
    # The moments of one row mostly share an hour: made distinct together, far fewer are left to take apart.
    together = select(
        *[func.date_bin(_HOUR, place, _ORIGIN).label(f"hour_{i}") for i, place in enumerate(places)]
    )
    together = together.select_from(origin).distinct()
    if condition is not None:
        together = together.where(condition)
    apart = together.subquery()
    return select(literal(table.name, String).label("fact"), func.unnest(array(list(apart.c))).label("hour"))
