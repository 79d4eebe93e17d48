"""Documents and bodies that are known to hurt servers: each is answered at once, and a bystander hardly
notices.
"""

from __future__ import annotations

import asyncio
import gzip
import time

import pytest
from graphql import get_introspection_query

from tests.schema.desk import Desk
from tests.schema.guard.test_shape import REFUSED, doubling

QUERY = "{ viewer { role } }"
TYPES = (
    "__schema { types { name fields { name args { name type { name } } type { name ofType { name } } } } }"
)
HOSTILE = REFUSED | {
    "a cycle of depth 30": "{ interactions { nodes { "
    + "agent { team { " * 30
    + "name"
    + " } }" * 30
    + " } } }",
    "28 fragments": doubling(28),
    "10,000 aliases": "{ " + " ".join(f"a{i}: viewer {{ role }}" for i in range(1_000)) + " }",
    "20,000 unknown fields": "{ " + " ".join(f"f{i}" for i in range(20_000)) + " }",
    "800 unknown fields": "{ " + " ".join(f"f{i}" for i in range(800)) + " }",
    "100,000 repeated fields": "{ viewer { " + "role " * 100_000 + "} }",
    "repeats just below the token limit": "{ viewer { " + "role " * 790 + "} }",
    "2,000 unused fragments": QUERY
    + " ".join(f" fragment F{i} on Query {{ viewer {{ role }} }}" for i in range(2_000)),
    "20,000 directives": "{ viewer { role " + "@x " * 20_000 + "} }",
    "5,000 times skip": "{ viewer { role " + "@skip(if: false) " * 5_000 + "} }",
    "2,000 operations": " ".join(f"query Q{i} {QUERY}" for i in range(2_000)),
    "20,000 variables": "query (" + " ".join(f"$v{i}: Int" for i in range(20_000)) + ") " + QUERY,
    "20 introspections": "{ " + " ".join(f"a{i}: {TYPES}" for i in range(20)) + " }",
    "introspection in circles": "{ __schema { types { fields { type { fields { type { fields { type { "
    "name } } } } } } } } }",
    "a megabyte of comment": "#" + "x" * 900_000 + "\n" + QUERY,
    "a megabyte of spaces": " " * 900_000 + QUERY,
    "a megabyte of text": '{ node(id: "' + "x" * 900_000 + '") { id } }',
    "lists without end": "{ kpiValues(input: {keys: "
    + "[" * 3_000
    + "]" * 3_000
    + "}) { problems { code } } }",
    "objects without end": "{ kpiValues(input: "
    + "{window: " * 900
    + "}" * 900
    + ") { problems { code } } }",
    "pages of pages": "{ "
    + " ".join(
        f"a{i}: interactions(first: 200) {{ nodes {{ agent {{ team {{ name }} }} customer {{ name }} }} }}"
        for i in range(40)
    )
    + " }",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused_at_once(desk: Desk, name: str) -> None:
    token = await desk.token("viewer")
    await desk.data(QUERY, token=token)
    taken = []
    for _ in range(3):  # the best of them: a collection of garbage in between is not the document's doing
        began = time.perf_counter()
        response = await desk.post({"query": HOSTILE[name]}, token=token)
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.5
    assert response.status_code == 400
    assert 1 <= len(response.json()["errors"]) <= 5
    assert len(response.content) < 5_000


async def test_the_standard_introspection_passes_for_who_is_signed_in(desk: Desk) -> None:
    data = await desk.data(get_introspection_query(input_value_deprecation=True))
    assert data["__schema"]["queryType"]["name"] == "Query"
    assert (await desk.post({"query": get_introspection_query()}, token=None)).status_code == 401


async def test_a_gzip_bomb_is_not_unpacked(desk: Desk) -> None:
    bomb = gzip.compress(b'{"query": "' + b" " * 50_000_000 + b'"}')
    response = await desk.post(bomb, headers={"content-encoding": "gzip"})
    assert response.status_code == 415


async def test_bystanders_are_served_through_a_storm(desk: Desk) -> None:
    token = await desk.token("viewer")
    await desk.data(QUERY, token=token)
    waits: list[float] = []

    async def bystand() -> None:
        for _ in range(20):
            began = time.perf_counter()
            await desk.data(QUERY, token=token)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)

    storm = [desk.post({"query": text}, token=token) for text in HOSTILE.values()]
    await asyncio.gather(bystand(), *storm)
    assert max(waits) < 2  # all of it at once on one loop; alone each document takes milliseconds
