"""The formulas of one window's cells made ready to be read: per KPI its editions, mostly one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.core.windows import Window
from backend.metrics.language.bound import BoundFormula
from backend.metrics.planning.arithmetic import LastStep, Result, last_step
from backend.metrics.planning.editions import Editions
from backend.metrics.planning.maturity import parts_for_maturity
from backend.metrics.planning.parts import Part, parts_in
from backend.metrics.planning.planner import Task


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """A formula's last step, the parts that it reads, and in pairs those that tell how far it is settled: the
    rows that it looks ahead of, and those that have time left.

    Not `answerable` is a formula that cannot be computed for the question: it has no parts and no value.
    """

    step: LastStep
    parts: tuple[Part, ...]
    pending: tuple[Part, ...]
    answerable: bool = True

    @property
    def stateful(self) -> bool:
        """Whether it looks at the state of rows at a cell's end."""
        return any(part.basis.state for part in self.parts)

    @classmethod
    def of(cls, formula: BoundFormula | None) -> Reading:
        """The reading of a formula."""
        if formula is None:
            return cls(lambda _: Result(None, 0), (), (), answerable=False)
        expression = formula.expression
        return cls(last_step(expression), parts_in(expression), tuple(parts_for_maturity(expression)))


class Readings:
    """The readings of all KPIs of a question in one of its windows."""

    def __init__(self, task: Task, window: Window | None) -> None:
        self._editions = task.editions or tuple(Editions((formula,), ()) for formula in task.formulas)
        ends = task.ends(window)
        self._readings = [
            {at: Reading.of(each.formulas[at]) for at in ends.find_used(each.instants)}
            for each in self._editions
        ]

    def of(self, kpi: int) -> Sequence[Reading]:
        """Every reading of one KPI."""
        return list(self._readings[kpi].values())

    @property
    def stateful(self) -> bool:
        """Whether any of them looks at the state of rows at a cell's end."""
        return any(one.stateful for each in self._readings for one in each.values())

    def varies(self, kpi: int) -> bool:
        """Whether cells of one KPI are read differently."""
        return len(self._readings[kpi]) > 1

    def one(self, kpi: int, end: datetime | None) -> Reading:
        """The reading of a KPI's cell that ends then; None: a cell without a window."""
        return self._readings[kpi][self._editions[kpi].at(end)]
