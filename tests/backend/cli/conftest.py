"""The command line on a database, in this process or as a program of its own."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.backend.cli.command_line import Cli, command_line

CONTACTS = """\
external_id,channel,started,queued,accepted,first_response,closed,resolved,agent,agent_name,survey_score
c1,call,2026-01-05T09:00:00,2026-01-05T09:00:05,2026-01-05T09:00:25,2026-01-05T09:00:30,2026-01-05T09:05:25,true,a1,Ann,5
c2,call,2026-01-05T10:00:00,2026-01-05T10:00:05,,,2026-01-05T10:01:05,,,,
c3,chat,2026-01-06T10:00:00,2026-01-06T10:00:00,2026-01-06T10:00:10,2026-01-06T10:00:50,2026-01-06T10:09:10,false,b2,李娜,2
c4,chat,2026-01-06T23:30:00,2026-01-06T23:30:00,2026-01-06T23:30:10,2026-01-06T23:30:20,2026-01-06T23:39:10,true,b2,李娜,4
"""


@pytest.fixture
def surroundings(place, admin, tmp_path) -> dict[str, str]:
    """This test's settings: a copy of the database for itself (a command may make tenants), and a home."""
    return {
        "SCOREDESK_DATABASE_URL": place.app_url,
        "SCOREDESK_ADMIN_DATABASE_URL": place.admin_url,
        "SCOREDESK_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def cli(surroundings) -> Cli:
    """Runs a command on this test's database."""
    return command_line(surroundings)


@pytest.fixture
def nowhere(tmp_path) -> Cli:
    """Runs a command whose database is never reached."""
    return command_line(
        {
            "SCOREDESK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "SCOREDESK_HOME": str(tmp_path / "home"),
        }
    )


@pytest.fixture
def process(surroundings) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command as a program of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "backend.cli", *map(str, arguments)]
        return subprocess.run(
            command, env=os.environ | surroundings | environment, capture_output=True, text=True, timeout=60
        )

    return run


@pytest.fixture
def contacts(tmp_path):
    """A small file in the built-in export shape."""
    path = tmp_path / "contacts.csv"
    path.write_text(CONTACTS, encoding="utf-8")
    return path
