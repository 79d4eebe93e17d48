"""Bound questions to a plan: which parts are collected over which rows, split how. Knows no SQL.

Everything asked of the same rows goes into one statement, whoever asks, however the answers are split;
so a board costs as many scans as it looks at different rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from backend.core.windows import Grain, Window
from backend.metrics.language.attribution import AGENT, rule_of
from backend.metrics.language.bound import Aggregate, Basis, BoundFormula, IsMissing, Row
from backend.metrics.language.hashing import HashedOnce
from backend.metrics.language.types import Field
from backend.metrics.planning.cells import all_of
from backend.metrics.planning.editions import Editions, Ends
from backend.metrics.planning.maturity import parts_for_maturity
from backend.metrics.planning.moving import looked_back
from backend.metrics.planning.parts import Collect, Part, parts_in
from backend.metrics.planning.reach import reads_agent

Key: TypeAlias = Grain | Field

# Of one statement. PostgreSQL's grouping() takes 31 names: keys, and for histograms one for each part.
MOST_SPLITS = 12
MOST_KEYS = 23
MOST_HISTOGRAMS = 8
MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Scan(HashedOnce):
    """The rows of a basis inside a window that meet a condition.

    Each stands there once, if it meets the condition for any of the agents it is credited to; `per_agent`
    once for every agent that it meets the condition for.

    `grain` is there where rows lie in other cells than their moment says: that of the buckets whose ends are
    looked back from (`moving`), or looked at (`state`). A state without a grain is that at the window's end.
    With `each_cell` a row is collected for each cell that it lies in; else cells are accumulated from what
    comes back (`moving.py`). `within` are the only parts of the window that are looked at; empty: all of it.
    """

    basis: Basis
    window: Window | None
    where: Row | None
    per_agent: bool = False
    grain: Grain | None = None
    each_cell: bool = False
    within: tuple[Window, ...] = ()

    __hash__ = HashedOnce.hash_once


@dataclass(frozen=True, slots=True)
class Split(HashedOnce):
    """How the rows of a scan fall into groups; neither grain nor dimensions: all of them are one group."""

    grain: Grain | None = None
    dimensions: tuple[Field, ...] = ()

    __hash__ = HashedOnce.hash_once

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
    """Parts collected over one scan, by splits; `needs` says which parts are asked for by which split."""

    kind: Kind
    scan: Scan
    needs: tuple[tuple[Split, tuple[Part, ...]], ...]

    @property
    def splits(self) -> tuple[Split, ...]:
        """All splits."""
        return tuple(split for split, _ in self.needs)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts, in the order they are first needed."""
        return tuple(dict.fromkeys(part for _, parts in self.needs for part in parts))


