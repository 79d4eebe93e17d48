"""What PostgreSQL expects a statement to cost: asked of its planner, so nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from backend.metrics.planning.lowering.statements import Lowered

_OF_THE_LEADER = 0.3  # of its own share of the rows, what each worker costs it


@dataclass(frozen=True, slots=True)
class Estimate:
    """What PostgreSQL's statistics say before a statement runs.

    `rows` are those of the largest step of its plan: about as many as are collected. `cost` is in the planner's
    own unit, in which one page read in order is 1.
    """

    rows: int
    cost: float


class Explain(sa.Executable, sa.ClauseElement):
    """EXPLAIN of a select: one row with the plan as JSON."""

    inherit_cache = False

    def __init__(self, select: sa.Select[Any]) -> None:
        self.select = select


@compiles(Explain)
def _spelled(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.select, **options)}"


def lower_explain(lowered: Lowered) -> Explain:
    """What asks for the plan of a statement."""
    return Explain(lowered.select)


def read_estimate(answer: Any) -> Estimate:
    """The estimate in what EXPLAIN has answered: JSON, as text or as read by the driver."""
    [explained] = json.loads(answer) if isinstance(answer, str | bytes) else answer
    top = explained["Plan"]
    return Estimate(round(max(_rows(top, 1.0))), float(top["Total Cost"]))


def _rows(node: Mapping[str, Any], processes: float) -> Iterator[float]:
    """The rows of each step. Below a Gather PostgreSQL gives those of one process, so they are taken together."""
    yield node["Plan Rows"] * processes
    workers = node.get("Workers Planned", 0)
    below = workers + max(0.0, 1 - _OF_THE_LEADER * workers) if workers else processes
    for inner in node.get("Plans", ()):
        yield from _rows(inner, below)
