"""Many tenants on one server: making them, migrating them, and serving them from one connection.

What is ours stands beside what PostgreSQL takes for the same work said in the plainest way, on the same server in
turn: the tables of a tenant as one message, a loop of DDL, a board's statements prepared on a bare connection.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

import asyncpg
import numpy as np
from sqlalchemy import Date, bindparam, case, cast, func, select

from backend.interactions.models import attribute, interaction
from backend.metrics.catalogue import seed_catalogue
from backend.metrics.models import kpi, kpi_version
from migrations import runner
from migrations.histories import TENANT_HISTORY, statements
from migrations.runner import upgrade, upgrade_namespace, upgrade_tenants
from tenants.compiled import CompiledSelect
from tenants.database import AdminDatabase, Database, ReadSession
from tenants.embedded import EmbeddedServer
from tenants.provisioning import create_tenant, keep_spares
from tenants.registry import Tenant
from tenants.versions import READ_VERSIONS
from tests.servers import Server

MOST = {  # the least that must be reached: a ratio, milliseconds, MB
    "a tenant made, to its tables as one message": 2.0,
    "a tenant from a spare, ms": 50.0,
    "migrating, to a loop of the same DDL": 2.0,
    "nothing to migrate, ms": 1000.0,
    "a board of many tenants, to one tenant's": 1.6,
    "memory of a backend that serves many, MB": 60.0,
    "a board under role and transaction, to a bare one": 1.2,
}
ROWS = 1000  # interactions of each tenant
SEED = 7

_c = interaction.c
_day = cast(_c.started_at, Date)
_window = _c.started_at >= bindparam("since", type_=_c.started_at.type)
BOARD = (
    CompiledSelect(READ_VERSIONS),
    CompiledSelect(
        select(kpi.c.key, kpi.c.unit, kpi_version.c.formula)
        .join(kpi_version, kpi_version.c.kpi_key == kpi.c.key)
        .where(kpi.c.archived_at.is_(None))
    ),
    CompiledSelect(select(attribute.c.key, attribute.c.type)),
    CompiledSelect(
        select(_c.channel, _day, func.count(), func.sum(_c.handle_time), func.count(case((_c.resolved, 1))))
        .where(_window)
        .group_by(func.grouping_sets(_c.channel, _day))
    ),
)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)

_NEXT = '''"""A column and an index. Expand."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("team", sa.Column("motto", sa.Text()))
    op.create_index("team_motto_idx", "team", ["motto"])
