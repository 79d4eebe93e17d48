"""What the statements brought back, by scan and split: groups and the parts collected for each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

from backend.core.errors import Invalid
from backend.metrics.language.types import Field, Origin
from backend.metrics.planning.histogram import Histogram
from backend.metrics.planning.lowering import MOST_GROUPS, Lowered
from backend.metrics.planning.moving import cell_bounds, gathered, spans_back, standing
from backend.metrics.planning.parts import Collect, Part, empty, merge
from backend.metrics.planning.planner import Scan, Split, Statement

GroupKey: TypeAlias = tuple[Hashable, ...]  # bucket rank (with a grain), then a raw value per dimension
# where a row's key stands, what its parts go into and where they stand, and for a histogram where its bucket stands
_Place: TypeAlias = tuple[list[int], list[tuple[dict[GroupKey, Any], Collect, int]], int | None]


@dataclass(slots=True)
class Frames:
    """Per part and place (scan, split): the value of each group that has rows."""

    ids: dict[str, set[int]] = field(default_factory=dict)  # "agent" -> the ids met
    _values: dict[tuple[Scan, Split, Part], dict[GroupKey, Any]] = field(default_factory=dict)
    _cut: set[tuple[Scan, Split, Part]] = field(default_factory=set)
    _accumulated: dict[tuple[Scan, Split, Part], dict[GroupKey, Any]] = field(default_factory=dict)

    def add(self, lowered: Lowered, rows: Sequence[Sequence[Any]]) -> None:
        """Takes the rows of one statement. Those of a part of its window are merged with what is there already."""
        statement = lowered.statement
        if statement.scan.within:
            apart = Frames()
            apart.add(replace(lowered, statement=bare(statement)), rows)
            self._merge(apart)
            return
        places = {mask: self._place(lowered, split, at) for mask, (split, at) in lowered.masks.items()}
        counted: dict[int, dict[GroupKey, dict[int, int]]] = {mask: {} for mask in places}
        for row in rows:
            positions, targets, bucket_at = places[row[0]]
            group = tuple(row[position] for position in positions)
            if bucket_at is None:
                for values, collect, place in targets:
                    values[group] = _whole(row[place], collect)
            else:
                counts = counted[row[0]].setdefault(group, {})
                if (bucket := row[bucket_at]) is not None:
                    counts[bucket] = row[-1]
        for mask, groups in counted.items():
            places[mask][1][0][0].update({group: Histogram.of(each) for group, each in groups.items()})
        for at, key in enumerate(lowered.keys, 1):
            if isinstance(key, Field) and key.origin is Origin.NAMED:
                self.ids.setdefault(key.name, set()).update(row[at] for row in rows if row[at] is not None)
        if len(rows) > MOST_GROUPS:
            self._cut.update(
                (statement.scan, split, part) for split, parts in statement.needs for part in parts
            )

    def take(self, scan: Scan, split: Split, part: Part, values: Mapping[GroupKey, Any]) -> None:
        """Takes the values of one part; those of groups that are there already are merged."""
        place = scan, split, part
        known = self._values.setdefault(place, {})
        if not known:
            known.update(values)
        else:
            for key, value in values.items():
                known[key] = merge(part.collect, known[key], value) if key in known else value
        if len(known) > MOST_GROUPS:
            self._cut.add(place)
        shift = 0 if split.grain is None else 1
        for at, dimension in enumerate(split.dimensions, shift):
            if dimension.origin is Origin.NAMED:
                met = {key[at] for key in values} - {None}
                self.ids.setdefault(dimension.name, set()).update(met)  # type: ignore[arg-type]

    def _merge(self, other: Frames) -> None:
        self._cut |= other._cut
        for (scan, split, part), values in other._values.items():
            self.take(scan, split, part, values)

    def _place(self, lowered: Lowered, split: Split, at: int | None) -> _Place:
        statement = lowered.statement
        places = {part: place for place, part in enumerate(statement.parts)}
        needed = next(parts for one, parts in statement.needs if one == split)
        targets = [
            (
                self._values.setdefault((statement.scan, split, part), {}),
                part.collect,
                1 + len(lowered.keys) + places[part],
            )
            for part in needed
            if at in (None, places[part])
        ]
        positions = [1 + lowered.keys.index(key) for key in split.keys]
        return positions, targets, None if at is None else 1 + len(lowered.keys) + at

    def groups(self, scan: Scan, split: Split, part: Part) -> Mapping[GroupKey, Any]:
        """The value of a part for each group that has rows.

        Raises Invalid (ANSWER_TOO_LARGE) where the database had more groups than it was asked for.
        """
        place = scan, split, part
        if place in self._cut:
            raise _too_many()
        if scan.grain is None or scan.each_cell:
            return self._values[place]
        if place not in self._accumulated:
            self._accumulated[place] = _accumulated(scan, self._values[place], part)
        return self._accumulated[place]

    def regrouped(
        self, scan: Scan, split: Split, part: Part, key: Callable[[GroupKey], GroupKey | None]
    ) -> Mapping[GroupKey, Any]:
        """The values merged into coarser groups, but for groups whose `key` is None; raises ValueError for what
        cannot merge.
        """
        merged: dict[GroupKey, Any] = {}
        for group, value in self.groups(scan, split, part).items():
            coarse = key(group)
            if coarse is None:
                continue
            if part.collect is Collect.HISTOGRAM:
                merged.setdefault(coarse, []).append(value)  # they are many, and large
                continue
            before = merged.get(coarse, _ABSENT)
            merged[coarse] = value if before is _ABSENT else merge(part.collect, before, value)
        if part.collect is Collect.HISTOGRAM:
            return {key: Histogram.sum_of(values) for key, values in merged.items()}
        return merged


def bare(statement: Statement) -> Statement:
    """A statement over all of its window."""
    return replace(statement, scan=replace(statement.scan, within=()))


_ABSENT = object()


def _accumulated(scan: Scan, values: Mapping[GroupKey, Any], part: Part) -> dict[GroupKey, Any]:
    """Values of segments, or of comings and goings, as values of cells."""
    assert scan.window is not None
    moving = scan.basis.moving
    if moving is not None:
        found = gathered(values, spans_back(scan.window, scan.grain, moving), part.collect, MOST_GROUPS)
    else:
        found = standing(values, len(cell_bounds(scan.window, scan.grain)), part.collect, MOST_GROUPS)
    if len(found) > MOST_GROUPS:
        raise _too_many()
    return found


def _too_many() -> Invalid:
    return Invalid(
        "The rows fall into too many groups; take fewer dimensions or a shorter window.",
        code="ANSWER_TOO_LARGE",
    )


def _whole(value: Any, collect: Collect) -> Any:
    # PostgreSQL's sum of bigint is numeric: whole, but a Decimal here
    if value is None:
        return empty(collect)
    return int(value) if isinstance(value, Decimal) else value
