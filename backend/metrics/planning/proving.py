"""Tallies of a population to proofs: what is counted, what is not, and why. Knows no SQL and no session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

from backend.core.errors import Invalid
from backend.metrics.language.attribution import rule_of
from backend.metrics.language.bound import Aggregate, BoundFormula
from backend.metrics.language.types import Unit
from backend.metrics.planning.describe import brief_aggregate
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.planner import ALL, Scan, Task
from backend.metrics.planning.reach import asks_business, read_by
from backend.metrics.planning.shaping import Wanted
from backend.metrics.planning.sources import MOST_REASONS, Standing
from backend.metrics.proofs import AggregateProof, DataVersion, Exclusion, ExclusionKind, Proof
from backend.metrics.questions import Cell, KpiDescription
from backend.schedules.timetable import Held

MOST_AGGREGATES = 200  # of one question: each takes four columns of a tally, and PostgreSQL has 1,664

Tally: TypeAlias = Sequence[Sequence[Any]]  # rows of `lower_tally`

_KINDS = {
    Standing.CONDITION_NOT_MET: ExclusionKind.CONDITION_NOT_MET,
    Standing.NEGATIVE_DURATION: ExclusionKind.NEGATIVE_DURATION,
    Standing.VALUE_MISSING: ExclusionKind.VALUE_MISSING,
}


def with_aggregates(wanted: Wanted, currency: str) -> Wanted:
    """A question of one row that also asks for each aggregate of its formulas, after the formulas.

    Raises Invalid (ANSWER_TOO_LARGE) where there are more than MOST_AGGREGATES.
    """
    task = wanted.task
    single = [one for formula in task.formulas for one in aggregates_of(formula.expression)]
    if len(single) > MOST_AGGREGATES:
        raise Invalid(
            f"The formulas have {len(single)} aggregates together; {MOST_AGGREGATES} can be proved at once.",
            code="ANSWER_TOO_LARGE",
        )
    formulas = tuple(BoundFormula(one, one.type, brief_aggregate(one)) for one in single)
    kpis = tuple(_description(one, currency) for one in formulas)
    return replace(
        wanted,
        task=replace(task, formulas=(*task.formulas, *formulas), split=ALL, by_member=False),
        kpis=(*wanted.kpis, *kpis),
        minimum_samples=(*wanted.minimum_samples, *(1 for _ in single)),
    )


def _description(formula: BoundFormula, currency: str) -> KpiDescription:
    text, unit = formula.canonical, formula.type.unit
    first = next(aggregates_of(formula.expression))
    money = currency if unit is Unit.MONEY else None
    return KpiDescription(text, text, text, unit, None, text, first.basis.anchor, money)


def by_scan(task: Task) -> Mapping[Scan, tuple[Aggregate, ...]]:
    """The different aggregates of a question's formulas by the rows they run over."""
    found: dict[Scan, dict[Aggregate, None]] = {}
    for formula in task.formulas:
        for one in aggregates_of(formula.expression):
            found.setdefault(task.population(one), {})[one] = None
    return {scan: tuple(aggregates) for scan, aggregates in found.items()}


def prove(
    wanted: Wanted,
    cells: Sequence[Cell],
    tallies: Mapping[Scan, Tally],
    data_version: DataVersion | None,
    schedules: Sequence[Held] = (),
) -> list[Proof]:
    """The proofs of a question's KPIs.

    `cells` are the values of `with_aggregates`, `schedules` what working hours were in force. Raises Invalid
    (ANSWER_TOO_LARGE) where there are more than MOST_REASONS different exclusions.
    """
    task = wanted.task
    single = iter(cells[len(task.formulas) :])
    return [
        Proof(
            kpi,
            kpi.version,
            kpi.versions[-1].effective_from if kpi.versions else None,
            task.window,
            wanted.zone,
            cell,
            tuple(_aggregates(formula, single, task, tallies)),
            data_version,
            schedules=tuple(schedules) if _by_clock(formula, task) else (),
        )
        for formula, kpi, cell in zip(task.formulas, wanted.kpis, cells[: len(task.formulas)], strict=True)
    ]


def _by_clock(formula: BoundFormula, task: Task) -> bool:
    return asks_business(read_by(aggregates_of(formula.expression), task.where))


def _aggregates(
    formula: BoundFormula, cells: Iterator[Cell], task: Task, tallies: Mapping[Scan, Tally]
) -> Iterator[AggregateProof]:
    together = by_scan(task)
    every = list(aggregates_of(formula.expression))
    for one, cell in zip(every, islice(cells, len(every)), strict=True):
        scan = task.population(one)
        yield _proof(one, cell, together[scan].index(one), tallies[scan])


def _proof(aggregate: Aggregate, cell: Cell, at: int, tally: Tally) -> AggregateProof:
    if len(tally) > MOST_REASONS:
        raise Invalid(
            f"The rows are excluded for more than {MOST_REASONS:,} different reasons; filter by exclusion.",
            code="ANSWER_TOO_LARGE",
        )
    first = 2 + at * len(Standing)
    counts = dict.fromkeys(Standing, 0)
    excluded: list[Exclusion] = []
    for row in tally:
        reason, rows = row[0], row[1]
        if reason is not None and not aggregate.basis.including_excluded:
            excluded.append(Exclusion(ExclusionKind.EXCLUDED, reason, rows))
            continue
        for standing, count in zip(Standing, row[first : first + len(Standing)], strict=True):
            counts[standing] += count
    excluded.sort(key=lambda one: (-one.rows, one.reason))
    others = [Exclusion(kind, kind.value, counts[standing]) for standing, kind in _KINDS.items()]
    return AggregateProof(
        brief_aggregate(aggregate),
        aggregate.basis.fact,
        aggregate.basis.anchor,
        aggregate.basis.including_excluded,
        rule_of(aggregate.basis.credit).name,
        cell,
        population=sum(row[1] for row in tally),
        counted=counts[Standing.COUNTED],
        exclusions=(*excluded, *(one for one in others if one.rows)),
    )
