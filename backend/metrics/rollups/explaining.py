"""Where an answer comes from, and why: told by the very sources that the answer would be made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import groupby

from backend.core.windows import Window
from backend.metrics.planning.describe import describe_part, describe_split, describe_statement
from backend.metrics.planning.lowering import Estimate
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Split, Statement
from backend.metrics.rollups.days import Days, runs, whole_days
from backend.metrics.rollups.matching import Matched
from backend.metrics.rollups.reading import MOST_PIECES, Source

MOST_RUNS = 4  # of days in a row that a reason names


class Origin(StrEnum):
    """What groups are made of."""

    CELLS = "cells"
    COLUMNS = "columns"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Read:
    """A statement that goes to the rows. `estimate` is None where the asker may not know of all rows."""

    number: int  # from 1
    statement: Statement
    sql: str
    estimate: Estimate | None

    @property
    def windows(self) -> tuple[Window, ...]:
        """The time whose rows are asked for; empty: all rows, also those without a moment."""
        scan = self.statement.scan
        windows = scan.within or (() if scan.window is None else (scan.window,))
        return tuple(one.local() for one in windows)

    def serves(self, source: Source) -> bool:
        """Whether what a source leaves to the rows is in this statement."""
        matched, own = source.matched, self.statement
        if own.kind is not matched.statement.kind:
            return False
        if own.scan != replace(matched.statement.scan, within=source.left):
            return False
        return any(split == matched.split and set(parts) & set(matched.parts) for split, parts in own.needs)


@dataclass(frozen=True, slots=True)
class Step:
    """How the groups of one split come about, for some parts of a statement.

    Of the `days` that lie in the window entirely `packed` ones are answered from cells, `columned` (a number)
    from columns; `stale` ones have cells that are not right any more, `missing` ones have none yet. `reason`
    follows “because”: why rows are read.
    """

    statement: Statement
    split: Split
    parts: tuple[Part, ...]
    days: int
    packed: tuple[date, ...]
    columned: int
    stale: tuple[date, ...]
    missing: tuple[date, ...]
    reason: str | None
    read: Read | None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What its groups are made of; several: each day of one of them."""
        taken = {
            Origin.CELLS: bool(self.packed),
            Origin.COLUMNS: bool(self.columned),
            Origin.ROWS: self.read is not None,
        }
        return tuple(origin for origin, is_taken in taken.items() if is_taken)


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a question would be answered: a step for each group of sources, and what is sent to the rows."""

    steps: tuple[Step, ...]
    reads: tuple[Read, ...]


def explained(sources: Iterable[Source], reads: Sequence[Read], now: datetime) -> Explanation:
    """The steps that sources are, at the instant of the answer."""
    return Explanation(tuple(_step(source, reads, now) for source in sources), tuple(reads))


def unpacked(statements: Iterable[Statement]) -> Iterator[Source]:
    """The sources of statements that are answered from the rows alone because the asker wants it so."""
    for statement in statements:
        for split, parts in statement.needs:
            yield Source(Matched(statement, split, parts, reason="packs are left aside"))


def tell(explanation: Explanation) -> str:
    """An explanation as people read it: each statement with its sources, then what is sent to the rows."""
    sections = [
        "\n".join([describe_statement(steps[0].statement), *_origins(steps)])
        for steps in _by_statement(explanation.steps)
    ]
    sections += [f"-- {_heading(read)}\n{read.sql}" for read in explanation.reads]
    return "\n\n".join(sections)


def _step(source: Source, reads: Sequence[Read], now: datetime) -> Step:
    matched = source.matched
    days = None if matched.statement.scan.window is None else whole_days(source.window)
    fit = {day for day in days or () if any(day in one for one in _usable(matched, days, now))}
    missing = tuple(sorted(fit - source.held - source.stale))
    read = None
    if source.reads_rows:
        read = next((one for one in reads if one.serves(source)), None)
    return Step(
        matched.statement,
        matched.split,
        matched.parts,
        days=len(days or ()),
        packed=tuple(sorted(source.packed)),
        columned=len(source.columned),
        stale=tuple(sorted(source.stale)),
        missing=missing,
        reason=None if read is None else _reason(source, days, missing, fit),
        read=read,
    )


def _usable(matched: Matched, days: Days | None, now: datetime) -> list[Days]:
    found = [] if days is None else [matched.usable(one, days, now) for one in matched.variants]
    return [one for one in found if one is not None]


def _reason(source: Source, days: Days | None, missing: Collection[date], fit: Collection[date]) -> str:
    if source.matched.reason is not None:
        return source.matched.reason
    if days is None:
        return "no day lies in the window entirely"
    if source.held and not source.packed:
        return f"the packs would leave more than {MOST_PIECES} gaps"
    reasons = []
    if source.stale:
        reasons.append(f"{_spoken(source.stale)} {'is' if len(source.stale) == 1 else 'are'} stale")
    if missing:
        reasons.append(f"{_spoken(missing)} {'has' if len(missing) == 1 else 'have'} no pack yet")
    if mixed := [day for day in days if day not in fit]:
        reasons.append(f"on {_spoken(mixed)} only some rows are old enough")
    if _is_ragged(source.window, days):
        reasons.append("the window begins or ends within a day")
    return "; ".join(reasons)


def _is_ragged(window: Window, days: Days) -> bool:
    whole = days.window(window.zone)
    return (whole.start, whole.end) != (window.start.astimezone(UTC), window.end.astimezone(UTC))


def _spoken(days: Collection[date]) -> str:
    found = list(runs(days))
    named = [
        str(one.first) if one.first == one.last else f"{one.first} to {one.last}" for one in found[:MOST_RUNS]
    ]
    more = sum(len(one) for one in found[MOST_RUNS:])
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def _by_statement(steps: Iterable[Step]) -> Iterator[list[Step]]:
    for _, some in groupby(steps, key=lambda step: id(step.statement)):
        yield list(some)


def _origins(steps: Sequence[Step]) -> Iterator[str]:
    """What is said of the steps of a statement: once if that is the same of all of them."""
    said = {step: _origin(step) for step in steps}
    if len(set(said.values())) == 1:
        yield f"  {said[steps[0]]}"
        return
    for step, text in said.items():
        parts = ", ".join(describe_part(part) for part in step.parts)
        yield f"  {parts} by {describe_split(step.split)}: {text}"


def _origin(step: Step) -> str:
    counts = {
        Origin.CELLS: f" ({len(step.packed):,} of {step.days:,} days)",
        Origin.COLUMNS: f" ({step.columned:,} of {step.days:,} days)",
    }
    text = "from " + " and ".join(f"{origin}{counts.get(origin, '')}" for origin in step.origins)
    if step.reason is not None:
        text += f", because {step.reason}"
    return (
        text if step.read is None else f"{text}\n    statement {step.read.number} reads {_windows(step.read)}"
    )


def _windows(read: Read) -> str:
    if not read.statement.scan.within:
        return "the whole window" if read.windows else "all rows"
    return ", ".join(f"{one.start.isoformat()} to {one.end.isoformat()}" for one in read.windows)


def _heading(read: Read) -> str:
    known = read.estimate
    if known is None:
        return f"statement {read.number}"
    rows = "1 row" if known.rows == 1 else f"{known.rows:,} rows"
    return f"statement {read.number}: about {rows}, cost {known.cost:,.0f}"
