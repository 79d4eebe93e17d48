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
from backend.metrics.language.types import Unit, Vocabulary
from backend.metrics.problems import problems_of

UNIT_CHANGED = "KPI_UNIT_CHANGED"

_UNITS = {
    Unit.NONE: "a plain number",
    Unit.COUNT: "a count",
    Unit.DURATION: "a duration",
    Unit.MONEY: "an amount of money",
    Unit.SCORE: "a score",
    Unit.RATIO: "a share",
    Unit.POINTS: "a number of points",
}

Dated = tuple[date, str]  # from that day on, that formula


class Timeline:
    """The revisions of all KPIs, in the order they were written: of those whose day has come, the last one
    holds. Days before a KPI's first one are as that.
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

    def newest(self, key: str) -> str | None:
        """The formula of a KPI's newest revision, whatever its day; None where there is no such KPI."""
        revisions = self._revisions.get(key)
        return revisions[-1][1] if revisions else None

    def referring_to(self, key: str) -> list[str]:
        """KPIs whose formulas name `@key`, today or on a later day, by key."""
        return sorted(self._users().get(key, set()) - {key})

    def resting_on(self, key: str) -> list[str]:
        """KPIs that refer to `@key`, today or on a later day, themselves or through others; by key."""
        users = self._users()
        found: set[str] = set()
        pending = [key]
        while pending:
            new = users.get(pending.pop(), set()) - found
            found |= new
            pending += new
        return sorted(found - {key})

    def _users(self) -> dict[str, set[str]]:
        """By key, the KPIs whose formulas name it, today or on a later day."""
        users: dict[str, set[str]] = {}
        for day in self.days():
            for key, text in self.formulas(day).items():
                formula = parse(text).formula
                for named in references_in(formula) if formula is not None else ():
                    users.setdefault(named, set()).add(key)
        return users


def _in_force(revisions: Sequence[Dated], day: date) -> str:
    day = max(day, revisions[0][0])  # as `kpi.in_force` has it
    return next(formula for start, formula in reversed(revisions) if start <= day)


def find_broken(
    before: Timeline, after: Timeline, key: str, effective_from: date, vocabulary: Vocabulary
) -> list[Problem]:
    """What keeps a KPI from being changed from a day on: its own mistakes on any day; or else that it would count
    in another unit, and the mistakes that KPIs that refer to it would come to have. Empty when all still makes
    sense.
    """
    mistakes = find_mistakes(before, after, key, effective_from, vocabulary)
    if any(one.code != UNIT_CHANGED for one in mistakes):
        return mistakes
    return [*mistakes, *find_broken_users(before, after, key, effective_from, vocabulary).values()]


def find_mistakes(
    before: Timeline, after: Timeline, key: str, effective_from: date, vocabulary: Vocabulary
) -> list[Problem]:
    """What is wrong with a KPI's own new formula from a day on, whoever refers to it."""
    days = [day for day in after.days() if day >= effective_from]
    for day in days:
        formulas = after.formulas(day)
        bound = compile_formula(formulas[key], vocabulary, formulas, key=key)
        if bound.formula is None:
            return [
                replace(one, message=one.message + _since(day, days))
                for one in problems_of(bound.diagnostics, ("formula",))
            ]
    old, new = (_unit_of(each, key, vocabulary) for each in (before, after))
    if old is None or new is None or old is new:
        return []
    message = f"“{key}” is {_UNITS[old]} and would become {_UNITS[new]}: its past could not stand beside it."
    hint = f"Create a new KPI for it, or let the formula give {_UNITS[old]}."
    return [Problem(UNIT_CHANGED, message, ("formula",), hint=hint)]


def find_broken_users(
    before: Timeline, after: Timeline, key: str, effective_from: date, vocabulary: Vocabulary
) -> dict[str, Problem]:
    """By key, the KPIs that make sense today and would not with a change from a day on, and why."""
    days = [day for day in after.days() if day >= effective_from]
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
    return found


def _unit_of(timeline: Timeline, key: str, vocabulary: Vocabulary) -> Unit | None:
    """The unit of a KPI's newest formula; None where it has none or makes no sense."""
    text = timeline.newest(key)
    formulas = timeline.formulas(timeline.days()[-1])
    bound = compile_formula(text, vocabulary, formulas, key=key).formula if text is not None else None
    return bound.type.unit if bound else None


def _since(day: date, days: Sequence[date]) -> str:
    return "" if day == days[0] else f" (From {day.isoformat()} on.)"
