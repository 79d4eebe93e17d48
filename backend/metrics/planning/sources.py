"""The rows behind a number: which aggregates they are of, what is told of them. Knows no SQL and no session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any

from backend.core.errors import Invalid
from backend.metrics.language.attribution import WHOLE
from backend.metrics.language.bound import Aggregate, Combined, Expression, type_of
from backend.metrics.language.types import TEXT, Fact, Field, Kind, Origin, Vocabulary
from backend.metrics.planning.parts import aggregates_of, is_weighted
from backend.metrics.planning.planner import Scan
from backend.metrics.planning.reach import INTERACTION, find_reach
from backend.metrics.proofs import Drill, DrilledRow, Side

_NOT_STORED = (Origin.CALENDAR, Origin.CLOCK, Origin.SNAPSHOT)
MOST_REASONS = 1_000  # different exclusions of one population
HAPPENED = "_happened"  # ends the name of a listed moment's answer to “did it happen?”


class Standing(IntEnum):
    """How a row that is not excluded stands to an aggregate: the first of these that holds."""

    CONDITION_NOT_MET = 1
    NEGATIVE_DURATION = 2
    VALUE_MISSING = 3
    COUNTED = 4


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows to be listed: those of a scan that any of the aggregates counts, with some fields of each.

    With `true_only` a share's rows are those for which its condition holds.
    """

    scan: Scan
    aggregates: tuple[Aggregate, ...]
    true_only: bool
    fields: tuple[Field, ...]


def sources(expression: Expression, drill: Drill) -> tuple[Aggregate, ...]:
    """The aggregates whose rows a drill lists.

    Those of a division's side, of the whole formula where the last step is no division or that side is a
    plain number. Raises Invalid: DRILL_AMBIGUOUS where they run over rows of several kinds or moments,
    AGGREGATE_UNKNOWN where the formula has no such aggregate.
    """
    every = tuple(aggregates_of(expression))
    if drill.aggregate is not None:
        if not 0 <= drill.aggregate < len(every):
            raise Invalid(
                f"The formula has {len(every)} aggregates, numbered from 0.", code="AGGREGATE_UNKNOWN"
            )
        return (every[drill.aggregate],)
    chosen = every
    if isinstance(expression, Combined) and expression.op == "/":
        side = expression.left if drill.side is Side.NUMERATOR else expression.right
        chosen = tuple(dict.fromkeys(aggregates_of(side))) or every
    if len({(one.basis, one.across) for one in chosen}) > 1:
        raise Invalid(
            "This side of the formula counts several kinds of rows; name one of its aggregates.",
            code="DRILL_AMBIGUOUS",
        )
    return chosen


def own_fields(vocabulary: Vocabulary, fact: Fact) -> list[Field]:
    """What a row says itself, beside the interaction it belongs to."""
    return [one for one in vocabulary.fields.values() if one.fact == fact.name != INTERACTION]


def all_fields(vocabulary: Vocabulary, fact: Fact) -> list[Field]:
    """Everything that rows of a fact have or reach; what follows from their moment is left out, and now."""
    reached = (one for one in vocabulary.fields.values() if one.origin not in _NOT_STORED)
    return [_as_listed(one) for one in reached if find_reach(fact, one) is not None]


def _as_listed(field: Field) -> Field:
    # a moment of the tenant's own is stored as text; what is left from before it was one must not end a list
    own = field.origin is Origin.ATTRIBUTE and field.type.kind is Kind.MOMENT
    return replace(field, type=TEXT) if own else field


def drilled(listing: Listing, row: Sequence[Any]) -> DrilledRow:
    """A row of `lower_listing`, in shown units."""
    row_id, source, external_id, anchored_at, interaction_id, value, share, *listed = row
    shown: dict[str, Any] = {}
    place = iter(listed)
    for field in listing.fields:
        shown[field.name] = _shown(next(place), field)
        if field.truth is not None:
            shown[field.name + HAPPENED] = next(place)
    added = None if value is None else float(value / _scale(listing.aggregates))
    return DrilledRow(
        listing.scan.basis.fact,
        row_id,
        source,
        external_id,
        anchored_at,
        interaction_id,
        added,
        shown,
        share / WHOLE,
    )


def _scale(aggregates: Sequence[Aggregate]) -> int:
    argument = aggregates[0].argument
    scale = 1 if argument is None else type_of(argument).scale
    return WHOLE * scale if is_weighted(aggregates[0]) else scale


def _shown(value: Any, field: Field) -> Any:
    if value is None or field.type.kind is not Kind.NUMBER or field.type.scale == 1:
        return value
    return Decimal(value) / field.type.scale
