"""The gap table over GraphQL."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Annotated

import strawberry

from backend.core import windows
from backend.core.errors import Invalid
from backend.core.errors import Problem as DomainProblem
from backend.metrics.benchmarks import figures, gaps
from backend.metrics.language.types import Unit
from backend.metrics.questions import KpiAsk, Question
from backend.web.access import READ_KPIS
from schema.context import Info
from schema.interactions.inputs import WindowInput
from schema.locale import Locale
from schema.metrics.benchmarks import Benchmark
from schema.metrics.enums import Reach
from schema.metrics.reach import restriction_for
from schema.metrics.types import Cell, Problem, SeriesKpi, Window, problems_of


@strawberry.enum(description="What KPIs are held against.")
class GapReference(Enum):
    INDUSTRY = strawberry.enum_value(
        "industry", description="The newest industry figure; without one, the KPI's own benchmark band."
    )
    PEER_AVERAGE = strawberry.enum_value("peer_average", description="The newest figure of average peers.")
    PEER_BEST = strawberry.enum_value("peer_best", description="The newest figure of the best peers.")
    OWN_HISTORY = strawberry.enum_value(
        "own_history", description="The same KPI over the windows before this one, taken together."
    )
    TARGET = strawberry.enum_value("target", description="The KPI's target.")


@strawberry.enum(description="Where a value stands to its reference.")
class Standing(Enum):
    BEHIND = strawberry.enum_value("behind", description="Outside the band, on the worse side.")
    WITHIN = strawberry.enum_value("within", description="Within the band, ends included.")
    AHEAD = strawberry.enum_value("ahead", description="Outside the band, on the better side.")


@strawberry.input(description="A gap table: KPIs over a window, and what they are held against.")
class GapTableInput:
    keys: list[str] = strawberry.field(description="1 to 50 KPIs by key; see `kpis`.")
    window: WindowInput = strawberry.field(description="The present that is looked at.")
    reference: GapReference = strawberry.field(description="What the KPIs are held against.")
    where: str | None = strawberry.field(
        default=None, description="A condition in the KPI language that every row has to meet; null for none."
    )
    dimensions: list[str] = strawberry.field(
        default_factory=list, description="A row for each member as well: `agent`, `team` ...; at most 4."
    )
    windows: int = strawberry.field(
        default=3, description="With OWN_HISTORY, how many windows of the past are looked at, 1 to 24."
    )
    reach: Reach | None = strawberry.field(
        default=None, description="For agents: their own rows (also when null) or their team's totals."
    )

    def to_ask(self, zone: str) -> gaps.GapAsk:
        """What is asked; dates are read by the wall clock of `zone`.

        Raises Invalid when the window ends before it begins.
        """
        return gaps.GapAsk(
            tuple(self.keys),
            windows.Window.of_local(self.window.from_, self.window.to, zone),
            figures.Against[self.reference.name],
            self.where,
            tuple(self.dimensions),
            self.windows,
        )


@strawberry.type(description="A member of a dimension.")
class GapMember:
    dimension: str = strawberry.field(description="The dimension as it was asked for.")
    key: str | None = strawberry.field(description="Stable key; null where rows have no value.")
    label: str | None = strawberry.field(description="What people read; null where rows have no value.")


@strawberry.type(description="What a row is held against, in the KPI's unit.")
class HeldAgainst:
    value: float = strawberry.field(
        description="The middle of the band, or its only end: what the gap is measured to."
    )
    low: float | None = strawberry.field(description="The lower end; null when it is open.")
    high: float | None = strawberry.field(description="The upper end; null when it is open.")
    benchmark: Benchmark | None = strawberry.field(
        description="The figure it comes from; null for a target, a history, and a KPI's own band."
    )
    history: Cell | None = strawberry.field(
        description="With OWN_HISTORY, the value over the past windows together: `value` is the same, but for counts "
        "and totals, of which it is one window's part. Else null."
    )

    @classmethod
    def from_domain(cls, held: gaps.HeldAgainst) -> HeldAgainst:
        """The API's form of a reference."""
        reference = held.reference
        return cls(
            value=float(reference.value),
            low=None if reference.low is None else float(reference.low),
            high=None if reference.high is None else float(reference.high),
            benchmark=Benchmark.from_domain(held.benchmark) if held.benchmark else None,
            history=Cell.from_domain(held.history) if held.history else None,
        )


