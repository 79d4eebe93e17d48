"""Statements on packs, on what was touched since they were made, and on the questions that they are for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert

from backend.interactions.models import touched_hour
from backend.metrics.rollups.days import Days
from backend.metrics.rollups.dependence import TABLES
from backend.metrics.rollups.models import demand, pack
from backend.metrics.rollups.series import Touched
from tenants.compiled import CompiledSelect
from tenants.database import ReadSession, WriteSession
from tenants.tables import version
from tenants.versions import FETCH_VERSIONS, Versions, versions_in

ALL_TABLES = tuple(TABLES.values())
SETTLED = "packs"  # the version at which all packs there are were right


@dataclass(frozen=True, slots=True)
class Head:
    """What a snapshot sees first: the versions, and up to which one the packs are known to be right."""

    versions: Versions
    settled: int


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack of some days; `content` is empty where only its place was asked for."""

    series: UUID
    days: Days
    as_of: int
    parts: frozenset[str]
    content: bytes


_PLACE = (pack.c.series, pack.c.first_day, pack.c.last_day, pack.c.as_of, pack.c.parts)
_WANTED = (
    func.unnest(
        bindparam("series", type_=ARRAY(Uuid)),
        bindparam("first", type_=ARRAY(Date)),
        bindparam("last", type_=ARRAY(Date)),
    )
    .table_valued(column("series", Uuid), column("first", Date), column("last", Date), name="wanted")
    .render_derived()
)
_PACKS = CompiledSelect(
    select(*_PLACE, pack.c.content).join_from(
        _WANTED,
        pack,
        and_(
            pack.c.series == _WANTED.c.series,
            pack.c.last_day >= _WANTED.c.first,
            pack.c.first_day <= _WANTED.c.last,
        ),
    )
)
_TOUCHED = CompiledSelect(
    select(touched_hour.c.fact, touched_hour.c.hour, touched_hour.c.version).where(
        touched_hour.c.version > bindparam("since", type_=BigInteger),
        touched_hour.c.fact == any_(bindparam("tables", type_=ARRAY(Text))),
        touched_hour.c.hour > bindparam("from", type_=DateTime(timezone=True)),
        touched_hour.c.hour < bindparam("to", type_=DateTime(timezone=True)),
    )
)
_ALL_OF_TIME = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


async def read_head(session: ReadSession) -> Head:
    """The versions of a snapshot."""
    rows = await session.fetch(FETCH_VERSIONS)
    return Head(versions_in(rows), dict(tuple(row) for row in rows).get(SETTLED, 0))


async def read_touched(
    session: ReadSession,
    since: int,
    tables: Collection[str] = ALL_TABLES,
    span: tuple[datetime, datetime] = _ALL_OF_TIME,
) -> Touched:
    """The hours of tables touched after a version, that reach into a span of time."""
    hour = timedelta(hours=1)
    asked = {"since": since, "tables": sorted(tables), "from": span[0] - hour, "to": span[1]}
    found: dict[str, list[tuple[datetime, int]]] = {}
    for table, moment, number in await session.fetch(_TOUCHED, asked):
        found.setdefault(table, []).append((moment, number))
    return found


async def read_packs(session: ReadSession, wanted: Mapping[UUID, Days]) -> list[StoredPack]:
    """The packs of series that hold any of the days wanted of them."""
    if not wanted:
        return []
    asked = {
        "series": list(wanted),
        "first": [days.first for days in wanted.values()],
        "last": [days.last for days in wanted.values()],
    }
    return [_pack(*row) for row in await session.fetch(_PACKS, asked)]


async def list_packs(session: ReadSession) -> list[StoredPack]:
    """Every pack there is, without contents."""
    rows: Sequence[Any] = (await session.execute(select(*_PLACE))).all()
    return [_pack(*row) for row in rows]


def _pack(series: UUID, first: date, last: date, as_of: int, parts: str, content: bytes = b"") -> StoredPack:
    return StoredPack(series, Days(first, last), as_of, frozenset(parts.split()), content)


