"""The server as it runs: deadlines on heads and bodies, operations that end with their client, a drain at the
end.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import httpx2
import msgspec
import pytest

from backend.core.settings import PROJECT
from backend.web.serving import DeadlinedProtocol, Server
from tests.conftest import Place
from tests.schema.desk import Desk, served

QUERY = {"query": "{ viewer { role } }"}
SLOW = {"query": '{ interactions(filter: {sources: ["x"]}) { nodes { id } } }'}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads have half a second."""
    monkeypatch.setattr(DeadlinedProtocol, "head_seconds", 0.5)


def head(token: str, length: int) -> bytes:
    """The head of a POST to /graphql."""
    return (
        "POST /graphql HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


async def exchange(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back for parts sent with a pause between them, until the server closes or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(65_536), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_head_that_trickles_is_cut_off(
    desk: Desk, clock: Callable[[], datetime], quick: None
) -> None:
    async with served(desk, clock) as (_, port):
        began = time.monotonic()
        assert await exchange(port, b"POST /graphql", b" HTTP/1.1\r\n", b"x: y\r\n", pause=0.2) == b""
        assert await exchange(port) == b""
        assert time.monotonic() - began < 3


async def test_a_second_head_on_the_same_connection_has_its_deadline_too(
    desk: Desk, clock: Callable[[], datetime], quick: None
) -> None:
    async with served(desk, clock) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /live HTTP/1.1\r\nhost: desk\r\n\r\n")
        assert b"200 OK" in await reader.read(4096)
        writer.write(b"GET /live HT")
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()


async def test_a_body_that_trickles_is_a_408(desk: Desk, clock: Callable[[], datetime]) -> None:
    token = await desk.token("viewer")
    async with served(desk, clock, body_seconds=0.3) as (_, port):
        answer = await exchange(port, head(token, 500), b'{"query"', pause=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"BODY_TIMEOUT" in answer


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_a_head_is_bounded_whether_it_comes_at_once_or_not(
    desk: Desk, clock: Callable[[], datetime], pause: float
) -> None:
    line = b"x-more: " + b"x" * 8_000 + b"\r\n"
    begun = b"GET /live HTTP/1.1\r\nhost: desk\r\n"
    async with served(desk, clock) as (_, port):
        for parts in ([begun, *[line] * 40, b"\r\n"], [begun + b"x-more: ", *[b"x" * 8_000] * 40]):
            sent = parts if pause else [b"".join(parts)]
            assert b"200 OK" not in await exchange(port, *sent, pause=pause)
        whole = [begun + line * 7 + b"\r\n"]
        assert b"200 OK" in await exchange(port, *whole)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"CONNECT desk:443 HTTP/1.1\r\nhost: desk\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: desk\r\n\r\n",
        b"GET /live HTTP/9.9\r\nhost: desk\r\n\r\n",
        b"GET /li\xffve HTTP/1.1\r\nhost: desk\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: desk\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: desk\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /live HTTP/1.1\r\nhost: desk\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
)
async def test_strange_heads_harm_nobody(desk: Desk, clock: Callable[[], datetime], sent: bytes) -> None:
    async with served(desk, clock) as (_, port):
        answer = await exchange(port, sent, pause=0.05)
        assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200")), answer[:60]
        assert b"Traceback" not in answer
        assert b"200 OK" in await exchange(port, b"GET /live HTTP/1.1\r\nhost: desk\r\n\r\n")


async def test_requests_in_a_row_are_answered_in_turn(desk: Desk, clock: Callable[[], datetime]) -> None:
    async with served(desk, clock) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /live HTTP/1.1\r\nhost: desk\r\n\r\n" * 3 + b"GET /ready HTTP/1.1\r\nhost: desk\r\n\r\n"
        )
        got = b""
        while b'"ready"' not in got:
            got += await asyncio.wait_for(reader.read(4096), 5)
        writer.close()
    assert (got.count(b"200 OK"), got.count(b'"live"')) == (4, 3)


BIG = "/graphql/assets/graphiql.min.js"


@asynccontextmanager
async def lazy_reader(server: Server, port: int, *requests: str) -> AsyncIterator[socket.socket]:
    """A client that has asked for something big and not read any of it yet; neither system buffers much."""
    server.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(reader, ("127.0.0.1", port))
        head = "GET {} HTTP/1.1\r\nhost: desk\r\n{}\r\n"
        await loop.sock_sendall(reader, "".join(head.format(BIG, more) for more in requests).encode())
        yield reader
    finally:
        reader.close()


@pytest.mark.parametrize("requests", [("",), ("connection: close\r\n",), ("", "", "")])
async def test_a_client_that_does_not_fetch_its_answer_is_cut_off(
    desk: Desk, clock: Callable[[], datetime], quick: None, requests: tuple[str, ...]
) -> None:
    async with served(desk, clock) as (server, port), lazy_reader(server, port, *requests):
        connections = server.server_state.connections
        await until(lambda: asyncio.sleep(0, len(connections)), 1)
        await until(lambda: asyncio.sleep(0, len(connections)), 0)


@pytest.mark.parametrize("more", ["", "connection: close\r\n"])
async def test_a_client_that_is_slow_but_awake_gets_all_of_it(
    desk: Desk, clock: Callable[[], datetime], quick: None, more: str
) -> None:
    async with (
        served(desk, clock) as (server, port),
        lazy_reader(server, port, more) as reader,
    ):
        began, got = time.monotonic(), 0
        while part := await asyncio.get_running_loop().sock_recv(reader, 16_384):
            got += len(part)
            await asyncio.sleep(0.02)
        assert time.monotonic() - began > 2 * DeadlinedProtocol.head_seconds
    assert got > (PROJECT / "schema/graphiql/assets/graphiql.min.js").stat().st_size


@asynccontextmanager
async def locked(place: Place, desk: Desk) -> AsyncIterator[asyncpg.Connection]:
    """Acme's interactions are held by someone else, so that reading them waits."""
    connection = await asyncpg.connect(place.admin_url)
    namespace = desk.world.tenant.tenant.namespace
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {namespace}.interaction IN ACCESS EXCLUSIVE MODE")
            yield connection
    finally:
        await connection.close()


async def waiting(connection: asyncpg.Connection) -> int:
    """How many others wait for a lock."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
        "current_database()"
    )
    return count


async def until(condition: Callable[[], object], count: int) -> None:
    """Waits until an awaited number is `count`."""
    for _ in range(150):
        if await condition() == count:  # type: ignore[misc]
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


async def test_a_client_that_hangs_up_ends_its_query(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    token = await desk.token("viewer")
    body = msgspec.json.encode(SLOW)
    async with served(desk, clock) as (_, port), locked(place, desk) as connection:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(token, len(body)) + body)
        await until(lambda: waiting(connection), 1)
        writer.close()
        await until(lambda: waiting(connection), 0)
        body = msgspec.json.encode(QUERY)
        assert b'"role"' in await exchange(port, head(token, len(body)) + body)


async def test_an_operation_that_takes_too_long_is_given_up(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    token = await desk.token("viewer")
    body = msgspec.json.encode(SLOW)
    async with served(desk, clock, operation_seconds=0.3) as (_, port), locked(place, desk) as connection:
        answer = await exchange(port, head(token, len(body)) + body)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"OPERATION_TIMEOUT" in answer
        await until(lambda: waiting(connection), 0)


async def test_what_was_accepted_is_answered_before_the_server_stops(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    token = await desk.token("viewer")
    body = msgspec.json.encode(SLOW)
    async with served(desk, clock) as (server, port):
        async with locked(place, desk) as connection:
            asking = asyncio.create_task(exchange(port, head(token, len(body)) + body))
            await until(lambda: waiting(connection), 1)
            server.should_exit = True
            await asyncio.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            assert not asking.done()
        assert b'{"data":{"interactions":{"nodes":[]}}}' in await asking


async def test_readiness_says_what_is_missing(desk: Desk) -> None:
    response = await desk.http.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "warnings": []})
    assert (await desk.http.get("/live")).json() == {"status": "live"}


async def test_the_landing_page_leads_on(desk: Desk) -> None:
    page = await desk.http.get("/")
    assert page.status_code == 200
    assert "/graphql" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/ready", 405),
        ("GET", "/ingest/files", 405),
        ("GET", "/graphql/", 404),
    ],
)
async def test_other_addresses_answer_in_json(desk: Desk, method: str, path: str, status: int) -> None:
    response = await desk.http.request(method, path)
    assert response.status_code == status
    assert response.json()["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED")


async def test_every_kind_of_answer_passes_the_servers_own_checks(
    desk: Desk, clock: Callable[[], datetime]
) -> None:
    async with (
        served(desk, clock) as (_, port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        pages = {"/": 200, "/live": 200, "/ready": 200, "/nowhere": 404, "/graphql/assets/page.css": 200}
        for path, status in pages.items():
            assert (await http.get(path)).status_code == status
        assert (await http.get("/graphql", headers={"accept": "text/html"})).status_code == 200
        assert (await http.post("/graphql", json=QUERY)).status_code == 401
        assert (await http.post("/ingest/files", content=b"x")).status_code == 401
