"""KPI values as columns: a series is one list of values, not a list of points, however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import strawberry

from backend.core.errors import Invalid
from backend.core.errors import Problem as DomainProblem
from backend.core.windows import Window as DomainWindow
from backend.metrics import judging, questions
from backend.metrics.kpi import DatedFormula
from backend.metrics.questions import Answer, Column, KpiDescription
from schema.locale import Locale
from schema.metrics.enums import CellState, Direction, Unit, Verdict

_STATES = {state: CellState(state.value) for state in questions.CellState}
_VERDICTS: dict[judging.Verdict | None, Verdict | None] = {
    verdict: Verdict(verdict.value) for verdict in judging.Verdict
} | {None: None}
_MATURED = (
    "Of the rows that the formula looks ahead of (`followed_within(7d, ...)`), the share whose time has "
    "passed; below 1 the value is PROVISIONAL. Null where nothing is looked ahead of, or without rows."
)


@strawberry.type(
    description="A place in a text, in Unicode code points from 0: from `start` until just before `end`."
)
class Span:
    start: int = strawberry.field(description="The first character.")
    end: int = strawberry.field(description="The first character after it.")


@strawberry.type(description="Something that a person can mend.")
class Problem:
    code: str = strawberry.field(description="Stable: `frontend-contract/error-codes.md` lists them.")
    message: str = strawberry.field(description="A sentence to show.")
    path: list[str] = strawberry.field(
        description="Where in the input, from the outside in; empty when it is all of it."
    )
    span: Span | None = strawberry.field(description="Where in that text; null when it is all of it.")
    hint: str | None = strawberry.field(
        description="What would do, such as the nearest valid name; null without one."
    )
    nearest: str | None = strawberry.field(
        description="The valid name that was probably meant, to be put in its place; null without one."
    )

    @classmethod
    def from_domain(cls, problem: DomainProblem) -> Problem:
        """The API's form of a problem."""
        return cls(
            code=problem.code,
            message=problem.message,
            path=[str(step) for step in problem.path],
            span=Span(start=problem.span[0], end=problem.span[1]) if problem.span else None,
            hint=problem.hint,
            nearest=problem.nearest,
        )


@strawberry.type(description="A span of time, from `from` until just before `to`.")
class Window:
    start: datetime = strawberry.field(
        name="from", description="The first moment in it, with the zone's offset."
    )
    end: datetime = strawberry.field(
        name="to", description="The first moment after it, with the zone's offset."
    )

    @classmethod
    def from_domain(cls, window: DomainWindow | None) -> Window | None:
        """The API's form of a window; None stays None."""
        return None if window is None else cls(start=window.start, end=window.end)


@strawberry.type(description="A version of a KPI's definition that cells of an answer were computed by.")
class SeriesVersion:
    version: int = strawberry.field(description="Counts the KPI's revisions, from 1.")
    effective_from: date = strawberry.field(
        description="The first day it holds for, in the tenant's zone; the KPI's first version also holds for all "
        "days before."
    )
    formula: str = strawberry.field(description="In canonical form.")

    @classmethod
    def from_domain(cls, version: DatedFormula) -> SeriesVersion:
        """The API's form of a version."""
        return cls(version=version.version, effective_from=version.effective_from, formula=version.formula)


@strawberry.type(description="What the values of a series are; at the window's end, if that changed.")
class SeriesKpi:
    key: str = strawberry.field(description="The KPI's key, or the name given with a formula.")
    name: str = strawberry.field(description="Its name in the reader's language (`Accept-Language`: en, zh).")
    unit: Unit = strawberry.field(description="What the numbers count.")
    currency: str | None = strawberry.field(description="ISO 4217 code when the unit is MONEY, else null.")
    direction: Direction | None = strawberry.field(description="Which way is better; null when neither is.")
    formula: str = strawberry.field(description="What was computed, in canonical form.")
    anchor: str = strawberry.field(
        description="The moment that puts a row into a window or bucket, such as `started`."
    )
    version: int | None = strawberry.field(
        description="The version of its definition in force at the window's end, by which totals are computed; null "
        "for a formula."
    )
    versions: list[SeriesVersion] = strawberry.field(
        description="Every version that a cell was computed by, the first to hold first: a cell is computed by the "
        "one in force on its last day, one that ends in the future by today's. Empty for a formula."
    )

    @classmethod
    def from_domain(cls, kpi: KpiDescription, locale: Locale) -> SeriesKpi:
        """The API's form of a description."""
        return cls(
            key=kpi.key,
            name=kpi.name_zh if locale is Locale.ZH else kpi.name_en,
            unit=Unit(kpi.unit.value),
            currency=kpi.currency,
            direction=Direction(kpi.direction) if kpi.direction else None,
            formula=kpi.formula,
            anchor=kpi.anchor,
            version=kpi.version,
            versions=[SeriesVersion.from_domain(one) for one in kpi.versions],
        )


