"""How far a value that looks ahead of its rows is settled: the rows behind it, and those still to be waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from backend.metrics.language.bound import Aggregate, Expression, Logic, Matured, Not, Related, Row
from backend.metrics.language.types import Field
from backend.metrics.planning.parts import Collect, Part, aggregates_of
from backend.metrics.planning.reach import leaves_of


def pending_parts(expression: Expression) -> tuple[tuple[Part, Part], ...]:
    """For each aggregate that looks ahead: its rows, and those of them whose time has not passed.

    The rows are those that meet all of its condition but what looks ahead in it: for that, each of them is
    still to be judged.
    """
    return tuple(
        pair for aggregate in dict.fromkeys(aggregates_of(expression)) for pair in _pending(aggregate)
    )


def parts_for_maturity(expression: Expression) -> Iterator[Part]:
    """All of them, one by one."""
    for pair in pending_parts(expression):
        yield from pair


def span_of(row: Row | None) -> timedelta | None:
    """How far a condition looks ahead of a row; None when it does not."""
    spans = [window.span for window in _windows(row)]
    return timedelta(milliseconds=max(spans)) if spans else None


def _pending(aggregate: Aggregate) -> Iterator[tuple[Part, Part]]:
    windows = [*_windows(aggregate.argument), *_windows(aggregate.where)]
    longest: dict[Field | None, int] = {}
    for window in windows:
        longest[window.since] = max(window.span, longest.get(window.since, 0))
    if not longest:
        return
    fixed = [one for one in _conjuncts(aggregate.where) if not list(_windows(one))]
    open_ = Not(_all([Matured(span, since) for since, span in longest.items()]))
    yield _count(aggregate, fixed), _count(aggregate, [*fixed, open_])


def _count(aggregate: Aggregate, conditions: list[Row]) -> Part:
    condition = _all(conditions) if conditions else None
    return Part(aggregate.basis, Collect.COUNT, aggregate.argument, condition, across=aggregate.across)


def _windows(row: Row | None) -> Iterator[Matured]:
    """What has to have passed for each leaf that looks ahead."""
    for leaf in () if row is None else leaves_of(row):
        if isinstance(leaf, Matured):
            yield leaf
        elif isinstance(leaf, Related) and leaf.ahead:
            yield Matured(leaf.within, leaf.since)


def _conjuncts(row: Row | None) -> tuple[Row, ...]:
    if isinstance(row, Logic) and row.op == "and":
        return row.operands
    return () if row is None else (row,)


def _all(rows: list[Row]) -> Row:
    return rows[0] if len(rows) == 1 else Logic("and", tuple(rows))
