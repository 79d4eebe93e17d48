"""Whatever happens to a tenant, and in whatever order: answers from packs are those of the rows, bit for bit.

SCOREDESK_TEST_LIVES says how many lives are lived (`python -m tests.long` lives many), SCOREDESK_TEST_FIRST_LIFE
which is the first; one that fails names its number, and is told again with no more steps than it needs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.backend.metrics.rollups.life import CROWD, a_place, a_story, lived, shortened
from tests.servers import Server

LIVES = int(os.environ.get("SCOREDESK_TEST_LIVES", "30"))
FIRST = int(os.environ.get("SCOREDESK_TEST_FIRST_LIFE", "1"))
MANY = 1000  # of so many each is told of
LANES = 2  # lives at a time: while one thinks, the server works for the other


@pytest.mark.timeout(0 if LIVES > MANY else 600)
async def test_packs_say_what_the_rows_say(server: Server, template: str) -> None:
    crowds = iter(range(FIRST // CROWD, (FIRST + LIVES - 1) // CROWD + 1))
    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(_live(server, template, crowds))


async def _live(server: Server, template: str, crowds: Iterator[int]) -> None:
    name = await server.create_database(template)
    async with a_place(server.admin_url(name), server.app_url(name)) as place:
        for crowd in crowds:
            for seed in range(max(FIRST, crowd * CROWD), min(FIRST + LIVES, (crowd + 1) * CROWD)):
                story = a_story(seed)
                try:
                    await lived(place, story)
                    if LIVES > MANY:
                        print(f"life {seed} is good", flush=True)
                except AssertionError as error:
                    least = await shortened(place, story)
                    raise AssertionError(f"life {seed}: {least}") from error
    await server.drop_database(name)
