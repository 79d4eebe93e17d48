"""Tenant-defined attributes: their keys, their types, their labels."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.core.errors import Invalid
from backend.interactions.attributes import Attribute, check, list_attributes, register
from backend.interactions.models import attribute
from tests.backend.ingestion.importing import rows_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def known(acme) -> list[Attribute]:
    async with acme.read() as session:
        return list(await list_attributes(session))


async def test_attributes_are_registered_once_and_listed_by_key(acme):
    given = [Attribute("vehicle", "text"), Attribute("age", "number", "Age", "年龄")]
    for _ in range(2):
        async with acme.write() as session:
            await register(session, given, now=NOW)
        before = await rows_of(acme, attribute)
    assert await known(acme) == [given[1], given[0]]
    assert await rows_of(acme, attribute) == before


async def test_labels_given_later_replace_others_and_silence_keeps_them(acme):
    for one in (
        Attribute("age", "number", "Age"),
        Attribute("age", "number", None, "年龄"),
        Attribute("age", "number"),
    ):
        async with acme.write() as session:
            await register(session, [one], now=NOW)
    assert await known(acme) == [Attribute("age", "number", "Age", "年龄")]


@pytest.mark.parametrize(
    "wrong",
    [
        Attribute("Age", "text"),
        Attribute("a b", "text"),
        Attribute("", "text"),
        Attribute("a" * 64, "text"),
        Attribute("channel", "text"),
        Attribute("agent", "text"),
        Attribute("started", "moment"),
        Attribute("age", "json"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(acme, wrong):
    with pytest.raises(Invalid) as refusal:
        async with acme.read() as session:
            await check(session, [wrong])
    assert refusal.value.code == "ATTRIBUTE_INVALID"
    assert [problem.path for problem in refusal.value.problems] == [("attributes", wrong.key)]


async def test_a_type_never_changes(acme):
    async with acme.write() as session:
        await register(session, [Attribute("age", "number")], now=NOW)
    with pytest.raises(Invalid):
        async with acme.write() as session:
            await register(session, [Attribute("age", "text", "Years")], now=NOW)
    assert await known(acme) == [Attribute("age", "number")]
