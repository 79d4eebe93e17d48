"""What may be said about a KPI when it is created, revised, archived or restored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from backend.core.errors import Problem
from backend.metrics.kpi import Band as DomainBand
from backend.metrics.kpi import Kpi as DomainKpi
from schema.metrics.enums import Direction, Family

_KEEPS = "Left out, it stays."
_VERSION = "The `latestVersion` that was seen; once there is a newer one, KPI_VERSION_STALE."


@strawberry.input(description="A name in each language, 1 to 100 characters.")
class NamesInput:
    en: str = strawberry.field(description="English.")
    zh: str = strawberry.field(description="Chinese.")


@strawberry.input(description="A range in the KPI's unit, ends included.")
class BandInput:
    low: float | None = strawberry.field(default=None, description="Null for no lower end.")
    high: float | None = strawberry.field(default=None, description="Null for no upper end.")


@strawberry.input(
    description="What to do about a gap, in a sentence of 1 to 300 characters for each language."
)
class MeasuresInput:
    en: str | None = strawberry.field(default=None, description="English; null for none.")
    zh: str | None = strawberry.field(default=None, description="Chinese; null for none.")


@strawberry.input(description="A KPI of the tenant's own.")
class CreateKpiInput:
    key: str = strawberry.field(
        description="What questions and formulas will call it, for ever: 1 to 63 small letters, digits and "
        "underscores."
    )
    names: NamesInput = strawberry.field(description="What people call it.")
    description: str | None = strawberry.field(
        default=None, description="What it counts and leaves out, in at most 1,000 characters; null for none."
    )
    family: Family = strawberry.field(description="What it is about.")
    direction: Direction | None = strawberry.field(
        default=None, description="Which way is better; null when neither is."
    )
    formula: str = strawberry.field(description="In the KPI language; its unit follows from it.")
    target: BandInput | None = strawberry.field(
        default=None, description="Where it should be; null for no target."
    )
    benchmark: BandInput | None = strawberry.field(
        default=None, description="Where others are; null when not known."
    )
    minimum_sample: int = strawberry.field(
        default=1, description="Values over fewer rows are marked; 1 to 1,000,000."
    )
    guardrails: list[str] = strawberry.field(
        default_factory=list,
        description="Keys of KPIs that must not get worse while this one gets better: at most 10, each with a direction.",
    )
    measures: MeasuresInput | None = strawberry.field(
        default=None, description="What to do about a gap; null when nobody said."
    )

    def to_kpi(self) -> DomainKpi:
        """The definition that is asked for."""
        return DomainKpi(
            key=self.key,
            name_en=self.names.en,
            name_zh=self.names.zh,
            formula=self.formula,
            family=_value(self.family),
            direction=_value(self.direction),
            doc=self.description,
            minimum_sample=self.minimum_sample,
            target=_band(self.target),
            benchmark=_band(self.benchmark),
            guardrails=tuple(self.guardrails),
            **_measures(self.measures),
        )


@strawberry.input(description="The next revision of a KPI: what is left out stays as it is.")
class ReviseKpiInput:
    key: str = strawberry.field(description="Which KPI.")
    version: int = strawberry.field(description=_VERSION)
    effective_from: date | None = strawberry.field(
        default=None,
        description="The first day the formula holds for, in the tenant's zone: today or later; null is today. "
        "All else changes at once.",
    )
    names: NamesInput | None = strawberry.field(default=strawberry.UNSET, description=f"{_KEEPS} Never null.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null for none."
    )
    family: Family | None = strawberry.field(default=strawberry.UNSET, description=f"{_KEEPS} Never null.")
    direction: Direction | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null when neither way is better."
    )
    formula: str | None = strawberry.field(default=strawberry.UNSET, description=f"{_KEEPS} Never null.")
    target: BandInput | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null for no target."
    )
    benchmark: BandInput | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null when not known."
    )
    minimum_sample: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} 1 to 1,000,000; null is 1."
    )
    guardrails: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null or empty for none."
    )
    measures: MeasuresInput | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_KEEPS} Null for none, in either language."
    )

    def edit(self, kpi: DomainKpi) -> DomainKpi:
        """The definition with what was said; null where there must be something is as if left out."""
        given: dict[str, Any] = {
            "doc": self.description,
            "direction": _value(self.direction),
            "target": _band(self.target),
            "benchmark": _band(self.benchmark),
            "minimum_sample": 1 if self.minimum_sample is None else self.minimum_sample,
            "guardrails": self.guardrails
            if self.guardrails is strawberry.UNSET
            else tuple(self.guardrails or ()),
            "name_en": self.names.en if self.names else strawberry.UNSET,
            "name_zh": self.names.zh if self.names else strawberry.UNSET,
            "family": _value(self.family) if self.family else strawberry.UNSET,
            "formula": strawberry.UNSET if self.formula is None else self.formula,
            **_measures(self.measures),
        }
        said = {name: value for name, value in given.items() if value is not strawberry.UNSET}
        return replace(kpi, **said)


@strawberry.input(description="A KPI that is to be taken out of use.")
class ArchiveKpiInput:
    key: str = strawberry.field(description="Which KPI.")
    version: int = strawberry.field(description=_VERSION)


@strawberry.input(description="A KPI that is to be as it was.")
class RestoreKpiInput:
    key: str = strawberry.field(description="Which KPI.")
    version: int = strawberry.field(description=_VERSION)
    to_builtin: bool = strawberry.field(
        default=False,
        description="Whether it also gets the formula it came with, as a revision that holds from today on.",
    )
    everything: bool = strawberry.field(
        default=False,
        description="Whether it gets all that it came with, at once: names, description, family, direction, target, "
        "benchmark, minimum sample and guardrails; and the formula as with `toBuiltin`.",
    )


def place_of(problem: Problem) -> Problem:
    """A problem with its path written as the inputs here are."""
    return replace(problem, path=tuple(_camel(step) for step in problem.path))


def _camel(step: str | int) -> str | int:
    if isinstance(step, int):
        return step
    first, *rest = step.split("_")
    return first + "".join(word.title() for word in rest)


def _value(given: Any) -> Any:
    return getattr(given, "value", given)


def _measures(given: Any) -> dict[str, Any]:
    if given is strawberry.UNSET:
        return {}
    return {"measure_en": given.en if given else None, "measure_zh": given.zh if given else None}


def _band(given: Any) -> Any:
    if given is strawberry.UNSET:
        return given
    if given is None:
        return DomainBand()
    low, high = (None if end is None else Decimal(str(end)) for end in (given.low, given.high))
    return DomainBand(low, high)
