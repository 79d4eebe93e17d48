"""Answers one request: from memory where that is allowed and still stands, else by running the operation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.core.clock import Clock
from backend.web.answers import encode
from schema.caching.answers import Answers, Made, Served
from schema.caching.keys import day_in, etag_of, key_of
from schema.context import Context
from schema.execution import Executor
from schema.guard.body import RequestBody
from schema.running.documents import Operation


@dataclass(frozen=True, slots=True)
class Asking:
    """A request whose operation is known. `anew` forbids the memory; `tagged` ones want an entity tag, and an answer
    whose tag is among `known_tags` need not be sent again.
    """

    operation: Operation
    request: RequestBody
    context: Context
    media_type: str
    anew: bool = False
    tagged: bool = False
    known_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, its entity tag where it has one, and whether the client has it already: then it holds no data."""

    served: Served
    etag: str | None = None
    unchanged: bool = False


class Service:
    """What stands between HTTP and the executor."""

    def __init__(self, executor: Executor, answers: Answers, clock: Clock, release: str) -> None:
        self._executor = executor
        self._answers = answers
        self._clock = clock
        self._release = release

    async def answer(self, asking: Asking) -> Reply:
        """The answer to a request; raises Refused when it cannot be run."""
        staleness = asking.request.max_staleness
        wanted = asking.tagged or (not asking.anew and (self._answers.keeps or staleness is not None))
        if not asking.operation.kept or not wanted:
            made = await self._made(asking)
            return Reply(Served(made.data, made.errors))
        database = asking.context.scope.database
        key = self._key(asking)
        if staleness and not asking.anew:  # 0: it has to stand now
            recent = self._answers.recent(key, staleness)
            if recent is not None:
                return _reply(asking, key, recent)
        sighting = await self._answers.look(database)
        if asking.anew:
            made = await self._made(asking)
            return _reply(
                asking, key, Served(made.data, made.errors, sighting.versions, lasting=made.lasting)
            )
        if asking.known_tags and etag_of(key, sighting.versions, asking.media_type) in asking.known_tags:
            return _reply(asking, key, Served(b"", [], sighting.versions, cached=True, lasting=True))
        standing = self._answers.standing(key, sighting)
        if standing is not None:
            return _reply(asking, key, standing)
        return _reply(
            asking, key, await self._answers.made(key, database, sighting, lambda: self._made(asking))
        )

    def _key(self, asking: Asking) -> bytes:
        context = asking.context
        principal = context.scope.principal
        day = day_in(principal.tenant, self._clock())
        variables = asking.request.variables
        return key_of(self._release, principal, context.locale, asking.operation, variables, day)

    async def _made(self, asking: Asking) -> Made:
        context, tenant = asking.context, asking.context.scope.tenant
        day = day_in(tenant, self._clock())
        result = await self._executor.run(
            asking.operation, asking.request.variables, context, context.request_id
        )
        lasting = not result.errors and not context.volatile and day == day_in(tenant, self._clock())
        return Made(encode(result.data), result.errors, lasting)


def _reply(asking: Asking, key: bytes, served: Served) -> Reply:
    if not asking.tagged or not served.lasting or served.versions is None:
        return Reply(served)
    etag = etag_of(key, served.versions, asking.media_type)
    if etag in asking.known_tags and not asking.anew:
        return Reply(replace(served, data=b""), etag, unchanged=True)
    return Reply(served, etag)
