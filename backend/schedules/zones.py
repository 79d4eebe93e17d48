"""Stretches of time in which a zone keeps one offset from UTC. The only place that asks a zone for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000  # µs; instants are µs since 1970
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = 6 * 3600  # no zone has ever moved its clocks and moved them back within six hours


def instant_of(moment: datetime) -> int:
    """A moment with a zone as µs since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(instant: int) -> datetime:
    """µs since 1970 as a moment in UTC."""
    return _EPOCH + timedelta(microseconds=instant)


def stretches(zone: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """From, to and offset (all in µs) of each stretch with one offset, from `start` until `end`."""
    since, offset = start, None
    for year in range(moment_of(start).year, moment_of(end).year + 1):
        for second, shifted in _changes(zone, year):
            at = second * SECOND
            if offset is not None and shifted != offset and since < at < end:
                yield since, at, offset * SECOND
                since = at
            if at < end:
                offset = shifted
    if offset is not None and since < end:
        yield since, end, offset * SECOND


@lru_cache(maxsize=4096)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """The offset (seconds) at a year's first second by UTC, and each that comes later, with its first second."""
    tz = ZoneInfo(zone)

    def offset(second: int) -> int:
        shifted = (_EPOCH + timedelta(seconds=second)).astimezone(tz).utcoffset()
        return 0 if shifted is None else shifted // timedelta(seconds=1)

    at, last = (instant_of(datetime(each, 1, 1, tzinfo=UTC)) // SECOND for each in (year, year + 1))
    found = [(at, offset(at))]
    while at < last:
        later = min(at + _STEP, last)
        if offset(later) == found[-1][1]:
            at = later
            continue
        before = at
        while later - before > 1:
            middle = (before + later) // 2
            if offset(middle) == found[-1][1]:
                before = middle
            else:
                later = middle
        at = later
        found.append((at, offset(at)))
    return tuple(found)
