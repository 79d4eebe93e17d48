"""Local days: which of them lie in a window, and which of them spans of time reach into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from backend.core.windows import Window

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """Local days in a row, both ends included."""

    first: date
    last: date

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + _DAY * at for at in range(len(self)))

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def window(self, zone: str) -> Window:
        """The time that they are."""
        return Window(start_of(self.first, zone), start_of(self.last + _DAY, zone), zone)

    def by(self, size: int) -> Iterator[Days]:
        """So many days at a time, in order."""
        for at in range(0, len(self), size):
            first = self.first + _DAY * at
            yield Days(first, min(first + _DAY * (size - 1), self.last))

    def by_month(self) -> Iterator[Days]:
        """The days of each month, in order."""
        first = self.first
        while first <= self.last:
            after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            yield Days(first, min(after - _DAY, self.last))
            first = after


def start_of(day: date, zone: str) -> datetime:
    """When a local day begins, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def day_of(moment: datetime, zone: str) -> date:
    """The local day that a moment lies in."""
    return moment.astimezone(ZoneInfo(zone)).date()


def whole_days(window: Window) -> Days | None:
    """The local days that lie in a window entirely."""
    first, last = day_of(window.start, window.zone), day_of(window.end, window.zone) - _DAY
    if start_of(first, window.zone) < window.start.astimezone(UTC):
        first += _DAY
    return Days(first, last) if first <= last else None


def runs(days: Iterable[date]) -> Iterator[Days]:
    """Days as runs of days in a row, in order."""
    ordered = sorted(set(days))
    if not ordered:
        return
    first = ordered[0]
    for one, other in pairwise(ordered):
        if other - one > _DAY:
            yield Days(first, one)
            first = other
    yield Days(first, ordered[-1])


def rest_of(window: Window, taken: Iterable[date]) -> tuple[Window, ...]:
    """What is left of a window without some of its whole days."""
    start, end, zone = window.start.astimezone(UTC), window.end.astimezone(UTC), window.zone
    left = []
    for run in runs(taken):
        span = run.window(zone)
        if start < span.start:
            left.append(Window(start, span.start, zone))
        start = span.end
    if start < end:
        left.append(Window(start, end, zone))
    return tuple(left)


def days_reached(spans: Iterable[tuple[datetime, datetime, int]], zone: str) -> dict[date, int]:
    """The newest version of each local day that any of the spans of time [from, to) with their versions reach."""
    newest: dict[date, int] = {}
    for start, end, version in spans:
        for day in Days(day_of(start, zone), day_of(end - timedelta(microseconds=1), zone)):
            newest[day] = max(version, newest.get(day, 0))
    return newest


def even_hours(days: Days, zone: str) -> bool:
    """Whether all clock changes within days are by whole hours, so that every hour begins at the same minute."""
    offsets = {start_of(day, zone).minute for day in (*days, days.last + _DAY)}
    return len(offsets) == 1
