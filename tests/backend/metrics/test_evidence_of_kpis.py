"""Every built-in KPI whose rows stand in columns: the rows behind a cell make it again."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest

from backend.core.windows import Grain
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.language.bound import Aggregate, Combined, Expression, FieldValue
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.types import Kind
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.proofs import TOTAL, CellPlace, Drill, DrilledRow, Side
from backend.metrics.questions import Question
from tests.backend.metrics.builders import World, asked
from tests.backend.metrics.evidence import a_messy_week, drilled

FORMULAS = {one.key: one.formula for one in CATALOGUE}
EXPRESSIONS = {
    key: found.expression
    for key, text in FORMULAS.items()
    if (found := compile_formula(text, build_vocabulary(), FORMULAS, key=key).formula)
}
FUNCTIONS = {
    "count",
    "count_distinct",
    "share",
    "avg",
    "sum",
    "max",
    "percentile",
}  # those that `remade` knows
FACTS = {"interaction", "survey", "order", "review"}  # those of the messy week


def is_easy(expression: Expression) -> bool:
    """One aggregate, or a division of two, of rows and values that stand in a column."""
    every = list(aggregates_of(expression))
    division = isinstance(expression, Combined) and expression.op == "/" and len(every) == 2
    return (isinstance(expression, Aggregate) or division) and all(
        one.function in FUNCTIONS
        and one.basis.fact in FACTS
        and one.basis.state is None
        and not one.across
        and (one.argument is None or isinstance(one.argument, FieldValue) or one.function != "count_distinct")
        for one in every
    )


EASY = [key for key, one in EXPRESSIONS.items() if is_easy(one)]


async def random_cells(
    world: World, key: str, dice: Random, dimension: str
) -> list[tuple[CellPlace, Question, Any]]:
    """Two cells of a KPI by day and dimension, and its total, each with its value."""
    question = asked(f"@{key}", grain=Grain.DAY, dimensions=(dimension,))
    answer = await world.ask(f"@{key}", grain=Grain.DAY, dimensions=(dimension,))
    assert answer.buckets is not None
    cells = [(TOTAL, question, answer.totals[0])]
    for at in dice.sample(range(len(answer.members)), 2):
        member = answer.members[at][0]
        place = CellPlace(answer.buckets[at], ((dimension, member.key),))
        cells.append((place, question, answer.columns[0].cell(at)))
    return cells


@pytest.mark.parametrize("seed", [3, 4])
async def test_the_rows_make_the_cell_again(world: World, seed: int):
    raw = {row["id"]: row for rows in await a_messy_week(world, seed) for row in rows}
    dice = Random(seed)
    assert len(EASY) >= 35
    for key in EASY:
        facts = {one.basis.fact for one in aggregates_of(EXPRESSIONS[key])}
        dimension = "agent" if "order" in facts else dice.choice(["agent", "channel", "weekday", "answered"])
        for place, question, cell in await random_cells(world, key, dice, dimension):
            top = await drilled(world, question, Drill(place, Side.NUMERATOR))
            bottom = await drilled(world, question, Drill(place))
            made = remade(EXPRESSIONS[key], top, bottom, raw)
            close = 0.011 if "median" in key or "p90" in key else 1e-9
            assert len(bottom) == cell.n, (key, place)
            [found] = await world.evaluator.prove(question, place)
            assert found.cell == replace(cell, state=found.cell.state)
            for one in found.aggregates:
                counted = one.population - sum(each.rows for each in one.exclusions)
                assert one.counted == one.cell.n == counted, (key, place)
            if cell.value is None:  # no row, or none that has the value
                assert made is None or any(one.counted == 0 for one in found.aggregates), (key, place)
            else:
                assert made == pytest.approx(cell.value, rel=close), (key, place)


def remade(
    expression: Expression, top: list[DrilledRow], bottom: list[DrilledRow], raw: dict[UUID, dict[str, Any]]
) -> float | None:
    """A number made again of the rows listed for its two sides."""
    if isinstance(expression, Combined):
        left = remade(expression.left, top, top, raw) or 0
        right = remade(expression.right, bottom, bottom, raw)
        return left / right if right else None
    assert isinstance(expression, Aggregate)
    if not bottom:
        return 0 if expression.function.startswith("count") else None
    values = [adds(row, expression, raw) for row in bottom]
    match expression.function:
        case "count":
            return len(bottom)
        case "count_distinct":
            return len({raw[row.id]["customer_id"] for row in bottom})
        case "share":
            assert sum(values) == len(top)
            return len(top) / len(bottom)
        case "avg":
            return sum(values) / len(values)
        case "sum":
            return sum(values)
        case "max":
            return max(values)
        case "percentile":
            percent = int((expression.percentile or 0) * 100)
            return sorted(values)[max(-(-len(values) * percent // 100), 1) - 1]
    raise AssertionError(expression.function)


def adds(row: DrilledRow, aggregate: Aggregate, raw: dict[UUID, dict[str, Any]]) -> float:
    """What a row adds: as it was stored, where the aggregate is over one column of it."""
    argument = aggregate.argument
    if isinstance(argument, FieldValue) and row.id in raw and argument.type.kind is Kind.NUMBER:
        stored = raw[row.id][argument.field.column] / argument.type.scale
        assert row.value == pytest.approx(stored)
        return float(stored)
    return row.value or 0
