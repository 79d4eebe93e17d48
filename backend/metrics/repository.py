"""Statements on definitions and names; the statements of numbers are made in `planning/lowering`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Row,
    Select,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import BigInteger, Text

from backend.interactions import models as facts
from backend.interactions.identity import new_id
from backend.metrics.kpi import Band, DatedFormula, Kpi, KpiVersion, in_force
from backend.metrics.language.vocabulary import Attribute
from backend.metrics.models import kpi, kpi_version
from backend.metrics.proofs import DataVersion
from backend.metrics.questions import Member
from tenants.database import ReadSession, WriteSession

_NAMED = {
    "agent": facts.agent,
    "team": facts.team,
    "queue": facts.queue,
    "customer": facts.customer,
    "issue_type": facts.issue_type,
    "product": facts.product,
}


async def list_kpis(session: ReadSession, today: date, *, archived: bool | None = False) -> list[Kpi]:
    """KPIs by key, each with the formula in force on a local day: the newest version whose day has come.

    Days before its first one are as that. `archived` None gives those that are archived and those that are not.
    """
    first = kpi_version.alias("first_version")
    since = select(first.c.effective_from).where(
        first.c.kpi_key == kpi_version.c.kpi_key, first.c.version == 1
    )
    to_come = kpi_version.c.effective_from > func.greatest(today, since.scalar_subquery())
    each = kpi_version.c.kpi_key
    ranked = select(
        kpi_version,
        func.row_number()
        .over(
            partition_by=each,
            order_by=(to_come, case((to_come, kpi_version.c.version), else_=-kpi_version.c.version)),
        )
        .label("place"),
        func.max(kpi_version.c.version).over(partition_by=each).label("latest_version"),
    ).subquery("ranked")
    statement = (
        select(kpi, ranked.c.version, ranked.c.formula, ranked.c.effective_from, ranked.c.latest_version)
        .join(ranked, (ranked.c.kpi_key == kpi.c.key) & (ranked.c.place == 1))
        .order_by(kpi.c.key)
    )
    if archived is not None:
        statement = statement.where(
            kpi.c.archived_at.is_not(None) if archived else kpi.c.archived_at.is_(None)
        )
    return [
        _kpi(row, DatedFormula(row.version, row.formula, row.effective_from), row.latest_version)
        for row in await session.execute(statement)
    ]


async def list_histories(session: ReadSession, today: date) -> list[tuple[Kpi, list[DatedFormula]]]:
    """KPIs in use as `list_kpis` gives them, each with all its versions, oldest first: one statement."""
    version = func.json_build_array(
        kpi_version.c.version, kpi_version.c.formula, kpi_version.c.effective_from
    )
    versions = func.json_agg(version, type_=JSON).label("versions")
    each = select(kpi_version.c.kpi_key, versions).group_by(kpi_version.c.kpi_key).subquery("each")
    statement = (
        select(kpi, each.c.versions)
        .join(each, each.c.kpi_key == kpi.c.key)
        .where(kpi.c.archived_at.is_(None))
        .order_by(kpi.c.key)
    )
    found = []
    for row in await session.execute(statement):
        dated = [
            DatedFormula(number, text, date.fromisoformat(day)) for number, text, day in sorted(row.versions)
        ]
        found.append((_kpi(row, in_force(dated, today), dated[-1].version), dated))
    return found


async def lock_kpis(session: WriteSession) -> None:
    """Lets no two changes of definitions run side by side: together they could close a circle."""
    await session.execute(select(kpi.c.key).order_by(kpi.c.key).with_for_update())


async def list_versions(session: ReadSession) -> list[KpiVersion]:
    """All versions of all KPIs that are not archived, oldest first."""
    statement = (
        select(kpi_version)
        .join(kpi, kpi.c.key == kpi_version.c.kpi_key)
        .where(kpi.c.archived_at.is_(None))
        .order_by(kpi_version.c.kpi_key, kpi_version.c.version)
    )
    return [_version(row) for row in await session.execute(statement)]


async def versions_by_key(
    session: ReadSession, keys: Collection[str], most: int
) -> dict[str, list[KpiVersion]]:
    """The newest versions of each KPI, newest first, `most` of each."""
    place = func.row_number().over(partition_by=kpi_version.c.kpi_key, order_by=kpi_version.c.version.desc())
    ranked = select(kpi_version, place.label("place")).where(kpi_version.c.kpi_key.in_(keys)).subquery()
    statement = (
        select(ranked).where(ranked.c.place <= most).order_by(ranked.c.kpi_key, ranked.c.version.desc())
    )
    found: dict[str, list[KpiVersion]] = {key: [] for key in keys}
    for row in await session.execute(statement):
        found[row.kpi_key].append(_version(row))
    return found


async def update_kpi(session: WriteSession, one: Kpi, *, now: datetime) -> None:
    """Stores everything about a KPI but its formula, also whether it is archived."""
    values = _values(one) | {"archived_at": one.archived_at, "updated_at": now}
    await session.execute(update(kpi).where(kpi.c.key == one.key).values(values))


async def insert_version(session: WriteSession, one: KpiVersion) -> None:
    """Adds a version to a KPI."""
    await session.execute(
        insert(kpi_version).values(
            kpi_key=one.key,
            version=one.version,
            formula=one.formula,
            effective_from=one.effective_from,
            created_by=one.created_by,
            created_at=one.created_at,
        )
    )


async def insert_audit_entry(
    session: WriteSession, action: str, subject: str, details: Mapping[str, Any], *, actor: str, now: datetime
) -> None:
    """Notes who did what to a definition, in the transaction that does it."""
    await session.execute(
        insert(facts.audit_entry).values(
            id=new_id(), actor=actor, action=action, subject=subject, details=details, happened_at=now
        )
    )


async def insert_kpis(
    session: WriteSession,
    kpis: Iterable[Kpi],
    *,
    effective_from: date,
    author: str,
    now: datetime | None = None,
) -> int:
    """Inserts those whose key is not there yet, each with its first version; returns how many were new.

    They are dated by the database's clock where `now` is None.
    """
    rows = [
        _values(one) | {"version": one.version, "formula": one.formula, "effective_from": effective_from}
        for one in kpis
    ]
    values = {"rows": json.dumps(rows, default=str), "author": author, "now": now}
    added: int = (await session.execute(_INSERT_KPIS, values)).scalar_one()
    return added


def _inserting() -> Select[Any]:
    """KPIs that are not there yet with their first versions, and how many they are. All rows travel as one value:
    a statement that spells 90 of them takes longer to compile and to parse than to run.
    """
    named = [kpi.c[name] for name in _COLUMNS]
    dated = [kpi_version.c[name] for name in ("version", "formula", "effective_from")]
    rows = func.jsonb_to_recordset(cast(bindparam("rows", type_=Text), JSONB))
    shape = rows.table_valued(*[column(c.name, c.type) for c in (*named, *dated)])
    given = select(shape.render_derived("given", with_types=True)).cte("all_rows")
    at = func.coalesce(bindparam("now", type_=kpi.c.created_at.type), func.now())
    kept = select(*[given.c[c.name] for c in named], at)
    added = (
        insert(kpi)
        .from_select([*named, kpi.c.created_at], kept, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(kpi.c.key)
        .cte("added")
    )
    author = bindparam("author", type_=Text)
    first = select(given.c.key, *[given.c[c.name] for c in dated], author, at)
    versions = (
        insert(kpi_version)
        .from_select(
            [kpi_version.c.kpi_key, *dated, kpi_version.c.created_by, kpi_version.c.created_at],
            first.join(added, added.c.key == given.c.key),
            include_defaults=False,
        )
        .cte("versions")
    )
    return select(func.count()).select_from(added).add_cte(versions)


async def list_attributes(session: ReadSession) -> list[Attribute]:
    """The tenant's own fields, by key."""
    columns = facts.attribute.c
    statement = select(columns.key, columns.type, columns.label_en, columns.label_zh).order_by(columns.key)
    rows = await session.execute(statement)
    return [(row.key, row.type, row.label_en, row.label_zh) for row in rows]