'''
_LOOP = (
    'BEGIN; SET LOCAL search_path TO "{}"; ALTER TABLE queue ADD COLUMN motto TEXT;'
    " CREATE INDEX queue_motto_idx ON queue (motto);"
    " UPDATE alembic_version SET version_num = '{}'; COMMIT"
)


@dataclass
class Figures:
    """Every figure by what it says, of so many tenants; `judged` are held against the least."""

    tenants: int
    judged: bool
    found: dict[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """All of it for people."""
        lines = [f"Tenants, {self.tenants:,} on one server", ""]
        for name, value in self.found.items():
            least = f"  (at most {MOST[name]:g})" if name in MOST else ""
            lines.append(f"{name:<56}{value:>10.2f}{least}")
        return "\n".join([*lines, ""])

    def as_json(self) -> dict[str, Any]:
        """All of it for programs."""
        return {"tenants": self.tenants, **{name: round(value, 3) for name, value in self.found.items()}}

    def missed(self) -> list[str]:
        """What is worse than it may be."""
        return [
            f"{name}: {self.found[name]:.2f}, more than {most:g}"
            for name, most in MOST.items()
            if self.judged and name in self.found and self.found[name] > most
        ]


async def measure(*, quick: bool) -> Figures:
    """Half a minute with 40 tenants when quick, some minutes with 1,000 else."""
    figures = Figures(tenants=40 if quick else 1000, judged=not quick)
    with tempfile.TemporaryDirectory(prefix="scoredesk-bench-") as folder:
        os.chmod(folder, 0o755)  # started by root, the server runs as another user
        with EmbeddedServer(Path(folder) / "server") as embedded:
            server = Server(embedded)
            name = await server.create_database()
            admin = AdminDatabase.connect(server.admin_url(name))
            database = Database.connect(server.app_url(name), pool_size=1)
            plain = await asyncpg.connect(server.admin_url(name), statement_cache_size=1000)
            await upgrade(admin)
            await _provisioning(figures, admin, plain)
            tenants = await _populate(figures, admin, plain)
            await _isolation(figures, database, server.admin_url(name), tenants[0])
            await _boards(figures, database, tenants)
            await _migrating(figures, admin, plain, tenants, Path(folder))
            await plain.close()
            await database.close()
            await admin.close()
    return figures


async def _provisioning(figures: Figures, admin: AdminDatabase, plain: asyncpg.Connection) -> None:
    script = ";\n".join(statements(TENANT_HISTORY, None))
    tables, made = [], []
    for number in range(10):
        name = f"plain_{number}"
        message = f"BEGIN; CREATE SCHEMA {name}; SET LOCAL search_path TO {name};\n{script};\nCOMMIT"
        tables.append(await _timed(plain.execute(message)))
        made.append(await _timed(_create(admin, f"made-{number}")))
    for number in range(10):
        await plain.execute(f"DROP SCHEMA plain_{number} CASCADE")
    figures.found["a tenant's tables as one message, ms"] = 1000 * median(tables)
    figures.found["a tenant made, ms"] = 1000 * median(made)
    figures.found["a tenant made, to its tables as one message"] = median(made) / median(tables)


async def _populate(figures: Figures, admin: AdminDatabase, plain: asyncpg.Connection) -> list[Tenant]:
    """So many tenants from spares, some rows in each."""
    taken, tenants = [], []
    for number in range(figures.tenants):
        if number % 20 == 0:
            await keep_spares(admin, 20, migrate=upgrade_namespace)
        began = time.perf_counter()
        tenants.append(await _create(admin, f"tenant-{number}"))
        taken.append(time.perf_counter() - began)
        await plain.execute(f"""
            INSERT INTO {tenants[-1].namespace}.interaction
                (id, source, external_id, channel, started_at, handle_time, resolved)
            SELECT md5(n::text)::uuid, 'bench', n, (ARRAY['chat', 'call', 'email'])[n % 3 + 1],
                   timestamptz '2026-01-05' + n * interval '3 hours', n * 700, n % 5 > 0
            FROM generate_series(1, {ROWS}) AS n
        """)
    figures.found["a tenant from a spare, ms"] = 1000 * median(taken)
    figures.found["a tenant from a spare, ms, the slowest of twenty"] = 1000 * quantiles(taken, n=20)[-1]
    return tenants


async def _isolation(figures: Figures, database: Database, url: str, tenant: Tenant) -> None:
    """A board on a bare connection, the same between BEGIN with its role and COMMIT, and through the door."""
    # Each has its own connection, as in life: one that changes its role looks up anew what roles it is a member of.
    connections = [await asyncpg.connect(url) for _ in range(2)]
    texts = [(one.text(tenant.namespace), one.values(_values(one))) for one in BOARD]
    opening = database.opening("ISOLATION LEVEL REPEATABLE READ READ ONLY", tenant.readonly_role)

    async def ask(connection: asyncpg.Connection) -> None:
        for text, values in texts:
            await connection.fetch(text, *values)

    async def bare() -> None:
        await ask(connections[0])

    async def bound() -> None:
        await connections[1].execute(opening)
        await ask(connections[1])
        await connections[1].execute("COMMIT")

    async def door() -> None:
        await _board(database, tenant)

    ways: dict[str, Callable[[], Awaitable[None]]] = {"bare": bare, "bound": bound, "door": door}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(320):
        for name, way in ways.items():
            took = await _timed(way())
            if turn >= 20:
                times[name].append(took)
    for connection in connections:
        await connection.close()
    bare_time = median(times["bare"])
    figures.found["a board on a bare connection, ms"] = 1000 * bare_time
    figures.found["a board under role and transaction, to a bare one"] = median(times["bound"]) / bare_time
    figures.found["a board through the door, to a bare one"] = median(times["door"]) / bare_time


async def _boards(figures: Figures, database: Database, tenants: list[Tenant]) -> None:
    """Boards of one tenant, then of all, the first far more often than the last, on one connection."""
    few, many, memory = [], [], []
    draw = np.random.default_rng(SEED)
    weights = 1 / np.arange(1, len(tenants) + 1)
    drawn = draw.choice(len(tenants), 3000, p=weights / weights.sum())
    for number, which in enumerate(drawn):
        many.append(await _timed(_board(database, tenants[which])))
        if number % 100 == 99:
            memory.append(await _memory(database, tenants[which]))
            few += [await _timed(_board(database, tenants[drawn[0]])) for _ in range(20)]
    figures.found["a board of one tenant, ms"] = 1000 * median(few)
    figures.found["a board of many tenants, to one tenant's"] = median(many) / median(few)
    figures.found["a board of many tenants, mean, to one tenant's"] = float(np.mean(many)) / median(few)
    if memory[0]:
        figures.found["memory of a backend that serves many, MB"] = max(memory)


async def _migrating(
    figures: Figures, admin: AdminDatabase, plain: asyncpg.Connection, tenants: list[Tenant], folder: Path
) -> None:
    await keep_spares(admin, 0, migrate=upgrade_namespace)
    idle = [await _timed(upgrade(admin)) for _ in range(5)]
    figures.found["nothing to migrate, ms"] = 1000 * median(idle)
    head = TENANT_HISTORY.head
    began = time.perf_counter()
    for tenant in tenants:
        await plain.execute(_LOOP.format(tenant.namespace, head))
    loop = (time.perf_counter() - began) / len(tenants)
    async with _longer_history(folder):
        began = time.perf_counter()
        report = await upgrade_tenants(admin)
        ours = (time.perf_counter() - began) / len(report.migrated)
    if report.failed or len(report.migrated) < len(tenants):
        raise RuntimeError(f"not all were migrated: {report.failed}")
    figures.found["a loop of DDL, ms a tenant"] = 1000 * loop
    figures.found["migrating, ms a tenant"] = 1000 * ours
    figures.found["migrating, to a loop of the same DDL"] = ours / loop


@asynccontextmanager
async def _longer_history(folder: Path) -> AsyncIterator[None]:
    """The tenant history with one more revision, as the next release has it."""
    versions = folder / "tenant"
    shutil.copytree(TENANT_HISTORY.folder, versions, ignore=shutil.ignore_patterns("__pycache__"))
    (versions / "versions" / "9999_next.py").write_text(_NEXT.format(head=TENANT_HISTORY.head))
    with patch.object(runner, "TENANT_HISTORY", replace(TENANT_HISTORY, folder=versions)):
        yield


async def _create(admin: AdminDatabase, slug: str) -> Tenant:
    return await create_tenant(admin, slug, migrate=upgrade_namespace, seed=seed_catalogue)


async def _board(database: Database, tenant: Tenant) -> None:
    async with database.of(tenant).read(snapshot=True) as session:
        await _ask(session)


async def _ask(session: ReadSession) -> None:
    for one in BOARD:
        await session.fetch(one, _values(one))


def _values(one: CompiledSelect) -> dict[str, Any]:
    return {"since": SINCE} if one is BOARD[-1] else {}


async def _memory(database: Database, tenant: Tenant) -> float:
    """MB that the backend of the one connection has to itself; 0 where the system does not tell."""
    async with database.of(tenant).read() as session:
        pid = (await session.execute(select(func.pg_backend_pid()))).scalar_one()
        return _private(pid)


def _private(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
