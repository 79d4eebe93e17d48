"""What every command stands on: settings, a database that runs, errors told as sentences."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

import typer

from backend.cli.console import say, tell_error
from backend.core.errors import DomainError, Unavailable
from backend.core.settings import PREFIX, Settings

if TYPE_CHECKING:
    from tenants.database import AdminDatabase, Database, TenantDatabase

REFUSED = 1  # understood, and not done
UNPREPARED = ("42P01", "42703", "3F000")  # no such table, column, namespace
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # what writing may end with
LOOK_AT = {
    "DATABASE_LOGIN_REFUSED": "the user, the password and what the server's pg_hba.conf allows",
    "DATABASE_UNKNOWN": "the name of the database, which has to be there before `scoredesk migrate`",
}
INTERRUPTED = 128 + signal.SIGINT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Installation:
    """The settings and the addresses of the database they lead to, which answers or soon will."""

    settings: Settings
    url: str
    admin_url: str
    embedded: bool

    @property
    def app_login(self) -> str:
        """The login of the app's address: the one that tenants' roles are granted to."""
        name = urlsplit(self.url).username
        if name:
            return unquote(name)
        from getpass import getuser

        return os.environ.get("PGUSER") or getuser()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """The pool of the app's login."""
        from tenants.database import Database

        settings = self.settings
        database = Database.connect(
            self.url,
            pool_size=settings.pool_size,
            statement_timeout=settings.statement_timeout,
            lock_timeout=settings.lock_timeout,
        )
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AdminDatabase]:
        """The login that provisions and migrates."""
        from tenants.database import AdminDatabase

        admin = AdminDatabase.connect(self.admin_url, app_login=self.app_login)
        try:
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def tenant(self, slug: str) -> AsyncIterator[TenantDatabase]:
        """The door of one tenant. Raises NotFound (TENANT_NOT_FOUND)."""
        from tenants.registry import get_tenant

        async with self.database() as database:
            yield database.of(await get_tenant(database, slug))


@contextmanager
def installation() -> Iterator[Installation]:
    """The installation of the environment; the embedded server is started or joined, and left at the end."""
    settings = Settings.from_environment()
    if settings.database_url is not None:
        admin_url = settings.admin_database_url or settings.database_url
        yield Installation(settings, settings.database_url, admin_url, embedded=False)
        return
    from tenants.embedded import ADMIN_LOGIN, APP_LOGIN, EmbeddedServer

    with EmbeddedServer(settings.home_path) as server:
        yield Installation(settings, server.url(APP_LOGIN), server.url(ADMIN_LOGIN), embedded=True)


def run(work: Callable[[Installation], Awaitable[T]]) -> T:
    """Runs a command's work on the installation of the environment."""
    with told(), installation() as place:
        return asyncio.run(_begin(work, place))


async def _begin(work: Callable[[Installation], Awaitable[T]], place: Installation) -> T:
    return await work(place)


@contextmanager
def told() -> Iterator[None]:
    """Turns whatever goes wrong inside into a sentence on stderr and an exit code, never a traceback."""
    try:
        try:
            yield
        finally:
            _flush()
    except DomainError as error:
        raise _refusal(error) from None
    except KeyboardInterrupt:
        say("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except typer.Exit:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # whoever read our output has gone: that is for the entry point
        if isinstance(error, OSError) and error.filename is not None:
            say(f"Error: {error.filename}: {error.strerror}")
            raise typer.Exit(REFUSED) from None
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            say(f"Error: cannot write: {error.strerror}")
            raise typer.Exit(REFUSED) from None
        raise _refusal(_expected(error)) from None


def _flush() -> None:
    """Writes what is left of stdout now, while it can still be said that it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):  # or Python tries once more at its end, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            raise


def _expected(error: Exception) -> DomainError:
    """The expected error that a fault stands for; of one that is ours the traceback is kept."""
    from tenants.faults import domain_error, driver_error

    if getattr(driver_error(error), "sqlstate", None) in UNPREPARED:
        return Unavailable(
            "The database is not set up, or behind: run `scoredesk migrate`.", code="NOT_MIGRATED"
        )
    expected = domain_error(error)
    if expected is not None:
        return expected
    message = f"Something went wrong that should not have ({type(error).__name__}){_keep(error)}."
    return DomainError(message, code="INTERNAL")


def _refusal(error: DomainError) -> typer.Exit:
    tell_error(error)
    if isinstance(error, Unavailable) and error.code == Unavailable.code:
        address = os.environ.get(f"{PREFIX}DATABASE_URL", "").strip()
        if address:
            parts = urlsplit(address)
            say(f"{PREFIX}DATABASE_URL leads to {parts.hostname or 'a local server'}: is it up?")
        say("If this installation is new, run `scoredesk migrate` first.")
    elif error.code in LOOK_AT:
        names = [f"{PREFIX}{name}".upper() for name in ("database_url", "admin_database_url")]
        given = [name for name in names if os.environ.get(name, "").strip()]
        if given:
            say(f"Look at {' and '.join(given)}: {LOOK_AT[error.code]}.")
    return typer.Exit(REFUSED)


def _keep(error: Exception) -> str:
    """Writes the traceback where the operator finds it; says where."""
    with suppress(Exception):
        folder = Settings.from_environment().home_path
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "errors.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # values may be in it
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat()}\n{''.join(traceback.format_exception(error))}\n")
        return f"; details are in {path}"
    return ""
