"""The industry's figures that a tenant starts with."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from backend.metrics.benchmarks.figures import Benchmark, Kind
from backend.metrics.kpi import Kpi

LABEL = "industry baseline"

# KPIs whose band is said to float, by these fractions of it.
_FLOATS = {
    "csat": (Decimal("0.15"), Decimal("0.30")),
    "first_response_time": (Decimal("0.15"), Decimal("0.30")),
}


def industry_baselines(kpis: Iterable[Kpi]) -> list[Benchmark]:
    """The figures of those KPIs that come with a benchmark band."""
    found = []
    for kpi in kpis:
        low, high = kpi.benchmark.low, kpi.benchmark.high
        if low is not None and high is not None:
            found.append(
                Benchmark(kpi.key, Kind.INDUSTRY, LABEL, low, high, *_FLOATS.get(kpi.key, (None, None)))
            )
    return found
