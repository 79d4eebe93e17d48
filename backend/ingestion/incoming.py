"""Staged records merged with the rows they meet, for all facts but the interaction: what is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.selectable import NamedFromClause

from backend.ingestion.models import STAGED
from backend.ingestion.records import Layout
from backend.ingestion.references import REFERENCES, references_of
from backend.ingestion.shapes import SHAPES, FieldType
from backend.interactions import changes
from backend.interactions.durations import elapsed
from backend.interactions.models import SCORE_SCALE

Expression = ColumnElement[Any]

ORIGIN = ("id", "source", "external_id")
SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}  # where a survey does not say its scale
OFF_SCALE = "off_scale"
LAST_LINE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Incoming:
    """The last record of each id, beside the stored row (all NULL for a new one) and the rows it names."""

    layout: Layout
    row: Subquery
    old: NamedFromClause
    named: Mapping[str, NamedFromClause]
    joined: FromClause

    def value(self, column: str) -> Expression:
        """The column after this write: the record's where the layout has it, else the stored one."""
        return self.row.c[column] if column in self.layout.columns else self.old.c[column]


def belongs(staged: Table, run_id: UUID) -> ColumnElement[bool]:
    """The staged rows of one run.

    Spelled as a range: of `=` the planner, which has no statistics here, believes that it picks 1 row in 200,
    and joins a whole file as if it were a handful of rows.
    """
    last = tuple_(staged.c.sync_run_id, staged.c.line) <= tuple_(run_id, LAST_LINE)
    return and_(staged.c.sync_run_id >= run_id, last)


def incoming(layout: Layout, table: Table, run_id: UUID) -> Incoming:
    """Staged records joined with what they need; of a record that comes twice the last line wins."""
    staged = STAGED[layout.kind]
    # An id is made from the other two. Of it alone the planner would expect 200 different ones in any file.
    identity = [staged.c[name] for name in ORIGIN]
    row = (
        select(*[staged.c[name] for name in layout.columns if name != "line"])
        .ext(distinct_on(*identity))
        .where(belongs(staged, run_id))
        .order_by(*identity, staged.c.line.desc())
        .subquery("incoming")
    )
    old = table.alias("old")
    joined: FromClause = row.outerjoin(old, old.c.id == row.c.id)
    named = {}
    for name in references_of(layout):
        named[name] = REFERENCES[name].alias(f"named_{name}")
        joined = joined.outerjoin(named[name], named[name].c.external_id == row.c[name])
    return Incoming(layout, row, old, named, joined)


def plain_values(given: Incoming) -> dict[str, Expression]:
    """What the record says, column by column, references as ids; the names of references stay out."""
    shape, columns = SHAPES[given.layout.kind], set(given.layout.columns)
    values: dict[str, Expression] = {f"{name}_id": table.c.id for name, table in given.named.items()}
    for field in shape.fields:
        label = field.name.removesuffix("_name")
        if field.column in ORIGIN or field.type is FieldType.REFERENCE or field.column not in columns:
            continue
        if label != field.name and shape.field(label) is not None:
            continue
        values[field.column] = given.row.c[field.column]
    return values


def fact_rows(layout: Layout, table: Table, run_id: UUID, currency: str) -> tuple[Select[Any], list[str]]:
    """The rows of any fact but the interaction that are new or differ, and the columns to write.

    `currency` is the tenant's, for money that comes without one.
    """
    given = incoming(layout, table, run_id)
    values = plain_values(given)
    match layout.kind:
        case "survey":
            values |= _survey(given)
        case "event":
            values |= _event(given)
        case "agent_activity":
            values |= _activity(given, currency)
        case "order":
            values["currency"] = func.coalesce(given.value("currency"), given.old.c.currency, currency)
    differs = or_(*[value.is_distinct_from(given.old.c[name]) for name, value in values.items()])
    rows = (
        select(
            *[given.row.c[name] for name in ORIGIN],
            *[value.label(name) for name, value in values.items()],
            *changes.previous(given.old, table),
        )
        .select_from(given.joined)
        .where(or_(given.old.c.id.is_(None), differs))
    )
    return rows, list(values)


def _survey(given: Incoming) -> dict[str, Expression]:
    kind = given.value("kind")
    lowest, highest = (
        func.coalesce(
            given.value(column),
            given.old.c[column],
            case(*[(kind == name, literal(scale[end] * SCORE_SCALE)) for name, scale in SCALES.items()]),
        )
        for end, column in enumerate(("scale_min", "scale_max"))
    )
    score = given.value("score")
    fits = score.between(lowest, highest)
    values: dict[str, Expression] = {"scale_min": lowest, "scale_max": highest}
    if "score" in given.layout.columns:
        # Reading a record checks its score against the scale it names or its kind's; a scale that only the
        # stored row knows is met here, and one odd answer must not stop the file.
        off = and_(score.is_not(None), ~fits)
        values |= {
            "score": case((fits, score)),
            "exclusion": func.coalesce(given.value("exclusion"), case((off, OFF_SCALE))),
        }
    return values


def _event(given: Incoming) -> dict[str, Expression]:
    return {
        "public": func.coalesce(given.value("public"), given.old.c.public, true()),
        "automatic": func.coalesce(given.value("automatic"), given.old.c.automatic, false()),
    }


def _activity(given: Incoming, currency: str) -> dict[str, Expression]:
    columns, old = given.layout.columns, given.old.c
    values: dict[str, Expression] = {}
    if "cost" in columns or "currency" in columns:
        lacking = case((given.value("cost").is_not(None), literal(currency)))
        values["currency"] = func.coalesce(given.value("currency"), lacking)
    lasted = _lasted(given.value("started_at"), given.value("ended_at"))
    if "duration" in columns:
        return values | {"duration": func.coalesce(given.row.c.duration, lasted)}
    # A stored duration that is not what its moments make was given, and stays.
    told = old.duration.is_distinct_from(_lasted(old.started_at, old.ended_at))
    return values | {"duration": case((told, old.duration), else_=lasted)}


def _lasted(start: Expression, end: Expression) -> Expression:
    span = elapsed(start, end)
    return case((span >= 0, span))
