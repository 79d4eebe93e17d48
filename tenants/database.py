"""The only door to a session: one short transaction, one tenant, that tenant's role.

The connection stays in driver autocommit; this module alone says BEGIN and COMMIT, so that the role and the
timeouts travel in the same message as BEGIN. Nothing here sets a `search_path` or a session-level role.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import CursorResult, Executable, Row, Table, TextClause, TextualSelect, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import ExecutableDDLElement

from backend.core.errors import NotFound, Unavailable
from tenants.changes import Change
from tenants.faults import domain_error
from tenants.registry import Tenant
from tenants.tables import PLACEHOLDER

APP_LOGIN = "scoredesk_app"
PLATFORM_ROLE = "scoredesk_platform"

CONNECT_TIMEOUT = (
    2.5  # seconds, for a connection and for a place in the pool: an answer within 3 s when all is down
)
IDLE_TIMEOUT = (
    60.0  # seconds a transaction may stand idle: an upload may pause, a lost client may not hold locks
)
MAX_AGE = (
    1800  # seconds; with MAX_TENANTS it bounds what a backend remembers (0.65 MB a tenant it ever touched)
)
MAX_TENANTS = 150  # about 100 MB a backend
# A statement's text differs per tenant and its plan stays on the server (some 50 kB for a board's): enough
# for what one busy tenant asks again and again, 5 MB at most. The driver's own cache serves only COPY and
# executemany.
PREPARED_STATEMENTS = 100
DRIVER_STATEMENTS = 20
COPY_PIECE = 1 << 20  # bytes of a message


# Text is not translated to the tenant's namespace, and `SET ROLE` is text.
_NOT_CORE = (TextClause, TextualSelect, ExecutableDDLElement)


class ReadSession:
    """One open transaction. Belongs to one task and ends with the block that opened it."""

    def __init__(self, connection: AsyncConnection, tenant: Tenant | None) -> None:
        self._connection = connection
        self.tenant = tenant

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Runs one Core statement; its result is buffered.

        Raises the domain error that the database's refusal stands for, where there is one.
        """
        self._check(statement)
        try:
            return await self._connection.execute(statement, parameters)
        except Exception as error:
            raise domain_error(error) or error from error

    async def stream(self, statement: Executable, *, chunk: int = 1000) -> AsyncIterator[Row[Any]]:
        """The rows of one statement as the server makes them, `chunk` at a time in memory."""
        self._check(statement)
        try:
            async with self._connection.stream(statement, execution_options={"yield_per": chunk}) as rows:
                async for row in rows:
                    yield row
        except Exception as error:
            raise domain_error(error) or error from error

    def _check(self, statement: Executable) -> None:
        if self.tenant is not None and isinstance(statement, _NOT_CORE):
            raise TypeError("a tenant's session takes Core statements: text names no namespace, or any role")


class WriteSession(ReadSession):
    """A transaction that may change rows."""

    async def copy(self, table: Table, columns: Sequence[str], records: Iterable[tuple[Any, ...]]) -> int:
        """Appends records by binary COPY and returns how many.

        Values are what the driver wants: datetime with zone, int, UUID, str (also for jsonb), list for an
        array.
        """
        driver = await _driver(self._connection)
        try:
            status: str = await driver.copy_records_to_table(
                table.name,
                schema_name=self._namespace(table),
                columns=list(columns),
                records=records,
            )
        except Exception as error:
            raise domain_error(error) or error from error
        return int(status.rpartition(" ")[2])

    async def copy_encoded(self, table: Table, columns: Sequence[str], content: bytes) -> None:
        """The same with records that are in COPY's binary form already, head and tail included."""
        driver = await _driver(self._connection)
        try:
            await driver.copy_to_table(
                table.name,
                schema_name=self._namespace(table),
                columns=list(columns),
                source=_pieces(content),
                format="binary",
            )
        except Exception as error:
            raise domain_error(error) or error from error

    async def announce(self, change: Change) -> None:
        """Tells every serving process of a change that this transaction makes, if it is kept."""
        if self.tenant is not None and self.tenant.id != change.tenant_id:
            raise ValueError("a tenant's session announces changes of that tenant only")
        driver = await _driver(self._connection)
        try:
            await driver.execute(change.statement)
        except Exception as error:
            raise domain_error(error) or error from error

    def _namespace(self, table: Table) -> str:
        if table.schema != PLACEHOLDER:
            return str(table.schema)
        if self.tenant is None:
            raise LookupError(f"{table.name} is a tenant's table, and this session has no tenant")
        return self.tenant.namespace


async def _pieces(content: bytes) -> AsyncIterator[memoryview]:
    """What the driver sends one by one, waiting in between while the server is behind."""
    view = memoryview(content)
    for start in range(0, len(view), COPY_PIECE):
        yield view[start : start + COPY_PIECE]


