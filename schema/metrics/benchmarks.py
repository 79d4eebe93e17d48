"""Benchmarks over GraphQL: what KPIs are held against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry

from backend.core.errors import Invalid
from backend.metrics.authoring import Author
from backend.metrics.benchmarks import figures, repository, service
from backend.web.access import EDIT_KPIS, READ_KPIS
from schema.context import Context, Info
from schema.interactions.queries import After, First
from schema.metrics.drafts import place_of
from schema.metrics.types import Problem, problems_of
from schema.relay import CountedConnection, counted_connection_of, page_size, parse_cursor
from tenants.database import WriteSession


@strawberry.enum(description="Whose figure a benchmark is.")
class BenchmarkKind(Enum):
    INDUSTRY = strawberry.enum_value("industry", description="What is usual in the trade.")
    PEER_AVERAGE = strawberry.enum_value(
        "peer_average", description="The mean of shops or desks like one's own."
    )
    PEER_BEST = strawberry.enum_value("peer_best", description="The best of shops or desks like one's own.")


@strawberry.type(description="A figure of others that a KPI is held against; one of a KPI, kind and label.")
class Benchmark:
    kpi: str = strawberry.field(description="The KPI's key.")
    kind: BenchmarkKind = strawberry.field(description="Whose figure it is.")
    label: str = strawberry.field(description="From which report, or of which peers.")
    low: float = strawberry.field(description="The lower end, in the KPI's unit.")
    high: float = strawberry.field(description="The upper end; the same as `low` for a single figure.")
    reference: float = strawberry.field(description="The middle: what gaps are measured to.")
    float_low: float | None = strawberry.field(
        description="The least that the band is said to float by, as a fraction of it; null when nobody said."
    )
    float_high: float | None = strawberry.field(
        description="The most that the band is said to float by, as a fraction of it; null when nobody said."
    )
    valid_from: date | None = strawberry.field(
        description="The first day it speaks of, in the tenant's zone; null for always."
    )

    @classmethod
    def from_domain(cls, figure: figures.Benchmark) -> Benchmark:
        """The API's form of a figure."""
        return cls(
            kpi=figure.kpi,
            kind=BenchmarkKind(figure.kind.value),
            label=figure.label,
            low=float(figure.low),
            high=float(figure.high),
            reference=float(figures.Reference(figure.low, figure.high).value),
            float_low=None if figure.float_low is None else float(figure.float_low),
            float_high=None if figure.float_high is None else float(figure.float_high),
            valid_from=figure.valid_from,
        )


@strawberry.input(
    description="A figure of others for a KPI; it takes the place of one of that KPI, kind and label."
)
class SetBenchmarkInput:
    kpi: str = strawberry.field(description="The KPI's key.")
    kind: BenchmarkKind = strawberry.field(description="Whose figure it is.")
    label: str = strawberry.field(description="From which report, or of which peers: 1 to 100 characters.")
    low: float = strawberry.field(description="The lower end in the KPI's unit, or the single figure.")
    high: float | None = strawberry.field(
        default=None, description="The upper end; null for a single figure."
    )
    float_low: float | None = strawberry.field(
        default=None, description="The least that the band floats by, 0 to 1; null when nobody said."
    )
    float_high: float | None = strawberry.field(
        default=None, description="The most that the band floats by, 0 to 1; null when nobody said."
    )
    valid_from: date | None = strawberry.field(
        default=None, description="The first day it speaks of, in the tenant's zone; null for always."
    )

    def to_figure(self) -> figures.Benchmark:
        """The figure that is meant."""
        high = self.low if self.high is None else self.high
        return figures.Benchmark(
            kpi=self.kpi,
            kind=figures.Kind[self.kind.name],
            label=self.label,
            low=Decimal(str(self.low)),
            high=Decimal(str(high)),
            float_low=None if self.float_low is None else Decimal(str(self.float_low)),
            float_high=None if self.float_high is None else Decimal(str(self.float_high)),
            valid_from=self.valid_from,
        )


@strawberry.input(description="A figure that is to go.")
class RemoveBenchmarkInput:
    kpi: str = strawberry.field(description="The KPI's key.")
    kind: BenchmarkKind = strawberry.field(description="Whose figure it is.")
    label: str = strawberry.field(description="From which report, or of which peers.")


@strawberry.type(description="A benchmark that was changed, or why it was not.")
class BenchmarkPayload:
    benchmark: Benchmark | None = strawberry.field(
        description="As it is now, or as it was before it was removed; null when there are problems."
    )
    problems: list[Problem] = strawberry.field(
        description="What to mend; nothing was stored unless this is empty."
    )


@strawberry.type
class BenchmarkQueries:
    @strawberry.field(description="The figures that KPIs are held against, by KPI, kind and label.")
    async def benchmarks(
        self,
        info: Info,
        kpi: Annotated[
            str | None, strawberry.argument(description="Of one KPI, by key; null for all.")
        ] = None,
        first: First = 200,
        after: After = None,
    ) -> CountedConnection[Benchmark]:
        info.context.require(READ_KPIS)
        limit = page_size(first)
        key = parse_cursor(after, str, str, str)
        async with info.context.reading() as session:
            found = await repository.list_benchmarks(session, None if kpi is None else [kpi])
        found.sort(key=_order)
        rows = [one for one in found if key is None or _order(one) > key][: limit + 1]
        return counted_connection_of(rows, first, after, _order, Benchmark.from_domain, len(found))


@strawberry.type
class BenchmarkMutations:
    @strawberry.mutation(
        description="Stores a figure that a KPI is held against, such as a row of a vendor's export that speaks of "
        "peers. For admins."
    )
    async def set_benchmark(
        self,
        info: Info,
        input: Annotated[SetBenchmarkInput, strawberry.argument(description="The figure.")],
    ) -> BenchmarkPayload:
        return await _change(
            info.context, lambda session, author: service.put(session, input.to_figure(), author)
        )

    @strawberry.mutation(description="Removes a figure that a KPI is held against. For admins.")
    async def remove_benchmark(
        self,
        info: Info,
        input: Annotated[RemoveBenchmarkInput, strawberry.argument(description="Which one.")],
    ) -> BenchmarkPayload:
        kind = figures.Kind[input.kind.name]
        return await _change(
            info.context,
            lambda session, author: service.remove(session, input.kpi, kind, input.label, author),
        )


def _order(figure: figures.Benchmark) -> list[str]:
    return [figure.kpi, figure.kind.value, figure.label]


async def _change(
    context: Context, change: Callable[[WriteSession, Author], Awaitable[figures.Benchmark]]
) -> BenchmarkPayload:
    context.require(EDIT_KPIS)
    author = Author(context.scope.principal.subject, context.clock())
    try:
        async with context.scope.write() as session:
            changed = await change(session, author)
    except Invalid as error:
        problems = [Problem.from_domain(place_of(problem)) for problem in problems_of(error)]
        return BenchmarkPayload(benchmark=None, problems=problems)
    return BenchmarkPayload(benchmark=Benchmark.from_domain(changed), problems=[])
