"""What a chunk holds arrives in staging to the bit, whichever way its columns are held."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from backend.core.errors import Invalid
from backend.ingestion.models import STAGED
from backend.ingestion.records import Chunk, Layout, Records
from backend.ingestion.shapes import SHAPES, FieldType
from backend.ingestion.staging import Staging
from backend.ingestion.values.text import identifier, identifiers
from backend.ingestion.vectors import INSTANT, MISSING
from backend.interactions.identity import fact_id, fact_ids, new_id

AT = datetime(2026, 3, 2, 9, 30, 0, 250_001, tzinfo=UTC)
EARLY = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
HEAD = ("line", "id", "source", "external_id")
VALUES = {
    FieldType.TEXT: ["plain", None, "字 \\ \t \n “”", ""],
    FieldType.REFERENCE: [None, "a", "b", "a"],
    FieldType.CHOICE: ["chat", "call", None, "chat"],
    FieldType.INTERACTION: [fact_id("s", "1"), None, fact_id("s", "2"), fact_id("s", "1")],
    FieldType.MOMENT: [AT, EARLY, None, AT + timedelta(days=27_000)],
    FieldType.DURATION: [0, None, 2**63 - 1, -(2**63)],
    FieldType.MONEY: [-1, 2, 3, 2**40],
    FieldType.INTEGER: [1, None, 2**31 - 1, -(2**31)],
    FieldType.SCORE: [1_000, 1_000, 5_000, 0],
    FieldType.BOOLEAN: [True, False, None, True],
}


async def staged(door, kind: str, layout: Layout, columns: list) -> list:
    """The rows that are read back after these columns were staged."""
    run_id = new_id()
    staging = Staging(run_id, "s", [layout])
    blocks = staging.encode(Chunk({kind: Records(columns)}))
    async with door.write() as session:
        await staging.write(session, blocks, [])
    table = STAGED[kind]
    async with door.read() as session:
        rows = select(*[table.c[name] for name in layout.columns]).where(table.c.sync_run_id == run_id)
        return [tuple(row) for row in await session.execute(rows.order_by(table.c.line))]


def head(count: int) -> list:
    names = [f"n-{i}" for i in range(count)]
    return [list(range(count)), [fact_id("s", name) for name in names], ["s"] * count, names]


@pytest.mark.parametrize("kind", SHAPES)
async def test_every_field_of_every_kind_is_read_back_as_it_was(acme, kind):
    fields = [field for field in SHAPES[kind].fields if field.column != "external_id"]
    layout = Layout(kind, (*HEAD, *[field.column for field in fields], "attributes"))
    attributes = ['{"a":1}', None, '{"字":"“”"}', "{}"]
    columns = [*head(4), *[VALUES[field.type] for field in fields], attributes]
    found = await staged(acme, kind, layout, columns)
    columns[-1] = [text and json.loads(text) for text in attributes]
    assert found == list(zip(*columns, strict=True))


async def test_arrays_are_staged_as_the_objects_they_stand_for(acme):
    layout = Layout("interaction", (*HEAD, "channel", "started_at", "queued_at", "closed_at", "priority"))
    names = ["1", "2", "字"]
    some = np.array([AT.replace(tzinfo=None), MISSING, EARLY.replace(tzinfo=None)], INSTANT)
    whole = np.array(["2026-03-02T09:30", "1999-12-31", "2099-01-01"], INSTANT)
    none = np.full(3, MISSING, INSTANT)
    columns: list[Any] = [
        [5, 6, 7],
        fact_ids("s", names),
        ["s"] * 3,
        names,
        ["chat"] * 3,
        some,
        whole,
        none,
        [None] * 3,
    ]
    assert await staged(acme, "interaction", layout, columns) == list(Records(columns))
    assert [row[1] for row in Records(columns)] == [fact_id("s", name) for name in names]


async def test_columns_that_hold_nothing_are_not_sent(acme):
    layout = Layout("interaction", (*HEAD, "channel", "priority", "started_at"))
    columns = [*head(2), ["chat"] * 2, [None] * 2, np.full(2, MISSING, INSTANT)]
    [block] = Staging(new_id(), "s", [layout]).encode(Chunk({"interaction": Records(columns)}))
    assert block.columns == ("sync_run_id", *HEAD, "channel")
    assert Staging(new_id(), "s", [layout]).encode(Chunk({"interaction": Records([])})) == []


@pytest.mark.parametrize(
    ("column", "value"), [("transfers", 2**31), ("talk_time", 2**63), ("priority", "\ud800")]
)
async def test_what_a_column_cannot_hold_is_refused(column, value):
    layout = Layout("interaction", (*HEAD, "channel", column))
    for values in ([value], [value, None]):
        chunk = Chunk({"interaction": Records([*head(len(values)), ["chat"] * len(values), values])})
        with pytest.raises(Invalid) as refusal:
            Staging(new_id(), "s", [layout]).encode(chunk)
        assert refusal.value.code == "VALUE_INVALID"


def test_ids_made_together_are_those_made_one_by_one():
    names = ["", "1", "字", "x" * 500]
    assert [UUID(bytes=id) for id in fact_ids("shop", names).tolist()] == [fact_id("shop", n) for n in names]
    assert len(fact_ids("shop", [])) == 0


@pytest.mark.parametrize(
    "cell", ["", " a", "a ", "N/A", None, AT, "x" * 513, "a\x00b", "字", "\ud800", "a\u00a0"]
)
def test_a_column_of_names_is_taken_at_once_only_if_each_is_plain(cell):
    null = frozenset({"", "N/A"})
    plain = ["a", "B c", "x" * 512, "~"]
    assert identifiers(plain, null) == [identifier(each) for each in plain]
    assert identifiers([*plain, cell], null) is None
