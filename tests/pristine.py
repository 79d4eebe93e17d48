"""Puts a test's database back as it was, which takes milliseconds where a fresh copy takes a tenth of a
second.

Only rows are put back: the app login can change nothing else, and a test that has the admin's gets its own
database.
"""

from __future__ import annotations

import asyncpg

KEPT = "pristine"  # the namespace of the copies; no login of the product sees it

_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS table, format('%I.%I', $1::text, n.nspname || '_' ||
    c.relname) AS kept FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
    AND (n.nspname LIKE 't\\_%' OR n.nspname = 'scoredesk_control') AND c.relname <> 'alembic_version' ORDER
    BY c.relname = 'membership', 1
"""
_SEQUENCES = """
    SELECT format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),
                  coalesce(last_value, 1), last_value IS NOT NULL)
    FROM pg_sequences WHERE schemaname LIKE 't\\_%'
"""


class Pristine:
    """The rows of a database as they were when this was made."""

    def __init__(self, url: str, script: str, written: str) -> None:
        self._url = url
        self._script = script
        self._written = written

    @classmethod
    async def remember(cls, url: str) -> Pristine:
        """Copies every row of the product's tables aside."""
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(f"CREATE SCHEMA {KEPT}")
            tables = await connection.fetch(_TABLES, KEPT)
            for table, kept in tables:
                await connection.execute(f"CREATE TABLE {kept} AS TABLE {table}")
            restore = [f"DELETE FROM {table}" for table, _ in reversed(tables)]
            restore += [
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE {kept}"
                for table, kept in tables
                if await connection.fetchval(f"SELECT EXISTS (TABLE {kept})")
            ]
            restore += [row[0] for row in await connection.fetch(_SEQUENCES)]
            script = "; ".join(["SET lock_timeout = '2s'", *restore])
            return cls(url, script, await _position(connection))
        finally:
            await connection.close()

    async def restore(self) -> None:
        """Puts the rows back, if anything was written at all."""
        connection = await asyncpg.connect(self._url)
        try:
            if await _position(connection) != self._written:
                await connection.execute(self._script)
                self._written = await _position(connection)
        finally:
            await connection.close()


async def _position(connection: asyncpg.Connection) -> str:
    position: str = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
    return position
