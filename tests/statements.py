"""Counts what a piece of a test sends to the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from tenants.database import Database


@dataclass
class Count:
    """Statements beside those that open and end transactions, and how many connections were taken."""

    statements: int = 0
    transactions: int = 0


@asynccontextmanager
async def counted(database: Database) -> AsyncIterator[Count]:
    """Counts until the block ends."""
    engine = database._engine.sync_engine
    count = Count()

    def on_statement(*_: Any) -> None:
        count.statements += 1

    def on_checkout(*_: Any) -> None:
        count.transactions += 1

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "checkout", on_checkout)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)
        event.remove(engine, "checkout", on_checkout)
