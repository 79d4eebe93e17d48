"""One tenant and many: boards asked of more and more of them, the likelier the smaller their number."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import asyncpg
import numpy as np

from backend.auth.memberships import grant_membership
from backend.auth.tokens import TokenSigner
from backend.core.settings import Settings
from migrations.runner import upgrade
from tenants.database import AdminDatabase, Database
from tenants.embedded import EmbeddedServer
from tenants.registry import Tenant
from tests.bench.board import loading, workload
from tests.bench.board.client import Client
from tests.bench.board.document import Asked
from tests.bench.board.figures import Figures
from tests.bench.board.serving import Asker, Serving, memory_of, serving
from tests.bench.board.settling import wait_until_built
from tests.servers import Server

TENANTS = (1, 10, 100, 1_000)
QUICK_TENANTS = (1, 3)
ROWS = 2_000  # of each tenant
BOARDS = 400
BLOCK = 20
MOST_SECONDS = 90.0  # for the boards of one step
COPIED = ("team", "issue_type", "queue", "agent", "interaction", "survey_response")


async def measure(*, quick: bool) -> Figures:
    """Some seconds when quick, some minutes else."""
    figures = Figures(judged=not quick, title="Boards of {:,} tenants")
    steps = QUICK_TENANTS if quick else TENANTS
    with tempfile.TemporaryDirectory(prefix="scoredesk-bench-") as folder:
        os.chmod(folder, 0o755)  # started by root, the server runs as another user
        with EmbeddedServer(Path(folder) / "server", durable=False) as embedded:
            server = Server(embedded)
            name = await server.create_database()
            tenants = await _provision(server, name, max(steps), figures)
            async with serving(server.app_url(name), Path(folder)) as serves:
                askers = await _askers(serves, tenants)
                await _ask(server.admin_url(name), askers, steps, figures, boards=BLOCK if quick else BOARDS)
    return figures


async def _provision(server: Server, name: str, wanted: int, figures: Figures) -> list[Tenant]:
    """So many tenants with the same rows each."""
    admin = AdminDatabase.connect(server.admin_url(name))
    database = Database.connect(server.app_url(name))
    connection = await asyncpg.connect(server.admin_url(name))
    taken: list[float] = []
    tenants: list[Tenant] = []
    try:
        await upgrade(admin)
        for number in range(wanted):
            began = time.perf_counter()
            tenant = await loading.make_tenant(admin, f"tenant-{number}")
            taken.append(1000 * (time.perf_counter() - began))
            if number == 0:
                await loading.load_tenant(connection, database.of(tenant), workload.contacts(ROWS))
            else:
                await _copy(connection, tenants[0].namespace, tenant.namespace)
                await loading.note_written(database.of(tenant), ROWS)
            tenants.append(tenant)
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
        await database.close()
        await admin.close()
    figures.add("provisioning of a tenant, ms", wanted, *taken)
    return tenants


async def _copy(connection: asyncpg.Connection, source: str, target: str) -> None:
    for table in COPIED:
        await connection.execute(
            f"INSERT INTO {target}.{table} OVERRIDING SYSTEM VALUE SELECT * FROM {source}.{table}"
        )
    await connection.execute(f"ANALYZE {', '.join(f'{target}.{table}' for table in COPIED)}")


async def _askers(serves: Serving, tenants: Sequence[Tenant]) -> list[Asker]:
    signer = TokenSigner.from_settings(Settings(home=str(serves.home)))
    client = Client(serves.port)
    database = Database.connect(serves.url, pool_size=1)
    try:
        async with database.control() as session:
            for tenant in tenants:
                await grant_membership(session, tenant, "bench", "admin")
    finally:
        await database.close()
    return [Asker(client, signer.sign("bench", tenant.id)) for tenant in tenants]


async def _ask(
    admin_url: str, askers: Sequence[Asker], steps: Sequence[int], figures: Figures, *, boards: int
) -> None:
    """For each step boards of so many tenants, in turn with boards of the first alone."""
    draw = np.random.default_rng(5)
    boards_of_all = (Asked(number * 7 % 60, top=20 + number // 60) for number in count())
    for step in steps:
        shares = 1 / np.arange(1, step + 1)
        chosen = draw.choice(step, max(boards, 2 * step), p=shares / shares.sum()).tolist()
        members = [askers[place] for place in dict.fromkeys(chosen)]
        await wait_until_built(admin_url, partial(_ask_each, members, boards_of_all))
        taken: list[float] = []
        ratios = []
        ends = time.monotonic() + MOST_SECONDS
        for block in range(0, len(chosen), BLOCK):
            many = [
                (await askers[place].timed(next(boards_of_all)))[0] for place in chosen[block : block + BLOCK]
            ]
            one = [(await askers[0].timed(next(boards_of_all)))[0] for _ in range(BLOCK)]
            ratios.append(statistics.median(many) / statistics.median(one))
            taken += many
            if time.monotonic() > ends:
                break
        figures.add("cold board of a small tenant, ms", step, *(1000 * one for one in taken))
        figures.add("memory of a database connection, MiB", step, await _backend_memory(admin_url))
        if step > 1:
            figures.add("p50 of many tenants / of one", step, *ratios)


async def _ask_each(askers: Sequence[Asker], boards: Iterator[Asked]) -> None:
    for asker in askers:
        await asker.ask(next(boards))


async def _backend_memory(admin_url: str) -> float:
    """MiB of its own (no shared buffers) that the largest process behind the server's connections holds."""
    connection = await asyncpg.connect(admin_url)
    try:
        rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'scoredesk'")
    finally:
        await connection.close()
    return max((memory_of(row["pid"], "RssAnon") for row in rows), default=0.0)
