"""Reads request bodies within bounds of size and time. Nothing here looks at what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from backend.core.errors import Exhausted, Invalid


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """The whole body, at most `limit` bytes, all of it within `seconds`.

    Raises Exhausted (BODY_TOO_LARGE, BODY_TIMEOUT).
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in _within(request, limit):
                body += part
    except TimeoutError:
        raise Exhausted(f"The body did not arrive within {seconds:g} seconds.", code="BODY_TIMEOUT") from None
    return bytes(body)


async def stream_body(
    request: Request, *, limit: int, seconds_between: float, bytes_a_second: float
) -> AsyncIterator[bytes]:
    """The body part by part, at most `limit` bytes, never more than `seconds_between` from part to part; once
    that time has passed, no slower than `bytes_a_second` on average.

    Raises Exhausted (BODY_TOO_LARGE, BODY_TIMEOUT).
    """
    now = asyncio.get_running_loop().time
    parts = aiter(_within(request, limit))
    allowed_until, taken = now() + seconds_between, 0
    while True:
        last = min(now() + seconds_between, allowed_until + taken / bytes_a_second)
        try:
            async with asyncio.timeout_at(last):
                part = await anext(parts, None)
        except TimeoutError:
            raise Exhausted("The body stood still, or came too slowly.", code="BODY_TIMEOUT") from None
        if part is None:
            return
        taken += len(part)
        yield part


async def _within(request: Request, limit: int) -> AsyncIterator[bytes]:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    taken = 0
    try:
        async for part in request.stream():
            taken += len(part)
            if taken > limit:
                raise _too_large(limit)
            if part:
                yield part
    except ClientDisconnect:
        raise Invalid("The body ended before all of it had arrived.", code="BODY_INCOMPLETE") from None


def _too_large(limit: int) -> Exhausted:
    return Exhausted(f"The body is larger than the {limit:,} bytes allowed here.", code="BODY_TOO_LARGE")
