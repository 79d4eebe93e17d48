"""What resolvers are given: built in one place, once per operation, never shared between two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import strawberry
from sqlalchemy import Row
from starlette.datastructures import Headers

from backend.auth.principal import Role
from backend.auth.scope import Scope
from backend.core.clock import Clock
from backend.core.errors import NotFound
from backend.metrics.evaluator import Evaluator
from backend.metrics.rollups.demand import Demands
from backend.web.access import Permission, require
from schema.loaders import Loaders
from schema.locale import Locale, preferred_locale
from tenants.database import ReadSession

LANES = (
    3  # read transactions of one operation at a time: a process has a pool of 8, and others are asking too
)


class Context:
    """Who asks, in which language, and the loaders of this one operation."""

    def __init__(
        self, scope: Scope, clock: Clock, locale: Locale, request_id: str, demands: Demands | None = None
    ) -> None:
        self.scope = scope
        self.clock = clock
        self.locale = locale
        self.request_id = request_id
        self.volatile = False  # whether what was answered hangs on the instant it was asked at
        self.evaluator = Evaluator(scope.database, clock, demands)
        self._lanes = asyncio.Semaphore(LANES)

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of this operation."""
        return Loaders(self.reading, self.evaluator, self.only_agent)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden when the caller may not."""
        require(self.scope.principal, permission)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A short read transaction; resolvers run side by side, so it waits for a lane. Never nest it."""
        async with self.lane(), self.scope.read() as session:
            yield session

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """The right to one transaction, for what opens its own."""
        async with self._lanes:
            yield

    async def own_agent(self) -> Row[Any] | None:
        """The agent the caller is, None for people who are none.

        Raises NotFound (AGENT_UNKNOWN) when nothing of that agent has arrived yet.
        """
        principal = self.scope.principal
        if principal.role is not Role.AGENT:
            return None
        found = await self.loaders.agents_by_external_id.load(principal.agent)
        if found is None:
            raise NotFound(
                f"You are agent “{principal.agent}”, of whom nothing has been brought in yet.",
                code="AGENT_UNKNOWN",
            )
        return found

    async def only_agent(self) -> int | None:
        """Internal id of the agent whose rows alone the caller may see; None for callers who may see all."""
        agent = await self.own_agent()
        return None if agent is None else agent.id


def make_context(
    scope: Scope, headers: Headers, request_id: str, clock: Clock, demands: Demands | None = None
) -> Context:
    """The context of one operation."""
    locale = preferred_locale(headers.get("accept-language"), scope.tenant.locale)
    return Context(scope, clock, locale, request_id, demands)


Info = strawberry.Info[Context, None]
