"""Reference figures beside the repository: where they are, and how an answer is held against them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT.parent / "shared" / "data"
MAPPINGS = PROJECT / "tests" / "mappings"

# what the references hold beside numbers of ours: texts, moments, ranks, and steps on the way to a score
NO_FIGURES = frozenset(
    {
        "definition",
        "first_call",
        "last_call",
        "rank",
        "resolution_pct",
        "answered_pct",
        "answered_within_60s_pct",
        "by_weekday",
    }
)

Figures = Mapping[str, str]  # name of a reference figure -> formula that gives it
Answer = dict[str, Any]  # as `scoredesk kpi --format json` prints it


def expected(name: str) -> dict[str, Any]:
    """The reference figures of one data set."""
    return json.loads((DATA / "expected" / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class Comparison:
    """Collects every figure that differs, so that a red test shows them all."""

    checked: int = 0
    differences: list[str] = field(default_factory=list)

    def figure(self, place: str, found: float | None, wanted: float | None) -> None:
        """Counts must be equal, the rest agree to 1e-5 (or to the six decimals that the references have)."""
        self.checked += 1
        if wanted is None or found is None:
            same = wanted is found
        elif isinstance(wanted, int):
            same = found == wanted
        else:
            same = abs(found - wanted) <= max(1e-5 * abs(wanted), 5.1e-7)
        if not same:
            self.differences.append(f"{place}: {found} instead of {wanted}")

    def cells(self, place: str, cells: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """One group's figures; every one that the reference has must have been asked for."""
        if forgotten := wanted.keys() - cells.keys() - NO_FIGURES:
            self.differences.append(f"{place}: nobody asked for {sorted(forgotten)}")
        for name, cell in cells.items():
            if name in wanted:
                self.figure(f"{place} {name}", cell["value"], wanted[name])

    def groups(
        self,
        place: str,
        answer: Answer,
        wanted: Mapping[str, Mapping[str, Any]],
        key: Callable[[Sequence[str]], str] = " | ".join,
    ) -> None:
        """The same groups with the same figures; a group of rows without a member is in no reference."""
        found = {
            key(list(row["dimensions"].values())): row["cells"]
            for row in answer["rows"]
            if None not in row["dimensions"].values()
        }
        if found.keys() != wanted.keys():
            self.differences.append(
                f"{place}: groups {sorted(found.keys() ^ wanted.keys())} are on one side only"
            )
        for name in found.keys() & wanted.keys():
            self.cells(f"{place} {name}", found[name], wanted[name])

    def done(self) -> None:
        """Fails with all differences."""
        assert not self.differences, "\n".join(self.differences)
        assert self.checked


def asks(figures: Figures, only: Iterable[str] | None = None) -> list[str]:
    """Figures as arguments of `scoredesk kpi`."""
    kept = figures if only is None else {name: figures[name] for name in figures if name in set(only)}
    return [f"{name}={formula}" for name, formula in kept.items()]


def distribution(prefix: str, value: str) -> Figures:
    """The figures of a summary (n, mean, sum, min, p50 ...) of one argument and its where."""
    return {
        f"{prefix}n": f"count(where {_known(value)})",
        f"{prefix}mean": f"avg({value})",
        f"{prefix}sum": f"sum({value})",
        f"{prefix}min": f"min({value})",
        f"{prefix}p50": f"exact_p50({value})",
        f"{prefix}p90": f"exact_p90({value})",
        f"{prefix}p95": f"exact_p95({value})",
        f"{prefix}max": f"max({value})",
        f"{prefix}p50d": f"disc_p50({value})",
        f"{prefix}p90d": f"disc_p90({value})",
    }


def _known(value: str) -> str:
    argument, _, where = value.partition(" where ")
    known = f"({argument}) is not missing"
    return f"{known} and ({where})" if where else known
