"""KPI definitions, KPI values, and what an editor of formulas asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from backend.core.errors import Invalid
from backend.metrics import proofs
from backend.metrics.definitions import get_vocabulary
from backend.metrics.editor import check_formula
from backend.metrics.language.sentence import Tongue
from backend.web.access import EDIT_KPIS, READ_INTERACTIONS, READ_KPIS
from schema.context import Info
from schema.interactions.queries import After, First
from schema.metrics.definitions import Kpi, kpis_of
from schema.metrics.drills import DrilledRow
from schema.metrics.editor import CheckFormulaPayload, FormulaVocabulary
from schema.metrics.enums import Side
from schema.metrics.explanation import KpiExplanationPayload
from schema.metrics.inputs import CellInput, KpiValuesInput, place_in
from schema.metrics.preview import PreviewKpiInput, PreviewKpiPayload
from schema.metrics.proofs import KpiProofPayload
from schema.metrics.reach import drill_restriction, restriction_for
from schema.metrics.types import KpiValuesPayload, problems_of
from schema.relay import (
    Connection,
    CountedConnection,
    connection_of,
    counted_connection_of,
    page_size,
    parse_cursor,
)
from schema.selections import selects

Asked = Annotated[KpiValuesInput, strawberry.argument(description="What is asked.")]
InCell = Annotated[
    CellInput | None, strawberry.argument(description="Which cell of the answer; null for the total.")
]


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
        input: Asked,
    ) -> KpiValuesPayload:
        context = info.context
        context.require(READ_KPIS)
        try:
            question = input.to_question(context.scope.tenant.zone)
            question = replace(question, judged=selects(info, "judgements"))
            restriction = restriction_for(question, input.reach, await context.own_agent())
            answer = await context.loaders.numbers.load((restriction, question))
        except Invalid as error:
            return KpiValuesPayload.from_problems(input.place_of(one) for one in problems_of(error))
        context.volatile |= answer.volatile
        return KpiValuesPayload.from_answer(answer, context.locale)

    @strawberry.field(
        description="What the KPIs of a question rest on, in its total or in one cell. Comparison, order and "
        "limit of the question have no say in it. An agent sees what `kpiValues` would count for them."
    )
    async def kpi_proof(self, info: Info, input: Asked, cell: InCell = None) -> KpiProofPayload:
        context = info.context
        context.require(READ_KPIS)
        zone = context.scope.tenant.zone
        try:
            question, place = input.to_question(zone), place_in(cell, zone)
            restriction = restriction_for(question, input.reach, await context.own_agent(), place)
            async with context.lane():
                found = await context.evaluator.prove(question, place, restriction=restriction)
        except Invalid as error:
            return KpiProofPayload.from_problems(input.place_of(one) for one in problems_of(error))
        return KpiProofPayload.from_proofs(found, context.locale)

    @strawberry.field(
        description="How `kpiValues` would answer a question right now: what comes from cells that are kept, what from "
        "rows, and why. No row is read. An agent gets what holds for their own question."
    )
    async def kpi_explanation(self, info: Info, input: Asked) -> KpiExplanationPayload:
        context = info.context
        context.require(READ_KPIS)
        try:
            question = input.to_question(context.scope.tenant.zone)
            restriction = restriction_for(question, input.reach, await context.own_agent())
            async with context.lane():
                found = await context.evaluator.explain(question, restriction=restriction)
        except Invalid as error:
            return KpiExplanationPayload.from_problems(input.place_of(one) for one in problems_of(error))
        return KpiExplanationPayload.from_domain(found)

    @strawberry.field(
        description="The rows behind the total of a question for one KPI, or behind one cell, the newest "
        "first; those without a moment come before all others. An agent sees their own. To recompute a "
        "cell, list both sides. What is wrong with the question is an error here; `kpiProof` points at it."
    )
    async def drill(
        self,
        info: Info,
        input: Asked,
        cell: InCell = None,
        side: Annotated[
            Side, strawberry.argument(description="Of which side of the formula's last step.")
        ] = Side.DENOMINATOR,
        aggregate: Annotated[
            int | None,
            strawberry.argument(
                description="The rows of one aggregate, counted from 0 as a proof lists them; null for all "
                "of the side."
            ),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[DrilledRow]:
        context = info.context
        context.require(READ_KPIS)
        context.require(READ_INTERACTIONS)
        limit = page_size(first)
        key = parse_cursor(after, datetime | None, UUID)
        zone = context.scope.tenant.zone
        asked = proofs.Drill(place_in(cell, zone), proofs.Side[side.name], aggregate)
        question = input.to_question(zone)
        restriction = drill_restriction(question, input.reach, await context.own_agent())
        async with context.lane():
            rows = await context.evaluator.drill(
                question,
                asked,
                limit=limit + 1,
                after=(key[0], key[1]) if key else None,
                restriction=restriction,
            )
        return connection_of(rows, first, after, lambda row: list(row.key), DrilledRow.from_domain)

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

    @strawberry.field(
        description="What a formula would make of a KPI's numbers, beside what they are, before `reviseKpi` or "
        "`createKpi` publishes it. It checks what they would check. For admins."
    )
    async def preview_kpi(
        self,
        info: Info,
        input: Annotated[PreviewKpiInput, strawberry.argument(description="The draft, and the rows.")],
    ) -> PreviewKpiPayload:
        context = info.context
        context.require(EDIT_KPIS)
        try:
            question = input.to_question(context.scope.tenant.zone)
            async with context.lane():
                found = await context.evaluator.preview(input.to_draft(), question)
        except Invalid as error:
            return PreviewKpiPayload.from_problems(problems_of(error))
        return PreviewKpiPayload.from_domain(found, context.locale)

    @strawberry.field(description="Everything that a formula of the tenant may name, for completion.")
    async def vocabulary(self, info: Info) -> FormulaVocabulary:
        info.context.require(READ_KPIS)
        async with info.context.reading() as session:
            return FormulaVocabulary.from_domain(await get_vocabulary(session))