@dataclass(frozen=True, slots=True)
class Task:
    """A question ready to be planned: every name has its meaning.

    `by_member` says that members are ranked over the whole window, so they need totals of their own.
    `restricted`: only rows of certain agents may be seen, those of one or of a team. `members` are those of a
    single cell that is asked for, each as a condition: what is taken across their dimension does not heed it.
    `formulas` are those in force at the window's end; `editions` has all that its cells need, for each of the
    formulas, and is empty where none of them changes.
    """

    formulas: tuple[BoundFormula, ...]
    where: Row | None
    window: Window | None
    previous: Window | None
    split: Split
    by_member: bool = False
    restricted: bool = False
    members: tuple[tuple[Field, Row], ...] = ()
    editions: tuple[Editions, ...] = ()

    @property
    def windows(self) -> tuple[Window | None, ...]:
        """The asked window, and the one it is compared with."""
        return (self.window,) if self.previous is None else (self.window, self.previous)

    def ends(self, window: Window | None) -> Ends:
        """When the cells of one of the windows end."""
        return Ends(self.split.grain, *([] if window is None else [window]))

    def formulas_in(self, window: Window | None) -> tuple[BoundFormula, ...]:
        """Every formula by which a cell of one of the windows is computed."""
        if not self.editions:
            return self.formulas
        ends = self.ends(window)
        needed = [each.formulas[at] for each in self.editions for at in ends.find_used(each.instants)]
        return tuple(one for one in needed if one is not None)

    def scan(self, part: Part, window: Window | None, split: Split) -> Scan:
        """The rows that a part of this question is collected over for the groups of a split."""
        each_cell = split.grain is not None and not part.accumulates
        return _placed(self._credited_scan(part, window, split), split.grain, each_cell=each_cell)

    def population(self, *aggregates: Aggregate) -> Scan:
        """The rows that aggregates of one basis run over, before their own conditions."""
        first = aggregates[0]
        where = self._heeded(first.across)
        asked = any(reads_agent(row) for one in aggregates for row in (one.where, one.argument))
        basis = self._credited(first.basis, where, by_agent=asked)
        return _placed(Scan(basis, self.window, where), None, each_cell=False)

    def _credited_scan(self, part: Part, window: Window | None, split: Split) -> Scan:
        """The rows of a part wherever they lie.

        Whom rows are credited to matters only where agents are asked about; elsewhere each counts once, so
        that such numbers share their statements with those of other rules.
        """
        where = self._heeded(part.across)
        if part.basis.credit is None:
            return Scan(part.basis, window, where)
        by_agent = any(one.name == AGENT for one in split.dimensions)
        asked = [row for row in (part.condition, part.value) if row is not None and reads_agent(row)]
        basis = self._credited(part.basis, where, by_agent=by_agent or bool(asked))
        if not rule_of(basis.credit).several:
            return Scan(basis, window, where)
        if by_agent or (reads_agent(part.value) and part.collect is Collect.DISTINCT):
            return Scan(basis, window, where, per_agent=True)
        # so that which of a row's agents are asked for is settled before the row is counted once
        for row in asked:
            narrower: Row = row if row is part.condition else IsMissing(row, negated=True)
            where = all_of([*([where] if where is not None else []), narrower])
        return Scan(basis, window, where)

    def _heeded(self, across: Collection[Field]) -> Row | None:
        """What rows have to meet, but for the members of dimensions that are taken across."""
        members = [condition for field, condition in self.members if field not in across]
        return all_of([*([self.where] if self.where is not None else []), *members])

    def splits(self, part: Part) -> tuple[Split, ...]:
        """The splits a part is collected by, the finest one first; what regroups needs no other."""
        if part.regroups:
            return (self.split,)
        members = (Split(None, self.split.dimensions),) if self.by_member else ()
        coarser = (split.without(part.across) for split in (self.split, *members, ALL))
        return tuple(dict.fromkeys((self.split, *coarser)))

    def _credited(self, basis: Basis, where: Row | None, *, by_agent: bool) -> Basis:
        """The basis, without its attribution rule where nothing depends on it."""
        if by_agent or self.restricted or reads_agent(where):
            return basis
        return replace(basis, credit=None)


def _placed(scan: Scan, grain: Grain | None, *, each_cell: bool) -> Scan:
    """A scan with the cells that its rows lie in, where those are others than their moments say."""
    basis, moving = scan.basis, scan.basis.moving
    if scan.window is None or (moving is None and basis.state is None):
        return scan
    if grain is None and moving is not None:  # just another window
        return replace(scan, basis=replace(basis, moving=None), window=looked_back(scan.window, moving))
    return replace(scan, grain=grain, each_cell=each_cell)


@dataclass(frozen=True, slots=True)
class Plan:
    """The statements that answer a set of questions, each run once."""

    statements: tuple[Statement, ...]


_Needs: TypeAlias = dict[
    Split, dict[Part, None]
]  # ordered sets: equal questions have equal plans and statements


def plan(tasks: Iterable[Task]) -> Plan:
    """The fewest statements that collect every part of every question."""
    gathered: dict[tuple[Scan, Kind], _Needs] = {}
    for task in tasks:
        for window in task.windows:
            formulas = task.formulas_in(window)
            for part in dict.fromkeys(part for one in formulas for part in _parts(one)):
                for split in task.splits(part):
                    place = task.scan(part, window, split), kind_of(part)
                    gathered.setdefault(place, {}).setdefault(split, {})[part] = None
    return Plan(tuple(_statements(gathered)))


def _parts(formula: BoundFormula) -> Iterator[Part]:
    yield from parts_in(formula.expression)
    yield from parts_for_maturity(formula.expression)


def _statements(gathered: Mapping[tuple[Scan, Kind], _Needs]) -> Iterator[Statement]:
    for (scan, kind), needs in gathered.items():
        most = MOST_HISTOGRAMS if kind is Kind.HISTOGRAMS else MOST_PARTS
        for splits in _bundles(needs):
            parts = list(dict.fromkeys(part for split in splits for part in needs[split]))
            for at in range(0, len(parts), most):
                some = set(parts[at : at + most])
                needed = ((split, tuple(part for part in needs[split] if part in some)) for split in splits)
                yield Statement(kind, scan, tuple(one for one in needed if one[1]))


def _bundles(splits: Iterable[Split]) -> Iterator[tuple[Split, ...]]:
    bundle: list[Split] = []
    for split in splits:
        keys = {key for one in (*bundle, split) for key in one.keys}
        if bundle and (len(bundle) == MOST_SPLITS or len(keys) > MOST_KEYS):
            yield tuple(bundle)
            bundle = []
        bundle.append(split)
    yield tuple(bundle)
