"""Reads the tables of a TOML text value by value, with the path of each mistake. Knows no key by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from typing import Any
from zoneinfo import available_timezones

from backend.core.errors import Problem
from backend.ingestion.formats.batch import plain, text_of
from backend.ingestion.formats.faults import nearest
from backend.ingestion.values.faults import shown

Path = tuple[str | int, ...]


_PLACE = re.compile(r"at line (\d+), column \d+")


def syntax_mistake(written: str, fault: Exception) -> str:
    """What is wrong with a text that is no TOML, as a sentence that shows the line."""
    form = (
        'A line is [table], or name = value with texts in quotes: agent = "Agent name". No name comes twice.'
    )
    if isinstance(fault, RecursionError):
        return "It is not valid TOML: lists or tables lie too deep in one another."
    if (found := _PLACE.search(str(fault))) is None:
        return f"It is not valid TOML: the text ends in the middle of a line or a quote. {form}"
    number = int(found[1])
    lines = written.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    return f"Line {number} is not valid TOML: {shown(line.strip())}. {form}"


class TomlReading:
    """One reading of a text; collects problems and goes on, so that all are told at once."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.problems: list[Problem] = []

    def zone(self, table: Map[str, Any], path: Path) -> str | None:
        """An IANA time zone."""
        zone: str | None = self.typed(table, "zone", str, path)
        if zone is not None and zone not in available_timezones():
            self.unknown("time zone", zone, available_timezones(), (*path, "zone"))
            return None
        return zone

    def choice(
        self,
        table: Map[str, Any],
        key: str,
        choices: tuple[str, ...],
        path: Path,
        default: str | None = None,
    ) -> str | None:
        """One of some words, `default` where it is absent or wrong."""
        value = self.typed(table, key, str, path)
        if value is not None and value not in choices:
            self.unknown(key, value, choices, (*path, key))
            return default
        return default if value is None else str(value)

    def count(self, table: Map[str, Any], key: str, path: Path, *, default: int, least: int) -> int:
        """A small whole number."""
        value = self.typed(table, key, int, path)
        if value is not None and not least <= value <= 100:
            self.problem("MAPPING_VALUE", f"It is a number from {least} to 100.", (*path, key))
            return default
        return default if value is None else value

    def typed(self, table: Map[str, Any], key: str, type: type[Any], path: Path) -> Any:
        """A value of one type; None where it is absent or wrong."""
        value = table.get(key)
        if value is None or (isinstance(value, type) and not (type is int and isinstance(value, bool))):
            return value
        kind = {bool: "true or false", int: "a whole number", str: "a text in quotes"}[type]
        self.problem("MAPPING_VALUE", f"It must be {kind}.", (*path, key))
        return None

    def table(self, table: Map[str, Any], key: str, path: Path) -> Map[str, Any]:
        """A table inside a table, empty where it is absent."""
        value = table.get(key, {})
        if isinstance(value, dict):
            return value
        self.problem("MAPPING_VALUE", f"“{key}” is a table.", (*path, key))
        return {}

    def text(self, table: Map[str, Any], key: str, path: Path) -> str | None:
        """A constant as the text a cell would have."""
        value = table.get(key)
        if isinstance(value, dict | list):
            self.problem("MAPPING_VALUE", "It must be a text, a number, a date, true or false.", (*path, key))
            return None
        return text_of(plain(value))

    def texts(self, table: Map[str, Any], key: str, path: Path) -> frozenset[str]:
        """A constant or a list of them, as texts."""
        value = table.get(key, [])
        items = value if isinstance(value, list) else [value]
        return frozenset((self.text({key: item}, key, path) or "").strip() for item in items)

    def strings(self, table: Map[str, Any], key: str, path: Path) -> tuple[str, ...]:
        """A text or a list of texts, none of them empty."""
        value = table.get(key, [])
        items = value if isinstance(value, list) else [value]
        if all(isinstance(item, str) and item for item in items):
            return tuple(items)
        self.problem("MAPPING_VALUE", "It must be a text or a list of texts.", (*path, key))
        return ()

    def names(self, table: Map[str, Any], key: str, path: Path) -> tuple[str, ...]:
        """The names of columns; an empty list is a mistake."""
        names = self.strings(table, key, path)
        if key in table and not names and not any(problem.path == (*path, key) for problem in self.problems):
            self.problem("MAPPING_VALUE", "Name at least one column.", (*path, key))
        return names

    def known(self, table: Map[str, Any], known: Iterable[str], path: Path) -> None:
        """Tells keys that mean nothing here."""
        names = tuple(known)
        for key in table:
            if key not in names:
                self.unknown("key", key, names, (*path, key))

    def unknown(self, what: str, name: str, known: Iterable[str], path: Path, more: str = "") -> None:
        """Tells a name that does not exist, with the nearest that does."""
        close = nearest(name, known)
        guess = f" Did you mean “{close}”?" if close else ""
        self.problem("MAPPING_UNKNOWN", f"There is no {what} “{name[:80]}”.{guess}{more}", path, hint=close)

    def problem(self, code: str, message: str, path: Path, hint: str | None = None) -> None:
        """Keeps a mistake."""
        self.problems.append(Problem(code, message, path, hint=hint))
