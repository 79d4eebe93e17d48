"""The wall clock of a zone over arrays of instants, and what calendar fields say of many days at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from backend.core.windows import Grain, bucket_start
from backend.metrics.language.bound import FieldValue
from backend.metrics.language.types import Kind
from backend.metrics.planning.calendar import DATED, member_key
from backend.metrics.rollups.columns_packs import Unfit
from backend.metrics.rollups.packing import Ints
from backend.metrics.rollups.vectors import Vector

HOUR_OF_DAY, WEEKDAY, YEAR = "hour_of_day", "weekday", "year"
HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEP = timedelta(days=1)  # no zone moves its clocks twice in one


def microseconds(moment: datetime) -> int:
    """An instant as columns hold it."""
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Wall:
    """What clocks on the wall are ahead of UTC: each of `ahead` from one of `since` on, all in microseconds.

    `splits_days`: clocks were put back over midnight, so a row of one local day has the date of the one before.
    """

    since: Ints
    ahead: Ints
    splits_days: bool

    def local(self, instants: Ints) -> Ints:
        """Instants by the wall clock, in microseconds since its 1970."""
        at: Any = 0
        if len(self.ahead) > 1:
            at = np.searchsorted(self.since, instants, side="right") - 1
        local: Ints = instants + self.ahead[at]
        return local


@lru_cache(maxsize=64)
def wall_of(zone: str, first: date, last: date) -> Wall:
    """The wall clock of a zone from one local day to another, both included; raises Unfit at the ends of time."""
    tz = ZoneInfo(zone)
    try:
        at = datetime.combine(first, time(), UTC) - 2 * _STEP
        end = datetime.combine(last, time(), UTC) + 3 * _STEP
        moves = [(microseconds(at), _ahead(at, tz))]
        while at < end:
            if _ahead(at + _STEP, tz) != moves[-1][1]:
                moved = _moved(at, at + _STEP, tz)
                moves.append((microseconds(moved), _ahead(moved, tz)))
            at += _STEP
    except OverflowError:
        raise Unfit("these days are not on every calendar") from None
    back = [(since + now, since + was) for (_, was), (since, now) in pairwise(moves)]
    splits = any(start < end and start // DAY != (end - 1) // DAY for start, end in back)
    since, ahead = np.array(moves, np.int64).T
    return Wall(since, ahead, splits)


def day_starts(days: Sequence[int], zone: str) -> Ints:
    """When local days, as ordinals, begin."""
    tz = ZoneInfo(zone)
    begun = [datetime.combine(date.fromordinal(day), time(), tz).astimezone(UTC) for day in days]
    return np.fromiter(map(microseconds, begun), np.int64, len(begun))


def calendar_vector(leaf: FieldValue, dates: Ints) -> Vector:
    """A calendar field (not the hour) of rows with those dates, as ordinals, as formulas compare it."""
    column = leaf.field.column
    if leaf.field.type.kind is Kind.DATE:
        return Vector(dates - EPOCH_DAY)
    if not len(dates):
        return Vector(dates, None, None if leaf.field.type.kind is Kind.NUMBER else ())
    low, high = int(dates.min()), int(dates.max())
    if leaf.field.type.kind is Kind.NUMBER:
        years = np.array([date.fromordinal(day).year for day in range(low, high + 1)])
        return Vector(years[dates - low])
    texts = [_text(column, date.fromordinal(day)) for day in range(low, high + 1)]
    words = tuple(dict.fromkeys(texts))
    places = {word: at for at, word in enumerate(words)}
    return Vector(np.array([places[text] for text in texts])[dates - low], None, words)


def first_days(column: str, dates: Ints) -> tuple[Ints, list[Any]]:
    """The groups of rows with those dates by a calendar field (not the hour): places in a list of raw values."""
    if not len(dates):
        return dates, []
    low, high = int(dates.min()), int(dates.max())
    days = [date.fromordinal(day) for day in range(low, high + 1)]
    if column == WEEKDAY:
        return np.array([day.isoweekday() - 1 for day in days])[dates - low], list(range(1, 8))
    grain = Grain(DATED[column])
    firsts = [bucket_start(datetime.combine(day, time()), grain).date() for day in days]
    members = list(dict.fromkeys(firsts))
    places = {member: at for at, member in enumerate(members)}
    return np.array([places[first] for first in firsts])[dates - low], members


def _text(column: str, day: date) -> str:
    return member_key(column, day.isoweekday() if column == WEEKDAY else day)


def _ahead(at: datetime, tz: ZoneInfo) -> int:
    ahead = at.astimezone(tz).utcoffset()
    assert ahead is not None
    return ahead // _MICROSECOND


def _moved(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """The second between two instants at which clocks move."""
    was = _ahead(before, tz)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _ahead(middle, tz) == was else (before, middle)
    return after
