"""A client that costs next to nothing: HTTP/1.1 over kept connections, bodies as bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

HEADER_END = b"\r\n\r\n"


class Client:
    """Posts to one server; opens as many connections as are in flight at once."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        connection = self._kept() or await self._open()
        found = await connection.post(path, body, headers)
        self._idle.append(connection)
        return found

    async def close(self) -> None:
        """Closes what is open."""
        for connection in self._idle:
            connection.writer.close()
        self._idle.clear()

    def _kept(self) -> _Connection | None:
        """An open connection; the server closes those that idle for some seconds."""
        while self._idle:
            if not (connection := self._idle.pop()).reader.at_eof():
                return connection
            connection.writer.close()
        return None

    async def _open(self) -> _Connection:
        return _Connection(*await asyncio.open_connection(self._host, self._port, limit=2**24))


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        lines = [f"POST {path} HTTP/1.1", "host: bench", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + HEADER_END + body)
        head = (await self.reader.readuntil(HEADER_END)).decode("latin-1").lower().split("\r\n")
        sizes = [line.partition(":")[2] for line in head if line.startswith("content-length:")]
        return int(head[0].split()[1]), await self.reader.readexactly(int(sizes[0]))
