"""The rows behind a number: how those of a population stand to each aggregate, and the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.metrics.language import bound
from backend.metrics.language.bound import Aggregate, type_of
from backend.metrics.language.types import Kind
from backend.metrics.planning.lowering.rows import Rows, Setting
from backend.metrics.planning.lowering.tables import Condition, Value
from backend.metrics.planning.parts import is_weighted
from backend.metrics.planning.planner import Scan
from backend.metrics.planning.sources import HAPPENED, MOST_REASONS, Listing, Standing
from backend.metrics.proofs import DrillKey


def lower_tally(scan: Scan, aggregates: Sequence[Aggregate], setting: Setting) -> sa.Select[Any]:
    """By exclusion: the rows of a scan, excluded ones among them, then for each aggregate its standings.

    The standings run as the enum lists them. There are at most MOST_REASONS + 1 rows.
    """
    rows = Rows(scan, setting)
    # of a row that is there for several agents: how it stands where it gets furthest
    standings = [
        rows.over_agents(func.max, _standing(rows, one)).label(f"s{at}") for at, one in enumerate(aggregates)
    ]
    inner = rows.select([rows.exclusion().label("exclusion"), *standings], excluded=True)
    counts = [
        func.count().filter(inner.c[f"s{at}"] == standing.value).label(f"n{at}_{standing.value}")
        for at in range(len(aggregates))
        for standing in Standing
    ]
    tally = sa.select(inner.c.exclusion, func.count().label("rows"), *counts).group_by(inner.c.exclusion)
    return tally.limit(MOST_REASONS + 1)


def lower_listing(
    listing: Listing, setting: Setting, *, after: DrillKey | None = None, limit: int | None = None
) -> sa.Select[Any]:
    """The rows of a listing, the newest first; those without a moment come before all others.

    A row is what `sources.drilled` reads: id, source, external id, moment, interaction, value, share, then
    the fields in stored units; a moment that has a truth of its own is followed by that.
    """
    aggregates = listing.aggregates
    rows = Rows(listing.scan, setting)
    conditions: list[Condition] = [sa.or_(*(_counts(rows, one, listing.true_only) for one in aggregates))]
    row_id, source, external_id = rows.identity()
    if after is not None:
        conditions.append(_after(rows.anchor, row_id, after))
    columns = [
        row_id.label("id"),
        source.label("source"),
        external_id.label("external_id"),
        rows.anchor.label("anchored_at"),
        _interaction(rows, listing.scan.basis.fact).label("interaction_id"),
        _added(rows, aggregates).label("value"),
        rows.weight().label("share"),
    ]
    for at, field in enumerate(listing.fields):
        columns.append(rows.value(bound.FieldValue(field, field.type)).label(f"f{at}"))
        if field.truth is not None:
            columns.append(rows.value(bound.Happened(field)).label(f"f{at}{HAPPENED}"))
    found = rows.listed(columns, *conditions)
    if rows.gathered:  # the fields are those that it has for the first of its agents
        found = found.order_by(row_id, rows.agent)
    listed = found.subquery("listed")
    order = (listed.c.anchored_at.desc().nulls_first(), listed.c.id.desc())
    return sa.select(listed).order_by(*order).limit(limit)


def _standing(rows: Rows, aggregate: Aggregate) -> Value:
    steps: list[tuple[Condition, int]] = []
    if aggregate.where is not None:
        steps.append((rows.value(aggregate.where).is_not(sa.true()), Standing.CONDITION_NOT_MET.value))
    if aggregate.argument is not None:
        missing: Condition = rows.measured(aggregate.argument).is_(None)
        if aggregate.other is not None:
            missing = sa.or_(missing, rows.measured(aggregate.other).is_(None))
        negative = sa.and_(missing, rows.negative(aggregate.argument))
        steps += [(negative, Standing.NEGATIVE_DURATION.value), (missing, Standing.VALUE_MISSING.value)]
    counted = sa.literal(Standing.COUNTED.value, sa.Integer)
    return sa.case(*steps, else_=counted) if steps else counted


def _counts(rows: Rows, aggregate: Aggregate, true_only: bool) -> Condition:
    counted = _standing(rows, aggregate) == Standing.COUNTED.value
    if true_only and aggregate.function == "share" and aggregate.argument is not None:
        return sa.and_(counted, rows.value(aggregate.argument).is_(sa.true()))
    return counted


def _added(rows: Rows, aggregates: Sequence[Aggregate]) -> Value:
    """What a row adds to the only aggregate, in stored units; in millionths of them where it is divided."""
    nothing = sa.cast(sa.null(), sa.Numeric)
    if len(aggregates) != 1 or aggregates[0].other is not None:
        return nothing
    argument = aggregates[0].argument
    kind = None if argument is None else type_of(argument).kind
    if argument is None:
        value: Value = sa.cast(sa.literal_column("1"), sa.Numeric)
    elif isinstance(argument, bound.Stretch):
        span = rows.value(argument)
        value = func.upper(span) - func.lower(span)
    elif kind is Kind.BOOLEAN:
        value = sa.cast(sa.cast(rows.value(argument), sa.Integer), sa.Numeric)
    elif kind is Kind.NUMBER:
        value = sa.cast(rows.value(argument), sa.Numeric)
    else:
        return nothing
    return rows.weighted(value) if is_weighted(aggregates[0]) else rows.over_agents(func.max, value)


def _interaction(rows: Rows, fact: str) -> Value:
    if not rows.has_interaction:
        return sa.cast(sa.null(), sa.Uuid)
    return rows.own("id") if fact == "interaction" else rows.own("interaction_id")


def _after(anchor: Value, row_id: Value, key: DrillKey) -> Condition:
    moment, last = key
    if moment is None:
        return sa.or_(sa.and_(anchor.is_(None), row_id < last), anchor.is_not(None))
    instant = sa.literal(moment, sa.DateTime(timezone=True))
    return sa.and_(anchor <= instant, sa.or_(anchor < instant, row_id < last))
