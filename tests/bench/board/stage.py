"""One size of the workload, ready: its database, the references on it and a server that answers for it."""

from __future__ import annotations

import asyncio
import time
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
from tests.bench.board.document import TOP_AGENTS, Asked, Failed
from tests.bench.board.references.columnar import Columnar
from tests.bench.board.references.facts import Facts
from tests.bench.board.references.mixed import Mixed
from tests.bench.board.serving import Asker, Serving, serving
from tests.servers import Server

SLUG = "bench"
WINDOWS = 60  # whole days that a window is moved by at most
SETTLED = 3.0  # seconds without a new pack, after which all are there
PATIENCE = 240.0  # seconds for all of them
NO_PACKS = 4.0  # seconds after which none will come


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

    def other(self) -> Asked:
        """A board that nobody has asked for yet: another window, or one more agent."""
        place = next(self._places)
        return Asked(place * 7 % WINDOWS, top=TOP_AGENTS + place // WINDOWS)

    def other_filtered(self) -> Asked:
        """The same of a channel and an issue type."""
        place = next(self._places)
        return Asked(place * 7 % WINDOWS, (place % 5, place * 3 % 16), TOP_AGENTS + place // WINDOWS)

    async def wait_until_built(self) -> None:
        """Asks both kinds of board, then waits until all that is worked out beforehand for them is there."""
        if not await self.connection.fetchval("SELECT to_regclass($1)", f"{self.tenant.namespace}.pack"):
            return
        began = changed = time.monotonic()
        known = -1
        asked_at, asked_for = 0.0, 0
        while time.monotonic() - began < PATIENCE:
            if time.monotonic() - asked_at > SETTLED / 2:  # what is asked is what is built
                # Filters differ each time: to go on asking would go on giving work.
                for asked in (self.other(), *([self.other_filtered()] if asked_for < 2 else [])):
                    with suppress(Failed):
                        await self.asker.ask(asked)
                asked_at, asked_for = time.monotonic(), asked_for + 1
            packs = await self.connection.fetchval(f"SELECT count(*) FROM {self.tenant.namespace}.pack")
            if packs != known:
                known, changed = packs, time.monotonic()
            elif time.monotonic() - changed > (SETTLED if packs else NO_PACKS):
                return
            await asyncio.sleep(0.2)


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
