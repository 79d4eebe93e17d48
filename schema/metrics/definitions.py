"""A KPI's definition as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import strawberry

from backend.metrics.catalogue import find_builtin
from backend.metrics.definitions import get_vocabulary, list_kpis
from backend.metrics.kpi import Band as DomainBand
from backend.metrics.kpi import Kpi as DomainKpi
from backend.metrics.kpi import KpiVersion as DomainVersion
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.types import Vocabulary
from backend.web.access import READ_KPI_HISTORY
from schema.context import Context, Info
from schema.locale import Locale
from schema.metrics.enums import Direction, Family, Unit
from tenants.database import ReadSession


@strawberry.type(description="A name in each language.")
class Names:
    en: str = strawberry.field(description="English.")
    zh: str = strawberry.field(description="Chinese.")


@strawberry.type(description="A range in the KPI's unit, ends included.")
class Band:
    low: float | None = strawberry.field(description="Null when there is no lower end.")
    high: float | None = strawberry.field(description="Null when there is no upper end.")

    @classmethod
    def from_domain(cls, band: DomainBand) -> Band | None:
        """The API's form of a band; None when both ends are open."""
        if band.low is None and band.high is None:
            return None
        return cls(
            low=None if band.low is None else float(band.low),
            high=None if band.high is None else float(band.high),
        )


@strawberry.type(description="What to do about a gap, in each language.")
class Measures:
    en: str | None = strawberry.field(description="English; null when nobody said.")
    zh: str | None = strawberry.field(description="Chinese; null when nobody said.")


@strawberry.type(description="One revision of a KPI.")
class KpiVersion:
    version: int = strawberry.field(description="Counts the KPI's revisions, from 1.")
    formula: str = strawberry.field(description="In canonical form.")
    effective_from: date = strawberry.field(
        description="The first day it holds for, in the tenant's zone; of those whose day has come, the newest "
        "holds."
    )
    created_by: str = strawberry.field(
        description="The subject of who wrote it; `scoredesk` for what it came with."
    )
    created_at: datetime = strawberry.field(description="When it was written.")

    @classmethod
    def from_domain(cls, version: DomainVersion) -> KpiVersion:
        """The API's form of a version."""
        return cls(
            version=version.version,
            formula=version.formula,
            effective_from=version.effective_from,
            created_by=version.created_by,
            created_at=version.created_at,
        )


@strawberry.type(description="A KPI of the tenant.")
class Kpi:
    key: str = strawberry.field(description="What questions and formulas call it; stable.")
    name: str = strawberry.field(description="Its name in the reader's language (`Accept-Language`: en, zh).")
    names: Names = strawberry.field(description="Its name in every language.")
    description: str | None = strawberry.field(
        description="What it counts and leaves out; null when nobody said."
    )
    family: Family = strawberry.field(description="What it is about.")
    unit: Unit | None = strawberry.field(
        description="What its numbers count; null while its formula has a mistake."
    )
    direction: Direction | None = strawberry.field(description="Which way is better; null when neither is.")
    formula: str = strawberry.field(description="What it computes, in canonical form.")
    version: int = strawberry.field(description="Of the revision in force today; revisions count from 1.")
    builtin: bool = strawberry.field(description="Whether it came with Scoredesk.")
    minimum_sample: int = strawberry.field(
        description="Values over fewer rows are marked BELOW_MINIMUM_SAMPLE."
    )
    target: Band | None = strawberry.field(description="Where it should be; null without a target.")
    benchmark: Band | None = strawberry.field(description="Where others are; null when not known.")
    guardrails: list[str] = strawberry.field(
        description="Keys of KPIs that must not get worse while this one gets better."
    )
    measure: str | None = strawberry.field(
        description="What to do about a gap, in the reader's language or else in the other; null when nobody "
        "said."
    )
    measures: Measures = strawberry.field(description="What to do about a gap, in every language.")

    latest_version: int = strawberry.field(
        description="Of its newest revision, which may not be in force yet; what mutations take as `version`."
    )
    builtin_formula: str | None = strawberry.field(
        description="The formula it came with; null for a KPI of the tenant's own."
    )
    archived_at: datetime | None = strawberry.field(
        description="When it was taken out of use; null while it is in use."
    )

    @strawberry.field(
        description="Its newest 100 versions, newest first, also those still to come; null, with an error, for "
        "those who may not see who wrote them: all but admins and managers."
    )
    async def history(self, info: Info) -> list[KpiVersion] | None:
        info.context.require(READ_KPI_HISTORY)
        versions = await info.context.loaders.kpi_versions.load(self.key)
        return [KpiVersion.from_domain(one) for one in versions]

    @classmethod
    def from_domain(cls, kpi: DomainKpi, unit: Unit | None, locale: Locale) -> Kpi:
        """The API's form of a definition."""
        builtin = find_builtin(kpi.key)
        return cls(
            key=kpi.key,
            name=kpi.name_zh if locale is Locale.ZH else kpi.name_en,
            names=Names(en=kpi.name_en, zh=kpi.name_zh),
            description=kpi.doc,
            family=Family(kpi.family),
            unit=unit,
            direction=Direction(kpi.direction) if kpi.direction else None,
            formula=kpi.formula,
            version=kpi.version,
            builtin=kpi.builtin,
            minimum_sample=kpi.minimum_sample,
            target=Band.from_domain(kpi.target),
            benchmark=Band.from_domain(kpi.benchmark),
            guardrails=list(kpi.guardrails),
            measure=kpi.measure_in(locale),
            measures=Measures(en=kpi.measure_en, zh=kpi.measure_zh),
            latest_version=kpi.latest_version,
            builtin_formula=builtin.formula if builtin else None,
            archived_at=kpi.archived_at,
        )


async def kpis_of(context: Context, *, archived: bool) -> list[Kpi]:
    """All KPIs of the tenant that are in use, or those that are archived, by key."""
    async with context.reading() as session:
        kpis = await list_kpis(session, context.clock(), archived=None)
        vocabulary = await get_vocabulary(session)
    shown = [kpi for kpi in kpis if (kpi.archived_at is not None) is archived]
    return [Kpi.from_domain(kpi, _unit(kpi, kpis, vocabulary), context.locale) for kpi in shown]


async def shown_kpi(session: ReadSession, kpi: DomainKpi, context: Context) -> Kpi:
    """The API's form of one KPI that was just changed in this session."""
    kpis = await list_kpis(session, context.clock(), archived=None)
    return Kpi.from_domain(kpi, _unit(kpi, kpis, await get_vocabulary(session)), context.locale)


def _unit(kpi: DomainKpi, kpis: Sequence[DomainKpi], vocabulary: Vocabulary) -> Unit | None:
    formulas = {one.key: one.formula for one in kpis if one.archived_at is None}
    bound = compile_formula(kpi.formula, vocabulary, formulas, key=kpi.key).formula
    if bound is None:
        return None
    return Unit(kpi.unit) if kpi.unit else Unit(bound.type.unit.value)
