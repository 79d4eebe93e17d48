"""Hears what other processes changed, on one connection that belongs to no pool and becomes no role."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import asyncpg

from tenants.changes import CHANNEL, Change
from tenants.connections import CONNECT_TIMEOUT, driver_address

logger = logging.getLogger("scoredesk.tenants")

Heard = Callable[[Change | None], None]  # None: anything may have changed
Payload = Callable[[str | None], None]  # None: anything may have been said

PROBE_EVERY = 30.0  # seconds; a connection that died without a word is found out by asking
FIRST_PAUSE = 0.1  # seconds before a lost connection is tried again, doubled up to the longest
LONGEST_PAUSE = 5.0


async def listen(url: str, heard: Heard, *, probe_every: float = PROBE_EVERY) -> NoReturn:
    """Calls `heard` with every change until it is cancelled; with None once it listens, and when it does again
    after the connection was lost, because nobody knows what was said meanwhile.
    """
    await listen_to(
        url,
        CHANNEL,
        lambda payload: heard(None if payload is None else Change.read(payload)),
        name="listener",
        probe_every=probe_every,
    )


async def listen_to(
    url: str, channel: str, heard: Payload, *, name: str, probe_every: float = PROBE_EVERY
) -> NoReturn:
    """The same for the payloads of any channel; `name` says on the server whose connection it is."""
    pause, complained = FIRST_PAUSE, False
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await _listen_once(url, channel, heard, name, probe_every)
        except Exception as error:  # whatever it is, what is said is then found out a little later
            if not complained:
                logger.warning("the %s hears nothing: %s; trying again", name, type(error).__name__)
            complained = True
        # A server that takes connections only to cut them must not be asked without a pause.
        if asyncio.get_running_loop().time() - began > LONGEST_PAUSE:
            pause, complained = FIRST_PAUSE, False
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # processes do not come back all at once
        pause = min(2 * pause, LONGEST_PAUSE)


async def _listen_once(url: str, channel: str, heard: Payload, name: str, probe_every: float) -> None:
    """Listens until the connection is lost."""
    connection = await asyncpg.connect(
        driver_address(url),
        timeout=CONNECT_TIMEOUT,
        command_timeout=CONNECT_TIMEOUT,
        server_settings={"application_name": f"scoredesk {name}"},
    )
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *message: heard(message[-1]))
        heard(None)
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(probe_every):
                    await lost.wait()
            if not lost.is_set():
                await connection.execute("SELECT 1")
    finally:
        connection.terminate()  # at once, and whatever the server does
    raise ConnectionResetError
