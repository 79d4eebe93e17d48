"""Which series a statement can be answered from, and why not from any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.windows import Grain
from backend.metrics.language.bound import FieldValue
from backend.metrics.language.types import Fact, Origin
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Kind, Scan, Split, Statement
from backend.metrics.rollups.days import Days, day_of, even_hours, whole_days
from backend.metrics.rollups.dependence import TABLES, TRUE, Looked, aged, look, settled
from backend.metrics.rollups.regrouping import HOUR_OF_DAY
from backend.metrics.rollups.series import Cells, Ground, part_id


def why_not(scan: Scan) -> str | None:
    """Why the rows of a scan cannot be worked out beforehand; None if they can, as far as they are rows of days."""
    if scan.window is None:
        return "it takes all rows, also those without a moment"
    if scan.basis.moving is not None and scan.grain is not None:
        return "its cells look back over time that they share"
    if scan.basis.state is not None:
        return "it looks at states"
    if scan.basis.fact not in TABLES:
        return "customers mark no days"
    return None


def why_not_grouped(statement: Statement, split: Split) -> str | None:
    """Why groups of a statement cannot be kept by day; None if they can."""
    if statement.kind is Kind.WHOLE:
        return "what it collects does not merge"
    window = statement.scan.window
    if window is not None and _is_hourly(split):
        days = whole_days(window)
        if days and not even_hours(days, window.zone):
            return "its hours shift by less than an hour within the window"
    return None


def _is_hourly(split: Split) -> bool:
    by_hour = any(one.column == HOUR_OF_DAY for one in split.dimensions if one.origin is Origin.CALENDAR)
    return split.grain is Grain.HOUR or by_hour


def grain_of(series: Cells) -> Grain:
    """By what rows are grouped for the cells of a series."""
    return Grain.HOUR if series.hourly else Grain.DAY


@dataclass(frozen=True, slots=True)
class Variant:
    """A series that some days of a split can be made of; `parts` are called so there, in the order of the match's.

    Only days on which every row is `old` enough, or none is, by the time it is asked; None: any day.
    """

    series: Cells
    parts: tuple[str, ...]
    old: bool | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """One split of some parts of a statement, and what its groups can be made of; else why of nothing."""

    statement: Statement
    split: Split
    parts: tuple[Part, ...]
    variants: tuple[Variant, ...] = ()
    ages: frozenset[int] = frozenset()  # how old rows have to be, in ms
    reason: str | None = None

    def usable(self, variant: Variant, days: Days, now: datetime) -> Days | None:
        """The days that a variant can be used for at an instant."""
        if variant.old is None:
            return days
        zone = variant.series.ground.zone
        if variant.old:  # the last moment of the day has to be as long ago as the longest age
            line = day_of(now - timedelta(milliseconds=max(self.ages)), zone) - timedelta(days=1)
            return Days(days.first, min(days.last, line)) if days.first <= line else None
        line = day_of(now - timedelta(milliseconds=min(self.ages)), zone) + timedelta(days=1)
        return Days(max(days.first, line), days.last) if line <= days.last else None


def match_cells(
    statement: Statement, ground: Ground, facts: Mapping[str, Fact], *, restricted: bool
) -> Iterator[Matched]:
    """Each split of a statement with its series: apart for parts that depend on different things."""
    scan = statement.scan
    reason = "it shows one agent's or team's rows only" if restricted else why_not(scan)
    if reason is not None:
        yield from (Matched(statement, split, parts, reason=reason) for split, parts in statement.needs)
        return
    around = [] if scan.where is None else [scan.where]
    fact = facts[scan.basis.fact]
    for split, parts in statement.needs:
        keys = look(scan.basis, fact, [FieldValue(one, one.type) for one in split.dimensions])
        why = keys.reason or why_not_grouped(statement, split)
        groups: dict[Looked, list[Part]] = {}
        for part in parts:
            rows = [*around, *(row for row in (part.value, part.condition) if row is not None)]
            groups.setdefault(look(scan.basis, fact, rows), []).append(part)
        for looked, some in groups.items():
            reason = why or looked.reason
            if reason is not None:
                yield Matched(statement, split, tuple(some), reason=reason)
            else:
                variants = tuple(_variants(scan, split, some, ground, looked))
                yield Matched(statement, split, tuple(some), variants, looked.ages)


def stored_parts(matched: Matched) -> Iterator[tuple[Cells, tuple[Part, ...]]]:
    """What packs have to be made for a split to be answered from them."""
    for variant in matched.variants:
        yield variant.series, tuple(_aged(part, variant.old) for part in matched.parts)


def _variants(
    scan: Scan, split: Split, parts: Sequence[Part], ground: Ground, looked: Looked
) -> Iterator[Variant]:
    kept = tuple(one for one in split.dimensions if one.origin is not Origin.CALENDAR)
    for old in (True, False) if looked.ages else (None,):
        where = scan.where if scan.where is None or old is None else settled(scan.where, old=old)
        where = None if where == TRUE else where
        names = tuple(part_id(_aged(part, old)) for part in parts)
        series = Cells(ground, scan.basis, where, scan.per_agent, kept, _is_hourly(split), looked.on)
        yield Variant(series, names, old)


def _aged(part: Part, old: bool | None) -> Part:
    return part if old is None else aged(part, old=old)
