"""Arithmetic on columns against the numbers of the database itself, where roundings and sizes are at their worst."""

from __future__ import annotations

from random import Random
from typing import Any

import asyncpg
import numpy as np
import pytest

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.types import MOMENT, NUMBER, Field, Origin, Type
from backend.metrics.rollups.columns_packs import Unfit
from backend.metrics.rollups.vectors import Evaluation, Vector
from backend.metrics.rollups.vectors_texts import holds
from tests.conftest import Place, StandingClock


def leaf(name: str, kind: Type) -> bound.FieldValue:
    return bound.FieldValue(Field(name, "interaction", kind, Origin.COLUMN, name, name, name, ""), kind)


class Two:
    """Leaves of two columns."""

    def __init__(self, columns: dict[Row, list[int]]) -> None:
        self._columns = {row: np.array(values, np.int64) for row, values in columns.items()}

    def column(self, leaf: Row) -> Vector:
        return Vector(self._columns[leaf])

    def external(self, leaf: bound.FieldValue) -> Vector:
        raise AssertionError(leaf)

    calendar = external


async def by_database(place: Place, expression: str, *columns: list[Any]) -> list[Any]:
    connection = await asyncpg.connect(place.admin_url)
    try:
        rows = await connection.fetch(
            f"SELECT {expression} AS found FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS t (a, b, n)"
            " ORDER BY n",
            *columns,
        )
    finally:
        await connection.close()
    return [row["found"] for row in rows]


def nasty(dice: Random) -> tuple[int, int]:
    """Two numbers of any sizes, their quotient often about half of something."""
    below = dice.randrange(1, 10 ** dice.randrange(1, 15)) * dice.choice([1, 10, 10_000])
    if dice.random() < 0.3:
        return dice.randrange(-(10**18), 10**18), below
    most = 9 * 10**18 // below
    whole = dice.randrange(min(most, 10 ** dice.randrange(1, 18)))
    above = whole * below + below // 2 + dice.choice([-1, 0, 1, dice.randrange(below)])
    return dice.choice([-1, 1]) * min(above, 9 * 10**18), dice.choice([-1, 1]) * below


async def test_quotients_are_rounded_as_the_database_does(place: Place, clock: StandingClock):
    dice = Random(7)
    pairs = [nasty(dice) for _ in range(20_000)] + [(5, 0), (0, 7), (0, 0), (2**62, 1), (1, 2**62)]
    above, below = leaf("a", NUMBER), leaf("b", NUMBER)
    columns = [[one for one, _ in pairs], [other for _, other in pairs]]
    expected = await by_database(place, "round(a::numeric / nullif(b::numeric, 0))", *columns)
    leaves = Two(dict(zip((above, below), columns, strict=True)))
    found = Evaluation(leaves, clock()).value(bound.Quotient(above, below, NUMBER))
    assert found.missing is not None
    quotients = [
        None if gone else value
        for value, gone in zip(found.values.tolist(), found.missing.tolist(), strict=True)
    ]
    wrong = [
        (pair, *both) for pair, *both in zip(pairs, quotients, expected, strict=True) if both[0] != both[1]
    ]
    assert wrong == []


async def test_time_between_moments_is_cut_to_milliseconds_towards_zero(place: Place, clock: StandingClock):
    dice = Random(8)
    columns = [[dice.randrange(-(10**14), 2 * 10**15) for _ in range(3000)] for _ in range(2)]
    columns[1][:1000] = [one + dice.randrange(-3000, 3000) for one in columns[0][:1000]]
    moment = "timestamptz 'epoch' + {} * interval '1 microsecond'"
    between = f"({moment.format('a')}) - ({moment.format('b')})"
    expected = await by_database(place, f"trunc(extract(epoch FROM {between}) * 1000)::bigint", *columns)
    first, second = leaf("a", MOMENT), leaf("b", MOMENT)
    leaves = Two(dict(zip((first, second), columns, strict=True)))
    found = Evaluation(leaves, clock()).value(bound.Arithmetic("-", first, second, NUMBER))
    assert found.values.tolist() == expected


def test_numbers_that_might_leave_64_bits_are_left_to_the_database(clock: StandingClock):
    one, other = leaf("a", NUMBER), leaf("b", NUMBER)
    evaluation = Evaluation(Two({one: [2**40], other: [2**22]}), clock())
    assert evaluation.value(bound.Arithmetic("*", one, other, NUMBER)).values.tolist() == [2**62]
    with pytest.raises(Unfit):
        evaluation.value(bound.Arithmetic("*", one, one, NUMBER))
    with pytest.raises(Unfit):
        evaluation.value(bound.Scaled(one, 10**9, NUMBER))
    with pytest.raises(Unfit):
        evaluation.value(bound.Literal(10**30, NUMBER))


@pytest.mark.parametrize(
    "text, sought, found",
    [
        ("Too SLOW", "slow", True),
        ("太慢了", "慢", True),
        ("INFO", "ınfo", None),  # true in Turkey
        ("INFO", "FO", True),
        ("Élan", "élan", None),  # C knows no É
        ("Élan", "LAN", True),
        ("Σίσυφος", "x", None),  # the last letter has a form of its own
        ("", "", True),
        ("abc", "d", False),
    ],
)
def test_a_text_is_searched_only_where_every_database_agrees(text: str, sought: str, found: bool | None):
    if found is None:
        with pytest.raises(Unfit):
            holds(text, sought)
    else:
        assert holds(text, sought) is found
