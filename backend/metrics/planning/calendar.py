"""Calendar fields: how their groups are cut, and the stable keys of their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# the calendar fields whose groups are told by their first day -> what PostgreSQL's date_trunc calls them
DATED: Mapping[str, str] = {
    "date": "day",
    "iso_week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}


def _iso_week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


_KEYS: Mapping[str, Callable[[date], str]] = {
    "date": date.isoformat,
    "iso_week": _iso_week,
    "month": lambda day: f"{day.year:04d}-{day.month:02d}",
    "quarter": lambda day: f"{day.year:04d}-Q{(day.month + 2) // 3}",
    "year": lambda day: f"{day.year:04d}",
}


def member_key(field: str, raw: int | date) -> str:
    """The key of a group of a calendar field: "09", "Monday", "2021-01-01", "2020-W53", "2021-01" ..."""
    if isinstance(raw, int):
        return WEEKDAYS[raw - 1] if field == "weekday" else f"{raw:02d}"
    return _KEYS[field](raw)
