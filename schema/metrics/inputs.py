"""What may be asked of KPIs."""

from __future__ import annotations

from dataclasses import replace

import strawberry

from backend.core import windows
from backend.core.errors import Problem
from backend.metrics import questions
from backend.metrics.proofs import TOTAL, CellPlace
from schema.interactions.inputs import WindowInput
from schema.metrics.enums import Comparison, Grain, Reach, Sorting
from schema.scalars import LocalMoment


@strawberry.input(description="A KPI that is not stored: a formula under a name of yours.")
class FormulaInput:
    name: str = strawberry.field(description="The key of its series: letters, digits and underscores.")
    formula: str = strawberry.field(
        description="In the KPI language, such as `share(first_response_time > 30s)`."
    )


@strawberry.input(description="How rows are ordered. Rows without a value come last.")
class OrderInput:
    by: str = strawberry.field(description="The key of a KPI in the question, or one of its dimensions.")
    sorting: Sorting = strawberry.field(default=Sorting.DESCENDING, description="Which way.")


@strawberry.input(
    description="KPIs over a window, by dimensions and grain, filtered, compared, ordered and limited."
)
class KpiValuesInput:
    keys: list[str] = strawberry.field(default_factory=list, description="KPIs by key; see `kpis`.")
    formulas: list[FormulaInput] = strawberry.field(
        default_factory=list, description="KPIs by formula. At most 50 with the keys together, at least one."
    )
    window: WindowInput | None = strawberry.field(
        default=None,
        description="Null takes every row, also those without a moment; a grain or a comparison needs a "
        "window.",
    )
    dimensions: list[str] = strawberry.field(
        default_factory=list,
        description="At most 4: `agent`, `team`, `queue`, `channel`, `issue_type`, `hour_of_day`, "
        "`weekday`, `date`, "
        "`iso_week`, `month`, an attribute's key ...",
    )
    grain: Grain | None = strawberry.field(
        default=None, description="Buckets to cut the window into; null for none."
    )
    where: str | None = strawberry.field(
        default=None, description="A condition in the KPI language that every row has to meet; null for none."
    )
    compare: Comparison | None = strawberry.field(default=None, description="Null for no comparison.")
    order: OrderInput | None = strawberry.field(
        default=None, description="Null orders by bucket, then by the dimensions' keys."
    )
    limit: int | None = strawberry.field(
        default=None,
        description="At most so many rows, 1 to 10,000; with a grain and dimensions so many members, each of which "
        "keeps all its buckets. Null gives as many as one answer may hold.",
    )
    reach: Reach | None = strawberry.field(
        default=None, description="For agents: their own rows (also when null) or their team's totals."
    )

    def to_question(self, zone: str) -> questions.Question:
        """The evaluator's form of it; dates are read by the wall clock of `zone`.

        Raises Invalid when the window ends before it begins.
        """
        return questions.Question(
            kpis=(
                *(questions.KpiAsk(key) for key in self.keys),
                *(questions.KpiAsk(given.name, given.formula) for given in self.formulas),
            ),
            window=windows.Window.of_local(self.window.from_, self.window.to, zone) if self.window else None,
            dimensions=tuple(self.dimensions),
            grain=windows.Grain[self.grain.name] if self.grain else None,
            where=self.where,
            comparison=windows.Comparison[self.compare.name] if self.compare else None,
            order=questions.Order(self.order.by, self.order.sorting is Sorting.DESCENDING)
            if self.order
            else None,
            limit=self.limit,
        )

    def place_of(self, problem: Problem) -> Problem:
        """A problem with its question, its path turned into one of this input: `kpis` are keys, then
        formulas.
        """
        match problem.path:
            case ("kpis", int(at), *rest) if at < len(self.keys):
                return replace(problem, path=("keys", at, *rest))
            case ("kpis", int(at), *rest):
                return replace(problem, path=("formulas", at - len(self.keys), *rest))
        return problem


@strawberry.input(description="A member of a dimension.")
class MemberInput:
    dimension: str = strawberry.field(description="The dimension, as `kpiValues` takes it.")
    key: str | None = strawberry.field(
        default=None, description="The member's key, as an answer gives it; null for rows without a value."
    )


@strawberry.input(
    description="One cell of an answer. A dimension that is not named here is summed over; without a bucket "
    "all of the window is; an empty input is the total."
)
class CellInput:
    bucket: LocalMoment | None = strawberry.field(
        default=None, description="The start of its bucket, as an answer gives it; needs `grain`."
    )
    members: list[MemberInput] = strawberry.field(
        default_factory=list, description="Its members, at most one of a dimension and 4 in all."
    )

    def to_place(self, zone: str) -> CellPlace:
        """The evaluator's form of it; a bucket without an offset is read by the wall clock of `zone`."""
        return CellPlace(
            None if self.bucket is None else windows.at_zone(self.bucket, zone),
            tuple((one.dimension, one.key) for one in self.members),
        )


def place_in(cell: CellInput | None, zone: str) -> CellPlace:
    """The cell that is meant; None means the total."""
    return TOTAL if cell is None else cell.to_place(zone)
