"""How groups by day, hour and dimensions become the groups of a split: its buckets, its calendar fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.types import Field, Origin
from backend.metrics.planning.calendar import DATED
from backend.metrics.planning.planner import Split
from backend.metrics.rollups.cells import Block, Grouping
from backend.metrics.rollups.days import start_of
from backend.metrics.rollups.packing import Coded, Ints

HOUR_OF_DAY = "hour_of_day"


def regrouped(block: Block, split: Split, window: Window) -> Grouping:
    """How the groups of a block fall into the groups of a split, whose buckets are those of the window."""
    days, hours = block.days, block.hours
    columns = []
    if split.grain is not None:
        columns.append(_ranks(days, hours, split.grain, window))
    kept = iter(block.keys)
    for dimension in split.dimensions:
        if dimension.origin is Origin.CALENDAR:
            columns.append(_calendar(dimension, days, hours, window.zone))
        else:
            columns.append(next(kept))
    return Grouping.by(len(block), columns)


def _ranks(days: Ints, hours: Ints, grain: Grain, window: Window) -> Coded:
    starts = bucket_starts(window, grain)
    if grain is Grain.HOUR:
        first = int(starts[0].timestamp())
        begun = _by_day(days, lambda day: int(start_of(day, window.zone).timestamp()))
        ranks = (begun + hours * 3600 - first) // 3600
    else:
        ordinals = np.fromiter((one.date().toordinal() for one in starts), np.int64, len(starts))
        ranks = np.searchsorted(ordinals, days, side="right") - 1
    return Coded(ranks, tuple(range(1, len(starts) + 1)))


def _calendar(dimension: Field, days: Ints, hours: Ints, zone: str) -> Coded:
    if dimension.column == HOUR_OF_DAY:
        return Coded(_hours_of_day(days, hours, zone), tuple(range(24)))
    if dimension.column == "weekday":
        return Coded((days + 6) % 7, tuple(range(1, 8)))
    ordinals, codes = np.unique(days, return_inverse=True)
    first = [_truncated(date.fromordinal(day), DATED[dimension.column]) for day in ordinals.tolist()]
    named = Coded.of(first)
    return Coded(named.codes[codes.reshape(-1)], named.values)


def _hours_of_day(days: Ints, hours: Ints, zone: str) -> Ints:
    """The wall clock's hour: the place of the hour in its day, but on days on which the clock is changed."""
    found = hours.copy()
    for day in np.unique(days).tolist():
        one = date.fromordinal(day)
        start = start_of(one, zone)
        if start_of(one + timedelta(days=1), zone) - start == timedelta(days=1):
            continue
        inside = days == day
        clock = [(start + timedelta(hours=at)).astimezone(ZoneInfo(zone)).hour for at in range(26)]
        found[inside] = np.asarray(clock, np.int64)[hours[inside]]
    return found


def _by_day(days: Ints, value: Callable[[date], int]) -> Ints:
    ordinals, codes = np.unique(days, return_inverse=True)
    each = np.fromiter((value(date.fromordinal(day)) for day in ordinals.tolist()), np.int64, len(ordinals))
    return each[codes.reshape(-1)]


def _truncated(day: date, unit: str) -> date:
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)
