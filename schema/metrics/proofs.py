"""The proof of a number: what was counted, what was not and why, by which definition, from which data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import strawberry

from backend.core.errors import Problem as DomainProblem
from backend.metrics import proofs as domain
from schema.locale import Locale
from schema.metrics.enums import ExclusionKind, ProofPath
from schema.metrics.types import Cell, Problem, SeriesKpi, Window
from schema.scalars import LocalMoment
from schema.schedules.types import HeldSchedule


@strawberry.type(description="Rows of a population that are not counted, and why.")
class Exclusion:
    kind: ExclusionKind = strawberry.field(description="Why.")
    reason: str = strawberry.field(
        description="Of EXCLUDED rows the exclusion they carry, such as `spam`; else the kind in small "
        "letters."
    )
    rows: int = strawberry.field(description="How many; at least 1.")


@strawberry.type(
    description="One aggregate of a formula. `population` is `counted` and all `exclusions` together, exactly."
)
class AggregateProof:
    formula: str = strawberry.field(description="What is computed, with all references written out.")
    fact: str = strawberry.field(
        description="The kind of row: interaction, survey, order, event, review, activity, article, sla, turn, "
        "cycle, or base for customers."
    )
    anchor: str = strawberry.field(
        description="The moment that puts a row into a window or bucket; with `while`, that its state began with."
    )
    including_excluded: bool = strawberry.field(
        description="Whether rows that carry an exclusion are counted, too."
    )
    credit: str = strawberry.field(
        description="The attribution rule, such as `owner` or `last`: what says whose a row is."
    )
    population: int = strawberry.field(
        description="All rows of that kind that the aggregate looks at and that meet the question's filter: those in "
        "the cell; with `over` those of the time before its end, with `while` those in the state then, with `across` "
        "those of all members of the dimension; in a cell of one agent, those credited to that agent."
    )
    counted: int = strawberry.field(description="Those that the aggregate is taken over; its n.")
    exclusions: list[Exclusion] = strawberry.field(description="All others, by reason.")
    cell: Cell = strawberry.field(description="The aggregate's own value.")

    @classmethod
    def from_domain(cls, proof: domain.AggregateProof) -> AggregateProof:
        """The API's form of a proof."""
        return cls(
            formula=proof.formula,
            fact=proof.fact,
            anchor=proof.anchor,
            including_excluded=proof.including_excluded,
            credit=proof.credit,
            population=proof.population,
            counted=proof.counted,
            exclusions=[
                Exclusion(kind=ExclusionKind(one.kind.value), reason=one.reason, rows=one.rows)
                for one in proof.exclusions
            ],
            cell=Cell.from_domain(proof.cell),
        )


@strawberry.type(description="The newest write to the tenant's facts.")
class DataVersion:
    id: str = strawberry.field(description="Opaque; a later write has another one.")
    written_at: datetime = strawberry.field(description="When it was written.")


@strawberry.type(description="What one value rests on.")
class KpiProof:
    kpi: SeriesKpi = strawberry.field(description="What the value is, with its formula in canonical form.")
    version: int | None = strawberry.field(
        description="The version of the KPI's definition; null where a formula was asked."
    )
    effective_from: LocalMoment | None = strawberry.field(
        description="First local day that version holds for; null where a formula was asked."
    )
    window: Window | None = strawberry.field(
        description="The cell's own window: its bucket's part of what was asked; null when all of time was."
    )
    zone: str = strawberry.field(description="IANA time zone that the window was cut in.")
    cell: Cell = strawberry.field(description="The value with numerator, denominator and n.")
    aggregates: list[AggregateProof] = strawberry.field(
        description="Every aggregate of the formula, from left to right, those of KPIs it refers to among "
        "them."
    )
    path: ProofPath = strawberry.field(description="What it was computed from.")
    schedules: list[HeldSchedule] = strawberry.field(
        description="Versions of working hours that were in force in the window for any queue or team; empty "
        "unless the formula or the filter measures business hours."
    )
    data_version: DataVersion | None = strawberry.field(
        description="The newest write it has seen; null where nothing was ever written."
    )

    @classmethod
    def from_domain(cls, proof: domain.Proof, locale: Locale) -> KpiProof:
        """The API's form of a proof."""
        seen = proof.data_version
        return cls(
            kpi=SeriesKpi.from_domain(proof.kpi, locale),
            version=proof.version,
            effective_from=None if proof.effective_from is None else LocalMoment(proof.effective_from),
            window=Window.from_domain(proof.window),
            zone=proof.zone,
            cell=Cell.from_domain(proof.cell),
            aggregates=[AggregateProof.from_domain(one) for one in proof.aggregates],
            path=ProofPath(proof.path),
            schedules=[HeldSchedule.from_domain(one) for one in proof.schedules],
            data_version=None
            if seen is None
            else DataVersion(id=str(seen.number), written_at=seen.written_at),
        )


@strawberry.type(description="Proofs, or what to mend in the question.")
class KpiProofPayload:
    proofs: list[KpiProof] | None = strawberry.field(
        description="One for each KPI asked: keys first, then formulas. Null when there are problems."
    )
    problems: list[Problem] = strawberry.field(description="Empty when there are proofs.")

    @classmethod
    def from_proofs(cls, found: Iterable[domain.Proof], locale: Locale) -> KpiProofPayload:
        """A payload with proofs."""
        return cls(proofs=[KpiProof.from_domain(one, locale) for one in found], problems=[])

    @classmethod
    def from_problems(cls, problems: Iterable[DomainProblem]) -> KpiProofPayload:
        """A payload with what the question should have said."""
        return cls(proofs=None, problems=[Problem.from_domain(problem) for problem in problems])
