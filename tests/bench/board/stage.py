"""One size of the workload, ready: its database, the references on it and a server that answers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg

from migrations.runner import upgrade
from tenants.database import AdminDatabase, Database
from tenants.registry import Tenant
from tests.bench.board import loading, workload
from tests.bench.board.document import TOP_AGENTS, TOP_ISSUES, Asked, Failed
from tests.bench.board.references.columnar import Columnar
from tests.bench.board.references.facts import Facts
from tests.bench.board.references.mixed import Mixed
from tests.bench.board.serving import Asker, Serving, serving
from tests.servers import Server

SLUG = "bench"
WINDOWS = 60  # whole days that a window is moved by at most


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the cases of one size need."""

    rows: int
    folder: Path
    url: str
    admin_url: str
    tenant: Tenant
    connection: asyncpg.Connection
    facts: Facts
    mixed: Mixed
    columnar: Columnar | None
    serving: Serving
    asker: Asker
    _places: count[int] = field(default_factory=count)

    async def ask_both(self) -> None:
        """A board of everything, and one of a part; they may fail, as long as somebody takes notice of them."""
        for asked in (self.other(), self.other_filtered()):
            with suppress(Failed):
                await self.asker.ask(asked)

    def other(self) -> Asked:
        """A board that nobody has asked for yet: another window, or one agent more."""
        place = next(self._places)
        return Asked(place * 7 % WINDOWS, top=TOP_AGENTS + place // WINDOWS)

    def other_filtered(self) -> Asked:
        """The same of a channel and an issue type."""
        place = next(self._places)
        return Asked(place * 7 % WINDOWS, (place % 5, place * 3 % 16), TOP_AGENTS + place // WINDOWS)

    def newest(self) -> Asked:
        """A board of the last 90 days that nobody has asked for yet: one agent or issue type more."""
        place = next(self._places)
        return Asked(0, top=TOP_AGENTS + place % 100, issues=TOP_ISSUES + 1 + place // 100)


@asynccontextmanager
async def staged(server: Server, folder: Path, rows: int) -> AsyncIterator[Stage]:
    """The workload of that many rows, from loading it to dropping it."""
    name = await server.create_database()
    connection = await asyncpg.connect(server.admin_url(name))
    admin = AdminDatabase.connect(server.admin_url(name))
    database = Database.connect(server.app_url(name), statement_timeout=600)
    columnar = None
    try:
        await upgrade(admin)
        tenant = await loading.make_tenant(admin, SLUG)
        await loading.load_plain(connection, workload.contacts(rows))
        await loading.load_tenant(connection, database.of(tenant), workload.contacts(rows))
        columnar = await Columnar.of(connection, folder)
        mixed = await Mixed.build(connection)
        await connection.execute("CHECKPOINT")
        async with serving(server.app_url(name), folder) as serves:
            asker = await serves.asker(SLUG)
            try:
                yield Stage(
                    rows, folder, server.app_url(name), server.admin_url(name), tenant, connection,
                    Facts(connection), mixed, columnar, serves, asker,
                )  # fmt: skip
            finally:
                await asker.client.close()
    finally:
        if columnar is not None:
            columnar.close()
        await database.close()
        await admin.close()
        await connection.close()
        await server.drop_database(name)
