"""Import of a file beside a batched COPY of the very same rows into the very same indexed table.

The COPY is the plainest there is: 5,000 rows a batch, from tuples or ready in PostgreSQL's binary form; no
file to read, no ids to find, no check for what is there already. The table holds five times the rows before.
Each round gives every way a fresh copy of one database, on a server that flushes to disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from backend.interactions.models import interaction
from migrations.runner import upgrade, upgrade_namespace
from tenants.database import AdminDatabase, Database
from tenants.embedded import EmbeddedServer
from tenants.provisioning import create_tenant
from tenants.registry import get_tenant
from tests.servers import Server

SLUG = "bench"
BATCH = 5_000
ROUNDS = 3
HELD = 5  # times the rows that the table holds before
COPY = "COPY, ready bytes"
NEW, NEW_OBJECTS = "import of CSV", "import of NDJSON"
KNOWN, LATE, UPDATED = "a file known already", "late rows", "updated rows"
LEAST_RATIO = {NEW: 0.25, NEW_OBJECTS: 0.25, KNOWN: 0.35}  # of that COPY's rate
MOST_TIMES = 2.0  # that late or updated rows may take of what new ones take
MOST_GROWTH = 40.0  # MB of memory that a file of three times the rows may take more
COLUMNS = (
    "external_id", "channel", "started", "queued", "accepted", "first_response", "resolved_at", "closed",
    "customer_messages", "agent_messages", "resolved", "agent", "agent_name", "queue", "customer",
    "issue_type", "priority", "language",
)  # fmt: skip

Way = Callable[["_Bench", str], Awaitable[float]]
_numbers = count()


@dataclass
class Figures:
    """Rates of each way, round by round, in rows a second; memory in MB by rows."""

    rows: int
    judged: bool = True
    rates: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """The median rate of a way, as a share of the batched COPY's."""
        return statistics.median(self.rates[name]) / statistics.median(self.rates[COPY])

    def table(self) -> str:
        """All of it for people."""
        lines = [f"Import, {self.rows:,} interactions into a table that holds {HELD * self.rows:,}", ""]
        lines.append(f"{'way':<24}{'rows/s':>10}{'from':>10}{'to':>10}{'/ COPY':>9}")
        for name, rates in self.rates.items():
            figures = (statistics.median(rates), min(rates), max(rates))
            lines.append(
                f"{name:<24}" + "".join(f"{rate:>10,.0f}" for rate in figures) + f"{self.ratio(name):>9.2f}"
            )
        grown = ", ".join(f"{memory:.0f} MB for {rows:,} rows" for rows, memory in self.memory.items())
        return "\n".join([*lines, "", f"memory on top of the program's own: {grown}", ""])

    def as_json(self) -> dict[str, Any]:
        """All of it for programs."""
        ways = {
            name: {"rows_per_second": [round(rate) for rate in rates], "ratio": round(self.ratio(name), 3)}
            for name, rates in self.rates.items()
        }
        memory = {str(rows): round(grown, 1) for rows, grown in self.memory.items()}
        return {"rows": self.rows, "ways": ways, "memory_mb": memory}

    def missed(self) -> list[str]:
        """What is worse than it may be."""
        missed = []
        if self.judged:
            missed += [
                f"{name} reaches {self.ratio(name):.2f} of that COPY, less than {least}"
                for name, least in LEAST_RATIO.items()
                if self.ratio(name) < least
            ]
            missed += [
                f"{name} take {self.ratio(NEW) / self.ratio(name):.1f} times as long as new ones"
                for name in (LATE, UPDATED)
                if self.ratio(NEW) > MOST_TIMES * self.ratio(name)
            ]
        few, many = (self.memory[rows] for rows in sorted(self.memory))
        if many - few > MOST_GROWTH:
            missed.append(f"three times the rows took {many - few:.0f} MB more")
        return missed


