"""What the questions that are asked want to be kept: series of cells with their parts, and columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from uuid import UUID

from backend.core.errors import DomainError
from backend.metrics.language.bound import Row
from backend.metrics.language.types import Field, Kind, Origin
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.planning.planner import Kind as StatementKind
from backend.metrics.planning.planner import Scan, Split, Statement, plan
from backend.metrics.planning.reach import find_reach
from backend.metrics.preparation import Preparation
from backend.metrics.rollups.columns import divided, needed
from backend.metrics.rollups.columns_packs import Unfit
from backend.metrics.rollups.days import Days
from backend.metrics.rollups.demand import Demand
from backend.metrics.rollups.making import Parts
from backend.metrics.rollups.matching import match_cells, stored_parts
from backend.metrics.rollups.series import Cells, Columns, Ground

MOST_SERIES = 400  # of cells, of one tenant
MOST_COLUMNS = 400


@dataclass(slots=True)
class Wanted:
    """The series to be kept: of cells each with its parts."""

    cells: dict[Cells, Parts] = field(default_factory=dict)
    columns: dict[Columns, None] = field(default_factory=dict)


Series: TypeAlias = tuple[tuple[tuple[Cells, tuple[Part, ...]], ...], tuple[Columns, ...]]
Known: TypeAlias = dict[UUID, Series]  # by demand: of one extent and one state of definitions


def wanted_by(
    preparation: Preparation, demands: Iterable[tuple[Demand, int]], extent: Days, known: Known
) -> Wanted:
    """What questions want of the days of an extent, the first ones first where there is too much of it.

    Each comes with how often it was asked. What was worked out of it before is `known`. Of the rows that they look at,
    the columns are kept by which people filter, whatever was asked.
    """
    wanted = Wanted()
    for demand, times in demands:
        key = demand.id
        if key not in known:
            known[key] = _series(preparation, demand, extent)
        cells, columns = known[key]
        for series, parts in cells if times >= demand.often else ():
            if series in wanted.cells or len(wanted.cells) < MOST_SERIES:
                wanted.cells.setdefault(series, {}).update(dict.fromkeys(parts))
        for column in columns:
            if column in wanted.columns or len(wanted.columns) < MOST_COLUMNS:
                wanted.columns[column] = None
    return wanted


def _series(preparation: Preparation, demand: Demand, extent: Days) -> Series:
    ground = Ground(preparation.zone, preparation.currency)
    facts = preparation.vocabulary.facts
    try:
        task = preparation.prepare(demand.question(extent.window(preparation.zone))).task
    except DomainError:  # it names what is gone by now
        return (), ()
    statements = plan([task]).statements
    cells = tuple(
        stored
        for statement in statements
        for matched in match_cells(statement, ground, facts, restricted=False)
        for stored in stored_parts(matched)
    )
    columns = (one for statement in statements for one in _columns(preparation, statement, ground))
    return cells, tuple(dict.fromkeys(columns))


def _columns(preparation: Preparation, statement: Statement, ground: Ground) -> Iterator[Columns]:
    fit, _ = divided(statement)
    if fit is None:
        return
    basis = statement.scan.basis
    try:
        leaves = dict.fromkeys(needed(fit))
    except Unfit:
        return
    leaves |= dict.fromkeys(_filtered_by(preparation, statement.scan))
    for leaf in leaves:
        yield Columns(ground, basis, leaf)


def _filtered_by(preparation: Preparation, scan: Scan) -> Iterator[Row]:
    """The fields by which rows are filtered most: where they belong, and what sort they are of."""
    fact = preparation.vocabulary.facts[scan.basis.fact]
    for one in preparation.vocabulary.fields.values():
        if one.groupable and _is_sort(one) and find_reach(fact, one) is not None:
            yield from _leaves(scan, one)


def _is_sort(one: Field) -> bool:
    if one.origin is Origin.NAMED:
        return one.name != "customer"
    return one.origin is Origin.COLUMN and one.type.kind in (Kind.TEXT, Kind.BOOLEAN)


def _leaves(scan: Scan, one: Field) -> Iterator[Row]:
    count = Part(scan.basis, Collect.COUNT, None, None)
    by = Split(None, (one,))
    try:
        yield from needed(Statement(StatementKind.PARTS, replace(scan, where=None), ((by, (count,)),)))
    except Unfit:
        return
