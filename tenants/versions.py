"""How far a tenant's data and definitions have come: numbers that grow with each change, in commit order.

Whoever sees the same numbers twice sees the same facts and definitions. A table says in its `info` which of
the two its rows belong to; the write session then moves that number at its end, so that nobody forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Delete, Executable, Insert, Table, Update, select
from sqlalchemy.dialects import postgresql

from tenants.compiled import CompiledSelect
from tenants.tables import version

MOVES = "moves"  # the key in a table's info: which version a change of its rows moves


class Versioned(StrEnum):
    """What has a version."""

    FACTS = "facts"  # the data version: facts, and customers
    DEFINITIONS = "definitions"  # KPIs, fields, schedules, names: what numbers are worked out and called by


@dataclass(frozen=True, slots=True)
class Versions:
    """What a snapshot sees; 0 where nothing was ever changed."""

    facts: int
    definitions: int


READ_VERSIONS = select(version.c.name, version.c.number)
FETCH_VERSIONS = CompiledSelect(READ_VERSIONS)


def versions_in(rows: Iterable[Any]) -> Versions:
    """The versions in the rows of READ_VERSIONS."""
    numbers = dict(tuple(row) for row in rows)
    return Versions(*(numbers.get(name.value, 0) for name in Versioned))


def moving(name: Versioned) -> Any:
    """The statement that moves a version and returns its new number. It holds the row until the commit, so that
    numbers grow in the order of commits: let it be the last that a transaction waits for.
    """
    addition = postgresql.insert(version).values(name=name.value, number=1)
    return addition.on_conflict_do_update(
        index_elements=["name"], set_={"number": version.c.number + 1}
    ).returning(version.c.number)


def moved_by(statement: Executable) -> set[Versioned]:
    """Which versions a statement moves, if it changes any row."""
    return {
        Versioned(table.info[MOVES])
        for part in _parts_of(statement)
        if isinstance(part, Insert | Update | Delete)
        and isinstance(table := part.table, Table)
        and MOVES in table.info
    }


def _parts_of(statement: Any) -> Iterable[Any]:
    """All that a statement is made of, each once: what many places share is not walked through from each of
    them, of which there are hundreds of thousands in the statements that write facts.
    """
    met = {id(statement): statement}  # held, so that no other gets its id
    left = [statement]
    while left:
        for part in left.pop().get_children():
            if id(part) not in met:
                met[id(part)] = part
                left.append(part)
    return met.values()
