"""A KPI as it is defined: what it is called, which way is better, the formula in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """A range in shown units; an end that is None is open."""

    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI. `version` is that of the formula in force, `latest_version` that of its newest revision, which
    may not be in force yet; `direction` None: neither way is better.

    `unit` None: the formula's. Values over fewer rows than `minimum_sample` are marked. `guardrails` are keys
    of KPIs that must not get worse while this one gets better. `measure_*` says what to do about a gap.
    """

    key: str
    name_en: str
    name_zh: str
    formula: str
    family: str
    direction: str | None
    doc: str | None = None
    unit: str | None = None
    version: int = 1
    minimum_sample: int = 1
    target: Band = Band()
    benchmark: Band = Band()
    guardrails: tuple[str, ...] = ()
    builtin: bool = False
    effective_from: date | None = None  # of the formula; None while it is not stored
    latest_version: int = 1
    archived_at: datetime | None = None
    measure_en: str | None = None
    measure_zh: str | None = None

    def measure_in(self, language: str) -> str | None:
        """What to do about a gap, in a language (en, zh) or else in the other."""
        first, second = self.measure_en, self.measure_zh
        return (second or first) if language == "zh" else (first or second)


@dataclass(frozen=True, slots=True)
class KpiVersion:
    """One revision of a KPI: the formula it has from a local day on, who wrote it and when."""

    key: str
    version: int
    formula: str
    effective_from: date
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DatedFormula:
    """A version of a KPI's formula, and the first local day it holds for."""

    version: int
    formula: str
    effective_from: date


def in_force(versions: Sequence[DatedFormula], day: date) -> DatedFormula:
    """Of a KPI's versions, oldest first, the one that holds on a day: the newest whose day has come.

    Days before its first day are as that one: a formula that is mended on the day it was written is mended for
    all that came before.
    """
    day = max(day, versions[0].effective_from)
    return next(one for one in reversed(versions) if one.effective_from <= day)
