"""A tenant's own fields of interactions: typed, registered by key, kept in `interaction.attributes`.

A value is stored as JSON by its type: text and boolean as they are, number in thousandths, duration in
milliseconds, money in minor units (all integers), moment as ISO 8601 text in UTC. One that is missing has no
key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from backend.core.errors import Invalid, Problem
from backend.interactions.models import MOMENTS, attribute, interaction
from tenants.database import ReadSession, WriteSession

TYPES = ("text", "number", "boolean", "duration", "money", "moment")
NAMED = ("agent", "team", "queue", "customer", "issue_type", "product")
RESERVED = frozenset((*[column.name for column in interaction.c], *MOMENTS, *NAMED))

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One such field; a label is None where people have not given one."""

    key: str
    type: str
    label_en: str | None = None
    label_zh: str | None = None


async def list_attributes(session: ReadSession) -> Sequence[Attribute]:
    """All of the tenant's attributes, by key."""
    c = attribute.c
    rows = await session.execute(select(c.key, c.type, c.label_en, c.label_zh).order_by(c.key))
    return [Attribute(**row._mapping) for row in rows]


async def check(session: ReadSession, given: Iterable[Attribute]) -> None:
    """Whether these can be registered.

    Raises Invalid (ATTRIBUTE_INVALID, with a problem for each) for a key that is no name or taken by a
    built-in field, an unknown type, or a type other than the one the key is registered with.
    """
    known = {one.key: one.type for one in await list_attributes(session)}
    problems = [problem for one in given if (problem := _problem(one, known.get(one.key))) is not None]
    if problems:
        raise Invalid(problems[0].message, code="ATTRIBUTE_INVALID", problems=problems)


async def register(session: WriteSession, given: Sequence[Attribute], *, now: datetime) -> None:
    """Makes the attributes that are not there; given labels replace others. Raises as `check` does."""
    for one in sorted(given, key=lambda one: one.key):
        addition = insert(attribute).values(
            key=one.key, type=one.type, label_en=one.label_en, label_zh=one.label_zh, created_at=now
        )
        labels = {
            name: func.coalesce(addition.excluded[name], attribute.c[name])
            for name in ("label_en", "label_zh")
        }
        differs = [value.is_distinct_from(attribute.c[name]) for name, value in labels.items()]
        await session.execute(
            addition.on_conflict_do_update(index_elements=["key"], set_=labels, where=differs[0] | differs[1])
        )
    await check(session, given)


def _problem(one: Attribute, known: str | None) -> Problem | None:
    message = None
    if not _KEY.fullmatch(one.key):
        message = f"“{one.key}” is no key: small letters, digits and _, beginning with a letter, at most 63."
    elif one.key in RESERVED:
        message = f"“{one.key}” is a built-in field; give the attribute another key."
    elif one.type not in TYPES:
        message = f"“{one.type}” is no type of an attribute; types are {', '.join(TYPES)}."
    elif known is not None and known != one.type:
        message = f"The attribute “{one.key}” holds values of type {known}, not {one.type}."
    return None if message is None else Problem("ATTRIBUTE_INVALID", message, path=("attributes", one.key))
