"""The built-in KPIs: the TOML files beside this module, one table a KPI, one key a figure.

A tenant starts with all of them and may change or add; a formula here is never bent to one data set.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

from backend.metrics import repository
from backend.metrics.benchmarks.baselines import industry_baselines
from backend.metrics.benchmarks.repository import insert_missing
from backend.metrics.kpi import Band, Kpi
from tenants.database import WriteSession

# Built-in formulas hold for all of a tenant's past, however old the data it brings.
_ALWAYS = date(1970, 1, 1)
_AUTHOR = "scoredesk"
_ROOMS = (
    "volume", "waiting", "handling", "resolution", "satisfaction", "quality", "agents", "self_service", "business",
)  # fmt: skip


def _read() -> Iterator[Kpi]:
    for room in _ROOMS:
        text = (files(__package__) / f"{room}.toml").read_text(encoding="utf-8")
        for key, row in tomllib.loads(text, parse_float=Decimal).items():
            yield _kpi(key, row)


def _kpi(key: str, row: Mapping[str, Any]) -> Kpi:
    measure = row.get("measure", {})
    return Kpi(
        key,
        row["name"]["en"],
        row["name"]["zh"],
        row["formula"],
        row["family"],
        row.get("direction"),
        row["doc"],
        row.get("unit"),
        minimum_sample=row.get("minimum_sample", 1),
        target=_band(row.get("target", {})),
        benchmark=_band(row.get("benchmark", {})),
        guardrails=tuple(row.get("guardrails", ())),
        builtin=True,
        measure_en=measure.get("en"),
        measure_zh=measure.get("zh"),
    )


def _band(ends: Mapping[str, int | Decimal]) -> Band:
    low, high = (None if end is None else Decimal(end) for end in (ends.get("low"), ends.get("high")))
    return Band(low, high)


CATALOGUE: tuple[Kpi, ...] = tuple(_read())
_BY_KEY = {one.key: one for one in CATALOGUE}


async def seed_catalogue(session: WriteSession) -> None:
    """Gives a tenant the built-in KPIs and the industry's figures it does not have yet; safe to repeat, never
    changes one.
    """
    await repository.insert_kpis(session, CATALOGUE, effective_from=_ALWAYS, author=_AUTHOR)
    await insert_missing(session, industry_baselines(CATALOGUE), author=_AUTHOR)


def find_builtin(key: str) -> Kpi | None:
    """The KPI of that key as it comes with Scoredesk, None where none does."""
    return _BY_KEY.get(key)