@strawberry.type(
    description="One KPI, of all rows or of one group: its value and how far that is from where it should be."
)
class GapRow:
    kpi: SeriesKpi = strawberry.field(description="What the numbers are.")
    members: list[GapMember] = strawberry.field(description="Its group; empty without dimensions.")
    current: Cell = strawberry.field(description="Its value in the window.")
    reference: HeldAgainst | None = strawberry.field(
        description="Null where there is nothing of the kind asked for."
    )
    gap: float | None = strawberry.field(
        description="In the KPI's unit, positive when behind: reference less value where more is better, value less "
        "reference where less is better, the distance to the band where that is. Null without a value, a reference "
        "or a direction."
    )
    gap_points: float | None = strawberry.field(
        description="A share's gap in percentage points: 10 for 70 % against 80 %. Null for what is no share."
    )
    standing: Standing | None = strawberry.field(description="Null where `gap` is.")
    within_band: bool | None = strawberry.field(description="Null without a value or a reference.")
    within_float: bool | None = strawberry.field(
        description="Whether the value lies in the band widened at both ends by the most it floats by; null where it "
        "is not said to float."
    )
    measure: str | None = strawberry.field(
        description="What to do about a gap, in the reader's language or else in the other; null when nobody said."
    )

    @classmethod
    def from_domain(cls, row: gaps.GapRow, dimensions: tuple[str, ...], locale: Locale) -> GapRow:
        """The API's form of a row."""
        gap = row.gap
        size = None if gap is None else gap.size
        return cls(
            kpi=SeriesKpi.from_domain(row.kpi, locale),
            members=[
                GapMember(dimension=name, key=one.key, label=one.label)
                for name, one in zip(dimensions, row.members, strict=True)
            ],
            current=Cell.from_domain(row.current),
            reference=HeldAgainst.from_domain(row.against) if row.against else None,
            gap=None if size is None else float(size),
            gap_points=float(100 * size) if size is not None and row.kpi.unit is Unit.RATIO else None,
            standing=_standing(gap),
            within_band=None if gap is None else gap.within_band,
            within_float=None if gap is None else gap.within_float,
            measure=row.definition.measure_in(locale),
        )


def _standing(gap: figures.Gap | None) -> Standing | None:
    return None if gap is None or gap.standing is None else Standing(gap.standing.value)


@strawberry.type(description="KPIs beside what they are held against.")
class GapTable:
    window: Window = strawberry.field(description="The present that is looked at.")
    history: Window | None = strawberry.field(
        description="The past that is looked at; null without OWN_HISTORY."
    )
    zone: str = strawberry.field(description="IANA time zone of the tenant.")
    rows: list[GapRow] = strawberry.field(
        description="KPI by KPI as they were asked, each by its members; at most 2,000."
    )


@strawberry.type(description="A gap table, or what to mend in the question.")
class GapTablePayload:
    table: GapTable | None = strawberry.field(description="Null when there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty when there is a table.")


@strawberry.type
class GapQueries:
    @strawberry.field(
        description="How far KPIs are from the industry, from peers, from their own past or from their target, and "
        "what to do about it. An agent sees their own rows, or their team's totals."
    )
    async def gap_table(
        self,
        info: Info,
        input: Annotated[GapTableInput, strawberry.argument(description="What is asked.")],
    ) -> GapTablePayload:
        context = info.context
        context.require(READ_KPIS)
        try:
            ask = input.to_ask(context.scope.tenant.zone)
            question = Question(tuple(map(KpiAsk, ask.keys)), ask.window, ask.dimensions, where=ask.where)
            restriction = restriction_for(question, input.reach, await context.own_agent())
            async with context.lane():
                table = await gaps.find_gaps(
                    context.scope.database, context.clock, ask, restriction=restriction
                )
        except Invalid as error:
            problems = [Problem.from_domain(_place_of(one)) for one in problems_of(error)]
            return GapTablePayload(table=None, problems=problems)
        context.volatile |= table.volatile
        shown = GapTable(
            window=_window(table.window),
            history=Window.from_domain(table.history),
            zone=table.zone,
            rows=[GapRow.from_domain(row, table.dimensions, context.locale) for row in table.rows],
        )
        return GapTablePayload(table=shown, problems=[])


def _window(window: windows.Window) -> Window:
    return Window(start=window.start, end=window.end)


def _place_of(problem: DomainProblem) -> DomainProblem:
    match problem.path:
        case ("kpis", *rest):
            return replace(problem, path=("keys", *rest))
    return problem
