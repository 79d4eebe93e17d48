"""Where the values of a question would come from: what is kept by day, the rows, and why these are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import strawberry

from backend.core.errors import Problem as DomainProblem
from backend.metrics.planning.describe import describe_part
from backend.metrics.rollups import explaining as domain
from schema.metrics.enums import Grain, StepSource
from schema.metrics.types import Problem, Window


@strawberry.type(description="What a step asks of the rows. Steps with the same `statement` share it.")
class RowsRead:
    statement: int = strawberry.field(
        description="The number of the statement among those of the question that go to the rows, from 1."
    )
    windows: list[Window] = strawberry.field(
        description="The time whose rows are looked at; empty: all rows, also those without a moment."
    )
    estimated_rows: float | None = strawberry.field(
        description="About how many rows the whole statement collects, as PostgreSQL expects it. Null for agents: the "
        "estimate is made from what is known of everybody's rows."
    )
    estimated_cost: float | None = strawberry.field(
        description="What the statement costs, as PostgreSQL expects it: 1 is one page of a table read in order. Null "
        "for agents."
    )

    @classmethod
    def from_domain(cls, read: domain.Read) -> RowsRead:
        """The API's form of a statement that goes to the rows."""
        known = read.estimate
        return cls(
            statement=read.number,
            windows=[Window(start=one.start, end=one.end) for one in read.windows],
            estimated_rows=None if known is None else float(known.rows),
            estimated_cost=None if known is None else known.cost,
        )


@strawberry.type(
    description="How some parts of a question's values are collected, grouped in one way. Totals are made of these "
    "groups; what cannot be has further steps for its totals."
)
class ExplanationStep:
    source: StepSource = strawberry.field(description="What it is answered from.")
    fact: str = strawberry.field(
        description="The kind of row: interaction, survey, order, event, review, activity, article, sla, turn, "
        "cycle, or base for customers."
    )
    anchor: str = strawberry.field(description="The moment that puts a row into a window or bucket.")
    grain: Grain | None = strawberry.field(description="The buckets it groups by; null for none.")
    dimensions: list[str] = strawberry.field(description="The dimensions it groups by.")
    parts: list[str] = strawberry.field(
        description="What is collected, such as `count of rows` or `sum of handle_time`."
    )
    window: Window | None = strawberry.field(description="The time that is asked about; null for all of it.")
    days: int = strawberry.field(
        description="How many local days lie in the window entirely; others are never kept."
    )
    packed_days: int = strawberry.field(description="How many of these days are answered from what is kept.")
    stale_days: list[date] = strawberry.field(
        description="Days of which something is kept that has changed since, in order. It is made anew in the "
        "background."
    )
    missing_days: int = strawberry.field(description="How many of these days nothing is kept of yet.")
    reason: str | None = strawberry.field(
        description="Why rows are read, in English, to be put after “because”; null where none are."
    )
    read: RowsRead | None = strawberry.field(description="What is asked of the rows; null for nothing.")

    @classmethod
    def from_domain(cls, step: domain.Step) -> ExplanationStep:
        """The API's form of a step."""
        scan, grain = step.statement.scan, step.split.grain
        [first, *others] = step.origins
        return cls(
            source=StepSource.BOTH if others else StepSource(first.value),
            fact=scan.basis.fact,
            anchor=scan.basis.anchor,
            grain=None if grain is None else Grain(grain.value),
            dimensions=[one.name for one in step.split.dimensions],
            parts=[describe_part(part) for part in step.parts],
            window=Window.from_domain(scan.window),
            days=step.days,
            packed_days=len(step.packed) + step.columned,
            stale_days=list(step.stale),
            missing_days=len(step.missing),
            reason=step.reason,
            read=None if step.read is None else RowsRead.from_domain(step.read),
        )


@strawberry.type(description="How a question would be answered right now.")
class KpiExplanation:
    steps: list[ExplanationStep] = strawberry.field(description="All that is collected for it.")
    statement_count: int = strawberry.field(
        description="How many statements would go to the rows; 0 where everything that is asked is kept."
    )


@strawberry.type(description="An explanation, or what to mend in the question.")
class KpiExplanationPayload:
    explanation: KpiExplanation | None = strawberry.field(
        description="The explanation. Null when there are problems."
    )
    problems: list[Problem] = strawberry.field(description="Empty when there is an explanation.")

    @classmethod
    def from_domain(cls, found: domain.Explanation) -> KpiExplanationPayload:
        """A payload with an explanation."""
        steps = [ExplanationStep.from_domain(step) for step in found.steps]
        return cls(explanation=KpiExplanation(steps=steps, statement_count=len(found.reads)), problems=[])

    @classmethod
    def from_problems(cls, problems: Iterable[DomainProblem]) -> KpiExplanationPayload:
        """A payload with what the question should have said."""
        return cls(explanation=None, problems=[Problem.from_domain(problem) for problem in problems])
