"""How uvicorn is run: a deadline for the head of a request, bounded headers, a drain at the end, no
websockets yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 5
DRAIN_SECONDS = 20
HEAD_BYTES = 65_536  # a mapping may travel in a header
BYTES_A_SECOND = 2_048  # that a client takes of its answer, or it has gone to sleep
BACKLOG = 512
CONNECTIONS = 1_000  # open at once in one process; beyond them 503 at once instead of a queue


class HeadTooLarge(Exception):
    """A head of more than HEAD_BYTES; the parser makes a 400 of it."""


class DeadlinedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a timer: whoever opens a connection has sent the head of a request soon, and
    fetches the answer without falling asleep, or leaves. Heads are bounded, too.

    uvicorn itself waits for ever for the first head and for the last byte, and takes heads of any size. Between
    requests its own keep-alive timer does the same work.
    """

    head_seconds = HEAD_SECONDS
    _in_head = True
    _head_bytes = 0  # that came while a head was awaited
    _named_bytes = 0  # that the address and headers of this head are made of
    _head_timer: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")
        self._watch()

    def on_message_begin(self) -> None:
        self._named_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def _count(self, length: int) -> None:
        """One piece of a head more: a whole one may come at once."""
        self._named_bytes += length
        if self._named_bytes > HEAD_BYTES:
            raise HeadTooLarge

    def on_response_complete(self) -> None:
        self._stop_timer()  # a new answer is under way, which takes its own time
        super().on_response_complete()
        self._watch()

    @property
    def _working(self) -> bool:
        """Whether a head is here and its answer is not; the body's and the operation's own deadlines count."""
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """The timer runs while a head is awaited, or while something is still to be fetched."""
        unsent = self.transport.get_write_buffer_size()
        if self._working and not unsent:
            self._stop_timer()
        elif self._head_timer is None and (unsent or not self.transport.is_closing()):
            self._start_timer(unsent)

    def _start_timer(self, unsent: int) -> None:
        self._unsent = unsent
        self._head_timer = self.loop.call_later(self.head_seconds, self._look)

    def _look(self) -> None:
        """Time is up, unless the client has been busy fetching."""
        self._head_timer = None
        unsent = self.transport.get_write_buffer_size()
        if unsent and self._unsent - unsent >= BYTES_A_SECOND * self.head_seconds:
            self._start_timer(unsent)
        elif unsent or not self._working:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """uvicorn's server that says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            self._on_ready()


def server_of(app: ASGIApp, *, host: str, port: int, on_ready: Callable[[], None] | None = None) -> Server:
    """A server ready to run. SIGTERM lets accepted requests finish for up to 20 seconds."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DeadlinedProtocol,
        ws="none",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        limit_concurrency=CONNECTIONS,
        backlog=BACKLOG,
        server_header=False,
        access_log=False,
        log_config=None,  # the caller has configured logging
    )
    return Server(config, on_ready)
