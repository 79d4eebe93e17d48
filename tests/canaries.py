"""Rows of another tenant that must never be seen: one at least in every table, each text of it a canary."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    LargeBinary,
    Numeric,
    Table,
    Uuid,
    insert,
)
from sqlalchemy import Integer as AnyInteger

from backend.interactions.identity import fact_id, new_id
from tenants.database import WriteSession
from tenants.tables import TENANT

CANARY = "CANARY-GLOBEX"
EXTERNAL_IDS = ("1", "2", "A-1")  # what acme's tests use too
SOURCE = "test"
MOMENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # within what the clock fixture calls today

_LISTED = re.compile(r"(\w+) IN \('([^']+)'")  # a CHECK that lists values; the first will do
_SHAPED: dict[str, Any] = {  # where a CHECK, or whoever reads it, says more
    "key": "canary",
    "score": 5000,
    "scale_min": 1000,
    "scale_max": 5000,
    "hours": [[0, 10_080]],
    "exceptions": {},
}


async def plant_canaries(session: WriteSession) -> None:
    """Fills every tenant table, by its columns, so that a new table needs no line here."""
    for table in TENANT.sorted_tables:
        rows = [_row(table, name) for name in EXTERNAL_IDS]
        if "external_id" not in table.c:
            rows = rows[:1]
        await session.execute(insert(table), rows)


def _row(table: Table, external_id: str) -> dict[str, Any]:
    return {
        column.name: _value(table, column, external_id) for column in table.columns if column.identity is None
    }


def _value(table: Table, column: Column[Any], external_id: str) -> Any:
    listed = _listed(table)
    if column.name in listed:
        return listed[column.name]
    if column.name in _SHAPED:
        return _SHAPED[column.name]
    match column.name:
        case "external_id":
            return external_id
        case "source":
            return SOURCE
        case "id" if "external_id" in table.c:
            return fact_id(SOURCE, external_id)
        case "interaction_id":
            return fact_id(SOURCE, external_id)
    return _of_type(column)


def _listed(table: Table) -> dict[str, str]:
    checks = [str(rule.sqltext) for rule in table.constraints if isinstance(rule, CheckConstraint)]
    return {found[1]: found[2] for check in checks if (found := _LISTED.match(check))}


def _of_type(column: Column[Any]) -> Any:
    match column.type:
        case Uuid():
            return new_id()
        case Boolean():
            return True
        case DateTime():
            return MOMENT
        case Date():
            return MOMENT.date()
        case AnyInteger() | Numeric():
            return 1
        case JSON():
            return {"canary": CANARY}
        case ARRAY():
            return []
        case LargeBinary():
            return CANARY.encode()
    return f"{CANARY}-{column.name}"
