"""A real `scoredesk serve` in a process of its own, and someone who asks it boards."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.auth.memberships import grant_membership
from backend.auth.tokens import TokenSigner
from backend.core.settings import Settings
from tenants.database import Database
from tenants.registry import get_tenant
from tests.bench.board.client import Client
from tests.bench.board.document import DOCUMENT, Asked, Board, Failed, read_board

PATIENCE = 60.0  # seconds until the port listens


@dataclass(frozen=True, slots=True)
class Serving:
    """A serving process."""

    process: asyncio.subprocess.Process
    port: int
    home: Path
    url: str

    @property
    def memory(self) -> float:
        """The memory it holds, in MiB."""
        return memory_of(self.process.pid, "VmRSS")

    async def asker(self, slug: str) -> Asker:
        """A viewer of everything in a tenant."""
        database = Database.connect(self.url, pool_size=1)
        try:
            tenant = await get_tenant(database, slug)
            async with database.control() as session:
                await grant_membership(session, tenant, "bench", "admin")
        finally:
            await database.close()
        signer = TokenSigner.from_settings(Settings(home=str(self.home)))
        return Asker(Client(self.port), signer.sign("bench", tenant.id))


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks boards of one tenant with a token."""

    client: Client
    token: str

    async def ask(self, asked: Asked) -> bytes:
        """A board as it comes over the wire. Raises Failed."""
        body = json.dumps({"query": DOCUMENT, "variables": asked.variables}).encode()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        status, answer = await self.client.post("/graphql", body, headers)
        # Errors stand before the data, and a board that has some is none, however quickly it came.
        if status != 200 or answer.startswith(b'{"errors"'):
            raise Failed(f"{status}: {answer.decode()[:300]}")
        return answer

    async def timed(self, asked: Asked) -> tuple[float, Board]:
        """Seconds until the board was there, and the board, whose reading takes no part in them."""
        began = time.perf_counter()
        answer = await self.ask(asked)
        taken = time.perf_counter() - began
        return taken, read_board(json.loads(answer))


@asynccontextmanager
async def serving(url: str, home: Path, **settings: str) -> AsyncIterator[Serving]:
    """A server on the database of that address until the block ends; `settings` by their variables' names."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    environment = {**os.environ, "SCOREDESK_DATABASE_URL": url, "SCOREDESK_PORT": str(port)}
    environment |= {"SCOREDESK_HOME": str(home), **settings}
    with (home / "serving.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backend.cli", "serve", env=environment, stdout=log, stderr=log
        )
    try:
        await _listens(process, port, home)
        yield Serving(process, port, home, url)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _listens(process: asyncio.subprocess.Process, port: int, home: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"the server did not start: {(home / 'serving.log').read_text()[-2000:]}")


def memory_of(pid: int, what: str) -> float:
    """MiB of a process by a line of its status, such as `VmRSS` or `RssAnon`; 0 where there is no /proc."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024