async def find_data_version(session: ReadSession) -> DataVersion | None:
    """The newest write to the tenant's facts; None where nothing was ever written."""
    log = facts.write_log.c
    newest = select(log.number, log.written_at).order_by(log.number.desc()).limit(1)
    row = (await session.execute(newest)).one_or_none()
    return None if row is None else DataVersion(row.number, row.written_at)


async def find_extent(session: ReadSession) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of the tenant's facts, by those that an index is on; None without any."""
    moments = (
        facts.interaction.c.started_at,
        facts.survey_response.c.responded_at,
        facts.qa_review.c.reviewed_at,
        facts.agent_activity.c.started_at,
        facts.article_view.c.viewed_at,
        facts.order.c.ordered_at,
        facts.sla_instance.c.due_at,
    )
    first = func.least(*(select(func.min(one)).scalar_subquery() for one in moments))
    last = func.greatest(*(select(func.max(one)).scalar_subquery() for one in moments))
    row = (await session.execute(select(first.label("first"), last.label("last")))).one()
    return row.first, row.last


async def members_by_id(
    session: ReadSession, ids: Mapping[str, Collection[int]]
) -> dict[str, dict[int, Member]]:
    """External ids and names of agents, teams ... by their ids, in one statement."""
    found: dict[str, dict[int, Member]] = {kind: {} for kind in ids}
    selects = [_members(kind, wanted) for kind, wanted in ids.items() if wanted]
    if selects:
        for row in await session.execute(union_all(*selects)):
            found[row.kind][row.id] = Member(row.external_id, row.name or row.external_id)
    return found


