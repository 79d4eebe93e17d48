"""Scalars of our own."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

LocalMoment = NewType("LocalMoment", date)  # a datetime is a date, too

_FORM = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?P<time>[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?"
    r"(?P<offset>Z|[+-]\d{2}:\d{2})?"
)
_YEARS = range(1970, 2200)  # what PostgreSQL and Python can both shift by a zone or a year without an error


def _parse(value: object) -> date | datetime:
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None or (found["offset"] and not found["time"]):
        raise ValueError(
            "LocalMoment is a date such as 2021-01-31 or a date and time such as 2021-01-31T08:30."
        )
    assert isinstance(value, str)
    try:
        moment = datetime.fromisoformat(value) if found["time"] else date.fromisoformat(value)
    except ValueError:
        raise ValueError("LocalMoment names a day or a time that does not exist.") from None
    if moment.year not in _YEARS:
        raise ValueError(f"LocalMoment lies between {_YEARS[0]} and {_YEARS[-1]}.")
    return moment


def _serialize(value: date | datetime) -> str:
    return value.isoformat()


SCALARS: dict[Any, ScalarDefinition] = {
    LocalMoment: strawberry.scalar(
        name="LocalMoment",
        description=(
            "An ISO 8601 date or date and time. Without an offset it is read by the wall clock of the "
            "tenant's zone; "
            "a date means its midnight."
        ),
        parse_value=_parse,
        serialize=_serialize,
    ),
}
