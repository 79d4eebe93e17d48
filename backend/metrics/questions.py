"""What can be asked of the evaluator and what comes back: plain values, no session, no GraphQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.core.windows import Comparison, Grain, Window
from backend.metrics.judging import Judgement
from backend.metrics.kpi import DatedFormula
from backend.metrics.language.types import Unit


@dataclass(frozen=True, slots=True)
class KpiAsk:
    """One number asked for: a defined KPI by key, or a formula under a name of the caller's."""

    key: str
    formula: str | None = None  # None: the tenant's definition of `key`


@dataclass(frozen=True, slots=True)
class Order:
    """Rows by a KPI's value, a dimension, or (with a grain) "bucket"; rows without a value come last."""

    by: str
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Restriction:
    """The only rows the asker may see, by internal id; empty means nothing is held back."""

    agent_id: int | None = None
    team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """KPIs over a window, by dimensions and grain, filtered, compared, ordered and limited.

    `window` None takes every row, also those without the anchor moment; it cannot be joined with a grain or a
    comparison. `where` is a condition in the formula language.

    Order and limit pick rows. With a grain and dimensions they pick members instead, by their value over the
    whole window, and each member keeps all its buckets. `judged`: whether a comparison is to say which way each
    KPI went, which may need its guardrails to be computed, too.
    """

    kpis: tuple[KpiAsk, ...]
    window: Window | None
    dimensions: tuple[str, ...] = ()
    grain: Grain | None = None
    where: str | None = None
    comparison: Comparison | None = None
    order: Order | None = None
    limit: int | None = None
    judged: bool = True


class CellState(StrEnum):
    """What a cell's value is worth."""

    OK = "ok"
    NO_DATA = "no_data"
    PROVISIONAL = "provisional"
    BELOW_MINIMUM_SAMPLE = "below_minimum_sample"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. Durations in seconds, shares as fractions, money in major units; None is no data, never 0.

    `n` counts the rows behind the value; numerator and denominator are None unless the last step is one
    division. Of a formula that looks ahead of its rows (`followed_within(7d, ...)`), `matured` is the share
    of them whose time has passed; None for any other formula, and where there are no rows.
    """

    value: float | None
    n: int
    numerator: float | None
    denominator: float | None
    state: CellState
    matured: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A value of a dimension: the stable key (external id, code, ISO text) and what people read."""

    key: str | None
    label: str | None


@dataclass(frozen=True, slots=True)
class KpiDescription:
    """What a column of an answer is about.

    `version` is that of the KPI's definition at the window's end, `versions` are all by which a cell of the answer
    was computed, the first to hold first; a formula of the caller's has none. The rest is as at the window's end.
    """

    key: str
    name_en: str
    name_zh: str
    unit: Unit
    direction: str | None  # up, down, band
    formula: str  # canonical text
    anchor: str  # of its first aggregate
    currency: str | None = None
    versions: tuple[DatedFormula, ...] = ()

    @property
    def version(self) -> int | None:
        """The version at the window's end."""
        return self.versions[-1].version if self.versions else None


@dataclass(slots=True)
class Column:
    """One KPI's cells over all rows of an answer, as parallel lists; `judgements` is None without a
    comparison.

    `overcount` is there where rows count for several agents in full and the rows are split by agent: by how
    much all of them, also those beyond the limit, add up to more than the total; of a ratio, the numerators.
    """

    kpi: KpiDescription
    values: list[float | None] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    numerators: list[float | None] = field(default_factory=list)
    denominators: list[float | None] = field(default_factory=list)
    states: list[CellState] = field(default_factory=list)
    matured: list[float | None] = field(default_factory=list)
    overcount: float | None = None
    judgements: list[Judgement] | None = None

    def add(self, cell: Cell) -> None:
        """The next row's cell."""
        self.values.append(cell.value)
        self.n.append(cell.n)
        self.numerators.append(cell.numerator)
        self.denominators.append(cell.denominator)
        self.states.append(cell.state)
        self.matured.append(cell.matured)

    def cell(self, row: int) -> Cell:
        """The cell of one row."""
        return Cell(
            self.values[row],
            self.n[row],
            self.numerators[row],
            self.denominators[row],
            self.states[row],
            self.matured[row],
        )


@dataclass(slots=True)
class Answer:
    """Rows are (bucket, members); `columns` and `totals` run in the order the KPIs were asked.

    `buckets` (local starts with offset) is None without a grain. With a grain every bucket of the window is
    there for every member, also empty ones. `previous_columns` are aligned with the rows: a bucket with the
    bucket of the same rank in the compared window. `total_rows` counts the rows before `limit`; totals are
    over all of them, re-aggregated from parts; of what looks back, and of states, as of the window's end.
    `volatile`: the same question would be answered otherwise a moment later although nothing was written.
    """

    window: Window | None
    zone: str
    dimensions: tuple[str, ...]
    buckets: list[datetime] | None
    members: list[tuple[Member, ...]]
    columns: list[Column]
    totals: list[Cell]
    total_rows: int
    previous_window: Window | None = None
    previous_columns: list[Column] | None = None
    previous_totals: list[Cell] | None = None
    total_judgements: list[Judgement] | None = None
    volatile: bool = False
