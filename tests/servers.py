"""The PostgreSQL servers that tests run on, each started once per run and only when a test asks for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg

from tenants.embedded import ADMIN_LOGIN, APP_LOGIN, EmbeddedServer
from tests.pristine import Pristine

EMBEDDED, SYSTEM = "embedded", "system"
BLANK = "template1"


@dataclass
class Server:
    """One running server, the database that is copied, and the one that tests use in turn."""

    embedded: EmbeddedServer
    template: str | None = None
    shared: tuple[str, Pristine] | None = None

    def admin_url(self, database: str) -> str:
        """The address of a database for the login that provisions."""
        return self.embedded.url(ADMIN_LOGIN, database)

    def app_url(self, database: str) -> str:
        """The address of a database for the login that serves."""
        return self.embedded.url(APP_LOGIN, database)

    async def create_database(self, template: str = BLANK) -> str:
        """A new database under a name of its own; a copy of 70 tables takes some 50 ms."""
        name = f"test_{uuid4().hex}"
        await self._command(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        if template != BLANK:  # what was taken from PUBLIC in the database is copied, on it is not
            await self._command(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
        return name

    async def drop_database(self, name: str) -> None:
        """Drops a database, whoever is still connected to it."""
        await self._command(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _command(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class Servers:
    """Starts servers by kind and stops them all at the end of the run."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}
        self._homes: list[str] = []

    def get(self, kind: str) -> Server:
        """The server of this kind: `embedded` (18), `system`, or the path of a `bin` folder.

        Raises LookupError with the reason when there is none.
        """
        if kind not in self._running:
            binaries = None if kind == EMBEDDED else find_system() if kind == SYSTEM else Path(kind)
            home = tempfile.mkdtemp(prefix="scoredesk-test-")
            os.chmod(home, 0o755)  # started by root, the server runs as another user
            self._homes.append(home)
            server = EmbeddedServer(Path(home), durable=False, binaries=binaries)
            server.start()
            self._running[kind] = Server(server)
        return self._running[kind]

    def stop(self) -> None:
        """Stops what was started and removes its data."""
        for server in self._running.values():
            server.embedded.stop()
        for home in self._homes:
            shutil.rmtree(home, ignore_errors=True)


def find_system() -> Path:
    """The `bin` folder of the system's oldest PostgreSQL that is 15 or newer; LookupError without one."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    for prefix in ("/opt/homebrew/opt", "/usr/local/opt"):
        found += Path(prefix).glob("postgresql@*/bin")
    versions = {int(path.parent.name.rpartition("@")[2]): path for path in found}
    usable = sorted(version for version in versions if version >= 15)
    if not usable:
        raise LookupError("no PostgreSQL 15 or newer is installed on this system")
    return versions[usable[0]]
