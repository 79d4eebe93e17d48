"""What a function made of each value of a column, remembered while the values repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

LIMIT = 90_000  # remembered values of a column: each second of a day; about 10 MB for usual lengths
FEW = 100  # values that say nothing yet about how often others will repeat


class Memo(dict[Any, Any]):
    """By value what `make` gives for it. A column whose values hardly repeat is worked through without."""

    def __init__(self, make: Callable[[Any], Any], *, always: bool = False, limit: int = LIMIT) -> None:
        super().__init__()
        self.make = make
        self._limit = limit
        self._always = always
        self._repeats = True

    def __missing__(self, value: Any) -> Any:
        made = self[value] = self.make(value)
        return made

    def of(self, values: Sequence[Any]) -> Sequence[Any]:
        """What is made of a column, value by value."""
        if values and values[0] is None and values.count(None) == len(values):
            return [self[None]] * len(values)
        if not self._repeats:
            return list(map(self.make, values))
        before = len(self)
        made = list(map(self.__getitem__, values))
        self._repeats = self._always or len(self) - before < 0.5 * len(values) or len(values) < FEW
        if not self._repeats or len(self) > self._limit:
            self.clear()
        return made