@strawberry.type(description="One value and what it rests on.")
class Cell:
    value: float | None = strawberry.field(
        description="In the KPI's unit; null means no data, which is not 0."
    )
    n: int = strawberry.field(description="Rows behind the value.")
    numerator: float | None = strawberry.field(description="Null unless the last step is one division.")
    denominator: float | None = strawberry.field(description="Null unless the last step is one division.")
    state: CellState = strawberry.field(description="What the value is worth.")
    matured: float | None = strawberry.field(description=_MATURED)

    @classmethod
    def from_domain(cls, cell: questions.Cell) -> Cell:
        """The API's form of a cell."""
        return cls(
            value=cell.value,
            n=cell.n,
            numerator=cell.numerator,
            denominator=cell.denominator,
            state=_STATES[cell.state],
            matured=cell.matured,
        )


@strawberry.interface(description="Columns of one length: place i of each belongs to row i of the answer.")
class Columns:
    values: list[float | None] = strawberry.field(
        description="In the KPI's unit; null means no data, which is not 0."
    )
    n: list[int] = strawberry.field(description="Rows behind each value.")
    numerators: list[float | None] = strawberry.field(
        description="Null unless the last step is one division."
    )
    denominators: list[float | None] = strawberry.field(
        description="Null unless the last step is one division."
    )
    states: list[CellState] = strawberry.field(description="What each value is worth.")
    matured: list[float | None] = strawberry.field(description=_MATURED)
    total: Cell = strawberry.field(
        description="Over all rows, also those beyond `limit`; computed again from parts, never from "
        "the rows' values. With `over` or `while` in the formula: as of the window's end."
    )
    over_count: float | None = strawberry.field(
        description="By how much all agents, also those beyond `limit`, add up to more than the total, where "
        "a row is credited to every participant in full; of a ratio, the numerators. Null where rows are "
        "not split by agent, where the rule credits each row once, and for what does not add up (a median)."
    )


def _columns(column: Column, total: questions.Cell) -> dict[str, Any]:
    return {
        "values": column.values,
        "n": column.n,
        "numerators": column.numerators,
        "denominators": column.denominators,
        "states": [_STATES[state] for state in column.states],
        "matured": column.matured,
        "total": Cell.from_domain(total),
        "over_count": column.overcount,
    }


@strawberry.type(
    description="The same KPI in the compared window; a bucket stands beside the bucket of the same "
    "rank there."
)
class PreviousSeries(Columns):
    pass


_NO_VERDICT = "Null where the KPI has no direction, or where either value is missing, provisional or rests on too few rows."


@strawberry.type(description="Whether a value got better, and at what cost.")
class Judgement:
    verdict: Verdict | None = strawberry.field(description=_NO_VERDICT)
    costs: list[str] = strawberry.field(
        description="Keys of the guardrails that got worse; empty unless the verdict is IMPROVED_AT_COST."
    )

    @classmethod
    def from_domain(cls, judgement: judging.Judgement) -> Judgement:
        """The API's form of a judgement."""
        return cls(verdict=_VERDICTS[judgement.verdict], costs=list(judgement.costs))


@strawberry.type(
    description="Whether a KPI got better since the compared window, row by row: each value beside its "
    "guardrails in the same row, whether they were asked for or not."
)
class Judgements:
    verdicts: list[Verdict | None] = strawberry.field(description=_NO_VERDICT)
    costs: list[list[str]] = strawberry.field(
        description="Keys of the guardrails that got worse; empty unless the verdict is IMPROVED_AT_COST."
    )
    total: Judgement = strawberry.field(description="Of the total.")


