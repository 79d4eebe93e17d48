"""Staged interactions merged with the rows they meet; what is derived is worked out over the merged row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Subquery, Text, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from backend.ingestion.incoming import ORIGIN, Expression, Incoming, incoming, plain_values
from backend.ingestion.records import Layout
from backend.interactions import changes
from backend.interactions.durations import (
    DERIVED,
    DERIVED_OUTCOMES,
    MASKS,
    Inputs,
    excluded_values,
    given_duration,
    given_value,
    kept,
    outcomes,
    raw_durations,
)
from backend.interactions.models import COUNTS, DURATIONS, MOMENTS, interaction

_AT = tuple(f"{name}_at" for name in MOMENTS)
_FROM_EVENTS = ("first_response_at", *COUNTS)


def interaction_rows(layout: Layout, run_id: UUID, currency: str) -> tuple[Select[Any], list[str]]:
    """The interactions that are new or differ, and the columns to write; `currency` is the tenant's.

    Three steps, each one fenced from the next, so that the server works every duration out once and not
    wherever it is named: what was given, the raw durations, the columns.
    """
    given = incoming(layout, interaction, run_id)
    plain = _plain(given, currency)
    derived = [name for name in DURATIONS if name in DERIVED or name in layout.columns]
    derived += [*DERIVED_OUTCOMES, "excluded_values"]
    columns = [*plain, *derived]

    merged = _merged(given, plain, columns)
    told = Inputs(
        moments={name: merged.c[f"merged_{name}"] for name in _AT},
        durations={name: merged.c[f"given_{name}"] for name in DURATIONS},
        outcomes={name: merged.c[f"given_{name}"] for name in DERIVED_OUTCOMES},
        stored={name: merged.c[f"old_{name}"] for name in DERIVED_OUTCOMES},
        tracked=layout.columns,
    )
    raw = raw_durations(told)
    measured = _fenced(
        select(
            *merged.c,
            *[value.label(f"raw_{name}") for name, value in raw.items()],
            *[value.label(name) for name, value in outcomes(told).items()],
        )
    )
    raw = {name: measured.c[f"raw_{name}"] for name in DURATIONS}
    values: dict[str, Expression] = {name: measured.c[name] for name in (*plain, *DERIVED_OUTCOMES)}
    values |= {name: kept(raw[name]) for name in derived if name in DURATIONS}
    values["excluded_values"] = excluded_values(raw)
    differs = or_(
        measured.c[changes.VERSION].is_(None),
        *[values[name].is_distinct_from(measured.c[f"old_{name}"]) for name in columns],
    )
    previous = [measured.c[name] for name in (changes.VERSION, *[f"old_{moment}" for moment in _AT])]
    rows = select(
        *[measured.c[name] for name in ORIGIN], *[values[name].label(name) for name in columns], *previous
    ).where(differs)
    return rows, columns


def _fenced(rows: Select[Any]) -> Subquery:
    return rows.offset(0).subquery()


def _merged(given: Incoming, plain: dict[str, Expression], columns: list[str]) -> Subquery:
    old, layout = given.old, given.layout
    moments = {name: plain[name] if name in plain else old.c[name] for name in _AT}
    durations = {
        name: given.row.c[name]
        if name in layout.columns
        else given_duration(name, old.c[name], old.c.excluded_values, old.c.given)
        for name in DURATIONS
    }
    told = {
        name: given.row.c[name] if name in layout.columns else given_value(name, old.c[name], old.c.given)
        for name in DERIVED_OUTCOMES
    }
    before = [name for name in dict.fromkeys((*columns, *DERIVED_OUTCOMES)) if name not in _AT]
    return _fenced(
        select(
            *[given.row.c[name] for name in ORIGIN],
            *[value.label(name) for name, value in plain.items()],
            *[value.label(f"merged_{name}") for name, value in moments.items()],
            *[value.label(f"given_{name}") for name, value in (durations | told).items()],
            *[old.c[name].label(f"old_{name}") for name in before],
            *changes.previous(old, interaction),
        ).select_from(given.joined)
    )


def _plain(given: Incoming, currency: str) -> dict[str, Expression]:
    """The columns that are not derived from moments, as they stand after the write."""
    old, columns = given.old, set(given.layout.columns)
    values = {
        name: value
        for name, value in plain_values(given).items()
        if name not in DURATIONS and name not in DERIVED_OUTCOMES
    }
    for name in _FROM_EVENTS:
        if name in values:  # what events told stays where the record is silent
            derived = case((old.c.given.bitwise_and(MASKS[name]) == 0, old.c[name]))
            values[name] = func.coalesce(values[name], derived)
    if "agent" in given.named or "team" in given.named:
        values["team_id"] = _team(given)
    if columns & {"amount", "currency"}:
        lacking = case((given.value("amount").is_not(None), literal(currency)))
        values["currency"] = func.coalesce(given.value("currency"), lacking)
    if "attributes" in columns:
        empty = cast(literal({}, JSONB), JSONB)
        stored: Expression = func.coalesce(old.c.attributes, empty)
        for attribute in given.layout.attributes:
            stored = stored.op("-")(literal(attribute.key, Text))
        together = stored.op("||")(func.coalesce(given.row.c.attributes, empty))
        values["attributes"] = func.jsonb_strip_nulls(together)
    values["given"] = _given(given)
    return values


def _team(given: Incoming) -> Expression:
    """The team named; else the agent's, once the row gets that agent: a later move leaves the past alone."""
    told, old = given.named.get("team"), given.old
    if (agent := given.named.get("agent")) is None:
        assert told is not None
        return func.coalesce(told.c.id, old.c.team_id)
    fallback = case(
        (old.c.agent_id.is_(None), func.coalesce(agent.c.team_id, old.c.team_id)),
        (old.c.agent_id != agent.c.id, agent.c.team_id),
        else_=func.coalesce(old.c.team_id, agent.c.team_id),
    )
    return fallback if told is None else func.coalesce(told.c.id, fallback)


def _given(given: Incoming) -> Expression:
    filled = [name for name in MASKS if name in given.layout.columns]
    others = sum(mask for name, mask in MASKS.items() if name not in filled)
    bits: ColumnElement[int] = func.coalesce(given.old.c.given, 0).bitwise_and(others)
    for name in filled:
        bits = bits.bitwise_or(case((given.row.c[name].is_not(None), literal(MASKS[name], Integer)), else_=0))
    return bits
