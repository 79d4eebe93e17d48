"""Changing the tenant's KPI definitions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from backend.core.errors import Invalid
from backend.metrics import authoring
from backend.metrics.authoring import Author
from backend.metrics.kpi import Kpi as DomainKpi
from backend.web.access import EDIT_KPIS
from schema.context import Context, Info
from schema.metrics.definitions import Kpi, shown_kpi
from schema.metrics.drafts import (
    ArchiveKpiInput,
    CreateKpiInput,
    RestoreKpiInput,
    ReviseKpiInput,
    place_of,
)
from schema.metrics.types import Problem, problems_of
from tenants.database import WriteSession

_ADMINS = "For admins."


@strawberry.type(description="A KPI that was changed, or why it was not.")
class KpiPayload:
    kpi: Kpi | None = strawberry.field(description="As it is today; null when there are problems.")
    problems: list[Problem] = strawberry.field(
        description="What to mend; nothing was stored unless this is empty."
    )


@strawberry.type
class MetricMutations:
    @strawberry.mutation(
        description="Adds a KPI of the tenant's own, in force from today on. For earlier days there is no other "
        f"definition, so its first formula answers for them too. {_ADMINS}"
    )
    async def create_kpi(
        self,
        info: Info,
        input: Annotated[CreateKpiInput, strawberry.argument(description="The KPI.")],
    ) -> KpiPayload:
        return await _change(
            info.context, lambda session, author: authoring.create(session, input.to_kpi(), author)
        )

    @strawberry.mutation(
        description="Gives a KPI its next version, also one that came with Scoredesk. A formula with a mistake, "
        f"or one that would break a KPI that refers to it, is not stored. {_ADMINS}"
    )
    async def revise_kpi(
        self,
        info: Info,
        input: Annotated[ReviseKpiInput, strawberry.argument(description="What changes.")],
    ) -> KpiPayload:
        return await _change(
            info.context,
            lambda session, author: authoring.revise(
                session,
                input.key,
                input.edit,
                version=input.version,
                author=author,
                effective_from=input.effective_from,
            ),
        )

    @strawberry.mutation(
        description="Takes a KPI out of use; its history is kept. Refused while others refer to it. "
        + _ADMINS
    )
    async def archive_kpi(
        self,
        info: Info,
        input: Annotated[ArchiveKpiInput, strawberry.argument(description="Which one.")],
    ) -> KpiPayload:
        return await _change(
            info.context,
            lambda session, author: authoring.archive(
                session, input.key, version=input.version, author=author
            ),
        )

    @strawberry.mutation(
        description="Takes an archived KPI back into use; with `toBuiltin` it also gets back the formula it came "
        f"with, with `everything` its names, target and all else too. {_ADMINS}"
    )
    async def restore_kpi(
        self,
        info: Info,
        input: Annotated[RestoreKpiInput, strawberry.argument(description="Which one, and how.")],
    ) -> KpiPayload:
        return await _change(
            info.context,
            lambda session, author: authoring.restore(
                session,
                input.key,
                version=input.version,
                author=author,
                to_builtin=input.to_builtin,
                everything=input.everything,
            ),
        )


async def _change(
    context: Context, change: Callable[[WriteSession, Author], Awaitable[DomainKpi]]
) -> KpiPayload:
    context.require(EDIT_KPIS)
    author = Author(context.scope.principal.subject, context.clock())
    try:
        async with context.scope.write() as session:
            changed = await change(session, author)
            return KpiPayload(kpi=await shown_kpi(session, changed, context), problems=[])
    except Invalid as error:
        problems = [Problem.from_domain(place_of(problem)) for problem in problems_of(error)]
        return KpiPayload(kpi=None, problems=problems)
