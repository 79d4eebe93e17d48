"""What a change of a KPI would do to its numbers, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

import strawberry

from backend.core import windows
from backend.core.errors import Problem as DomainProblem
from backend.metrics import preview as domain
from backend.metrics.questions import Question
from schema.interactions.inputs import WindowInput
from schema.locale import Locale
from schema.metrics.drafts import place_of
from schema.metrics.enums import Grain, TouchedKind
from schema.metrics.types import DimensionColumn, KpiAnswer, Problem, Series, Window


@strawberry.input(description="A formula that a KPI is to have, and the rows to show it on.")
class PreviewKpiInput:
    key: str = strawberry.field(description="Which KPI; also one that is not there yet.")
    formula: str = strawberry.field(description="What it would compute, in the KPI language.")
    effective_from: date | None = strawberry.field(
        default=None,
        description="The first day it would hold for, in the tenant's zone: today or later. Null shows no "
        "`published` side.",
    )
    window: WindowInput = strawberry.field(description="From when to when.")
    grain: Grain | None = strawberry.field(
        default=None, description="Buckets to cut the window into; null for none."
    )
    dimensions: list[str] = strawberry.field(
        default_factory=list, description="At most 4, as `kpiValues` takes them."
    )
    where: str | None = strawberry.field(
        default=None, description="A condition in the KPI language that every row has to meet; null for none."
    )

    def to_draft(self) -> domain.Draft:
        """The definition that is tried."""
        return domain.Draft(self.key, self.formula, self.effective_from)

    def to_question(self, zone: str) -> Question:
        """The rows it is tried on; raises Invalid when the window ends before it begins."""
        return Question(
            kpis=(),
            window=windows.Window.of_local(self.window.from_, self.window.to, zone),
            dimensions=tuple(self.dimensions),
            grain=windows.Grain[self.grain.name] if self.grain else None,
            where=self.where,
        )


@strawberry.type(description="New minus old, where both have a value.")
class PreviewDifference:
    values: list[float | None] = strawberry.field(
        description="Place i belongs to row i; null where either side has no value."
    )
    total: float | None = strawberry.field(description="Of the totals; null where either has no value.")


@strawberry.type(description="Something whose numbers would change with the KPI.")
class Touched:
    kind: TouchedKind = strawberry.field(description="What it is. So far only KPIs can rest on a KPI.")
    key: str = strawberry.field(description="Its key.")
    name: str = strawberry.field(description="Its name in the reader's language (`Accept-Language`: en, zh).")
    problem: Problem | None = strawberry.field(
        description="Why it would no longer make sense, for which publishing is refused; null if it still would."
    )

    @classmethod
    def from_domain(cls, one: domain.Touched, locale: Locale) -> Touched:
        """The API's form of it."""
        return cls(
            kind=TouchedKind(one.kind.value),
            key=one.key,
            name=one.name_zh if locale is Locale.ZH else one.name_en,
            problem=None if one.problem is None else Problem.from_domain(place_of(one.problem)),
        )


@strawberry.type(
    description="A KPI's numbers by several definitions, on the same rows and from one snapshot. Rows are the "
    "combinations of bucket and dimension members, in one order."
)
class KpiPreview:
    window: Window = strawberry.field(description="What was asked for.")
    zone: str = strawberry.field(
        description="IANA time zone that buckets and calendar dimensions are cut in."
    )
    total_rows: int = strawberry.field(description="How many rows there are.")
    buckets: list[datetime] | None = strawberry.field(
        description="Local start of each row's bucket, with its offset. Null without a grain."
    )
    dimensions: list[DimensionColumn] = strawberry.field(
        description="One for each dimension asked, in that order."
    )
    old: Series | None = strawberry.field(
        description="As `kpiValues` answers now; null for a KPI that is not there, or whose formula makes no sense "
        "any more."
    )
    new: Series = strawberry.field(
        description="As if the formula had always been this one. For a new KPI, what it would answer."
    )
    published: Series | None = strawberry.field(
        description="As `kpiValues` would answer once it is published: as now for cells that end before "
        "`effectiveFrom`, by the formula after. Null without `effectiveFrom` and where `old` is null."
    )
    difference: PreviewDifference | None = strawberry.field(description="New minus old; null without `old`.")
    touched: list[Touched] = strawberry.field(
        description="KPIs that refer to it, themselves or through others, by key. (Scorecards and boards will be "
        "listed here once they exist.)"
    )


@strawberry.type(description="A preview, or what to mend in the draft. Nothing is stored.")
class PreviewKpiPayload:
    preview: KpiPreview | None = strawberry.field(description="Null when there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty when there is a preview.")

    @classmethod
    def from_domain(cls, preview: domain.Preview, locale: Locale) -> PreviewKpiPayload:
        """A payload with a preview."""
        answer = KpiAnswer.from_answer(preview.answer, locale)
        assert answer.window is not None
        difference = (
            None
            if preview.differences is None
            else PreviewDifference(values=preview.differences, total=preview.total_difference)
        )
        found = KpiPreview(
            window=answer.window,
            zone=answer.zone,
            total_rows=answer.total_rows,
            buckets=answer.buckets,
            dimensions=answer.dimensions,
            old=None if preview.old is None else answer.series[preview.old],
            new=answer.series[preview.new],
            published=None if preview.published is None else answer.series[preview.published],
            difference=difference,
            touched=[Touched.from_domain(one, locale) for one in preview.touched],
        )
        return cls(preview=found, problems=[])

    @classmethod
    def from_problems(cls, problems: Iterable[DomainProblem]) -> PreviewKpiPayload:
        """A payload with what the draft should have said."""
        return cls(preview=None, problems=[Problem.from_domain(_place(one)) for one in problems])


def _place(problem: DomainProblem) -> DomainProblem:
    match problem.path:
        case ("kpis", int(), "formula"):
            return replace(problem, path=("formula",))
    return place_of(problem)
