"""What part of the rows a caller's question may see: everything, an agent's own, or the totals of the agent's
team.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from sqlalchemy import Row

from backend.core.errors import Forbidden
from backend.metrics.language.functions import RELATIONS
from backend.metrics.language.parser import parse, parse_condition
from backend.metrics.language.tree import Call, Name
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.proofs import TOTAL, CellPlace
from backend.metrics.questions import Question, Restriction
from schema.metrics.enums import Reach

# Steps of a field's name that single people out, or hold what they wrote.
_LINKS = frozenset({"has"})
_PERSONAL = frozenset({"agent", "customer", "problem_id", "comment", "content", "reviewer"})


def restriction_for(
    question: Question, reach: Reach | None, agent: Row[Any] | None, place: CellPlace = TOTAL
) -> Restriction:
    """The restriction of a question by an agent (None: by someone who sees everything), or of a cell of it.

    Raises Forbidden when an agent asks more of the team than its totals (TEAM_TOTALS_ONLY), has no team
    (TEAM_UNKNOWN), or singles out people in a condition on other rows (OTHERS_NOT_YOURS).
    """
    if agent is None:
        return Restriction()
    if reach is not Reach.TEAM:
        return _own(question, agent)
    if agent.team_id is None:
        raise Forbidden("You are in no team.", code="TEAM_UNKNOWN")
    for name in (*_named(question), *(name for name, _ in place.members)):
        if not _is_impersonal(name):
            raise Forbidden(
                f"Of your team you may see totals only: leave out “{name}”.", code="TEAM_TOTALS_ONLY"
            )
    return Restriction(team_id=agent.team_id)


def drill_restriction(question: Question, reach: Reach | None, agent: Row[Any] | None) -> Restriction:
    """The restriction of a look at rows: an agent sees their own.

    Raises Forbidden when an agent asks for the team's (TEAM_TOTALS_ONLY), or singles out people in a
    condition on other rows (OTHERS_NOT_YOURS).
    """
    if agent is None:
        return Restriction()
    if reach is Reach.TEAM:
        raise Forbidden("Of your team you may see totals only, no rows.", code="TEAM_TOTALS_ONLY")
    return _own(question, agent)


def _own(question: Question, agent: Row[Any]) -> Restriction:
    """An agent's own rows. The customers' other rows are anyone's: that there are any may be asked, not which.

    Conditions on linked rows (`has`) are on rows of the agent's own interactions, but may name nobody.
    """
    for tree in _trees(question):
        for function, name in _fields_on_others(tree):
            if function not in _LINKS or not _is_impersonal(name):
                raise Forbidden(
                    f"You may see your own results only: leave out “{name}” in a condition on other rows.",
                    code="OTHERS_NOT_YOURS",
                )
    return Restriction(agent_id=agent.id)


def _is_impersonal(name: str) -> bool:
    """Whether a field is one of the built-in ones that say nothing about a single person.

    A tenant's own attributes may hold anything, so none of them passes.
    """
    return name in build_vocabulary().fields and _PERSONAL.isdisjoint(name.split("."))


def _named(question: Question) -> Iterator[str]:
    """All fields that a question names."""
    yield from question.dimensions
    for tree in _trees(question):
        yield from _fields_in(tree)


def _trees(question: Question) -> Iterator[Any]:
    """What the asker wrote, as read. A text that cannot be read names nothing; it will be refused."""
    if question.where is not None:
        yield parse_condition(question.where)
    for asked in question.kpis:
        if asked.formula is not None:
            yield parse(asked.formula)


def _fields_in(tree: Any) -> Iterator[str]:
    for node in _nodes(tree):
        if isinstance(node, Name):
            yield ".".join(node.path)


def _fields_on_others(tree: Any) -> Iterator[tuple[str, str]]:
    """The fields that conditions on other rows name, each after the function that it stands in."""
    for node in _nodes(tree):
        if isinstance(node, Call) and node.name in RELATIONS:
            yield from ((node.name, name) for name in _fields_in(node.clauses.where))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, tuple):
        for part in node:
            yield from _nodes(part)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _nodes(getattr(node, field.name))
