"""Bound questions to a plan: which parts are collected over which rows, split how. Knows no SQL.

Everything asked of the same rows goes into one statement, whoever asks, however the answers are split;
so a board costs as many scans as it looks at different rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from backend.core.windows import Grain, Window
from backend.metrics.language.bound import Basis, BoundFormula, Row
from backend.metrics.language.types import Field
from backend.metrics.planning.maturity import parts_for_maturity
from backend.metrics.planning.parts import Collect, Part, parts_in

Key: TypeAlias = Grain | Field

# Of one statement. PostgreSQL's grouping() takes 31 names: keys, and for histograms one for each part.
MOST_SPLITS = 12
MOST_KEYS = 23
MOST_HISTOGRAMS = 8
MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of a basis inside a window that meet a condition."""

    basis: Basis
    window: Window | None
    where: Row | None


@dataclass(frozen=True, slots=True)
class Split:
    """How the rows of a scan fall into groups; neither grain nor dimensions: all of them are one group."""

    grain: Grain | None = None
    dimensions: tuple[Field, ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """What it groups by, in the order its groups are keyed."""
        return self.dimensions if self.grain is None else (self.grain, *self.dimensions)

    def without(self, dimensions: Collection[Field]) -> Split:
        """The split whose groups take all members of these dimensions together."""
        return replace(self, dimensions=tuple(one for one in self.dimensions if one not in dimensions))


ALL = Split()


class Kind(StrEnum):
    """The three sorts of statement over one scan."""

    PARTS = "parts"  # what merges and is one value
    HISTOGRAMS = "histograms"  # what merges and is many values
    WHOLE = "whole"  # what does not merge: its totals are collected from the rows too


def kind_of(part: Part) -> Kind:
    """The sort of statement that collects a part."""
    if not part.mergeable:
        return Kind.WHOLE
    return Kind.HISTOGRAMS if part.collect is Collect.HISTOGRAM else Kind.PARTS


@dataclass(frozen=True, slots=True)
class Statement:
    """Parts collected over one scan, once per split."""

    kind: Kind
    scan: Scan
    splits: tuple[Split, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A question ready to be planned: every name has its meaning.

    `by_member` says that members are ranked over the whole window, so they need totals of their own.
    """

    formulas: tuple[BoundFormula, ...]
    where: Row | None
    window: Window | None
    previous: Window | None
    split: Split
    by_member: bool = False

    @property
    def windows(self) -> tuple[Window | None, ...]:
        """The asked window, and the one it is compared with."""
        return (self.window,) if self.previous is None else (self.window, self.previous)

    def scan(self, part: Part, window: Window | None, split: Split) -> Scan:
        """The rows that a part of this question is collected over for the groups of a split."""
        return Scan(part.basis, window, self.where)

    def splits(self, part: Part) -> tuple[Split, ...]:
        """The splits a part is collected by; what regroups is collected by the finest one only."""
        wanted = (self.split,)
        if not part.regroups:
            members = (Split(None, self.split.dimensions),) if self.by_member else ()
            wanted = (self.split, *members, ALL)
        return tuple(dict.fromkeys(split.without(part.across) for split in wanted))


@dataclass(frozen=True, slots=True)
class Plan:
    """The statements that answer a set of questions, each run once."""

    statements: tuple[Statement, ...]


@dataclass(slots=True)
class _Gathered:
    # ordered sets: plans of equal questions are equal, and so are their statements
    splits: dict[Split, None] = field(default_factory=dict)
    parts: dict[Part, None] = field(default_factory=dict)


def plan(tasks: Iterable[Task]) -> Plan:
    """The fewest statements that collect every part of every question."""
    gathered: dict[tuple[Scan, Kind], _Gathered] = {}
    for task in tasks:
        parts = dict.fromkeys(part for one in task.formulas for part in _parts(one))
        for window in task.windows:
            for part in parts:
                for split in task.splits(part):
                    place = task.scan(part, window, split), kind_of(part)
                    group = gathered.setdefault(place, _Gathered())
                    group.parts[part] = None
                    group.splits[split] = None
    return Plan(tuple(_statements(gathered)))


def _parts(formula: BoundFormula) -> Iterator[Part]:
    yield from parts_in(formula.expression)
    yield from parts_for_maturity(formula.expression)


def _statements(gathered: Mapping[tuple[Scan, Kind], _Gathered]) -> Iterator[Statement]:
    for (scan, kind), group in gathered.items():
        most = MOST_HISTOGRAMS if kind is Kind.HISTOGRAMS else MOST_PARTS
        parts = tuple(group.parts)
        for splits in _bundles(group.splits):
            for at in range(0, len(parts), most):
                yield Statement(kind, scan, splits, parts[at : at + most])


def _bundles(splits: Iterable[Split]) -> Iterator[tuple[Split, ...]]:
    bundle: list[Split] = []
    for split in splits:
        keys = {key for one in (*bundle, split) for key in one.keys}
        if bundle and (len(bundle) == MOST_SPLITS or len(keys) > MOST_KEYS):
            yield tuple(bundle)
            bundle = []
        bundle.append(split)
    yield tuple(bundle)
