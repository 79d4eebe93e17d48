"""A KPI as it is defined: what it is called, which way is better, the formula in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """A range in shown units; an end that is None is open."""

    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI. `version` counts the formulas it has had; `direction` None: neither way is better.

    `unit` None: the formula's. Values over fewer rows than `minimum_sample` are marked. `guardrails` are keys
    of KPIs that must not get worse while this one gets better.
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