async def measure(*, quick: bool) -> Figures:
    """About a minute on two cores when quick, five minutes else."""
    # A small table lies in the server's memory, where COPY is at its best: a quick run judges no rates.
    figures = Figures(rows=60_000 if quick else 200_000, judged=not quick)
    with tempfile.TemporaryDirectory(prefix="scoredesk-bench-") as folder:
        os.chmod(folder, 0o755)  # started by root, the server runs as another user
        with EmbeddedServer(Path(folder) / "server") as embedded:
            bench = await _Bench.prepare(Server(embedded), Path(folder), figures.rows)
            for _ in range(ROUNDS):
                for name, way in WAYS.items():
                    figures.rates.setdefault(name, []).append(figures.rows / await bench.timed(way))
            for rows in (figures.rows, 3 * figures.rows):
                write_csv(bench.folder / "more.csv", rows, seed=4)
                figures.memory[rows] = await bench.memory_for(bench.folder / "more.csv")
    return figures


@dataclass
class _Bench:
    server: Server
    folder: Path
    template: str
    namespace: str
    columns: list[str]
    batches: list[bytes] = field(default_factory=list)
    tuples: list[list[tuple[Any, ...]]] = field(default_factory=list)

    @classmethod
    async def prepare(cls, server: Server, folder: Path, rows: int) -> _Bench:
        """A database with a tenant that holds other rows, the files, and the new rows as COPY wants them."""
        write_csv(folder / "before.csv", (HELD - 1) * rows, seed=1)
        write_csv(folder / "known.csv", rows, seed=2)
        write_csv(folder / "new.csv", rows, seed=3)
        write_ndjson(folder / "new.ndjson", rows, seed=3)
        write_csv(folder / "late.csv", rows, seed=5, start=datetime(2023, 1, 5, tzinfo=UTC), days=1_000)
        write_csv(folder / "updated.csv", rows, seed=2, priority="high")
        template = await server.create_database()
        admin = AdminDatabase.connect(server.admin_url(template))
        await upgrade(admin)
        await create_tenant(admin, SLUG, migrate=upgrade_namespace)
        await admin.close()
        database = Database.connect(server.app_url(template))
        namespace = (await get_tenant(database, SLUG)).namespace
        await database.close()
        bench = cls(server, folder, template, namespace, [column.name for column in interaction.c])
        await bench.run(template, folder / "before.csv")
        await bench.run(template, folder / "known.csv")
        filled = await bench.copy_database()
        await bench.run(filled, folder / "new.csv")
        await bench._keep_rows(filled)
        await server.drop_database(filled)
        return bench

    async def copy_database(self) -> str:
        """A copy of the template, by files: its rows are far too many for the log."""
        name = f"{self.template}_{next(_numbers)}"
        connection = await asyncpg.connect(self.server.admin_url("postgres"))
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY file_copy")
        finally:
            await connection.close()
        return name

    async def timed(self, way: Way) -> float:
        """Seconds that a way takes on a fresh copy of the database."""
        name = await self.copy_database()
        try:
            return await way(self, name)
        finally:
            await self.server.drop_database(name)

    async def memory_for(self, path: Path) -> float:
        """MB that importing a file takes beyond what the program itself does."""
        name = await self.copy_database()
        try:
            return float((await self.run(name, path))["memory"])
        finally:
            await self.server.drop_database(name)

    async def run(self, database: str, path: Path) -> dict[str, Any]:
        """Imports a file in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.importer",
            self.server.app_url(database),
            SLUG,
            str(path),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"importing {path.name} failed")
        return dict(json.loads(output))

    async def _keep_rows(self, database: str) -> None:
        """The rows that the import of the new file made, as COPY wants them, in the order of the file."""
        connection = await asyncpg.connect(self.server.admin_url(database))
        try:
            names = ", ".join(f'"{name}"' for name in self.columns)
            await connection.execute(
                f"CREATE TEMP TABLE new AS SELECT {names}, substr(external_id, 3)::int AS place "
                f"FROM {self.namespace}.interaction WHERE external_id LIKE '3-%'; CREATE INDEX ON new (place)"
            )
            for start in range(0, await connection.fetchval("SELECT count(*) FROM new"), BATCH):
                query = f"SELECT {names} FROM new WHERE place >= {start} AND place < {start + BATCH}"
                self.tuples.append([tuple(row) for row in await connection.fetch(query)])
                batch = BytesIO()
                await connection.copy_from_query(query, output=batch, format="binary")
                self.batches.append(batch.getvalue())
        finally:
            await connection.close()


async def _copy_bytes(bench: _Bench, database: str) -> float:
    connection = await asyncpg.connect(bench.server.admin_url(database))
    place = {"schema_name": bench.namespace, "columns": bench.columns}
    try:
        began = time.perf_counter()
        for batch in bench.batches:
            await connection.copy_to_table("interaction", **place, source=BytesIO(batch), format="binary")
        return time.perf_counter() - began
    finally:
        await connection.close()


async def _copy_tuples(bench: _Bench, database: str) -> float:
    connection = await asyncpg.connect(bench.server.admin_url(database))
    place = {"schema_name": bench.namespace, "columns": bench.columns}
    try:
        began = time.perf_counter()
        for batch in bench.tuples:
            await connection.copy_records_to_table("interaction", **place, records=batch)
        return time.perf_counter() - began
    finally:
        await connection.close()


def _import(file: str) -> Way:
    async def way(bench: _Bench, database: str) -> float:
        return float((await bench.run(database, bench.folder / file))["seconds"])

    return way


WAYS: dict[str, Way] = {
    COPY: _copy_bytes,
    "COPY, tuples": _copy_tuples,
    NEW: _import("new.csv"),
    NEW_OBJECTS: _import("new.ndjson"),
    KNOWN: _import("known.csv"),
    LATE: _import("late.csv"),
    UPDATED: _import("updated.csv"),
}


def write_csv(path: Path, rows: int, *, seed: int, **about: Any) -> None:
    """A seeded file in the built-in export shape; `about` as for `_rows`."""
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(COLUMNS) + "\n")
        out.writelines(",".join(row) + "\n" for row in _rows(rows, seed, **about))


def write_ndjson(path: Path, rows: int, *, seed: int) -> None:
    """The same rows as objects."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in _rows(rows, seed))


