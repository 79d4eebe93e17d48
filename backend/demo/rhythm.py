"""When contacts come: weekdays, hours by channel, the bad week, and wall clock against UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000  # all times here are whole milliseconds
DAYS = 182  # six months of whole weeks, so every weekday comes equally often
BAD_WEEK_BACK = 63  # it begins on the Monday on or before so many days before the end
OPENS, CLOSES = 8, 22  # people answer between these local hours

CHANNELS = ("chat", "call", "ticket", "email", "bot")
CHANNEL_SHARES = (0.38, 0.31, 0.16, 0.11, 0.04)
CHAT, CALL, TICKET, EMAIL, BOT = range(len(CHANNELS))

_WEEKDAYS = np.array((1.28, 1.10, 1.02, 0.98, 0.95, 0.52, 0.40))  # Monday first
_GROWTH = 0.12  # more contacts a day at the end than at the start
_OFFICE = (0, 0, 0, 0, 0, 0, 0, 0, 4, 8, 10, 9, 6, 7, 9, 9, 8, 7, 5, 4, 3, 2, 0, 0)
_EVENING = (0, 0, 0, 0, 0, 0, 0, 0, 3, 6, 8, 8, 7, 7, 7, 7, 7, 6, 6, 8, 9, 6, 0, 0)
_ALWAYS = (1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 6, 7, 8, 8, 7, 6, 5, 5, 5, 4, 3, 2)
_HOURS = {CHAT: _EVENING, CALL: _OFFICE, TICKET: _ALWAYS, EMAIL: _ALWAYS, BOT: _ALWAYS}


def bad_week(until: date) -> tuple[date, date]:
    """The Monday it begins and the Monday it is over, for data that end before `until`."""
    near = until - timedelta(days=BAD_WEEK_BACK)
    monday = near - timedelta(days=near.weekday())
    return monday, monday + timedelta(days=7)


def day_weights(until: date) -> Floats:
    """How busy each of the DAYS days before `until` is, 1 on average."""
    weekday = (first_day(until).weekday() + np.arange(DAYS)) % 7
    weights = _WEEKDAYS[weekday] * (1 + _GROWTH * np.linspace(-0.5, 0.5, DAYS))
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def hour_shares(channel: int) -> Floats:
    """The share of a channel's contacts that come in each of the 24 local hours."""
    weights = np.array(_HOURS[channel], dtype=np.float64)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def first_day(until: date) -> date:
    """The first day of the data."""
    return until - timedelta(days=DAYS)


def wall_clock(day: date) -> int:
    """A local midnight in ms on the wall-clock line (as if the zone were UTC)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND


def utc_shift(moments: Floats, zone: str) -> Floats:
    """What to add to wall-clock ms of `zone` to come to UTC, looked up once for each hour that occurs."""
    hours, place = np.unique(np.floor_divide(moments, HOUR).astype(np.int64), return_inverse=True)
    tz = ZoneInfo(zone)
    shifts = []
    for hour in hours.tolist():
        local = datetime.fromtimestamp(hour * HOUR // SECOND, UTC).replace(tzinfo=tz)
        offset = local.utcoffset()
        shifts.append(-offset.total_seconds() * SECOND if offset else 0.0)
    return np.asarray(np.array(shifts, dtype=np.float64)[place], dtype=np.float64)


def into_opening_hours(moments: Floats, random: Floats) -> Floats:
    """Moments outside opening hours moved to the first hour and a half after people are back."""
    of_day = np.mod(moments, DAY)
    midnight = moments - of_day
    back = OPENS * HOUR + random * 90 * MINUTE
    early = of_day < OPENS * HOUR
    late = of_day >= CLOSES * HOUR
    return np.where(early, midnight + back, np.where(late, midnight + DAY + back, moments))
