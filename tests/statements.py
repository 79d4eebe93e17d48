"""Counts what a piece of a test sends to the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from tenants.database import Database


@dataclass
class Count:
    """Statements beside those that open and end transactions, and how many connections were taken."""

    statements: int = 0
    transactions: int = 0


@asynccontextmanager
async def counted(database: Database) -> AsyncIterator[Count]:
    """Counts what goes over the wire until the block ends, by whatever way of the door."""
    engine = database._engine.sync_engine
    count = Count()
    watched: set[asyncpg.Connection] = set()

    def on_query(query: asyncpg.connection.LoggedQuery) -> None:
        if not query.query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            count.statements += 1

    def on_prepared(*_: Any) -> None:
        count.statements += 1  # the driver's log has only what is not prepared by SQLAlchemy

    def on_checkout(connection: DBAPIConnection, *_: Any) -> None:
        count.transactions += 1
        driver = connection.driver_connection
        if driver not in watched:
            watched.add(driver)
            driver.add_query_logger(on_query)

    event.listen(engine, "before_cursor_execute", on_prepared)
    event.listen(engine, "checkout", on_checkout)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", on_prepared)
        event.remove(engine, "checkout", on_checkout)
        for driver in watched:
            driver.remove_query_logger(on_query)
