"""`scoredesk worker` as a program of its own: told to stop, and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from backend.jobs.worker import Worker
from tenants.jobs import ask, next_ready, take
from tests.backend.jobs.working import QUICK, kind_of, running, until

SECONDS = "0.5"


@pytest.fixture
async def start(place, tmp_path):
    """Starts a program on the test's database with the app's login alone; none outlives the test."""
    started = []

    def run(*arguments, url=place.app_url):
        surroundings = {"SCOREDESK_DATABASE_URL": url, "SCOREDESK_HOME": str(tmp_path)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SCOREDESK_")}
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=kept | surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def line(stream):
    return (await asyncio.to_thread(stream.readline)).strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_ends_its_slice(start, database, acme, number):
    await ask(database, [("count", acme.tenant.id)])
    program = start("tests.backend.jobs.program", SECONDS)
    assert await line(program.stdout) == "began acme"
    program.send_signal(number)
    out, err = await asyncio.to_thread(program.communicate, timeout=60)
    assert (program.returncode, out, err) == (0, "ended acme\n", "Working.\n")
    assert await next_ready(database, ["count"]) == 0.0


async def test_without_anything_to_do_it_stops_at_once(start):
    program = start("backend.cli", "worker")
    assert await line(program.stderr) == "Working."
    program.send_signal(signal.SIGTERM)
    out, err = await asyncio.to_thread(program.communicate, timeout=60)
    assert (program.returncode, out, err) == (0, "", "")


async def test_killed_it_leaves_its_job_to_another(start, database, acme):
    served = []

    async def work(door):
        served.append(door.tenant.slug)
        return False

    await ask(database, [("count", acme.tenant.id)])
    program = start("tests.backend.jobs.program", "3600", "1")
    assert await line(program.stdout) == "began acme"
    await asyncio.sleep(1.5)  # it lives, and so its job stays its own
    assert await take(database, ["count"], lease=60.0) is None
    async with running(Worker(database, [kind_of(work)], pace=QUICK)):
        program.kill()
        await asyncio.to_thread(program.wait, 60)
        await until(lambda: served)
    assert served == ["acme"]


async def test_it_refuses_a_database_that_is_not_prepared(start, server):
    name = await server.create_database()
    program = start("backend.cli", "worker", url=server.app_url(name))
    out, err = await asyncio.to_thread(program.communicate, timeout=60)
    await server.drop_database(name)
    assert (program.returncode, out) == (1, "")
    assert "scoredesk migrate" in err
    assert "Traceback" not in err
