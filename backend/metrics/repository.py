"""Statements on definitions and names; the statements of numbers are made in `planning/lowering`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, Row, Select, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import BigInteger, Text

from backend.interactions import models as facts
from backend.metrics.kpi import Band, Kpi
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


async def list_kpis(session: ReadSession, today: date) -> list[Kpi]:
    """All KPIs that are not archived, by key, each with the formula in force on a local day.

    One whose first formula is not in force yet has that one.
    """
    ranked = select(
        kpi_version,
        func.row_number()
        .over(
            partition_by=kpi_version.c.kpi_key,
            order_by=(
                (kpi_version.c.effective_from > today),
                # of those in force the newest, of those to come the first
                func.abs(kpi_version.c.effective_from - today),
                kpi_version.c.version.desc(),
            ),
        )
        .label("place"),
    ).subquery("ranked")
    statement = (
        select(kpi, ranked.c.version, ranked.c.formula, ranked.c.effective_from)
        .join(ranked, (ranked.c.kpi_key == kpi.c.key) & (ranked.c.place == 1))
        .where(kpi.c.archived_at.is_(None))
        .order_by(kpi.c.key)
    )
    return [_kpi(row) for row in await session.execute(statement)]


async def insert_kpis(
    session: WriteSession, kpis: Iterable[Kpi], *, effective_from: date, author: str
) -> int:
    """Inserts those whose key is not there yet, each with its first version; returns how many were new."""
    given = list(kpis)
    added = await session.execute(
        insert(kpi).values([_values(one) for one in given]).on_conflict_do_nothing().returning(kpi.c.key)
    )
    keys = set(added.scalars())
    if keys:
        await session.execute(
            insert(kpi_version).values(
                [
                    {
                        "kpi_key": one.key,
                        "version": one.version,
                        "formula": one.formula,
                        "effective_from": effective_from,
                        "created_by": author,
                    }
                    for one in given
                    if one.key in keys
                ]
            )
        )
    return len(keys)


async def list_attributes(session: ReadSession) -> list[Attribute]:
    """The tenant's own fields, by key."""
    columns = facts.attribute.c
    statement = select(columns.key, columns.type, columns.label_en, columns.label_zh).order_by(columns.key)
    rows = await session.execute(statement)
    return [(row.key, row.type, row.label_en, row.label_zh) for row in rows]


async def find_data_version(session: ReadSession) -> DataVersion | None:
    """The newest write to the tenant's facts; None where nothing was ever written."""
    log = facts.write_log.c
    newest = select(log.id, log.written_at).order_by(log.id.desc()).limit(1)
    row = (await session.execute(newest)).one_or_none()
    return None if row is None else DataVersion(row.id, row.written_at)


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
        "builtin": one.builtin,
    }


def _kpi(row: Row[Any]) -> Kpi:
    return Kpi(
        row.key,
        row.name_en,
        row.name_zh,
        row.formula,
        row.family,
        row.direction,
        row.doc,
        row.unit,
        row.version,
        row.minimum_sample,
        Band(row.target_low, row.target_high),
        Band(row.benchmark_low, row.benchmark_high),
        tuple(row.guardrails),
        row.builtin,
        row.effective_from,
    )
