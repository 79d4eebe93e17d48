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


async def stream_body(request: Request, *, limit: int, seconds_between: float) -> AsyncIterator[bytes]:
    """The body part by part, at most `limit` bytes, never more than `seconds_between` from part to part.

    Raises Exhausted (BODY_TOO_LARGE, BODY_TIMEOUT).
    """
    parts = aiter(_within(request, limit))
    while True:
        try:
            async with asyncio.timeout(seconds_between):
                part = await anext(parts, None)
        except TimeoutError:
            raise Exhausted(
                f"Nothing of the body arrived for {seconds_between:g} seconds.", code="BODY_TIMEOUT"
            ) from None
        if part is None:
            return
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
