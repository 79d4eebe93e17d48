"""FACTS: twelve statements on the plain table, prepared, on one bare connection."""

from __future__ import annotations

import asyncpg

from tests.bench.board.document import Asked, Board
from tests.bench.board.references.statements import parameters, read, statements

_STATEMENTS = {filtered: statements(filtered=filtered) for filtered in (False, True)}


class Facts:
    """Asks plain rows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def ask(self, asked: Asked) -> Board:
        """The board, a statement after the other."""
        rows = {}
        for name, statement in _STATEMENTS[asked.only is not None].items():
            rows[name] = await self._connection.fetch(statement, *parameters(name, asked))
        return read(rows)
