"""What a process remembers of tenants between requests: a bounded number of things, each true of one version."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST_REMEMBERED = 512  # the oldest ones are forgotten first


class Memory:
    """Values by what they are of; a value is only given back for the version it was remembered with."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def recall(self, key: Hashable, version: Hashable) -> Any:
        """What is remembered; None where there is nothing of that version."""
        found = self._known.get(key)
        if found is None or found[0] != version:
            return None
        self._known.move_to_end(key)
        return found[1]

    def remember(self, key: Hashable, version: Hashable, value: Any) -> None:
        """Keeps a value in place of that of any other version."""
        self._known[key] = version, value
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
