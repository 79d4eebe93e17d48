"""What moves a value that was worked out of a day beforehand: the rows of that day, others near it, the clock.

What is kept of a day has to be right until an hour that it depends on is touched. Rows that a relation finds lie
at most so long after a row, or before it; so touched hours reach that much further. A row that has to be so old
is told by its day alone, but on the one day that the line runs through. All else is a reason not to keep anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from backend.metrics.language.bound import (
    Basis,
    Business,
    FieldValue,
    Happened,
    Linked,
    Literal,
    Logic,
    Matured,
    Not,
    Related,
    Row,
)
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.types import BOOLEAN, Fact, Field, Origin
from backend.metrics.planning.parts import Part
from backend.metrics.planning.reach import INTERACTION, leaves_of

# the facts of formulas -> the tables whose touched hours tell of them; those that are not here mark none
TABLES = {
    "interaction": "interaction",
    "survey": "survey_response",
    "event": "interaction_event",
    "review": "qa_review",
    "activity": "agent_activity",
    "article": "article_view",
    "order": "order",
    "sla": "sla_instance",
    "turn": "interaction_turn",
    "cycle": "interaction_cycle",
}
_BY_PRESENT_TEAM = {"order", "activity"}  # their team is that of their agent today
_PASSING = {
    Origin.LOOKED_UP: "looks into other rows",
    Origin.CLOCK: "looks at the clock",
    Origin.SNAPSHOT: "looks at the instant at which a cell ends",
}
TRUE, FALSE = Literal(True, BOOLEAN), Literal(False, BOOLEAN)


@dataclass(frozen=True, slots=True)
class Dependence:
    """Beside the rows of a day: tables of which rows up to `ahead` ms after it and `behind` ms before it count."""

    tables: tuple[str, ...] = ()
    ahead: int = 0
    behind: int = 0

    def and_on(self, other: Dependence) -> Dependence:
        """Both."""
        tables = tuple(sorted({*self.tables, *other.tables}))
        return Dependence(tables, max(self.ahead, other.ahead), max(self.behind, other.behind))

    def reached(self, hour: datetime) -> tuple[datetime, datetime]:
        """The time whose rows may look at a row of an hour."""
        return (
            hour - timedelta(milliseconds=self.ahead),
            hour + timedelta(hours=1) + timedelta(milliseconds=self.behind),
        )


NOTHING = Dependence()


@dataclass(frozen=True, slots=True)
class Looked:
    """What row expressions depend on, and how old their rows have to be, in ms; or why nothing can be kept."""

    on: Dependence = NOTHING
    ages: frozenset[int] = frozenset()
    reason: str | None = None

    def with_(self, other: Looked) -> Looked:
        """Both."""
        return Looked(self.on.and_on(other.on), self.ages | other.ages, self.reason or other.reason)


def look(basis: Basis, fact: Fact, rows: Iterable[Row]) -> Looked:
    """What row expressions on rows of a basis depend on."""
    found = Looked()
    for leaf in (leaf for row in rows for leaf in leaves_of(row)):
        match leaf:
            case Related(fact=other, since=since, within=within, ahead=ahead, where=where):
                found = found.with_(_looks_around(basis, fact, other, since, where))
                span = Dependence(ahead=within) if ahead else Dependence(behind=within)
                found = found.with_(Looked(span))
            case Linked(fact=other, where=where):
                own = None if basis.fact == INTERACTION else "it looks for other rows of its interaction"
                found = found.with_(Looked(reason=own)).with_(_looks_at(other, where))
            case Matured(span=age, since=since):
                reason = None if _at_anchor(basis, fact, since) else "it looks at the clock"
                found = found.with_(Looked(ages=frozenset([age]), reason=reason))
            case _:
                reason = _moves(basis.fact, leaf)
                if reason is not None:
                    return Looked(reason=reason)
    return found


def _looks_around(basis: Basis, fact: Fact, other: str, since: Field | None, where: Row | None) -> Looked:
    if not _at_anchor(basis, fact, since):
        return Looked(reason="it looks for rows near another moment than that of its day")
    return _looks_at(other, where)


def _looks_at(other: str, where: Row | None) -> Looked:
    if other not in TABLES:
        return Looked(reason="customers mark no days")
    for leaf in () if where is None else leaves_of(where):
        if isinstance(leaf, Related | Linked | Matured):
            return Looked(reason="it looks for rows that look for others")
        reason = _moves(other, leaf)
        if reason is not None:
            return Looked(reason=reason)
    return Looked(Dependence((TABLES[other],)))


def _at_anchor(basis: Basis, fact: Fact, since: Field | None) -> bool:
    """Whether a moment of the interaction is the one that places rows in time."""
    if since is None:
        return True
    moment = since.column.removesuffix("_at")
    return fact.anchors[basis.anchor] == (moment if basis.fact == INTERACTION else f"{INTERACTION}.{moment}",)


def _moves(fact: str, leaf: Row) -> str | None:
    match leaf:
        case Business():
            return "it goes by working hours, which may be changed for the past"
        case FieldValue(field=field) | Happened(field=field):
            if field.fact == CUSTOMER:
                return "it reads what is known of the customer today"
            if field.name == "team" and fact in _BY_PRESENT_TEAM:
                return "it reads the team that the agent is in today"
            if field.origin in _PASSING:
                return f"“{field.name}” {_PASSING[field.origin]}"
        case _:
            pass
    return None


def aged(part: Part, *, old: bool) -> Part:
    """A part of rows that all are as old as they have to be, or that all are not."""
    value = None if part.value is None else settled(part.value, old=old)
    condition = None if part.condition is None else settled(part.condition, old=old)
    return replace(part, value=value, condition=None if condition == TRUE else condition)


def settled(row: Row, *, old: bool) -> Row:
    """A row expression on such rows."""
    if isinstance(row, Matured):
        return TRUE if old else FALSE
    changed: dict[str, Any] = {}
    for one in fields(row):
        value = getattr(row, one.name)
        if _is_row(value):
            changed[one.name] = settled(value, old=old)
        elif isinstance(value, tuple) and value and all(_is_row(each) for each in value):
            changed[one.name] = tuple(settled(each, old=old) for each in value)
    return _simple(cast(Row, replace(row, **changed))) if changed else row


def _is_row(value: object) -> bool:
    return isinstance(value, Row) and is_dataclass(value)


def _simple(row: Row) -> Row:
    """What is left of a condition whose operands may be settled."""
    match row:
        case Not(operand=Literal(value=bool(value))):
            return FALSE if value else TRUE
        case Logic(op=op, operands=operands):
            decides, idle = (FALSE, TRUE) if op == "and" else (TRUE, FALSE)
            if decides in operands:
                return decides
            left: Sequence[Row] = [one for one in operands if one != idle]
            return idle if not left else left[0] if len(left) == 1 else Logic(op, tuple(left))
        case _:
            return row
