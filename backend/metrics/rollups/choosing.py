"""Of the packs of a series, which one counts for which day: the newest, if nothing of the day changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from backend.metrics.rollups.days import Days
from backend.metrics.rollups.repository import StoredPack


@dataclass(slots=True)
class Chosen:
    """Some days of a series: which are there and right, in which pack; which are there and stale."""

    right: dict[date, StoredPack] = field(default_factory=dict)
    stale: set[date] = field(default_factory=set)
    _holding: dict[frozenset[str], list[date]] = field(default_factory=dict)

    def holding(self, parts: frozenset[str]) -> list[date]:
        """The right days whose packs have all of these parts."""
        if parts not in self._holding:
            has = {
                id(one): one.parts >= parts for one in {id(one): one for one in self.right.values()}.values()
            }
            self._holding[parts] = [day for day, one in self.right.items() if has[id(one)]]
        return self._holding[parts]

    def stretches(self, days: Iterable[date]) -> list[tuple[StoredPack, Days]]:
        """Right days as stretches of days in a row that the same pack holds, in order."""
        found: list[tuple[StoredPack, Days]] = []
        for day in sorted(days):
            one = self.right[day]
            if found and found[-1][0] is one and (day - found[-1][1].last).days == 1:
                found[-1] = one, Days(found[-1][1].first, day)
            else:
                found.append((one, Days(day, day)))
        return found


def choose(packs: Iterable[StoredPack], days: Days, touched: Mapping[date, int], version: int) -> Chosen:
    """What counts of the packs of one series, for a snapshot at a data version.

    `touched` has the newest version of each day that was touched since all packs were right.
    """
    newest: dict[date, StoredPack] = {}
    for one in packs:
        first, last = max(one.days.first, days.first), min(one.days.last, days.last)
        for day in Days(first, last) if first <= last else ():
            known = newest.get(day)
            if known is None or known.as_of < one.as_of:
                newest[day] = one
    chosen = Chosen()
    for day, one in newest.items():
        if touched.get(day, 0) <= one.as_of <= version:
            chosen.right[day] = one
        else:
            chosen.stale.add(day)
    return chosen
