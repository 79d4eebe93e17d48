"""The gap table: each KPI's value beside what it is held against, and how far it is from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from backend.core.clock import Clock
from backend.core.errors import DomainError, Invalid, Problem
from backend.core.windows import Comparison, Window
from backend.metrics import definitions
from backend.metrics.benchmarks import repository
from backend.metrics.benchmarks.figures import (
    Against,
    Benchmark,
    Gap,
    Kind,
    Reference,
    gap_between,
    reference_of,
)
from backend.metrics.benchmarks.growth import windows_to_divide_by
from backend.metrics.evaluator import Evaluator
from backend.metrics.kpi import Kpi
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.types import Vocabulary
from backend.metrics.questions import Answer, Cell, KpiAsk, KpiDescription, Member, Question, Restriction
from tenants.database import ReadSession, TenantDatabase

MOST_WINDOWS = 24  # of the KPI's own past
MOST_ROWS = 2_000  # of one table

_EVERYTHING = Restriction()


@dataclass(frozen=True, slots=True)
class GapAsk:
    """Which KPIs over which window, by which dimensions and of which rows, against what.

    `windows` is how many windows of the past make up a KPI's own history.
    """

    keys: tuple[str, ...]
    window: Window
    against: Against
    where: str | None = None
    dimensions: tuple[str, ...] = ()
    windows: int = 3


@dataclass(frozen=True, slots=True)
class HeldAgainst:
    """The range a row is held against, and whose it is: a benchmark of others, or the KPI's own history."""

    reference: Reference
    benchmark: Benchmark | None = None
    history: Cell | None = None  # over all of the past windows together


@dataclass(frozen=True, slots=True)
class GapRow:
    """One KPI of one group: its value, what that is held against, and the gap.

    `against` is None where there is nothing of the kind asked for; `gap` also where there is no value.
    """

    kpi: KpiDescription
    definition: Kpi
    members: tuple[Member, ...]
    current: Cell
    against: HeldAgainst | None
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class GapTable:
    """Rows KPI by KPI as they were asked, of each in the order of the groups. `history` is the past looked at;
    `volatile` when a number of it hangs on the instant it was asked at.
    """

    zone: str
    window: Window
    history: Window | None
    dimensions: tuple[str, ...]
    rows: list[GapRow]
    volatile: bool = False


async def find_gaps(
    database: TenantDatabase, clock: Clock, ask: GapAsk, *, restriction: Restriction = _EVERYTHING
) -> GapTable:
    """The gap table that is asked for.

    Raises as an answer of the evaluator holds them, and Invalid (HISTORY_OUT_OF_RANGE, ANSWER_TOO_LARGE).
    """
    questions = _questions(ask)
    answers = []
    for outcome in await Evaluator(database, clock).answer(questions, restriction=restriction):
        if isinstance(outcome, DomainError):
            raise outcome
        answers.append(outcome)
    async with database.read() as session:
        known = await _Known.read(session, clock())
    return _table(ask, known, answers)


@dataclass(frozen=True, slots=True)
class _Known:
    """The tenant's definitions and benchmarks; archived KPIs too, as one may have become that meanwhile."""

    kpis: Mapping[str, Kpi]
    figures: Sequence[Benchmark]
    vocabulary: Vocabulary

    @classmethod
    async def read(cls, session: ReadSession, now: datetime) -> _Known:
        kpis = await definitions.list_kpis(session, now, archived=None)
        figures = await repository.list_benchmarks(session)
        return cls({one.key: one for one in kpis}, figures, await definitions.get_vocabulary(session))


def _questions(ask: GapAsk) -> list[Question]:
    """What has to be answered for a table: the present, then the past where that is what counts."""
    kpis = tuple(KpiAsk(key) for key in ask.keys)
    spans = [ask.window]
    if ask.against is Against.OWN_HISTORY:
        spans.append(_history(ask))
    return [Question(kpis, span, ask.dimensions, where=ask.where) for span in spans]


