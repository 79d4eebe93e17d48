"""The same application in this very process, to see what a board's parts cost: GraphQL, statements, isolation."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Engine
from starlette.types import ASGIApp

from backend.app import create_app, create_authenticator
from backend.core.settings import Settings
from backend.metrics.evaluator import Evaluator
from tenants.database import Database
from tests.bench.board.document import DOCUMENT, Asked, read_board
from tests.bench.board.figures import Figures
from tests.bench.board.stage import Stage

BEGIN = "ISOLATION LEVEL REPEATABLE READ READ ONLY"  # as the evaluator opens it


async def graphql_share(stage: Stage, figures: Figures, *, rounds: int) -> None:
    """Of a cold board all that is not `Evaluator.answer`: HTTP, token, parsing, validating, executing, JSON."""
    shares, outside = [], []
    async with _application(stage) as app:
        await _ask(app, stage, stage.other())
        for _ in range(rounds):
            with _answering() as taken:
                began = time.perf_counter()
                await _ask(app, stage, stage.other())
                whole = time.perf_counter() - began
            outside.append(1000 * (whole - sum(taken)))
            shares.append((whole - sum(taken)) / whole)
    figures.add("GraphQL and HTTP of a cold board, ms", stage.rows, *outside)
    figures.add("GraphQL and HTTP, share of a cold board", stage.rows, *shares)


async def isolation(stage: Stage, figures: Figures, *, rounds: int, seconds: float) -> None:
    """The statements of a board, prepared, on one connection: in a transaction with role and timeouts beside
    each for itself.
    """
    async with _application(stage) as app:
        await _ask(app, stage, stage.other())
        with _statements() as statements:
            await _ask(app, stage, stage.other())
    plain = await asyncpg.connect(stage.admin_url)
    guarded = await asyncpg.connect(stage.url)
    opening = Database.connect(stage.url).opening(BEGIN, stage.tenant.readonly_role)
    ratios: list[float] = []
    ends = time.monotonic() + seconds
    try:
        for number in range(rounds + 1):
            taken = {}
            # Who comes second finds the rows in the processor's caches: they take turns.
            for connection in (plain, guarded) if number % 2 else (guarded, plain):
                began = time.perf_counter()
                if connection is guarded:
                    await connection.execute(opening)
                for statement, values in statements:
                    await connection.fetch(statement, *values)
                if connection is guarded:
                    await connection.execute("COMMIT")
                taken[connection] = time.perf_counter() - began
            if number:
                ratios.append(taken[guarded] / taken[plain])
            if time.monotonic() > ends and len(ratios) >= 3:
                break
    finally:
        await plain.close()
        await guarded.close()
    figures.add("statements of a cold board", stage.rows, len(statements))
    figures.add("role and transaction / without", stage.rows, *ratios)


@asynccontextmanager
async def _application(stage: Stage) -> AsyncIterator[ASGIApp]:
    settings = Settings(database_url=stage.url, home=str(stage.serving.home))
    database = Database.connect(stage.url)
    try:
        yield create_app(settings, database, create_authenticator(settings, database))
    finally:
        await database.close()


async def _ask(app: ASGIApp, stage: Stage, asked: Asked) -> None:
    """A board by a call of the application, as its server would call it."""
    body = json.dumps({"query": DOCUMENT, "variables": asked.variables}).encode()
    headers = {
        "host": "bench",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "authorization": f"Bearer {stage.asker.token}",
    }
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    coming = iter([{"type": "http.request", "body": body, "more_body": False}])
    parts: list[bytes] = []
    answered = asyncio.Event()

    async def receive() -> Any:
        for message in coming:
            return message
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answered.set()
    read_board(json.loads(b"".join(parts)))


@contextmanager
def _answering() -> Iterator[list[float]]:
    """Seconds of each `Evaluator.answer` until the block ends."""
    taken: list[float] = []
    answer = Evaluator.answer

    async def timed(self: Evaluator, *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return await answer(self, *arguments, **options)
        finally:
            taken.append(time.perf_counter() - began)

    Evaluator.answer = timed  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        Evaluator.answer = answer  # type: ignore[method-assign]


@contextmanager
def _statements() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """The statements that tenants' sessions run until the block ends, with their values."""
    found: list[tuple[str, tuple[Any, ...]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        found.append((statement, tuple(values)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)
