"""The composition root of serving: everything is made here and handed down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvloop
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from backend.auth.memberships import Authenticator
from backend.auth.tokens import TokenVerifier
from backend.core.clock import Clock, system_clock
from backend.core.errors import Invalid
from backend.core.settings import Settings
from backend.jobs.hints import Hints
from backend.metrics.rollups.demand import Demands
from backend.web.envelope import Envelope
from backend.web.health import health_routes
from backend.web.identity import Identity
from backend.web.ingest import ingest_routes
from backend.web.landing import landing_route
from backend.web.readiness import Readiness
from backend.web.serving import server_of
from backend.worker import REFRESH, create_worker, kept_working, kinds_of
from migrations.histories import CONTROL_HISTORY
from schema.build import build_schema
from schema.caching.answers import Answers
from schema.caching.keys import release_of
from schema.caching.service import Service
from schema.context import make_context
from schema.execution import Executor
from schema.graphiql.page import graphiql_asset
from schema.guard.limits import LIMITS, Limits
from schema.http import GraphQLEndpoint
from schema.trusted.documents import TrustedDocuments
from tenants.database import Database
from tenants.listening import listen


def create_app(
    settings: Settings,
    database: Database,
    authenticator: Authenticator,
    *,
    clock: Clock = system_clock,
    limits: Limits = LIMITS,
    demands: Demands | None = None,
) -> ASGIApp:
    """The whole application over an open pool; closing the pool is the caller's. `demands` takes notice of what is
    asked.
    """
    identity = Identity(authenticator)
    schema = build_schema()
    trusted = TrustedDocuments.of_product().with_place(settings.trusted_documents)
    executor = Executor(schema, limits, trusted=trusted, trusted_only=settings.trusted_only)
    if settings.trusted_documents is not None:
        executor.check_documents()
    answers = Answers(settings.response_cache_mb * 1024 * 1024, clock)
    graphql = GraphQLEndpoint(
        executor,
        Service(executor, answers, clock, release_of(schema.as_str())),
        identity.scope_of,
        lambda scope, headers, request_id: make_context(scope, headers, request_id, clock, demands),
        limits,
    )
    routes: Sequence[BaseRoute] = [
        landing_route(),
        Route("/graphql", graphql),
        Route("/graphql/assets/{name}", graphiql_asset),
        *ingest_routes(identity.scope_of, settings, clock),
        *health_routes(_readiness(settings, database)),
    ]
    # No Starlette() around it: its own error middleware would answer before the envelope can.
    return Envelope(Router(routes, redirect_slashes=False))


def create_authenticator(
    settings: Settings, database: Database, clock: Clock = system_clock
) -> Authenticator:
    """Knows who is asking, by the tokens of this installation."""
    return Authenticator(database, TokenVerifier.from_settings(settings, clock), clock=clock)


def create_hints(database: Database, clock: Clock = system_clock) -> Hints:
    """Knows for which tenants there may be jobs; each write through this pool is a hint."""
    hints = Hints(database, kinds_of(clock))
    database.committed = hints.committed
    return hints


def create_demands(hints: Hints) -> Demands:
    """Takes notice of what is asked, and hints at the packs that are to be made for it."""
    return Demands(lambda tenant: hints.give(REFRESH, tenant))


@asynccontextmanager
async def attended(
    settings: Settings,
    database: Database,
    authenticator: Authenticator,
    hints: Hints,
    demands: Demands | None = None,
    *,
    clock: Clock = system_clock,
) -> AsyncIterator[None]:
    """What runs beside the server for as long as it serves: word of changes made elsewhere, hints at jobs, what is
    noticed of questions, and, unless the settings say otherwise, a worker.
    """
    work: list[Coroutine[Any, Any, None]] = [hints.keep_sending()]
    if demands is not None:
        work.append(demands.keep_flushing(clock))
    if (url := settings.listen_database_url or settings.database_url) is not None:
        work.append(listen(url, authenticator.forget))
    async with AsyncExitStack() as stack:
        if settings.worker == "inside":
            await stack.enter_async_context(kept_working(create_worker(settings, database, clock=clock)))
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def serve(settings: Settings, *, on_ready: Callable[[], None] | None = None) -> None:
    """Serves until SIGINT or SIGTERM; `on_ready` is called once the port listens.

    Raises Unavailable (NOT_READY) when the database is not fit to serve from.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvloop.run(_serve(settings, on_ready))


async def _serve(settings: Settings, on_ready: Callable[[], None] | None) -> None:
    if settings.database_url is None:
        raise Invalid("SCOREDESK_DATABASE_URL is not set.", code="SETTING_INVALID")
    database = Database.connect(
        settings.database_url,
        pool_size=settings.pool_size,
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
    )
    try:
        await _readiness(settings, database).check()
        authenticator = create_authenticator(settings, database)
        hints = create_hints(database)
        demands = create_demands(hints)
        app = create_app(settings, database, authenticator, demands=demands)
        server = server_of(app, host=settings.host, port=settings.port, on_ready=on_ready)
        async with attended(settings, database, authenticator, hints, demands):
            await server.serve()
    finally:
        await database.close()


def _readiness(settings: Settings, database: Database) -> Readiness:
    return Readiness(database, CONTROL_HISTORY.served, dev=settings.dev)
