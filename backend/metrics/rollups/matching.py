"""Which series a statement can be answered from, and why not from any; how their groups become its groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.language.bound import Business, FieldValue, Happened, Linked, Matured, Related, Row
from backend.metrics.language.fields import BASE, CUSTOMER
from backend.metrics.language.types import Field, Origin
from backend.metrics.planning.calendar import DATED
from backend.metrics.planning.planner import Kind, Scan, Split, Statement
from backend.metrics.planning.reach import leaves_of
from backend.metrics.rollups.cells import Block, Grouping
from backend.metrics.rollups.days import even_hours, start_of, whole_days
from backend.metrics.rollups.packing import Coded, Ints
from backend.metrics.rollups.series import TABLES, Cells, Ground

_HOUR_OF_DAY = "hour_of_day"
_BY_PRESENT_TEAM = {"order", "activity"}  # their team is that of their agent today
_PASSING = {
    Origin.LOOKED_UP: "looks into other rows",
    Origin.CLOCK: "looks at the clock",
    Origin.SNAPSHOT: "looks at the instant at which a cell ends",
}


def why_not(scan: Scan) -> str | None:
    """Why the rows of a scan cannot be worked out beforehand; None if they can.

    What is worked out of a day has to stay right until an hour of that day is touched, so nothing else may move it.
    """
    if scan.window is None:
        return "it takes all rows, also those without a moment"
    if scan.basis.moving is not None and scan.grain is not None:
        return "its cells look back over time that they share"
    if scan.basis.state is not None:
        return "it looks at states"
    if scan.basis.fact == BASE or scan.basis.fact not in TABLES:
        return "customers mark no days"
    if scan.where is not None:
        return _moves(scan.basis.fact, [scan.where])
    return None


def why_not_collected(statement: Statement, split: Split) -> str | None:
    """Why groups and parts of a statement cannot be kept by day; None if they can."""
    if statement.kind is Kind.WHOLE:
        return "what it collects does not merge"
    rows: list[Row] = [FieldValue(one, one.type) for one in split.dimensions]
    for part in statement.parts:
        rows += [row for row in (part.value, part.condition) if row is not None]
    reason = _moves(statement.scan.basis.fact, rows)
    window = statement.scan.window
    if reason is None and window is not None and _is_hourly(split):
        days = whole_days(window)
        if days and not even_hours(days, window.zone):
            return "its hours shift by less than an hour within the window"
    return reason


def _moves(fact: str, rows: Iterable[Row]) -> str | None:
    for leaf in (leaf for row in rows for leaf in leaves_of(row)):
        match leaf:
            case Related() | Linked():
                return "it looks for other rows"
            case Matured():
                return "it looks at the clock"
            case Business():
                return "it goes by working hours, which may be changed for the past"
            case FieldValue(field=field) | Happened(field=field):
                if field.fact == CUSTOMER:
                    return "it reads what is known of the customer today"
                if field.name == "team" and fact in _BY_PRESENT_TEAM:
                    return "it reads the team that the agent is in today"
                if field.origin in _PASSING:
                    return f"“{field.name}” {_PASSING[field.origin]}"
            case _:
                pass
    return None


def cells_of(statement: Statement, split: Split, ground: Ground) -> Cells:
    """The series whose groups make those of a split, for a statement for which `why_not` has no reason."""
    scan = statement.scan
    kept = tuple(one for one in split.dimensions if one.origin is not Origin.CALENDAR)
    return Cells(ground, scan.basis, scan.where, scan.per_agent, kept, _is_hourly(split))


def _is_hourly(split: Split) -> bool:
    by_hour = any(one.column == _HOUR_OF_DAY for one in split.dimensions if one.origin is Origin.CALENDAR)
    return split.grain is Grain.HOUR or by_hour


def grain_of(series: Cells) -> Grain:
    """By what rows are grouped for the cells of a series."""
    return Grain.HOUR if series.hourly else Grain.DAY


def regrouped(block: Block, places: Ints, split: Split, window: Window) -> Grouping:
    """How some groups of a block fall into the groups of a split, whose buckets are those of the window."""
    days, hours = block.days[places], block.hours[places]
    columns = []
    if split.grain is not None:
        columns.append(_ranks(days, hours, split.grain, window))
    kept = iter(block.keys)
    for dimension in split.dimensions:
        if dimension.origin is Origin.CALENDAR:
            columns.append(_calendar(dimension, days, hours, window.zone))
        else:
            key = next(kept)
            columns.append(Coded(key.codes[places], key.values))
    return Grouping.by(places, columns)


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
    if dimension.column == _HOUR_OF_DAY:
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


def _by_day(days: Ints, value: Any) -> Ints:
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


@dataclass(frozen=True, slots=True)
class Matched:
    """One split of a statement and the series that its groups can be made of; else why there is none."""

    statement: Statement
    split: Split
    series: Cells | None
    reason: str | None = None


def match_cells(statement: Statement, ground: Ground, *, restricted: bool) -> Iterator[Matched]:
    """Each split of a statement with its series."""
    reason = "it shows one agent's or team's rows only" if restricted else why_not(statement.scan)
    for split in statement.splits:
        why = reason or why_not_collected(statement, split)
        series = None if why else cells_of(statement, split, ground)
        yield Matched(statement, split, series, why)
