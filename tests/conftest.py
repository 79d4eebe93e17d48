"""What every test may ask for: a real PostgreSQL, two tenants on it, and a clock that stands still.

`acme` is the tenant under test. `globex` beside it is full of rows that look like acme's and carry a
canary; whatever shows a canary has leaked. They are made once per run; after each test the rows are as they
were. A test that asks for `admin`, and so may change more than rows, gets a copy of the database for
itself.

SCOREDESK_TEST_DATABASE chooses the server: `embedded` (the default, PostgreSQL 18), `system` (the oldest of
15 or newer that is installed) or the path of a `bin` folder. Tests of `tenants/` and `isolation/` run on
the first two.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from backend.metrics.catalogue import seed_catalogue
from migrations.runner import upgrade, upgrade_namespace
from tenants.database import AdminDatabase, Database, TenantDatabase
from tenants.provisioning import create_tenant
from tenants.registry import get_tenant
from tests.canaries import plant_canaries
from tests.pristine import Pristine
from tests.servers import EMBEDDED, Server, Servers

FULL = os.environ.get("SCOREDESK_TEST_FULL") == "1"

# Started in the background of a script, a process ignores Ctrl-C, and so do its children: those that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class StandingClock:
    """A clock that only moves when told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **step: float) -> None:
        """Moves on by `timedelta(**step)`."""
        self.now += timedelta(**step)


@dataclass(frozen=True)
class Place:
    """The database of one test, by its two addresses."""

    admin_url: str
    app_url: str


@pytest.fixture(scope="module", autouse=True)
def _little_garbage() -> None:
    """What earlier modules left behind is set aside, so that no collection stops a test to look through it all."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> StandingClock:
    """Noon (UTC) of a Monday, until the test moves it."""
    return StandingClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """All servers of this run."""
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def server(servers: Servers) -> Server:
    """The server that database tests run on."""
    return servers.get(os.environ.get("SCOREDESK_TEST_DATABASE") or EMBEDDED)


@pytest_asyncio.fixture
async def template(server: Server) -> str:
    """The name of a migrated database with both tenants, made once per server, only to be copied."""
    if server.template is None:
        name = await server.create_database()
        admin = AdminDatabase.connect(server.admin_url(name))
        await upgrade(admin)
        await create_tenant(admin, "acme", name="Acme", migrate=upgrade_namespace, seed=seed_catalogue)
        await create_tenant(admin, "globex", name="Globex", migrate=upgrade_namespace, seed=plant_canaries)
        await admin.close()
        server.template = name
    return server.template


@pytest_asyncio.fixture
async def place(request: pytest.FixtureRequest, server: Server, template: str) -> AsyncIterator[Place]:
    """This test's database: one whose rows are put back, or its own copy where more than rows may change."""
    if "admin" in request.fixturenames:
        name = await server.create_database(template)
        yield Place(server.admin_url(name), server.app_url(name))
        await server.drop_database(name)
        return
    if server.shared is None:
        name = await server.create_database(template)
        server.shared = name, await Pristine.remember(server.admin_url(name))
    name, pristine = server.shared
    yield Place(server.admin_url(name), server.app_url(name))
    try:
        await pristine.restore()
    except asyncpg.PostgresError:  # someone still holds a row: leave it to them
        server.shared = None


@pytest_asyncio.fixture
async def admin(place: Place) -> AsyncIterator[AdminDatabase]:
    """The login that provisions and migrates."""
    admin = AdminDatabase.connect(place.admin_url)
    yield admin
    await admin.close()


@pytest_asyncio.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    """The login that serves, with room for four at once."""
    database = Database.connect(place.app_url, pool_size=4)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def acme(database: Database) -> TenantDatabase:
    """The door of the tenant under test; as provisioning makes it: the built-in KPIs and no facts."""
    return database.of(await get_tenant(database, "acme"))


@pytest_asyncio.fixture
async def globex(database: Database) -> TenantDatabase:
    """The door of the other tenant, full of canaries."""
    return database.of(await get_tenant(database, "globex"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With SCOREDESK_TEST_FULL=1 a skipped test is a failed one: what it needs must be installed."""
    report = yield
    if FULL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in a full run: {report.longrepr}"
    return report