class TenantDatabase:
    """The door of one tenant. Open it for each piece of work; never one inside another."""

    def __init__(self, database: Database, engine: AsyncEngine, tenant: Tenant) -> None:
        self.tenant = tenant
        self._database = database
        self._engine = engine.execution_options(schema_translate_map={PLACEHOLDER: tenant.namespace})

    @asynccontextmanager
    async def read(
        self, *, snapshot: bool = False, statement_timeout: float | None = None
    ) -> AsyncIterator[ReadSession]:
        """A read-only transaction as the tenant's read-only role.

        With `snapshot` all its statements see the same instant. `statement_timeout` is in seconds.
        """
        mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "READ ONLY"
        opening = self._database.opening(mode, self.tenant.readonly_role, statement_timeout)
        async with _transaction(self._engine, opening, self.tenant.namespace, keeping=False) as connection:
            yield ReadSession(connection, self.tenant)

    @asynccontextmanager
    async def write(
        self,
        *,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
        work_memory: int | None = None,
    ) -> AsyncIterator[WriteSession]:
        """A transaction as the tenant's runtime role: kept when the block ends, undone when it raises.

        Timeouts are in seconds; `work_memory` is in MB for each sort or hash table. None: the server's usual.
        """
        opening = self._database.opening(
            "", self.tenant.namespace, statement_timeout, lock_timeout, work_memory
        )
        async with _transaction(self._engine, opening, self.tenant.namespace, keeping=True) as connection:
            yield WriteSession(connection, self.tenant)


class Database:
    """The private pool of one server, logged in as an app login that itself can read nothing."""

    def __init__(self, engine: AsyncEngine, *, statement_timeout: float, lock_timeout: float) -> None:
        self._engine = engine
        self._statement_timeout = statement_timeout
        self._lock_timeout = lock_timeout

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        pool_size: int = 8,
        statement_timeout: float = 10.0,
        lock_timeout: float = 2.0,
    ) -> Database:
        """Makes the pool; connections are opened when they are needed. Timeouts are in seconds."""
        engine = engine_of(url, pool_size, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
        event.listen(engine.sync_engine, "checkout", _refuse_when_closed)
        event.listen(engine.sync_engine, "checkin", _drop_when_doubtful)
        return cls(engine, statement_timeout=statement_timeout, lock_timeout=lock_timeout)

    async def close(self) -> None:
        """Closes the pool's connections."""
        await self._engine.dispose()

    def of(self, tenant: Tenant) -> TenantDatabase:
        """The door of one tenant."""
        return TenantDatabase(self, self._engine, tenant)

    @asynccontextmanager
    async def control(self) -> AsyncIterator[WriteSession]:
        """A transaction in the control namespace as the platform role."""
        opening = self.opening("", PLATFORM_ROLE)
        async with _transaction(self._engine, opening, None, keeping=True) as connection:
            yield WriteSession(connection, None)

    def opening(
        self,
        mode: str,
        role: str,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
        work_memory: int | None = None,
    ) -> str:
        """The one message that begins a transaction as `role`."""
        limits = {
            "statement_timeout": statement_timeout or self._statement_timeout,
            "lock_timeout": lock_timeout or self._lock_timeout,
            "idle_in_transaction_session_timeout": IDLE_TIMEOUT,
        }
        settings = [f"SET LOCAL {name} = {round(seconds * 1000)}" for name, seconds in limits.items()]
        if work_memory is not None:
            settings.append(f"SET LOCAL work_mem = '{int(work_memory)}MB'")
        return "; ".join([f"BEGIN {mode}", f'SET LOCAL ROLE "{role}"', *settings])


class AdminDatabase:
    """The login that provisions and migrates. Serving never holds one."""

    def __init__(self, engine: AsyncEngine, app_login: str) -> None:
        self._engine = engine
        self.app_login = app_login

    @classmethod
    def connect(cls, url: str, *, app_login: str = APP_LOGIN, pool_size: int = 4) -> AdminDatabase:
        """`app_login` is the role that will serve: the user name of the app's address."""
        return cls(engine_of(url, pool_size), app_login)

    async def close(self) -> None:
        """Closes the pool's connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, lock_timeout: float = 2.0) -> AsyncIterator[AsyncConnection]:
        """One transaction as the admin; a lock not had within `lock_timeout` seconds undoes it."""
        try:
            async with self._engine.begin() as connection:
                await connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(lock_timeout * 1000)}")
                yield connection
        except Exception as error:
            raise domain_error(error) or error from error


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
        **options,
    )


@asynccontextmanager
async def _transaction(
    engine: AsyncEngine, opening: str, namespace: str | None, *, keeping: bool
) -> AsyncIterator[AsyncConnection]:
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
        driver = await _driver(connection)
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


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection


def _refuse_when_closed(connection: DBAPIConnection, *_: object) -> None:
    """A server that was restarted has closed them all: the driver knows it, at no cost."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _drop_when_doubtful(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    if entry.info.get("doubtful") or len(entry.info.get("namespaces", ())) >= MAX_TENANTS:
        entry.invalidate()
