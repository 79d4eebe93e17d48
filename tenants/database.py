"""The only door to a session: one short transaction, one tenant, that tenant's role.

The connection stays in driver autocommit; BEGIN and COMMIT are said by `connections.transaction` alone, so that
the role and the timeouts travel in the same message as BEGIN.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy import CursorResult, Executable, Row, Table, TextClause, TextualSelect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import ExecutableDDLElement

from tenants.changes import Change
from tenants.compiled import CompiledSelect
from tenants.connections import IDLE_TIMEOUT, driver_of, engine_of, serving_engine, transaction
from tenants.faults import domain_error
from tenants.memory import Memory
from tenants.registry import Tenant
from tenants.tables import PLACEHOLDER
from tenants.versions import Versioned, moved_by, moving

APP_LOGIN = "scoredesk_app"
PLATFORM_ROLE = "scoredesk_platform"

BOUND = (
    256  # tenants whose engine is kept at hand, some kB each: making one takes as long as a short statement
)
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

    async def fetch(
        self, query: CompiledSelect, parameters: Mapping[str, Any] | None = None
    ) -> list[asyncpg.Record]:
        """The rows of a statement that was compiled beforehand, straight from the driver.

        Values are the driver's: int, str, bytes, Decimal, datetime with zone, UUID, list; JSON is decoded. A row
        is unpacked like a tuple; its columns are found by place and by name, as `row["day"]`.
        Raises as `execute` does, and LookupError in a session without a tenant.
        """
        if self.tenant is None:
            raise LookupError("a compiled statement reads a tenant's tables, and this session has no tenant")
        try:
            rows: list[asyncpg.Record] = await driver_of(self._connection).fetch(
                query.text(self.tenant.namespace), *query.values(parameters or {})
            )
        except Exception as error:
            raise domain_error(error) or error from error
        return rows

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

    def __init__(self, connection: AsyncConnection, tenant: Tenant | None) -> None:
        super().__init__(connection, tenant)
        self._due: set[Versioned] = set()
        self.moved: set[Versioned] = set()  # which versions this transaction has moved

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Runs one Core statement, and remembers which versions it moves; its result is buffered."""
        try:
            result = await super().execute(statement, parameters)
        except Exception:
            self._due.clear()  # whoever swallows this has a transaction that keeps nothing
            raise
        if self.tenant is not None and result.rowcount != 0:
            self._due |= moved_by(statement)
        return result

    async def fetch(
        self, query: CompiledSelect, parameters: Mapping[str, Any] | None = None
    ) -> list[asyncpg.Record]:
        """As in a session that only reads; sees what this transaction has changed."""
        try:
            return await super().fetch(query, parameters)
        except Exception:
            self._due.clear()
            raise

    async def move(self, name: Versioned) -> int:
        """Moves a version and returns its number. Another writer that has moved it is waited for until its
        commit; in one transaction it moves once.
        """
        number: int = (await super().execute(moving(name))).scalar_one()
        self.moved.add(name)
        return number

    async def settle(self) -> None:
        """Moves the versions of what was changed; the last thing before the commit."""
        for name in sorted(self._due - self.moved):
            await self.move(name)

    async def copy(self, table: Table, columns: Sequence[str], records: Iterable[tuple[Any, ...]]) -> int:
        """Appends records by binary COPY and returns how many.

        Values are what the driver wants: datetime with zone, int, UUID, str (also for jsonb), list for an
        array.
        """
        driver = driver_of(self._connection)
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
        driver = driver_of(self._connection)
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
        driver = driver_of(self._connection)
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
        self.memory = database.memory
        self._database = database
        self._engine = engine

    @asynccontextmanager
    async def read(
        self, *, snapshot: bool = False, statement_timeout: float | None = None
    ) -> AsyncIterator[ReadSession]:
        """A read-only transaction as the tenant's read-only role.

        With `snapshot` all its statements see the same instant. `statement_timeout` is in seconds.
        """
        mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else "READ ONLY"
        opening = self._database.opening(mode, self.tenant.readonly_role, statement_timeout)
        async with transaction(self._engine, opening, self.tenant.namespace, keeping=False) as connection:
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
        async with transaction(self._engine, opening, self.tenant.namespace, keeping=True) as connection:
            session = WriteSession(connection, self.tenant)
            yield session
            await session.settle()
        if session.moved:
            self._database.committed(self.tenant)


Committed = Callable[[Tenant], None]


def _ignore(_: Tenant) -> None:
    """What is called after commits until somebody else wants to be."""


class Database:
    """The private pool of one server, logged in as an app login that itself can read nothing.

    `committed` is called after each commit that moved a version of a tenant; it must be quick and not raise.
    """

    def __init__(self, engine: AsyncEngine, *, statement_timeout: float, lock_timeout: float) -> None:
        self.committed: Committed = _ignore
        self.memory = Memory()
        self._engine = engine
        self._statement_timeout = statement_timeout
        self._lock_timeout = lock_timeout
        self._bound = lru_cache(maxsize=BOUND)(self._bind)

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
        engine = serving_engine(url, pool_size)
        return cls(engine, statement_timeout=statement_timeout, lock_timeout=lock_timeout)

    async def close(self) -> None:
        """Closes the pool's connections."""
        await self._engine.dispose()

    def of(self, tenant: Tenant) -> TenantDatabase:
        """The door of one tenant."""
        return TenantDatabase(self, self._bound(tenant.namespace), tenant)

    def _bind(self, namespace: str) -> AsyncEngine:
        return self._engine.execution_options(schema_translate_map={PLACEHOLDER: namespace})

    @asynccontextmanager
    async def control(self) -> AsyncIterator[WriteSession]:
        """A transaction in the control namespace as the platform role."""
        opening = self.opening("", PLATFORM_ROLE)
        async with transaction(self._engine, opening, None, keeping=True) as connection:
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
