"""KPI definitions, KPI values, and what an editor of formulas asks."""

from __future__ import annotations

from typing import Annotated

import strawberry

from backend.core.errors import Invalid
from backend.metrics.definitions import get_vocabulary
from backend.metrics.editor import check_formula
from backend.metrics.language.sentence import Tongue
from backend.web.access import READ_KPIS
from schema.context import Info
from schema.interactions.queries import After, First
from schema.metrics.definitions import Kpi, kpis_of
from schema.metrics.editor import CheckFormulaPayload, FormulaVocabulary
from schema.metrics.inputs import KpiValuesInput
from schema.metrics.reach import restriction_for
from schema.metrics.types import KpiValuesPayload, problems_of
from schema.relay import CountedConnection, counted_connection_of, page_size, parse_cursor


@strawberry.type
class MetricQueries:
    @strawberry.field(
        description="The values of any KPIs. All `kpiValues` of one operation are computed together and "
        "see the same "
        "instant. An agent sees their own rows, or their team's totals."
    )
    async def kpi_values(
        self,
        info: Info,
        input: Annotated[KpiValuesInput, strawberry.argument(description="What is asked.")],
    ) -> KpiValuesPayload:
        context = info.context
        context.require(READ_KPIS)
        try:
            question = input.to_question(context.scope.tenant.zone)
            restriction = restriction_for(question, input.reach, await context.own_agent())
            answer = await context.loaders.numbers.load((restriction, question))
        except Invalid as error:
            return KpiValuesPayload.from_problems(input.place_of(one) for one in problems_of(error))
        return KpiValuesPayload.from_answer(answer, context.locale)

    @strawberry.field(description="The tenant's KPIs by key.")
    async def kpis(
        self,
        info: Info,
        first: First = 200,
        after: After = None,
        archived: Annotated[
            bool, strawberry.argument(description="True gives those taken out of use, and only those.")
        ] = False,
    ) -> CountedConnection[Kpi]:
        info.context.require(READ_KPIS)
        limit = page_size(first)
        key = parse_cursor(after, str)
        kpis = await kpis_of(info.context, archived=archived)
        rows = [kpi for kpi in kpis if key is None or kpi.key > key[0]][: limit + 1]
        return counted_connection_of(rows, first, after, lambda kpi: [kpi.key], lambda kpi: kpi, len(kpis))

    @strawberry.field(
        description="Whether a formula makes sense, and what it says. For an editor: it checks what storing it "
        "would check, and stores nothing."
    )
    async def check_formula(
        self,
        info: Info,
        formula: Annotated[str, strawberry.argument(description="In the KPI language.")],
        key: Annotated[
            str | None,
            strawberry.argument(
                description="The KPI that it is to define: checks for circles, and that KPIs that refer to it "
                "still make sense. Null for none."
            ),
        ] = None,
    ) -> CheckFormulaPayload:
        context = info.context
        context.require(READ_KPIS)
        async with context.reading() as session:
            checked = await check_formula(
                session, formula, key=key, tongue=Tongue(context.locale.value), now=context.clock()
            )
        return CheckFormulaPayload.from_domain(checked)

    @strawberry.field(description="Everything that a formula of the tenant may name, for completion.")
    async def vocabulary(self, info: Info) -> FormulaVocabulary:
        info.context.require(READ_KPIS)
        async with info.context.reading() as session:
            return FormulaVocabulary.from_domain(await get_vocabulary(session))