def _table(ask: GapAsk, known: _Known, answers: Sequence[Answer]) -> GapTable:
    present, past = answers[0], answers[1] if len(answers) > 1 else None
    if len(present.members) * len(present.columns) > MOST_ROWS:
        raise Invalid(
            f"The table would have more than {MOST_ROWS:,} rows; take fewer KPIs or dimensions, or a filter.",
            code="ANSWER_TOO_LARGE",
        )
    rows = []
    for place, column in enumerate(present.columns):
        kpi = known.kpis[column.kpi.key]
        held = _held(ask, known, kpi) if past is None else None
        histories = _histories(ask, known, kpi, past, place) if past is not None else {}
        for at, members in enumerate(present.members):
            cell, against = column.cell(at), histories.get(_keys(members), held)
            gap = None
            if against is not None and cell.value is not None:
                gap = gap_between(against.reference, _exact(cell.value), kpi.direction)
            rows.append(GapRow(column.kpi, kpi, members, cell, against, gap))
    return GapTable(
        present.zone,
        ask.window,
        past.window if past is not None else None,
        present.dimensions,
        rows,
        any(answer.volatile for answer in answers),
    )


def _history(ask: GapAsk) -> Window:
    """The windows before the one asked for, as one."""
    if not 1 <= ask.windows <= MOST_WINDOWS:
        message = f"A history is of 1 to {MOST_WINDOWS} windows."
        problem = Problem("HISTORY_OUT_OF_RANGE", message, ("windows",))
        raise Invalid(message, code="HISTORY_OUT_OF_RANGE", problems=[problem])
    first = ask.window
    for _ in range(ask.windows):
        first = first.compared(Comparison.PREVIOUS_PERIOD)
    return Window(first.start, ask.window.start, ask.window.zone)


def _held(ask: GapAsk, known: _Known, kpi: Kpi) -> HeldAgainst | None:
    """What a KPI is held against, whichever group it is of."""
    if ask.against is Against.TARGET:
        target = reference_of(kpi.target)
        return HeldAgainst(target) if target is not None else None
    figure = _in_force(known.figures, kpi.key, Kind(ask.against.value), _last_day(ask.window))
    if figure is not None:
        return HeldAgainst(Reference(figure.low, figure.high, figure.float_high), figure)
    band = reference_of(kpi.benchmark) if ask.against is Against.INDUSTRY else None
    return HeldAgainst(band) if band is not None else None


def _in_force(figures: Sequence[Benchmark], key: str, kind: Kind, day: date) -> Benchmark | None:
    """The newest figure that speaks of a day; of equally new ones the first by its label."""
    fitting = [
        one
        for one in figures
        if one.kpi == key and one.kind is kind and (one.valid_from is None or one.valid_from <= day)
    ]
    return max(fitting, key=lambda one: one.valid_from or date.min, default=None)


def _histories(
    ask: GapAsk, known: _Known, kpi: Kpi, past: Answer, place: int
) -> dict[tuple[str | None, ...], HeldAgainst]:
    """A KPI's own history by group; none of groups that had no value then, or of a KPI that has none to compare."""
    formulas = {one.key: one.formula for one in known.kpis.values()}
    formula = compile_formula(kpi.formula, known.vocabulary, formulas, key=kpi.key).formula
    parts = windows_to_divide_by(formula.expression, ask.windows) if formula is not None else None
    found: dict[tuple[str | None, ...], HeldAgainst] = {}
    for at, members in enumerate(past.members):
        cell = past.columns[place].cell(at)
        if parts is not None and cell.value is not None:
            value = _exact(cell.value) / parts
            found[_keys(members)] = HeldAgainst(Reference(value, value), history=cell)
    return found


def _last_day(window: Window) -> date:
    return (window.end - timedelta(microseconds=1)).astimezone(ZoneInfo(window.zone)).date()


def _keys(members: Sequence[Member]) -> tuple[str | None, ...]:
    return tuple(one.key for one in members)


def _exact(value: float) -> Decimal:
    """The shortest decimal that is this float: 0.7, and not its neighbour below."""
    return Decimal(str(value))
