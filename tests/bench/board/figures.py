"""What was measured, by size; as a table with the targets beside it, and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tests.bench.board.targets import TARGETS

COLUMNS = f"{'':<44}{'median':>11}{'from':>11}{'to':>11}{'least':>8}{'goal':>8}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one size (rows, or tenants): the median of its samples and their quartiles."""

    key: str
    rows: int
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which half of the samples lie; all of them where there are fewer than four."""
        if len(self.samples) < 4:
            return min(self.samples), max(self.samples)
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high


@dataclass
class Figures:
    """All figures of a run. A quick one judges none: its sizes are not those that the targets are for."""

    judged: bool = True
    title: str = "Board, {:,} interactions"
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, key: str, rows: int, *samples: float) -> None:
        """Notes a figure."""
        self.figures.append(Figure(key, rows, samples))

    def of(self, key: str, rows: int) -> float | None:
        """The median of a figure, None where it was not measured."""
        return next((one.median for one in self.figures if (one.key, one.rows) == (key, rows)), None)

    def table(self) -> str:
        """All of it for people."""
        lines = []
        for rows in sorted({one.rows for one in self.figures}):
            lines += [self.title.format(rows), "", COLUMNS]
            lines += [_line(one) for one in self.figures if one.rows == rows]
            lines.append("")
        lines += [f"FAILED: {line}" for line in self.failures]
        return "\n".join([*lines, *self.remarks, ""])

    def as_json(self) -> dict[str, Any]:
        """All of it for programs."""
        found = []
        for one in self.figures:
            target = TARGETS.get(one.key)
            found.append(
                {"figure": one.key, "rows": one.rows, "median": one.median, "quartiles": one.quartiles}
                | ({"least": target.least, "goal": target.goal} if target else {})
                | {"samples": [round(sample, 6) for sample in one.samples]}
            )
        return {"figures": found, "failures": self.failures, "remarks": self.remarks}

    def missed(self) -> list[str]:
        """What is worse than it may be, and what failed."""
        missed = [
            f"{self.title.format(one.rows)}: {one.key} is {one.median:.3g}, more than {TARGETS[one.key].least:g}"
            for one in self.figures
            if self.judged and one.key in TARGETS and one.median > TARGETS[one.key].least
        ]
        return self.failures + missed


def _line(figure: Figure) -> str:
    line = f"{figure.key:<44}" + "".join(
        f"{_short(value):>11}" for value in (figure.median, *figure.quartiles)
    )
    target = TARGETS.get(figure.key)
    if target is None:
        return line
    verdict = (
        "goal" if figure.median <= target.goal else "least" if figure.median <= target.least else "MISSED"
    )
    return f"{line}{target.least:>8g}{target.goal:>8g}  {verdict}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least that share of all is not above."""
    return sorted(samples)[ceil(share * len(samples)) - 1]