def _members(kind: str, ids: Collection[int]) -> Select[Any]:
    named = _NAMED[kind]
    # as one text: a bound array makes the driver ask each new connection about its type
    text = literal("{" + ",".join(map(str, sorted(ids))) + "}", Text)
    unnested = func.unnest(cast(text, ARRAY(BigInteger)))
    wanted = unnested.table_valued("id", name=f"wanted_{kind}").render_derived()
    return select(
        literal(kind, Text).label("kind"),
        cast(named.c.id, BigInteger).label("id"),
        named.c.external_id,
        named.c.name,
    ).join_from(named, wanted, named.c.id == wanted.c.id)


def _values(one: Kpi) -> dict[str, Any]:
    return {
        "key": one.key,
        "name_en": one.name_en,
        "name_zh": one.name_zh,
        "doc": one.doc,
        "family": one.family,
        "direction": one.direction,
        "unit": one.unit,
        "minimum_sample": one.minimum_sample,
        "target_low": one.target.low,
        "target_high": one.target.high,
        "benchmark_low": one.benchmark.low,
        "benchmark_high": one.benchmark.high,
        "guardrails": list(one.guardrails),
        "measure_en": one.measure_en,
        "measure_zh": one.measure_zh,
        "builtin": one.builtin,
    }


_COLUMNS = (
    "key", "name_en", "name_zh", "doc", "family", "direction", "unit", "minimum_sample",
    "target_low", "target_high", "benchmark_low", "benchmark_high", "guardrails", "measure_en", "measure_zh",
    "builtin",
)  # fmt: skip
_INSERT_KPIS = _inserting()


def _kpi(row: Row[Any], held: DatedFormula, latest_version: int) -> Kpi:
    return Kpi(
        row.key,
        row.name_en,
        row.name_zh,
        held.formula,
        row.family,
        row.direction,
        row.doc,
        row.unit,
        held.version,
        row.minimum_sample,
        Band(row.target_low, row.target_high),
        Band(row.benchmark_low, row.benchmark_high),
        tuple(row.guardrails),
        row.builtin,
        held.effective_from,
        latest_version,
        row.archived_at,
        row.measure_en,
        row.measure_zh,
    )


def _version(row: Row[Any]) -> KpiVersion:
    return KpiVersion(
        row.kpi_key, row.version, row.formula, row.effective_from, row.created_by, row.created_at
    )
