"""Which formula every KPI of a tenant has on each day from today on, and what a change would break then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from backend.core.errors import Problem
from backend.metrics.kpi import KpiVersion
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.parser import parse
from backend.metrics.language.references import references_in
from backend.metrics.language.types import Vocabulary
from backend.metrics.problems import problems_of

Dated = tuple[date, str]  # from that day on, that formula


class Timeline:
    """The revisions of all KPIs, in the order they were written: of those whose day has come, the last one
    holds. A KPI whose first day is still to come has its first formula.
    """

    def __init__(self, revisions: Mapping[str, Sequence[Dated]], today: date) -> None:
        self._revisions = revisions
        self._today = today

    @classmethod
    def of(cls, versions: Iterable[KpiVersion], today: date) -> Timeline:
        """The timeline of stored versions, oldest first."""
        revisions: dict[str, list[Dated]] = {}
        for one in versions:
            revisions.setdefault(one.key, []).append((one.effective_from, one.formula))
        return cls(revisions, today)

    def revised(self, key: str, formula: str, effective_from: date) -> Timeline:
        """The timeline with one more revision, also of a KPI that was not there."""
        revisions = [*self._revisions.get(key, ()), (effective_from, formula)]
        return Timeline({**self._revisions, key: revisions}, self._today)

    def days(self) -> list[date]:
        """Today, and every later day on which a formula begins to hold."""
        later = {day for one in self._revisions.values() for day, _ in one if day > self._today}
        return [self._today, *sorted(later)]

    def formulas(self, day: date) -> dict[str, str]:
        """Every KPI's formula on a day."""
        return {key: _in_force(revisions, day) for key, revisions in self._revisions.items()}

    def referring_to(self, key: str) -> list[str]:
        """KPIs whose formulas name `@key`, today or on a later day, by key."""
        found = set()
        for day in self.days():
            for other, text in self.formulas(day).items():
                formula = parse(text).formula
                if formula is not None and key in references_in(formula):
                    found.add(other)
        return sorted(found - {key})


def _in_force(revisions: Sequence[Dated], day: date) -> str:
    return next((formula for start, formula in reversed(revisions) if start <= day), revisions[0][1])


def find_broken(
    before: Timeline, after: Timeline, key: str, effective_from: date, vocabulary: Vocabulary
) -> list[Problem]:
    """What keeps a KPI from being changed from a day on: its own mistakes on any day, or else those that KPIs
    that refer to it would come to have. Empty when all still makes sense.
    """
    days = [day for day in after.days() if day >= effective_from]
    for day in days:
        formulas = after.formulas(day)
        bound = compile_formula(formulas[key], vocabulary, formulas, key=key)
        if bound.formula is None:
            return [
                replace(one, message=one.message + _since(day, days))
                for one in problems_of(bound.diagnostics, ("formula",))
            ]
    found: dict[str, Problem] = {}
    for day in days:
        new, old = after.formulas(day), before.formulas(day)
        for other in sorted(old.keys() - {key} - found.keys()):
            bound = compile_formula(new[other], vocabulary, new, key=other)
            if bound.formula is not None:
                continue
            if compile_formula(old[other], vocabulary, old, key=other).formula is not None:
                reason = bound.diagnostics[0].message + _since(day, days)
                found[other] = Problem(
                    "KPI_DEPENDENT_BROKEN",
                    f"“{other}” refers to it and would no longer make sense. {reason}",
                    ("formula",),
                )
    return list(found.values())


def _since(day: date, days: Sequence[date]) -> str:
    return "" if day == days[0] else f" (From {day.isoformat()} on.)"
