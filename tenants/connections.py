"""The private pool: how connections are opened, lent for one transaction, and dropped when in doubt.

Nothing here sets a `search_path` or a session-level role.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from backend.core.errors import NotFound, Unavailable
from tenants.faults import domain_error

CONNECT_TIMEOUT = (
    2.5  # seconds, for a connection and for a place in the pool: an answer within 3 s when all is down
)
IDLE_TIMEOUT = (
    60.0  # seconds a transaction may stand idle: an upload may pause, a lost client may not hold locks
)
# What a backend remembers grows with each tenant it ever served: of a board's five tables and four plans some
# 0.22 MB. Measured with a thousand tenants, the first asked far more often than the last: 41 MB at the most, and a
# board that takes 1.4 times what one tenant's would; with 100 statements 35 MB and 2.7 times, without a bound on
# tenants 76 MB and 1.2 times.
MAX_AGE = 1800  # seconds
MAX_TENANTS = 150
# A statement's text differs per tenant and its plan stays on the server.
DRIVER_STATEMENTS = 400  # of `fetch`, COPY and executemany
PREPARED_STATEMENTS = 100  # of SQLAlchemy, which keeps its own: fewer and larger


def driver_address(url: str) -> str:
    """An address of the settings as the driver takes it."""
    return url.replace("postgresql+asyncpg:", "postgresql:", 1)


def engine_of(url: str, pool_size: int, **options: Any) -> AsyncEngine:
    """An engine for any address that libpq would take (sockets, `sslmode`, several hosts)."""

    async def open_connection(**_: Any) -> asyncpg.Connection:
        return await asyncpg.connect(
            driver_address(url),
            timeout=CONNECT_TIMEOUT,
            statement_cache_size=DRIVER_STATEMENTS,
            server_settings={"application_name": "scoredesk"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        connect_args={
            "async_creator_fn": open_connection,
            "prepared_statement_cache_size": PREPARED_STATEMENTS,
        },
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        pool_recycle=MAX_AGE,
        pool_use_lifo=True,  # the connection that was used last knows the most, and the others stay small
        **options,
    )


def serving_engine(url: str, pool_size: int) -> AsyncEngine:
    """The engine of the app's login: in driver autocommit, for `transaction` alone says BEGIN and COMMIT."""
    engine = engine_of(url, pool_size, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
    event.listen(engine.sync_engine, "checkout", _refuse_when_closed)
    event.listen(engine.sync_engine, "checkin", _drop_when_doubtful)
    return engine


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, opening: str, namespace: str | None, *, keeping: bool
) -> AsyncIterator[AsyncConnection]:
    """One transaction of a serving engine, begun by the one message `opening`.

    With `keeping` it is an error when the server undoes it at its end. `namespace` is whose it is, None for nobody's.
    """
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
        except Exception as error:
            raise domain_error(error) or error from error
        # From here on the connection is doubtful. Only a COMMIT or ROLLBACK that the server has answered
        # clears it; whatever else ends the block, a cancelled task above all, leaves it so, and the pool
        # drops it.
        memory = connection.info
        memory["doubtful"] = True
        memory.setdefault("namespaces", set()).add(namespace)
        driver = driver_of(connection)
        try:
            await driver.execute(opening)
        except Exception as error:
            raise _opening_error(error, namespace) from error
        try:
            yield connection
        except Exception:
            with suppress(Exception):  # the connection may be gone, and the first error is the one to tell
                await driver.execute("ROLLBACK")
                memory["doubtful"] = False
            raise
        await _commit(driver, keeping=keeping)
        memory["doubtful"] = False


async def _commit(driver: asyncpg.Connection, *, keeping: bool) -> None:
    try:
        answer = await driver.execute("COMMIT")
    except Exception as error:
        raise domain_error(error) or error from error
    if keeping and answer != "COMMIT":  # the server undoes a failed transaction and calls that a success
        raise RuntimeError("a statement had failed, its error was swallowed, and nothing was kept")


def _opening_error(error: Exception, namespace: str | None) -> Exception:
    if isinstance(error, asyncpg.InvalidParameterValueError):  # no such role
        if namespace is not None:
            return NotFound("There is no such tenant.", code="TENANT_NOT_FOUND")
        return Unavailable("The database is not set up yet; run `scoredesk migrate`.", code="NOT_MIGRATED")
    return domain_error(error) or error


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection below one that is open."""
    opened = connection.sync_connection
    assert opened is not None
    return opened.connection.driver_connection


def _refuse_when_closed(connection: DBAPIConnection, *_: object) -> None:
    """A server that was restarted has closed them all: the driver knows it, at no cost."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _drop_when_doubtful(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    if entry.info.get("doubtful") or len(entry.info.get("namespaces", ())) >= MAX_TENANTS:
        entry.invalidate()