async def lock_settled(session: WriteSession) -> int:
    """The version at which all packs were right; until the commit nobody else stores packs or moves it."""
    await session.execute(
        insert(version).values(name=SETTLED, number=0).on_conflict_do_nothing(index_elements=["name"])
    )
    row = select(version.c.number).where(version.c.name == SETTLED).with_for_update()
    number: int = (await session.execute(row)).scalar_one()
    return number


async def store_packs(session: WriteSession, packs: Sequence[StoredPack]) -> None:
    """Keeps packs in place of those of their series whose days they all hold. Call `lock_settled` before."""
    for one in packs:
        gone = delete(pack).where(
            pack.c.series == one.series,
            pack.c.first_day >= one.days.first,
            pack.c.last_day <= one.days.last,
            pack.c.as_of <= one.as_of,
        )
        await session.execute(gone)
    if packs:
        values = [
            {
                "series": one.series,
                "first_day": one.days.first,
                "last_day": one.days.last,
                "as_of": one.as_of,
                "parts": " ".join(sorted(one.parts)),
                "content": one.content,
            }
            for one in packs
        ]
        addition = insert(pack).on_conflict_do_nothing(index_elements=["series", "first_day", "last_day"])
        await session.execute(addition, values)


async def drop_packs(session: WriteSession, packs: Iterable[StoredPack]) -> None:
    """Deletes packs."""
    for one in packs:
        await session.execute(
            delete(pack).where(
                pack.c.series == one.series,
                pack.c.first_day == one.days.first,
                pack.c.last_day == one.days.last,
            )
        )


async def drop_other_series(session: WriteSession, kept: Collection[UUID]) -> int:
    """Deletes the packs of all series but these; returns how many there were."""
    result = await session.execute(delete(pack).where(pack.c.series.not_in(sorted(kept))))
    return result.rowcount


async def settle(session: WriteSession, number: int) -> None:
    """Says that all packs are right at a version; what was touched until then is settled. Call `lock_settled`
    before.
    """
    await session.execute(
        insert(version)
        .values(name=SETTLED, number=number)
        .on_conflict_do_update(
            index_elements=["name"],
            set_={"number": func.greatest(version.c.number, number)},
        )
    )
    # An hour that a writer is touching anew is left to the next time: nobody reads it, and nobody waits.
    hour = tuple_(touched_hour.c.fact, touched_hour.c.hour)
    settled = (
        select(touched_hour.c.fact, touched_hour.c.hour)
        .where(touched_hour.c.version <= number)
        .with_for_update(skip_locked=True)
    )
    await session.execute(delete(touched_hour).where(hour.in_(settled)))


async def note_demands(
    session: WriteSession, asked: Mapping[UUID, tuple[dict[str, Any], int]], now: datetime
) -> None:
    """Adds to how often questions were asked."""
    for key in sorted(asked):
        question, times = asked[key]
        addition = insert(demand).values(id=key, question=question, times=times, asked_at=now)
        more = {"times": demand.c.times + addition.excluded.times, "asked_at": addition.excluded.asked_at}
        await session.execute(addition.on_conflict_do_update(index_elements=["id"], set_=more))


async def list_demands(
    session: ReadSession, least: int, most: int, since: datetime
) -> list[tuple[dict[str, Any], int]]:
    """The questions asked at least so often and since then, with how often, those asked last first, at most so many."""
    statement = (
        select(demand.c.question, demand.c.times)
        .where(demand.c.times >= least, demand.c.asked_at >= since)
        .order_by(demand.c.asked_at.desc(), demand.c.id)
        .limit(most)
    )
    return [(row.question, row.times) for row in await session.execute(statement)]


async def drop_demands(session: WriteSession, before: datetime) -> int:
    """Deletes the questions that were not asked since then; returns how many there were."""
    result = await session.execute(delete(demand).where(demand.c.asked_at < before))
    return result.rowcount


def days_of(packs: Iterable[StoredPack]) -> set[date]:
    """All days that packs hold."""
    return {day for one in packs for day in one.days}
