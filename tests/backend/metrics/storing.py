"""Stores rows of any fact for the tests of numbers, and means of what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Table, insert

from backend.interactions.identity import fact_id
from tests.backend.metrics.builders import World

Row = dict[str, Any]


async def store(world: World, stored: Table, *rows: Mapping[str, Any]) -> list[Row]:
    """Stores rows of any fact, each with every column that may be missing."""
    empty: Row = {c.name: None for c in stored.c if c.nullable and c.name != "sync_run_id"}
    added = []
    for number, row in enumerate(rows):
        name = f"{stored.name}-{number}"
        origin = {"id": fact_id("test", name), "source": "test", "external_id": name}
        added.append({**empty, **origin, **row})
    async with world.tenant.write() as session:
        await session.execute(insert(stored), added)
    return added


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
