"""Attributes that a file brings: registered, merged, cleared, and never of two types."""

from __future__ import annotations

from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.ingestion.records import Layout
from backend.interactions.attributes import Attribute
from backend.interactions.models import (
    attribute,
    interaction,
)
from tests.backend.ingestion.importing import (
    bring_in_chunks,
    chunk_of,
    one_of,
    rows_of,
)


async def test_attributes_are_registered_merged_and_cleared(acme):
    keys = (Attribute("region", "text", label_en="Region"), Attribute("weight", "number"))
    layout = Layout("interaction", ("line", "id", "source", "external_id", "channel", "attributes"), keys)
    only_weight = Layout("interaction", layout.columns, keys[1:])

    async def bring(given: Layout, text: str | None) -> Any:
        await bring_in_chunks(acme, [chunk_of(given, [{"external_id": "1", "attributes": text}])], [given])
        return (await one_of(acme, interaction, "1")).attributes

    assert await bring(layout, '{"region": "north", "weight": 1500}') == {"region": "north", "weight": 1500}
    assert await bring(only_weight, '{"weight": 2000}') == {"region": "north", "weight": 2000}
    assert await bring(layout, '{"weight": 2000}') == {"weight": 2000}
    assert await bring(layout, None) == {}
    known = {row.key: (row.type, row.label_en) for row in await rows_of(acme, attribute)}
    assert known == {"region": ("text", "Region"), "weight": ("number", None)}


async def test_an_attribute_of_another_type_refuses_the_file_before_it_is_read(acme):
    layout = Layout(
        "interaction", ("line", "id", "source", "external_id", "channel"), (Attribute("size", "text"),)
    )
    await bring_in_chunks(acme, [], [layout])
    other = Layout("interaction", layout.columns, (Attribute("size", "number"),))
    with pytest.raises(Invalid) as refusal:
        await bring_in_chunks(acme, [chunk_of(other, [{"external_id": "1", "attributes": None}])], [other])
    assert refusal.value.code == "ATTRIBUTE_INVALID"
    assert await rows_of(acme, interaction) == []
