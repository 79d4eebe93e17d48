"""DuckDB: the twelve statements on the plain table, in memory of this very process, with two threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from tests.bench.board.document import Asked, Board
from tests.bench.board.references.statements import parameters, read, statements

THREADS = 2
_STATEMENTS = {filtered: statements(filtered=filtered) for filtered in (False, True)}


class Columnar:
    """Asks a column store."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def of(cls, source: asyncpg.Connection, folder: Path) -> Columnar | None:
        """With the rows of the plain table, in their order; None where DuckDB is not installed."""
        try:
            import duckdb
        except ImportError:
            return None
        file = folder / "contact.csv"
        await source.copy_from_query(
            "SELECT * FROM reference.contact ORDER BY number", output=file, format="csv", header=True
        )
        connection = duckdb.connect(":memory:", config={"threads": THREADS})
        kinds = {"started": "TIMESTAMP", "closed": "TIMESTAMP", "responded": "TIMESTAMP"}
        kinds |= dict.fromkeys(("number", "response", "handling"), "BIGINT")
        kinds |= dict.fromkeys(("channel", "issue", "agent", "team", "score"), "SMALLINT")
        kinds["first_contact"] = "BOOLEAN"
        connection.execute("CREATE SCHEMA reference")
        connection.execute(
            f"CREATE TABLE reference.contact AS SELECT * FROM read_csv('{file}', header = true, types = {kinds})"
        )
        file.unlink()
        return cls(connection)

    async def ask(self, asked: Asked) -> Board:
        """The board, a statement after the other."""
        rows = {}
        for name, statement in _STATEMENTS[asked.only is not None].items():
            rows[name] = self._connection.execute(statement, parameters(name, asked)).fetchall()
        return read(rows)

    def close(self) -> None:
        """Gives the memory back."""
        self._connection.close()