@strawberry.type(description="One KPI over all rows.")
class Series(Columns):
    kpi: SeriesKpi = strawberry.field(description="What the values are.")
    previous: PreviousSeries | None = strawberry.field(description="Null without `compare`.")
    judgements: Judgements | None = strawberry.field(description="Null without `compare`.")


@strawberry.type(description="The members of one dimension, row by row.")
class DimensionColumn:
    name: str = strawberry.field(description="The dimension as it was asked for.")
    keys: list[str | None] = strawberry.field(
        description="Stable keys (external id, code, ISO text) to filter by; null where a row has no value."
    )
    labels: list[str | None] = strawberry.field(
        description="What people read; null where a row has no value."
    )


@strawberry.type(
    description="KPI values. Rows are the combinations of bucket and dimension members, in one order."
)
class KpiAnswer:
    window: Window | None = strawberry.field(description="What was asked for; null when all of time was.")
    previous_window: Window | None = strawberry.field(
        description="What it is compared with; null without `compare`."
    )
    zone: str = strawberry.field(
        description="IANA time zone that buckets and calendar dimensions are cut in."
    )
    total_rows: int = strawberry.field(description="Rows there are without `limit`.")
    buckets: list[datetime] | None = strawberry.field(
        description="Local start of each row's bucket, with its offset. Null without a grain. Every "
        "bucket of the "
        "window is there, also an empty one."
    )
    dimensions: list[DimensionColumn] = strawberry.field(
        description="One for each dimension asked, in that order."
    )
    series: list[Series] = strawberry.field(description="One for each KPI asked: keys first, then formulas.")

    @classmethod
    def from_answer(cls, answer: Answer, locale: Locale) -> KpiAnswer:
        """The API's form of the evaluator's answer."""
        dimensions = [
            DimensionColumn(
                name=name,
                keys=[row[place].key for row in answer.members],
                labels=[row[place].label for row in answer.members],
            )
            for place, name in enumerate(answer.dimensions)
        ]
        series = [
            Series(
                kpi=SeriesKpi.from_domain(column.kpi, locale),
                previous=_previous(answer, place),
                judgements=_judgements(answer, place),
                **_columns(column, answer.totals[place]),
            )
            for place, column in enumerate(answer.columns)
        ]
        return cls(
            window=Window.from_domain(answer.window),
            previous_window=Window.from_domain(answer.previous_window),
            zone=answer.zone,
            total_rows=answer.total_rows,
            buckets=answer.buckets,
            dimensions=dimensions,
            series=series,
        )


def _previous(answer: Answer, place: int) -> PreviousSeries | None:
    if answer.previous_columns is None or answer.previous_totals is None:
        return None
    return PreviousSeries(**_columns(answer.previous_columns[place], answer.previous_totals[place]))


def _judgements(answer: Answer, place: int) -> Judgements | None:
    found = answer.columns[place].judgements
    if found is None or answer.total_judgements is None:
        return None
    return Judgements(
        verdicts=[_VERDICTS[one.verdict] for one in found],
        costs=[list(one.costs) for one in found],
        total=Judgement.from_domain(answer.total_judgements[place]),
    )


@strawberry.type(description="An answer, or what to mend in the question.")
class KpiValuesPayload:
    answer: KpiAnswer | None = strawberry.field(description="Null when there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty when there is an answer.")

    @classmethod
    def from_answer(cls, answer: Answer, locale: Locale) -> KpiValuesPayload:
        """A payload with an answer."""
        return cls(answer=KpiAnswer.from_answer(answer, locale), problems=[])

    @classmethod
    def from_problems(cls, problems: Iterable[DomainProblem]) -> KpiValuesPayload:
        """A payload with what the question should have said."""
        return cls(answer=None, problems=[Problem.from_domain(problem) for problem in problems])


def problems_of(error: Invalid) -> tuple[DomainProblem, ...]:
    """The problems of an error; the error itself where it names none."""
    return error.problems or (DomainProblem(error.code, error.message),)
