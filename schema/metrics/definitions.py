"""A KPI's definition as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import strawberry

from backend.core.currencies import MINOR_DIGITS
from backend.metrics import repository
from backend.metrics.definitions import list_kpis
from backend.metrics.kpi import Band as DomainBand
from backend.metrics.kpi import Kpi as DomainKpi
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.vocabulary import build_vocabulary
from schema.context import Context
from schema.locale import Locale
from schema.metrics.enums import Direction, Family, Unit


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
    version: int = strawberry.field(description="Counts the formulas it has had, from 1.")
    builtin: bool = strawberry.field(description="Whether it came with Scoredesk.")
    minimum_sample: int = strawberry.field(
        description="Values over fewer rows are marked BELOW_MINIMUM_SAMPLE."
    )
    target: Band | None = strawberry.field(description="Where it should be; null without a target.")
    benchmark: Band | None = strawberry.field(description="Where others are; null when not known.")
    guardrails: list[str] = strawberry.field(
        description="Keys of KPIs that must not get worse while this one gets better."
    )

    @classmethod
    def from_domain(cls, kpi: DomainKpi, unit: Unit | None, locale: Locale) -> Kpi:
        """The API's form of a definition."""
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
        )


async def kpis_of(context: Context) -> list[Kpi]:
    """All KPIs of the tenant, by key."""
    async with context.reading() as session:
        kpis = await list_kpis(session, context.clock())
        attributes = await repository.list_attributes(session)
    units = _units(kpis, context.scope.tenant.currency, attributes)
    return [Kpi.from_domain(kpi, units[kpi.key], context.locale) for kpi in kpis]


def _units(
    kpis: Sequence[DomainKpi], currency: str, attributes: Sequence[tuple[str, str, str | None, str | None]]
) -> Mapping[str, Unit | None]:
    vocabulary = build_vocabulary(MINOR_DIGITS.get(currency, 2), attributes)
    formulas = {kpi.key: kpi.formula for kpi in kpis}
    bound = {
        key: compile_formula(text, vocabulary, formulas, key=key).formula for key, text in formulas.items()
    }
    return {key: Unit(found.type.unit.value) if found else None for key, found in bound.items()}
