"""The loaders of one operation. Each question is asked once, however many fields ask it, and all of a tick
together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, Table
from strawberry.dataloader import DataLoader

from backend.interactions import models, repository
from backend.metrics.evaluator import Evaluator
from schema.metrics.loaders import NumbersLoader, Reading, numbers_loader, versions_loader

OnlyAgent = Callable[[], Awaitable[int | None]]
RowLoader = DataLoader[Any, Row[Any] | None]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def by_key(fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> DataLoader[K, V | None]:
    """A loader over a function that returns a mapping; order and gaps are handled here, once."""

    async def load(keys: list[K]) -> list[V | None]:
        found = await fetch(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


async def found(loader: RowLoader, row_id: int | UUID | None) -> Row[Any] | None:
    """The row with this id; None when there is none, or no id to look for."""
    return None if row_id is None else await loader.load(row_id)


class Loaders:
    """One set per operation: a loader's cache must not outlive what it was asked in."""

    def __init__(self, reading: Reading, evaluator: Evaluator, only_agent: OnlyAgent) -> None:
        self.interactions = _interactions(reading, only_agent)
        self.agents = _rows(reading, models.agent)
        self.teams = _rows(reading, models.team)
        self.queues = _rows(reading, models.queue)
        self.customers = _rows(reading, models.customer)
        self.issue_types = _rows(reading, models.issue_type)
        self.products = _rows(reading, models.product)
        self.agents_by_external_id = _agents_by_external_id(reading)
        self.attribute_types = _attribute_types(reading)
        self.kpi_versions = versions_loader(reading)
        self.numbers: NumbersLoader = numbers_loader(evaluator)


def _rows(reading: Reading, table: Table) -> RowLoader:
    async def fetch(ids: list[int]) -> dict[int, Row[Any]]:
        async with reading() as session:
            return await repository.rows_by_id(session, table, ids)

    return by_key(fetch)


def _interactions(reading: Reading, only_agent: OnlyAgent) -> RowLoader:
    """Interactions by id, those that the caller may see: an agent their own."""

    async def fetch(ids: list[UUID]) -> dict[UUID, Row[Any]]:
        only = await only_agent()
        async with reading() as session:
            return await repository.interactions_by_id(session, ids, only)

    return by_key(fetch)


def _agents_by_external_id(reading: Reading) -> RowLoader:
    async def fetch(external_ids: list[str]) -> dict[str, Row[Any]]:
        async with reading() as session:
            found = [await repository.find_agent(session, external_id) for external_id in external_ids]
        return {row.external_id: row for row in found if row is not None}

    return by_key(fetch)


def _attribute_types(reading: Reading) -> DataLoader[str, str | None]:
    """The type of a tenant-defined attribute by its key; all of them with the first one asked."""

    async def fetch(_keys: list[str]) -> dict[str, str]:
        async with reading() as session:
            return await repository.attribute_types(session)

    return by_key(fetch)
