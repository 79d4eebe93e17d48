"""What a formula costs before any row is read: parsing, binding and planning, anew and remembered.

Beside it stands the least that any answer costs: encoding one answered cell as JSON and reading it again, done
a hundred times.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from backend.core.windows import Grain, Window
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.language.compiler import Compiler
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.planner import Split, Task, plan

ROUNDS = 30
MOST_ANEW = 10.0  # milliseconds
MOST_REMEMBERED = 1.0
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), "UTC")


@dataclass
class Figures:
    """Milliseconds by formula, medians over rounds; `yardstick` is the JSON work beside it."""

    anew: dict[str, float] = field(default_factory=dict)
    remembered: dict[str, float] = field(default_factory=dict)
    yardstick: float = 0.0

    def table(self) -> str:
        """All of it for people."""
        lines = [f"Parsing, binding and planning, each of {len(self.anew)} built-in KPIs", ""]
        lines.append(f"{'':<24}{'median ms':>12}{'slowest ms':>12}{'/ JSON':>9}  slowest")
        for name, figures in (("anew", self.anew), ("remembered", self.remembered)):
            slowest = max(figures, key=figures.__getitem__)
            median = statistics.median(figures.values())
            lines.append(
                f"{name:<24}{median:>12.3f}{figures[slowest]:>12.3f}{median / self.yardstick:>9.2f}  {slowest}"
            )
        return "\n".join([*lines, ""])

    def as_json(self) -> dict[str, Any]:
        """All of it for programs."""
        return {"anew_ms": self.anew, "remembered_ms": self.remembered, "yardstick_ms": self.yardstick}

    def missed(self) -> list[str]:
        """What is slower than it may be."""
        found = [f"{key} takes {ms:.1f} ms anew" for key, ms in self.anew.items() if ms > MOST_ANEW]
        return found + [
            f"{key} takes {ms:.2f} ms remembered"
            for key, ms in self.remembered.items()
            if ms > MOST_REMEMBERED
        ]


def measure() -> Figures:
    """Every built-in KPI in turn, ROUNDS times."""
    vocabulary = build_vocabulary()
    definitions = {one.key: one.formula for one in CATALOGUE}
    figures = Figures()
    for one in CATALOGUE:
        warm = Compiler()

        def planned(compiler: Compiler, text: str = one.formula) -> None:
            bound = compiler.compile(text, vocabulary, definitions).formula
            assert bound is not None
            plan([Task((bound,), None, WINDOW, None, Split(Grain.DAY))])

        figures.anew[one.key] = _median(lambda ask=planned: ask(Compiler()))  # type: ignore[misc]
        figures.remembered[one.key] = _median(lambda ask=planned, kept=warm: ask(kept))  # type: ignore[misc]
    cell = {"value": 0.84, "n": 120, "numerator": 101, "denominator": 120, "state": "ok"}
    figures.yardstick = _median(lambda: [json.loads(json.dumps(cell)) for _ in range(100)])
    return figures


def _median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    work()
    for _ in range(ROUNDS):
        began = perf_counter()
        work()
        taken.append(perf_counter() - began)
    return 1000 * statistics.median(taken)
