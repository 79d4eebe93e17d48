"""What part of the rows a caller's question may see: everything, an agent's own, or the totals of the agent's
team.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import Row

from backend.core.errors import Forbidden
from backend.metrics.language.parser import parse, parse_condition
from backend.metrics.language.tree import Name
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.proofs import TOTAL, CellPlace
from backend.metrics.questions import Question, Restriction
from schema.metrics.enums import Reach

# Steps of a field's name that single people out, or hold what they wrote.
_PERSONAL = frozenset({"agent", "customer", "problem_id", "comment", "content", "reviewer"})


def restriction_for(
    question: Question, reach: Reach | None, agent: Row[Any] | None, place: CellPlace = TOTAL
) -> Restriction:
    """The restriction of a question by an agent (None: by someone who sees everything), or of a cell of it.

    Raises Forbidden when an agent asks more of the team than its totals (TEAM_TOTALS_ONLY) or has no team
    (TEAM_UNKNOWN).
    """
    if agent is None:
        return Restriction()
    if reach is not Reach.TEAM:
        return Restriction(agent_id=agent.id)
    if agent.team_id is None:
        raise Forbidden("You are in no team.", code="TEAM_UNKNOWN")
    for name in (*_named(question), *(name for name, _ in place.members)):
        if not _is_impersonal(name):
            raise Forbidden(
                f"Of your team you may see totals only: leave out “{name}”.", code="TEAM_TOTALS_ONLY"
            )
    return Restriction(team_id=agent.team_id)


def drill_restriction(reach: Reach | None, agent: Row[Any] | None) -> Restriction:
    """The restriction of a look at rows: an agent sees their own.

    Raises Forbidden (TEAM_TOTALS_ONLY) when an agent asks for the team's.
    """
    if agent is None:
        return Restriction()
    if reach is Reach.TEAM:
        raise Forbidden("Of your team you may see totals only, no rows.", code="TEAM_TOTALS_ONLY")
    return Restriction(agent_id=agent.id)


def _is_impersonal(name: str) -> bool:
    """Whether a field is one of the built-in ones that say nothing about a single person.

    A tenant's own attributes may hold anything, so none of them passes.
    """
    return name in build_vocabulary().fields and _PERSONAL.isdisjoint(name.split("."))


def _named(question: Question) -> Iterator[str]:
    """All fields that a question names. A text that cannot be read names none; it will be refused."""
    yield from question.dimensions
    if question.where is not None:
        yield from _fields_in(parse_condition(question.where))
    for asked in question.kpis:
        if asked.formula is not None:
            yield from _fields_in(parse(asked.formula))


def _fields_in(node: Any) -> Iterator[str]:
    if isinstance(node, Name):
        yield ".".join(node.path)
    elif isinstance(node, tuple):
        for part in node:
            yield from _fields_in(part)
    elif is_dataclass(node):
        for part in fields(node):
            yield from _fields_in(getattr(node, part.name))
