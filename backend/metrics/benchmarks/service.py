"""Changing what KPIs are held against: each change is one transaction, noted with who did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from backend.core.errors import Invalid, NotFound, Problem
from backend.metrics import definitions
from backend.metrics.acceptance import band_fault, is_plain
from backend.metrics.authoring import Author
from backend.metrics.benchmarks import repository
from backend.metrics.benchmarks.figures import Benchmark, Kind
from backend.metrics.kpi import Band, Kpi
from backend.metrics.language.diagnostics import find_nearest
from backend.metrics.repository import insert_audit_entry
from tenants.database import WriteSession

MOST_BENCHMARKS = 2_000  # of one tenant
LONGEST_LABEL = 100


async def put(session: WriteSession, figure: Benchmark, author: Author) -> Benchmark:
    """Stores a figure in the place of the one of the same KPI, kind and label, and returns it.

    Raises Invalid with problems.
    """
    kpis = {one.key: one for one in await definitions.list_kpis(session, author.now)}
    problems = [*_faults(figure, kpis)]
    places = {_place(one) for one in await repository.list_benchmarks(session)}
    if len(places | {_place(figure)}) > MOST_BENCHMARKS:
        message = f"A tenant has at most {MOST_BENCHMARKS:,} benchmarks."
        problems.append(Problem("TOO_MANY_BENCHMARKS", message, hint="Remove those of past years."))
    if problems:
        raise Invalid("The benchmark cannot be stored.", code=problems[0].code, problems=problems)
    await repository.put_benchmark(session, figure, author=author.subject, now=author.now)
    await _note(session, "set benchmark", figure, author)
    return figure


async def remove(session: WriteSession, key: str, kind: Kind, label: str, author: Author) -> Benchmark:
    """Removes a figure and returns it. Raises NotFound."""
    removed = await repository.delete_benchmark(session, key, kind, label)
    if removed is None:
        raise NotFound(f"There is no such benchmark of “{key}”.")
    await _note(session, "remove benchmark", removed, author)
    return removed


def _place(figure: Benchmark) -> tuple[str, Kind, str]:
    return figure.kpi, figure.kind, figure.label


def _faults(figure: Benchmark, kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    if figure.kpi not in kpis:
        nearest = find_nearest(figure.kpi, kpis)
        hint = f"Did you mean “{nearest}”?" if nearest else None
        message = f"There is no KPI “{figure.kpi}”."
        yield Problem("KPI_UNKNOWN", message, ("kpi",), hint=hint, nearest=nearest)
    if not figure.label.strip() or len(figure.label) > LONGEST_LABEL or not is_plain(figure.label):
        message = f"A label has 1 to {LONGEST_LABEL} characters, on one line."
        yield Problem("KPI_TEXT_INVALID", message, ("label",))
    fault = band_fault(Band(figure.low, figure.high))
    if fault is not None:
        yield Problem("BAND_INVALID", fault, ("low",))
    floats = figure.float_low, figure.float_high
    if floats != (None, None) and not _is_float(*floats):
        message = "A band floats by two fractions between 0 and 1, the smaller one first."
        yield Problem("BENCHMARK_FLOAT_INVALID", message, ("float_low",), hint="Such as 0.15 and 0.3.")


def _is_float(low: Decimal | None, high: Decimal | None) -> bool:
    if low is None or high is None or not (low.is_finite() and high.is_finite()):
        return False
    return 0 <= low <= high <= 1


async def _note(session: WriteSession, action: str, figure: Benchmark, author: Author) -> None:
    details: dict[str, Any] = {
        "kind": figure.kind.value,
        "label": figure.label,
        "band": [str(figure.low), str(figure.high)],
        "valid_from": figure.valid_from.isoformat() if figure.valid_from else None,
    }
    await insert_audit_entry(session, action, figure.kpi, details, actor=author.subject, now=author.now)
