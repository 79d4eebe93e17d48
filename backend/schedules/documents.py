"""A schedule as a small file, TOML or JSON: zone, hours, holidays, special hours."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from backend.core.errors import Invalid, Problem
from backend.schedules.hours import HoursDraft, Span
from backend.schedules.wording import read_day, read_week

_KEYS = ("name", "zone", "hours", "holidays", "special")


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says; `name` is None where it says nothing of it."""

    name: str | None
    draft: HoursDraft


def read_document(text: str) -> Document:
    """The schedule in a text that is TOML, or JSON if it begins with a brace.

    Raises Invalid (SCHEDULE_FILE_INVALID) with problems.
    """
    reading = _Reading()
    table = _table(text)
    for key in table.keys() - set(_KEYS):
        close = next(iter(get_close_matches(key, _KEYS, 1)), None)
        hint = f"Did you mean “{close}”?" if close else f"It may have {', '.join(_KEYS)}."
        reading.problem(f"There is nothing called “{key[:40]}” in a schedule.", (key,), hint)
    name = reading.text(table, "name")
    zone = reading.text(table, "zone")
    if zone is None and "zone" not in table:
        reading.problem("The zone is missing.", ("zone",), 'Write zone = "Europe/Berlin".')
    week, faults = read_week(reading.lines(table.get("hours", []), ("hours",)))
    reading.problems += faults
    exceptions = reading.exceptions(table)
    if reading.problems:
        message = "The file cannot be read as a schedule."
        raise Invalid(message, code="SCHEDULE_FILE_INVALID", problems=reading.problems)
    return Document(name, HoursDraft(zone or "", week, exceptions))


def _table(text: str) -> dict[str, Any]:
    try:
        table = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"The file is neither TOML nor JSON: {str(error)[:200]}"
        raise Invalid(message, code="SCHEDULE_FILE_INVALID") from None
    return dict(table)


class _Reading:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, message: str, path: tuple[str | int, ...], hint: str | None = None) -> None:
        self.problems.append(Problem("SCHEDULE_FILE_INVALID", message, path, hint=hint))

    def text(self, table: Mapping[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        self.problem("It must be a text in quotes.", (key,))
        return None

    def lines(self, value: object, path: tuple[str | int, ...]) -> list[str]:
        """A text, or a list of texts."""
        items = value if isinstance(value, list) else [value]
        if all(isinstance(item, str) for item in items):
            return list(items)
        self.problem("It must be a text or a list of texts.", path)
        return []

    def exceptions(self, table: Mapping[str, Any]) -> list[tuple[str, list[Span]]]:
        """The dates with hours of their own: those of `special`, and none on holidays."""
        found: list[tuple[str, list[Span]]] = []
        holidays = table.get("holidays", [])
        for at, day in enumerate(holidays if isinstance(holidays, list) else [holidays]):
            if isinstance(day, datetime) or not isinstance(day, date | str):
                self.problem("It must be a date: 2026-12-25.", ("holidays", at))
            else:
                found.append((str(day), []))
        special = table.get("special", {})
        if not isinstance(special, dict):
            self.problem("It must be a table of dates.", ("special",), '"2026-12-24" = "09:00-13:00"')
            return found
        for day, lines in special.items():
            spans, faults = read_day(self.lines(lines, ("special", day)), ("special", day))
            self.problems += faults
            found.append((day, spans))
        return found
