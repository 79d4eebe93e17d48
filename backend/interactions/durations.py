"""The one place where values of an interaction are derived from its moments, as expressions a statement can
hold.

Nothing here reads or writes; every expression is IMMUTABLE but `excluded_values`, whose caller materializes.

    first_response_time   first_response - started
    wait_time             accepted - (queued or started)
    handle_time           talk + hold + wrap_up, else (closed or resolved) - accepted
    resolution_time       resolved - started
    answered              accepted, or a first response
    resolved              resolved_at is there
    abandoned             queued, closed, and never answered

What the source gives wins. A duration that comes out negative is no duration: its column is NULL, the number
is kept by name in `excluded_values`, where a formula can include it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, false, func, literal, null, or_, true

from backend.interactions.models import DURATIONS, GIVEN

DERIVED_OUTCOMES = ("answered", "abandoned", "resolved")
DERIVED = (
    *[name for name in DURATIONS if name not in ("talk_time", "hold_time", "wrap_up_time", "silence_time")],
    *DERIVED_OUTCOMES,
)
MASKS = {name: 1 << index for index, name in enumerate(GIVEN)}

Expression = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """One interaction as its sources gave it.

    `moments` by column name; `durations` and `outcomes` hold what was given, NULL where it was not; `stored`
    is the outcome the row has now. `tracked` names the columns that the record at hand can fill: only where a
    source tells of a moment does its absence mean that the moment did not come.
    """

    moments: Mapping[str, Expression]
    durations: Mapping[str, Expression]
    outcomes: Mapping[str, Expression]
    stored: Mapping[str, Expression]
    tracked: Collection[str] = ()


def elapsed(start: Expression, end: Expression) -> Expression:
    """Milliseconds from one moment to another, rounded; NULL when either is missing."""
    return cast(func.date_part("epoch", end - start) * 1000, BigInteger)


def raw_durations(given: Inputs) -> dict[str, Expression]:
    """Every duration as it comes out, the negative ones too."""
    at, told = given.moments, given.durations
    spoken = told["talk_time"] + func.coalesce(told["hold_time"], 0) + func.coalesce(told["wrap_up_time"], 0)
    queued = func.coalesce(at["queued_at"], at["started_at"])
    over = func.coalesce(at["closed_at"], at["resolved_at"])
    derived = {
        "first_response_time": (elapsed(at["started_at"], at["first_response_at"]),),
        "wait_time": (elapsed(queued, at["accepted_at"]),),
        "handle_time": (spoken, elapsed(at["accepted_at"], over)),
        "resolution_time": (elapsed(at["started_at"], at["resolved_at"]),),
    }
    return {
        name: func.coalesce(told[name], *derived[name]) if name in derived else told[name]
        for name in DURATIONS
    }


def outcomes(given: Inputs) -> dict[str, Expression]:
    """Whether it was answered, abandoned in the queue, resolved; NULL where that cannot be told."""
    at, told, stored, tracked = given.moments, given.outcomes, given.stored, given.tracked
    met = or_(at["accepted_at"].is_not(None), at["first_response_at"].is_not(None))
    if "accepted_at" in tracked or "first_response_at" in tracked:
        unmet: Expression = false()
    else:
        unmet = stored["answered"]
    left = and_(at["queued_at"].is_not(None), at["closed_at"].is_not(None), at["resolved_at"].is_(None))
    # A source with a word of its own for abandonment has told of every one; silence there is not a yes.
    clear = "accepted_at" in tracked and "abandoned" not in tracked
    return {
        "answered": func.coalesce(told["answered"], case((met, true()), else_=unmet)),
        "abandoned": func.coalesce(
            told["abandoned"],
            case(
                (met, false()),
                *([(left, true())] if clear else []),
                else_=null() if clear else stored["abandoned"],
            ),
        ),
        "resolved": func.coalesce(
            told["resolved"],
            case(
                (at["resolved_at"].is_not(None), true()),
                else_=false() if "resolved_at" in tracked else stored["resolved"],
            ),
        ),
    }


def kept(raw: Expression) -> Expression:
    """The duration's column: the raw value, NULL when negative."""
    return case((raw >= 0, raw))


def excluded_values(raw: Mapping[str, Expression]) -> Expression:
    """The negative durations by name as jsonb; NULL when there is none."""
    named: list[Expression] = []
    for name in DURATIONS:
        named += [literal(name), case((raw[name] < 0, raw[name]))]
    return case(
        (
            func.least(*[raw[name] for name in DURATIONS]) < 0,
            func.jsonb_strip_nulls(func.jsonb_build_object(*named)),
        )
    )


def given_duration(name: str, column: Expression, excluded: Expression, given: Expression) -> Expression:
    """What the source once gave for a duration, read back from the stored row; NULL when it was derived."""
    stored = func.coalesce(column, cast(excluded[name].astext, BigInteger))
    return case((given.bitwise_and(MASKS[name]) != 0, stored))


def given_value(name: str, column: Expression, given: Expression) -> Expression:
    """What the source once gave for any other value that may be derived, NULL when it did not."""
    return case((given.bitwise_and(MASKS[name]) != 0, column))
