"""Two processes that serve the same tenants: what one has acknowledged is in the next answer of the other."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backend.auth.keys import LocalKey
from backend.auth.memberships import grant_membership
from backend.auth.tokens import TokenSigner
from backend.core.settings import Settings
from backend.core.windows import Grain
from backend.metrics.questions import KpiAsk, Question
from tenants.database import Database, TenantDatabase
from tests.backend.metrics.rollups.rolling import count_packs, demand, refresh_all
from tests.conftest import Place

PATIENCE = 60  # seconds until a program serves; one on a quiet machine
WINDOW = {"from": "2026-02-01", "to": "2026-03-01"}
ASK = """
query ($window: WindowInput!) {
  kpiValues(input: {formulas: [{name: "n", formula: "count()"}], window: $window, grain: DAY}) {
    answer { series { total { value } } }
  }
}
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def serving(place: Place, home: str, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    """`scoredesk serve` as a program of its own, and a client of it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCOREDESK_")}
    port = free_port()
    environment |= {
        "SCOREDESK_DATABASE_URL": place.app_url,
        "SCOREDESK_ADMIN_DATABASE_URL": place.admin_url,
        "SCOREDESK_HOME": home,
        "SCOREDESK_PORT": str(port),
    }
    log = Path(home) / f"{port}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backend.cli", "serve", env=environment, stdout=out, stderr=out
        )
    headers = {"authorization": f"Bearer {token}"}
    try:
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE
        ) as client:
            for _ in range(PATIENCE * 20):
                assert process.returncode is None, log.read_text()
                try:
                    await client.get("/health")
                    break
                except httpx2.ConnectError:
                    await asyncio.sleep(0.05)
            yield client
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def write(client: httpx2.AsyncClient, number: int) -> None:
    """One contact, on some day of the window; returns once it is acknowledged."""
    day = 1 + number * 5 % 28
    body = f"external_id,channel,started\nc-{number},chat,2026-02-{day:02}T09:00:00Z\n"
    response = await client.post(
        "/ingest/files?source=phone&name=calls.csv",
        content=body.encode(),
        headers={"content-type": "text/csv"},
    )
    assert response.status_code == 200, response.text


async def ask(client: httpx2.AsyncClient) -> float | None:
    """How many contacts there are."""
    response = await client.post("/graphql", json={"query": ASK, "variables": {"window": WINDOW}})
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    value: float | None = answer["data"]["kpiValues"]["answer"]["series"][0]["total"]["value"]
    return value


@pytest.mark.timeout(300)
async def test_what_one_has_acknowledged_the_other_tells_at_once(
    database: Database, acme: TenantDatabase, globex: TenantDatabase, place: Place, clock: Any
) -> None:
    with tempfile.TemporaryDirectory(prefix="scoredesk-two-") as home:
        settings = Settings(home=home)
        signer = TokenSigner(
            LocalKey.of_home(settings.home_path), issuer=settings.jwt_issuer, audience=settings.jwt_audience
        )
        async with database.control() as session:
            await grant_membership(session, acme.tenant, "manager@acme", "manager")
        await demand(acme, clock, [Question((KpiAsk("n", "count()"),), None, grain=Grain.DAY)])
        token = signer.sign("manager@acme", acme.tenant.id)
        async with serving(place, home, token) as one, serving(place, home, token) as other:
            for number in range(20):
                writer, reader = (one, other) if number % 2 else (other, one)
                await write(writer, number)
                assert await ask(reader) == number + 1
                assert await ask(writer) == number + 1
                if (
                    number % 4 == 3
                ):  # packs of what was there, so that the next write makes some of them stale
                    await refresh_all(acme, clock)
        assert await count_packs(acme) > 0
