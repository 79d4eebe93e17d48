"""What a number rests on, as plain values: a cell of an answer, its proof, and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from backend.core.windows import Window
from backend.metrics.questions import Cell, KpiDescription
from backend.schedules.timetable import Held

RAW = "raw"  # the path of a number that was collected from the rows themselves

DrillKey: TypeAlias = tuple[datetime | None, UUID]  # the moment that places a row in time, the row's id


@dataclass(frozen=True, slots=True)
class CellPlace:
    """One cell of an answer: the start of its bucket (None: all of the window) and a key per dimension.

    A dimension without a member here is summed over. A key of None stands for the rows that have no value.
    """

    bucket: datetime | None = None
    members: tuple[tuple[str, str | None], ...] = ()


TOTAL = CellPlace()


class Side(StrEnum):
    """Of which side of a formula's last step the rows are listed."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


@dataclass(frozen=True, slots=True)
class Drill:
    """Which rows behind a cell: those that one side counts, or those of one aggregate of the formula.

    `aggregate` counts from 0, as the aggregates of a proof stand; of a share the numerator's rows are those
    for which its condition holds.
    """

    place: CellPlace = TOTAL
    side: Side = Side.DENOMINATOR
    aggregate: int | None = None


class ExclusionKind(StrEnum):
    """Why a row of the population is not counted. The first that holds is the one."""

    EXCLUDED = "excluded"
    CONDITION_NOT_MET = "condition_not_met"
    NEGATIVE_DURATION = "negative_duration"
    VALUE_MISSING = "value_missing"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows that are not counted, and why: `reason` is the source's word for an excluded row, else the kind."""

    kind: ExclusionKind
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class AggregateProof:
    """One aggregate of a formula: `population` is `counted` and all exclusions together, exactly.

    The population is every row of the fact in the cell's window that meets the question's filter, also the
    excluded ones. Where the cell is of one agent, it is the rows credited to that agent by the rule `credit`.
    With `over` it is those of the time looked back over, with `while` those in the state at the window's end;
    the cell's member of a dimension that the aggregate is taken across does not narrow it.
    """

    formula: str
    fact: str
    anchor: str
    including_excluded: bool
    credit: str
    cell: Cell
    population: int
    counted: int
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True)
class DataVersion:
    """The newest write that a number has seen."""

    number: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """What one value rests on. `version` and `effective_from` are None where a formula was asked, no KPI.

    `schedules` are the versions of working hours in force in the window for any queue or team, where the
    formula or the question's filter goes by a business clock.
    """

    kpi: KpiDescription
    version: int | None
    effective_from: date | None
    window: Window | None
    zone: str
    cell: Cell
    aggregates: tuple[AggregateProof, ...]
    data_version: DataVersion | None
    path: str = RAW
    schedules: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class DrilledRow:
    """A row behind a cell. `value` is what it adds to the aggregate, None where it adds none or several do.

    `fields` holds fields of the language by name, in shown units. `share` is what part of the row is credited
    to the agents of the cell: 1 but under a rule that divides rows, whose values are that part already.
    """

    fact: str
    id: UUID
    source: str
    external_id: str
    anchored_at: datetime | None
    interaction_id: UUID | None
    value: float | None
    fields: Mapping[str, Any]
    share: float = 1.0

    @property
    def key(self) -> DrillKey:
        """Where the row stands in its list."""
        return self.anchored_at, self.id
