"""What a plan makes of an object is what graphql-core makes of it, byte for byte, mistakes and all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from math import inf, nan
from typing import Any
from uuid import uuid4

import pytest
import strawberry
from graphql import ExecutionResult, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from backend.web.answers import encode
from schema.guard.limits import LIMITS
from schema.running import engine
from schema.running.documents import Documents, Operation
from schema.trusted.documents import TrustedDocuments


@strawberry.enum
class State(Enum):
    OK = "ok"
    NO_DATA = "no data"


@strawberry.interface
class Columns:
    values: list[float | None]
    n: list[int]


@strawberry.type
class Cell:
    value: float | None
    n: int
    state: State


@strawberry.type
class Series(Columns):
    names: list[str | None]
    ids: list[strawberry.ID]
    flags: list[bool | None]
    states: list[State]
    verdicts: list[State | None]
    costs: list[list[str]]
    moments: list[datetime] | None
    total: Cell
    cells: list[Cell | None]
    label: str | None
    day: date | None
    amount: Decimal


@strawberry.type
class Query:
    @strawberry.field
    def series(self) -> Series | None:
        return HELD.series

    @strawberry.field
    def all(self) -> list[Series]:
        return [HELD.series, HELD.series]


@dataclass
class Held:
    """What the root answers with."""

    series: Any = None


HELD = Held()
FIELDS = """
fragment Fields on Series { __typename v: values n names ids flags states verdicts costs moments label day amount
  total { value n state } cells { again: value value state } ... on Columns { values n } }
"""
TEXT = "{ series { ...Fields } series { total { n kind: __typename } } all { ...Fields } }" + FIELDS
EVERYTHING = st.one_of(
    st.none(),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.text(max_size=3),
    st.sampled_from(
        [*State, Decimal("1.5"), datetime(2026, 3, 1, tzinfo=UTC), date(2026, 3, 1), b"x", object]
    ),
    st.lists(st.integers(), max_size=2),
)


def operation_of(text: str, schema: strawberry.Schema) -> Operation:
    """An operation ready to run."""
    documents = Documents(schema._schema, LIMITS, TrustedDocuments())
    return documents.free(text, uuid4(), "request").operation(None)


OPERATION = operation_of(TEXT, strawberry.Schema(Query, types=[Series]))


def outcome(operation: Operation) -> tuple[bytes, Any]:
    """The encoded data of an operation and its errors."""
    variables = get_variable_values(operation.document.schema, (), {})
    assert not isinstance(variables, list)
    result = engine.run(operation, variables, None)
    assert isinstance(result, ExecutionResult)
    return encode(result.data), [(one.message, one.path) for one in result.errors or ()]


def both(series: Any) -> tuple[tuple[bytes, Any], tuple[bytes, Any]]:
    """What comes out with plans, and without."""
    HELD.series = series
    plans = OPERATION.document.plans
    assert plans is not None
    planned = outcome(OPERATION)
    OPERATION.document.plans = None
    try:
        return planned, outcome(OPERATION)
    finally:
        OPERATION.document.plans = plans


def mostly(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists of right values, with something else among them now and then."""
    return st.one_of(st.lists(right), st.lists(right), st.lists(st.one_of(right, EVERYTHING)), EVERYTHING)


CELLS = st.builds(
    Cell,
    value=st.one_of(st.none(), st.floats()),
    n=st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers()),
    state=st.one_of(st.sampled_from(State), EVERYTHING),
)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        Series,
        values=mostly(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))),
        n=mostly(st.integers(-(2**31), 2**31 - 1)),
        names=mostly(st.one_of(st.none(), st.text(max_size=5))),
        ids=mostly(st.text(max_size=5)),
        flags=mostly(st.one_of(st.none(), st.booleans())),
        states=mostly(st.sampled_from(State)),
        verdicts=mostly(st.one_of(st.none(), st.sampled_from(State))),
        costs=mostly(st.lists(st.text(max_size=3), max_size=2)),
        moments=mostly(MOMENTS),
        total=st.one_of(CELLS, CELLS, EVERYTHING),
        cells=mostly(st.one_of(st.none(), CELLS)),
        label=st.one_of(st.none(), st.text(max_size=3), EVERYTHING),
        day=st.one_of(st.none(), st.dates(), EVERYTHING),
        amount=st.one_of(st.decimals(allow_nan=False), EVERYTHING),
    )
)
def test_a_plan_makes_what_the_ordinary_way_makes(series: Series) -> None:
    planned, ordinary = both(series)
    assert planned == ordinary


RIGHT: dict[str, Any] = {
    "values": [1.5, None, 0.0],
    "n": [1, 2, 3],
    "names": ["a", None, "ä"],
    "ids": ["x"],
    "flags": [True, None],
    "states": [State.OK, State.NO_DATA],
    "verdicts": [None, State.OK],
    "costs": [["a"], []],
    "moments": [datetime(2026, 3, 1, tzinfo=UTC)],
    "total": Cell(value=0.5, n=2, state=State.OK),
    "cells": [None, Cell(value=None, n=0, state=State.NO_DATA)],
    "label": "x",
    "day": date(2026, 3, 1),
    "amount": Decimal("1.50"),
}


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_no_number_does_not_get_through(value: float, place: int) -> None:
    values = [1e308, None, 1.0]
    values[place] = value
    planned, ordinary = both(Series(**{**RIGHT, "values": values}))
    assert planned == ordinary
    assert "Float cannot represent" in str(planned[1])


def test_a_sum_that_overflows_is_no_mistake_of_its_values() -> None:
    planned, ordinary = both(Series(**{**RIGHT, "values": [1.7e308, 1.7e308]}))
    assert planned == ordinary
    assert planned[1] == []


def test_a_right_answer_is_not_completed_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    HELD.series = Series(**RIGHT)
    completed: list[str] = []
    ordinary = engine.Engine.execute_field

    def counting(self: Any, parent_type: Any, *arguments: Any) -> Any:
        completed.append(parent_type.name)
        return ordinary(self, parent_type, *arguments)

    monkeypatch.setattr(engine.Engine, "execute_field", counting)
    data, errors = outcome(OPERATION)
    assert errors == []
    assert b'"moments":["2026-03-01T00:00:00+00:00"]' in data
    assert set(completed) == {"Query"}


def test_a_document_with_a_directive_has_no_plans() -> None:
    text = "query ($on: Boolean!) { series { label @include(if: $on) } }"
    assert operation_of(text, strawberry.Schema(Query, types=[Series])).document.plans is None
