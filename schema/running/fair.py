"""A bounded memory that tenants share: what was used longest ago goes first, of whoever holds most."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Kept(Generic[V]):
    owner: UUID
    value: V
    weight: int
    used: float


class FairMemory(Generic[K, V]):
    """Values by key, each with a weight and the tenant that brought it.

    All together weigh at most `most`, those of one tenant `share` of it. A value that nobody asked for in `idle`
    seconds is gone. `now` counts seconds.
    """

    def __init__(self, most: int, *, share: float, idle: float, now: Callable[[], float]) -> None:
        self.most = most
        self.of_one = int(most * share)
        self.weight = 0
        self._idle = idle
        self._now = now
        self._swept = now()
        self._kept: dict[K, _Kept[V]] = {}
        self._owners: dict[UUID, OrderedDict[K, None]] = {}
        self._weights: dict[UUID, int] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as a use; None when there is none."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        now = self._now()
        if now - kept.used > self._idle:
            self.drop(key)
            return None
        kept.used = now
        self._owners[kept.owner].move_to_end(key)
        return kept.value

    def put(self, owner: UUID, key: K, value: V, weight: int) -> None:
        """Keeps a value in the place of what had its key; one heavier than a tenant's share is not kept."""
        self.drop(key)
        if weight > self.of_one:
            return
        self._sweep()
        while self._weights.get(owner, 0) + weight > self.of_one:
            self._drop_oldest(owner)
        while self.weight + weight > self.most:
            self._drop_oldest(max(self._weights, key=self._weights.__getitem__))
        self._kept[key] = _Kept(owner, value, weight, self._now())
        self._owners.setdefault(owner, OrderedDict())[key] = None
        self._weights[owner] = self._weights.get(owner, 0) + weight
        self.weight += weight

    def drop(self, key: K) -> None:
        """Forgets a key, if it is known."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.weight -= kept.weight
        self._weights[kept.owner] -= kept.weight
        keys = self._owners[kept.owner]
        del keys[key]
        if not keys:
            del self._owners[kept.owner], self._weights[kept.owner]

    def _drop_oldest(self, owner: UUID) -> None:
        self.drop(next(iter(self._owners[owner])))

    def _sweep(self) -> None:
        """Gives back what lies idle; at most four times in that span, so that it costs next to nothing."""
        now = self._now()
        if now - self._swept < self._idle / 4:
            return
        self._swept = now
        for key in [key for key, kept in self._kept.items() if now - kept.used > self._idle]:
            self.drop(key)
