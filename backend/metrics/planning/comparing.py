"""The columns of two windows to verdicts, row by row: each KPI beside its guardrails in the same row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.metrics.judging import Aim, Change, Judgement, change_of, judge
from backend.metrics.questions import Cell, CellState, Column


@dataclass(frozen=True, slots=True)
class Watch:
    """How one column is judged: its aim, and the places of its guardrails among all columns."""

    aim: Aim | None
    guardrails: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """The columns of a question and of the window it is compared with, those of guardrails at the end.

    `watches` has one for each column.
    """

    watches: Sequence[Watch]
    now: Sequence[Column]
    before: Sequence[Column]

    def judge_rows(self, at: int) -> list[Judgement]:
        """The judgements on one column, row by row."""
        own, guardrails = self._changes(at), [self._changes(place) for place in self.watches[at].guardrails]
        return [
            judge(change, zip(self._keys(at), others, strict=True))
            for change, *others in zip(own, *guardrails, strict=True)
        ]

    def judge_total(self, at: int, now: Sequence[Cell], before: Sequence[Cell]) -> Judgement:
        """The judgement on one column's total; the totals run as the columns do."""
        changes = [
            change_of(self.watches[place].aim, _judged(before[place]), _judged(now[place]))
            for place in (at, *self.watches[at].guardrails)
        ]
        return judge(changes[0], zip(self._keys(at), changes[1:], strict=True))

    def _keys(self, at: int) -> list[str]:
        return [self.now[place].kpi.key for place in self.watches[at].guardrails]

    def _changes(self, at: int) -> list[Change | None]:
        aim, before, now = self.watches[at].aim, self.before[at], self.now[at]
        rows = range(len(now.values))
        return [change_of(aim, _judged(before.cell(row)), _judged(now.cell(row))) for row in rows]


def _judged(cell: Cell) -> float | None:
    """A value to rely on; one that is provisional or rests on too few rows is none."""
    return cell.value if cell.state is CellState.OK else None
