"""Statements on benchmarks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from backend.metrics.benchmarks.figures import Benchmark, Kind
from backend.metrics.models import benchmark
from tenants.database import ReadSession, WriteSession

_KEY = (benchmark.c.kpi_key, benchmark.c.kind, benchmark.c.label)


async def list_benchmarks(session: ReadSession, keys: Collection[str] | None = None) -> list[Benchmark]:
    """All figures by KPI, kind and label; of some KPIs where `keys` are given."""
    statement = select(benchmark).order_by(*_KEY)
    if keys is not None:
        statement = statement.where(benchmark.c.kpi_key.in_(keys))
    return [_benchmark(row) for row in await session.execute(statement)]


async def put_benchmark(session: WriteSession, one: Benchmark, *, author: str, now: datetime) -> None:
    """Stores a figure in the place of the one of the same KPI, kind and label."""
    values = _values(one) | {"updated_by": author, "updated_at": now}
    statement = insert(benchmark).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=values))


async def insert_missing(session: WriteSession, figures: Iterable[Benchmark], *, author: str) -> None:
    """Stores those figures of whose KPI, kind and label there is none yet."""
    rows = [_values(one) | {"updated_by": author} for one in figures]
    if rows:
        await session.execute(insert(benchmark).on_conflict_do_nothing(), rows)


async def delete_benchmark(session: WriteSession, key: str, kind: Kind, label: str) -> Benchmark | None:
    """Removes a figure and returns it; None where there was none."""
    c = benchmark.c
    statement = (
        delete(benchmark)
        .where(c.kpi_key == key, c.kind == kind.value, c.label == label)
        .returning(*benchmark.columns)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else _benchmark(row)


def _values(one: Benchmark) -> dict[str, Any]:
    return {
        "kpi_key": one.kpi,
        "kind": one.kind.value,
        "label": one.label,
        "low": one.low,
        "high": one.high,
        "float_low": one.float_low,
        "float_high": one.float_high,
        "valid_from": one.valid_from,
    }


def _benchmark(row: Row[Any]) -> Benchmark:
    return Benchmark(
        row.kpi_key,
        Kind(row.kind),
        row.label,
        row.low,
        row.high,
        row.float_low,
        row.float_high,
        row.valid_from,
    )
