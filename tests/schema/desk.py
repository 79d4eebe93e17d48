"""The whole application over a test's database, and people who may ask it something."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx2
import msgspec
import pytest_asyncio

from backend.app import attended, create_app, create_authenticator, create_hints
from backend.auth.keys import LocalKey
from backend.auth.memberships import grant_membership
from backend.auth.tokens import TokenSigner
from backend.core.settings import Settings
from backend.metrics.catalogue import seed_catalogue
from backend.metrics.evaluator import Evaluator
from backend.web.serving import Server, server_of
from schema.guard.limits import LIMITS
from tenants.database import Database, TenantDatabase
from tenants.registry import get_tenant
from tests.backend.metrics.builders import World

RESPONSE_JSON = "application/graphql-response+json"


@dataclass
class Desk:
    """A client of the application. `world` is acme's; globex stands beside it, full of canaries."""

    http: httpx2.AsyncClient
    database: Database
    signer: TokenSigner
    world: World
    settings: Settings

    async def token(
        self, role: str, tenant: str = "acme", *, agent: str | None = None, scopes: tuple[str, ...] = ()
    ) -> str:
        """A token of a member in this role."""
        found = await get_tenant(self.database, tenant)
        subject = f"{role}@{tenant}"
        async with self.database.control() as session:
            await grant_membership(session, found, subject, role, agent=agent, scopes=scopes)
        return self.signer.sign(subject, found.id)

    async def post(self, body: Any, **options: Any) -> httpx2.Response:
        """One POST to /graphql as a manager of acme, unless `token` (None: without one) says otherwise."""
        token = options.pop("token", ...)
        if token is ...:
            token = await self.token("manager")
        headers = {"accept": RESPONSE_JSON, "content-type": "application/json", **options.pop("headers", {})}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.http.post("/graphql", content=content, headers=headers, **options)

    async def answer(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> Any:
        """The JSON that a query is answered with."""
        return (await self.post({"query": query, "variables": variables}, **options)).json()

    async def data(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> Any:
        """The data of a query that has no errors."""
        answer = await self.answer(query, variables, **options)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def code(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> str:
        """The code of the only error of a query."""
        answer = await self.answer(query, variables, **options)
        [error] = answer["errors"]
        code: str = error["extensions"]["code"]
        return code


@asynccontextmanager
async def opened(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime], **settings: Any
) -> AsyncIterator[Desk]:
    """A desk on a database; `settings` are those of the application, which has no worker unless they say so."""
    with tempfile.TemporaryDirectory(prefix="scoredesk-desk-") as home:
        chosen = Settings(home=home, **{"worker": "none"} | settings)
        signer = TokenSigner(
            LocalKey.of_home(chosen.home_path),
            issuer=chosen.jwt_issuer,
            audience=chosen.jwt_audience,
            clock=clock,
        )
        async with acme.write() as session:
            await seed_catalogue(session)
        app = create_app(chosen, database, create_authenticator(chosen, database, clock), clock=clock)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://desk") as http:
            yield Desk(http, database, signer, World(acme, Evaluator(acme, clock)), chosen)


@pytest_asyncio.fixture
async def desk(
    database: Database, acme: TenantDatabase, globex: TenantDatabase, clock: Callable[[], datetime]
) -> AsyncIterator[Desk]:
    """The application with acme's built-in KPIs and no fact yet."""
    async with opened(database, acme, clock) as desk:
        yield desk


@asynccontextmanager
async def served(
    desk: Desk, clock: Callable[[], datetime], **limits: float
) -> AsyncIterator[tuple[Server, int]]:
    """The desk's application on a port of its own, with some limits changed. Where the desk's settings have an
    address for it, word of changes is listened to.
    """
    chosen = replace(LIMITS, **limits)  # type: ignore[arg-type]
    authenticator = create_authenticator(desk.settings, desk.database, clock)
    app = create_app(desk.settings, desk.database, authenticator, clock=clock, limits=chosen)
    listening = asyncio.Event()
    server = server_of(app, host="127.0.0.1", port=0, on_ready=listening.set)
    hints = create_hints(desk.database)
    async with attended(desk.settings, desk.database, authenticator, hints, clock=clock):
        serving = asyncio.create_task(server.serve())
        await listening.wait()
        try:
            yield server, server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            await serving
