"""The GraphQL working group's own audit of GraphQL over HTTP, run by Node where it is to be had."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.schema.desk import Desk, served

SCRIPT = Path(__file__).parent / "graphql_http_audit.mjs"
PACKAGES = ("graphql-http@1.23.1", "graphql@16.15.0")

# Texts by GET: ours runs registered documents there and nothing else, so that no link can run one of its own.
GET_IS_OFF = {"5A70", "D6D5", "6A70"}


async def run(*command: str, cwd: Path) -> str:
    """The output of a command."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode())
    return out.decode()


async def test_the_audit_finds_no_error_and_no_warning(
    desk: Desk, clock: Callable[[], datetime], tmp_path: Path
) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node and npm")
    shutil.copy(SCRIPT, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    try:
        await run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES, cwd=tmp_path)
    except RuntimeError:
        pytest.skip("the npm package graphql-http cannot be had here")
    async with served(desk, clock) as (_, port):
        address = f"http://127.0.0.1:{port}/graphql"
        output = await run("node", SCRIPT.name, address, await desk.token("manager"), cwd=tmp_path)
    results = [json.loads(line) for line in output.splitlines()]
    assert len(results) == 61
    failed = {one["id"]: f"{one['name']}: {one['reason']}" for one in results if one["status"] != "ok"}
    assert {key: text for key, text in failed.items() if key not in GET_IS_OFF} == {}
