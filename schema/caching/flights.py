"""Equal work that is wanted by several at once is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiting: int = 0


class Flights(Generic[K, V]):
    """Work in progress by key. It belongs to all who wait for it: one who leaves ends nothing for the others, the
    last to leave ends it.
    """

    def __init__(self) -> None:
        self._flying: dict[K, _Flight[V]] = {}

    async def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """What the work under this key comes to, begun here if nobody has; raises what it raises."""
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = _Flight(asyncio.create_task(work()))
            flight.task.add_done_callback(lambda _: self._landed(key, flight))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._landed(key, flight)  # whoever comes now begins anew
                flight.task.cancel()
                # A connection has to be given back before the request ends.
                await asyncio.gather(flight.task, return_exceptions=True)

    def _landed(self, key: K, flight: _Flight[V]) -> None:
        if self._flying.get(key) is flight:
            del self._flying[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # noted, also where all who waited have gone
