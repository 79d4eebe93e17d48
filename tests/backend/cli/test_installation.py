"""What holds for every command: errors are sentences, nothing shows a traceback or a password."""

import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from backend.cli import app


def test_the_version_is_that_of_the_package(process):
    done = process("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"scoredesk {version('scoredesk')}")


def test_help_comes_at_once(process):
    began = time.monotonic()
    done = process("--help")
    assert done.returncode == 0
    for name in (
        "demo",
        "serve",
        "migrate",
        "tenant",
        "token",
        "import",
        "rejected",
        "kpi",
        "kpis",
        "schema",
    ):
        assert name in done.stdout
    assert time.monotonic() - began < 3  # 0.3 s on a quiet machine


def test_a_command_as_a_program(process):
    done = process("tenant", "list")
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["acme", "globex"]


@pytest.mark.parametrize(
    "address", ["postgresql://ann:sesame@127.0.0.1:1/x", "postgresql://ann:sesame@/x?host=/nowhere"]
)
def test_a_server_that_is_away_is_said_so(process, address):
    done = process("tenant", "list", SCOREDESK_DATABASE_URL=address)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sesame" not in done.stderr


def test_an_address_that_is_none_is_refused(process):
    done = process("tenant", "list", SCOREDESK_DATABASE_URL="mysql://ann:sesame@here/x")
    assert done.returncode == 1
    assert "SCOREDESK_DATABASE_URL" in done.stderr
    assert "sesame" not in done.stderr


def test_a_setting_that_cannot_be_read_is_named(process):
    done = process("serve", SCOREDESK_PORT="eighty")
    assert done.returncode == 1
    assert "SCOREDESK_PORT" in done.stderr


def test_a_database_that_is_not_set_up_is_said_so(process, place, surroundings):
    bare = place.admin_url.replace(place.admin_url.split("/")[3].split("?")[0], "postgres", 1)
    done = process("tenant", "list", SCOREDESK_DATABASE_URL=bare)
    assert done.returncode == 1
    assert "scoredesk migrate" in done.stderr


def test_an_unknown_login_is_said_so(process, place):
    address = _with(place.app_url, username="nobody_here", password="sesame")
    done = process("tenant", "list", SCOREDESK_DATABASE_URL=address)
    assert (done.returncode, done.stdout) == (1, "")
    assert "refuses the login" in done.stderr
    assert "DATABASE_LOGIN_REFUSED" in done.stderr
    assert "SCOREDESK_DATABASE_URL" in done.stderr
    assert "is it up" not in done.stderr
    assert "sesame" not in done.stderr


def test_a_database_that_is_not_there_is_said_so(process, place):
    done = process("tenant", "list", SCOREDESK_DATABASE_URL=_with(place.app_url, database="no_such_one"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "DATABASE_UNKNOWN" in done.stderr
    assert "is it up" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("command", [("kpis", "--tenant", "acme"), ("schema",)])
def test_a_full_disk_is_said_so(surroundings, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "backend.cli", *command],
            env=os.environ | surroundings,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "Error: cannot write: No space left on device\n")


def _with(address, *, username=None, password="", database=None):
    """The address with another login or database."""
    parts = urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    if username is not None:
        login = f"{username}:{password}"
    path = parts.path if database is None else f"/{database}"
    return parts._replace(netloc=f"{login}@{host}", path=path).geturl()


def test_a_terminal_that_cannot_show_a_name_does_not_end_the_command(process):
    done = process("tenant", "create", "tokyo", "--name", "東京", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    listed = process("tenant", "list", PYTHONIOENCODING="ascii")
    assert listed.returncode == 0
    assert "tokyo" in listed.stdout


def test_the_schema_is_printed(process):
    done = process("schema", SCOREDESK_DATABASE_URL="")
    assert done.returncode == 0, done.stderr
    assert "type Query" in done.stdout


def test_every_command_is_in_the_manual():
    manual = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text("utf-8")
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    for name, command in program.commands.items():
        inner = list(command.commands) if isinstance(command, TyperGroup) else [""]
        for part in inner:
            assert part in ("resume",) or f"`scoredesk {name} {part}".rstrip() in manual, (name, part)
