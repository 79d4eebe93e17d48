"""Which formula every KPI had on each day until today, and which of them the cells of a question need.

A cell is computed by the formulas in force on its last local day; one that ends in the future by those of today.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from backend.core.windows import at_zone
from backend.metrics.kpi import DatedFormula, Kpi
from backend.metrics.language.parser import parse
from backend.metrics.language.references import references_in
from backend.metrics.planning.editions import Ends
from backend.metrics.timeline import Timeline

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cells that are computed by the same formulas: those that end after `since`."""

    since: datetime
    formulas: Mapping[str, str]  # of every KPI by key


@dataclass(frozen=True, slots=True)
class _Course:
    """A KPI's versions as they came to hold: `holding[0]` before all `days`, `holding[i]` from `days[i - 1]` on."""

    days: tuple[date, ...]
    holding: tuple[DatedFormula, ...]

    @classmethod
    def of(cls, versions: Sequence[DatedFormula], today: date) -> _Course:
        """Of all versions, oldest first: of those whose day has come, the newest holds; see `kpi.in_force`."""
        days: list[date] = []
        holding, first = [versions[0]], versions[0].effective_from
        for one in sorted(versions[1:], key=lambda one: (one.effective_from, one.version)):
            if one.effective_from > max(today, first) or one.version < holding[-1].version:
                continue
            if one.effective_from <= (days[-1] if days else first):
                holding[-1] = one
            else:
                days.append(one.effective_from)
                holding.append(one)
        return cls(tuple(days), tuple(holding))

    def on(self, day: date | None) -> DatedFormula:
        """The version in force on a day; None is before all days."""
        return self.holding[0 if day is None else bisect_right(self.days, day)]


class History:
    """The versions of a tenant's KPIs, those to come among them, as they are on a day in the tenant's zone."""

    def __init__(self, versions: Mapping[str, Sequence[DatedFormula]], zone: str, today: date) -> None:
        self._versions = versions
        self._zone = zone
        self._today = today
        self._courses = {key: _Course.of(each, today) for key, each in versions.items()}
        self._changing = {key for key, course in self._courses.items() if course.days}
        self._latest = {key: course.holding[-1].formula for key, course in self._courses.items()}

    @classmethod
    def of(cls, kpis: Iterable[Kpi], zone: str) -> History:
        """The history of KPIs that have always been as they are."""
        versions = {one.key: [DatedFormula(one.version, one.formula, date.min)] for one in kpis}
        return cls(versions, zone, date.max)

    @property
    def timeline(self) -> Timeline:
        """The same from today on, for those who check a change."""
        revisions = {
            key: [(one.effective_from, one.formula) for one in each] for key, each in self._versions.items()
        }
        return Timeline(revisions, self._today)

    @property
    def today(self) -> date:
        """The tenant's present day."""
        return self._today

    def __contains__(self, key: str) -> bool:
        return key in self._courses

    def all(self, key: str) -> Sequence[DatedFormula]:
        """All versions of a KPI, oldest first, those to come among them."""
        return self._versions[key]

    def with_kpi(self, key: str, versions: Sequence[DatedFormula], *, until: date | None = None) -> History:
        """The history with one more KPI, whose versions are in force as they will be on a later day."""
        made = History({**self._versions, key: versions}, self._zone, self._today)
        if until is not None and until > self._today:
            course = _Course.of(versions, until)
            made._courses[key], made._latest[key] = course, course.holding[-1].formula
            if course.days:
                made._changing.add(key)
        return made

    def versions(self, key: str, ends: Ends) -> tuple[DatedFormula, ...]:
        """The versions of a KPI by which cells with these ends are computed, the first to hold first."""
        course = self._courses[key]
        return tuple(course.holding[at] for at in ends.find_used(self._instants(course.days)))

    def stretches(self, text: str | None, key: str | None, ends: Ends) -> list[Stretch]:
        """The stretches of time that cells fall into, of a text or of the KPI `key`: each begins with a new formula
        of that KPI, or of one that is referred to. At least one; the last is that of the last cell.
        """
        if not self._changing:
            return [Stretch(_EVER, self._latest)]
        concerned = self._concerned(text, key) & self._changing
        days = sorted({day for one in concerned for day in self._courses[one].days})
        instants = self._instants(days)
        return [
            Stretch(
                instants[at - 1] if at else _EVER,
                self._latest if at == len(days) else _FormulasOn(self._courses, days[at - 1] if at else None),
            )
            for at in ends.find_used(instants)
        ]

    def _concerned(self, text: str | None, key: str | None) -> set[str]:
        """The KPIs that a formula refers to, also through others, at any time."""
        found: set[str] = set()
        pending = {*(_references(text) if text is not None else ()), *([key] if key is not None else ())}
        while pending:
            one = pending.pop()
            if one in self._courses and one not in found:
                found.add(one)
                pending.update(*(_references(each.formula) for each in self._courses[one].holding))
        return found

    def _instants(self, days: Iterable[date]) -> list[datetime]:
        return [at_zone(day, self._zone).astimezone(UTC) for day in days]


class _FormulasOn(Mapping[str, str]):
    """The formulas in force on a day, looked up one by one: a formula names few of them."""

    def __init__(self, courses: Mapping[str, _Course], day: date | None) -> None:
        self._courses, self._day = courses, day

    def __getitem__(self, key: str) -> str:
        return self._courses[key].on(self._day).formula

    def __iter__(self) -> Iterator[str]:
        return iter(self._courses)

    def __len__(self) -> int:
        return len(self._courses)


@lru_cache(maxsize=4096)
def _references(text: str) -> frozenset[str]:
    formula = parse(text).formula
    return frozenset() if formula is None else frozenset(references_in(formula))
