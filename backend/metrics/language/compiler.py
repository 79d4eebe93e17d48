"""Formula text to a bound formula, remembered: the language's front door."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from backend.metrics.language.binder import Bound, bind
from backend.metrics.language.parser import parse
from backend.metrics.language.types import Vocabulary

CAPACITY = 4096  # texts; a result is some 3 KB
MOST_READINGS = 8  # of one text, by different definitions that it refers to


class Compiler:
    """Parses and binds; keeps the newest results by text and vocabulary.

    A result is served again only if every definition that it refers to reads the same, so neither an edited KPI
    nor another tenant's definitions can show through. A text is kept with several such definitions: those of last
    month and of today, those of two tenants. Safe to share between threads.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str, str | None], tuple[Bound, ...]] = OrderedDict()
        self._lock = Lock()

    def compile(
        self,
        text: str,
        vocabulary: Vocabulary,
        definitions: Mapping[str, str],
        *,
        key: str | None = None,
    ) -> Bound:
        """The formula with its meaning, or its diagnostics; never raises for any text."""
        place = (text, vocabulary.version, key)
        with self._lock:
            for kept in self._kept.get(place, ()):
                if all(definitions.get(k) == v for k, v in kept.references):
                    self._kept.move_to_end(place)
                    return kept
        parsed = parse(text)
        if parsed.formula is None:
            made = Bound(None, parsed.diagnostics)
        else:
            made = bind(parsed.formula, vocabulary, definitions, key=key)
        # What cannot be read may be of any size; a vocabulary without a version has no name to keep by.
        if vocabulary.version and parsed.formula is not None:
            with self._lock:
                self._kept[place] = (made, *self._kept.get(place, ()))[:MOST_READINGS]
                self._kept.move_to_end(place)
                while len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
        return made

    def __len__(self) -> int:
        return len(self._kept)


_COMPILER = Compiler()


def compile_formula(
    text: str,
    vocabulary: Vocabulary,
    definitions: Mapping[str, str],
    *,
    key: str | None = None,
) -> Bound:
    """The formula with its meaning, or its diagnostics; `key` is the KPI that it will itself define."""
    return _COMPILER.compile(text, vocabulary, definitions, key=key)