def _rows(
    rows: int,
    seed: int,
    *,
    start: datetime = datetime(2026, 1, 5, tzinfo=UTC),
    days: int = 182,
    priority: str = "normal",
) -> list[tuple[str, ...]]:
    """Half a year of contacts: rhythm of the day, skewed waits and handling, 60 agents, customers thrice."""
    draw = np.random.default_rng(seed)
    day, clock = draw.integers(0, days, rows), draw.triangular(7, 11, 22, rows) * 3600
    waits, replies = draw.exponential(60, rows), draw.exponential(45, rows)
    handles = draw.lognormal(6.2, 0.8, rows)
    messages = draw.integers(1, 15, (rows, 2))
    agents, customers = draw.integers(0, 60, rows), draw.integers(0, rows // 3, rows)
    channels = draw.choice(("chat", "call", "email", "ticket"), rows, p=(0.5, 0.3, 0.1, 0.1))
    made = []
    for n in range(rows):
        began = start + timedelta(days=int(day[n]), seconds=round(clock[n]))
        taken = began + timedelta(seconds=round(waits[n]))
        ended = taken + timedelta(seconds=round(handles[n]))
        answered = taken + timedelta(seconds=round(replies[n]))
        moments = [moment.isoformat() for moment in (began, began, taken, answered, ended, ended)]
        who = agents[n]
        made.append((
            f"{seed}-{n}", str(channels[n]), *moments, str(messages[n, 0]), str(messages[n, 1]),
            "true" if n % 7 else "false", f"agent-{who}", f"Agent {who}", f"queue-{who % 8}",
            f"customer-{customers[n]}", f"type-{n % 12}", priority, "en",
        ))  # fmt: skip
    return made
