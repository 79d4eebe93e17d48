"""The embedded PostgreSQL: a thin launcher over the wheel's binaries, one server per home.

Every process that uses the server holds a shared lock on `users`; the last one to leave stops it.
The kernel drops the locks of a killed process, so none is counted that is gone. A server whose
only user was killed stays up until the next user leaves.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tenants.embedded_places import (
    SOCKET_NAME,
    EmbeddedServerError,
    choose_account,
    find_binaries,
    make_place,
    make_socket_folder,
    throw_away,
)
from tenants.embedded_settings import choose_settings, write_access_rules

__all__ = ["ADMIN_LOGIN", "APP_LOGIN", "DATABASE", "EmbeddedServer", "EmbeddedServerError"]

ADMIN_LOGIN = "scoredesk_admin"
APP_LOGIN = "scoredesk_app"
DATABASE = "scoredesk"

PORT = "5432"  # names the socket; no port is opened
# What the programs see of ours: no secret, and no PG* variable that would lead them elsewhere.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

STOP_SECONDS = 60  # for a fast shutdown, which writes a checkpoint; then it is told to drop everything
RETRY_SECONDS = 20  # for what a killed server left behind to go away
PATIENCE_SECONDS = 3  # after which a person is told what we wait for


class _State(enum.Enum):
    ABSENT = enum.auto()
    BUSY = enum.auto()  # starting, recovering or stopping
    READY = enum.auto()


class EmbeddedServer:
    """PostgreSQL in the folder `home`, on a private Unix socket only.

    `durable=False` gives up safety after a crash of the machine, for tests, and deletes data that
    root's server could not keep in `home` because its system user may not enter it. `binaries` is
    the `bin` folder of another PostgreSQL (15 or newer) than the wheel's.
    """

    def __init__(self, home: Path, *, durable: bool = True, binaries: Path | None = None) -> None:
        self.home = home.expanduser().resolve()
        self.durable = durable
        self._binaries = binaries
        self._users: int | None = None  # the lock we hold while we use the server
        self._pid = 0  # of this process: a forked child is no user of its own

    def start(self) -> None:
        """Starts the server, or joins the one that runs; may take as long as a recovery takes."""
        if self._users is not None and self._pid == os.getpid():
            return
        self._account = choose_account(self.home)
        self._place = make_place(self.home, self._account, lasting=self.durable)
        if self._binaries is None:
            self._binaries = find_binaries(self._account)
        with self._alone():
            users = os.open(self._place / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            self._users, self._pid = users, os.getpid()
            try:
                self._initialize()
                self._ensure_running()
                self._ensure_database()
            except BaseException:
                self._leave()
                raise
        atexit.register(self.stop)

    def stop(self) -> None:
        """Leaves the server, and stops it when nobody else uses it."""
        if self._users is None or self._pid != os.getpid():
            return
        atexit.unregister(self.stop)
        with self._alone():
            self._leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def url(self, user: str, database: str = DATABASE) -> str:
        """The address for one of the two logins, once the server was started."""
        # The port names the socket; left out, a PGPORT of the environment would.
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket_folder))}&port={PORT}"

    @property
    def socket_folder(self) -> Path:
        """The folder of the server's only socket."""
        found = self._read_pid_file() if self._users is not None else None
        if found is None or found[1] is None:
            raise EmbeddedServerError("The embedded server is not running.")
        return found[1]

    # --- users -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops this server meanwhile."""
        lock = os.open(self._place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _leave(self) -> None:
        assert self._users is not None
        try:
            # Not atomic, but whoever wants to come in waits for `_alone`.
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            self._shut_down()
            throw_away(self.home, self._place)
        finally:
            os.close(self._users)
            self._users = None

    # --- the data folder -------------------------------------------------------------------------

    @property
    def _data(self) -> Path:
        return self._place / "data"

    def _initialize(self) -> None:
        """Makes the data folder, whole or not at all; refuses one of another major version."""
        found = re.search(r"\) (\d+)", self._run("postgres", "--version"))
        major = int(found[1]) if found else 0
        if self._data.exists():
            made_by = (self._data / "PG_VERSION").read_text().strip()
            if made_by != str(major):
                raise EmbeddedServerError(
                    f"{self._data} was made by PostgreSQL {made_by}, this is {major}: dump it with "
                    f"{made_by} and load it anew, or set SCOREDESK_HOME to another folder."
                )
            return
        draft = self._place / "data.new"
        if draft.exists():  # of a process that was killed
            shutil.rmtree(draft)
        self._account.make_folder(draft)
        arguments = ["-D", str(draft), "-U", ADMIN_LOGIN, "-E", "UTF8", "--auth=peer"]
        if major >= 17:
            arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            arguments += ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
        self._run("initdb", *arguments, *([] if self.durable else ["--no-sync"]))
        draft.rename(self._data)

    def _ensure_database(self) -> None:
        psql = ["psql", "-X", "-A", "-t", *_connect(self.socket_folder), "-c"]
        if not self._run(*psql, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").strip():
            self._run(*psql, f"CREATE DATABASE {DATABASE}")

    # --- the process -----------------------------------------------------------------------------

    def _ensure_running(self) -> None:
        began = time.monotonic()
        launched: int | None = None
        told = False
        while (state := self._state()) is not _State.READY:
            waited = time.monotonic() - began
            if state is _State.ABSENT and (launched is None or not _is_alive(launched)):
                if launched is not None:
                    self._judge_failure(waited)
                launched = self._launch()
            if waited > PATIENCE_SECONDS and not told:
                told = True
                print("PostgreSQL is still starting (it may be recovering) ...", file=sys.stderr)
            time.sleep(0.02)

    def _state(self) -> _State:
        found = self._read_pid_file()
        if found is None:
            return _State.ABSENT
        pid, socket_folder = found
        if socket_folder is not None:
            ask = [
                self._program("pg_isready"),
                "-q",
                "-h",
                str(socket_folder),
                "-p",
                PORT,
                "-t",
                "5",
            ]
            answer = self._account.run(ask, env=ENVIRONMENT).returncode
            if answer in (0, 1):
                return _State.READY if answer == 0 else _State.BUSY
        return _State.BUSY if self._is_ours(pid) else _State.ABSENT

    def _read_pid_file(self) -> tuple[int, Path | None] | None:
        """The server's process and socket folder as it wrote them; they may be of one long gone."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 5 or lines[1] != str(self._data):  # half-written, or of a copied folder
            return None
        return int(lines[0]), Path(lines[4]) if lines[4] else None

    def _is_ours(self, pid: int) -> bool:
        """Whether this process is a server of this data folder, and not just of the same number."""
        if not _is_alive(pid):
            return False
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", self._data)
        except OSError:
            return not Path("/proc/self").exists()  # elsewhere than Linux there is no telling

    def _launch(self) -> int:
        """Starts a server that is nobody's child; returns its process id at once."""
        socket_folder = make_socket_folder(self._place, self._account)
        found = self._read_pid_file()
        if found is None or not self._is_ours(found[0]):
            # What a killed server left. Its number may be another process's by now, and PostgreSQL
            # would take that for the server.
            socket = socket_folder / SOCKET_NAME
            for left in (self._data / "postmaster.pid", socket, Path(f"{socket}.lock")):
                left.unlink(missing_ok=True)
        rules, names = write_access_rules(self._place, self._account, [ADMIN_LOGIN, APP_LOGIN])
        command = [self._program("postgres"), "-D", str(self._data)]
        settings = choose_settings(self._place / "log", durable=self.durable) | {
            "port": PORT,
            "listen_addresses": "",
            "unix_socket_directories": str(socket_folder),
            "hba_file": str(rules),
            "ident_file": str(names),
        }
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        detach = '"$@" </dev/null >"$0" 2>&1 & echo $!'
        shell = ["/bin/sh", "-c", detach, str(self._place / "log" / "start.log"), *command]
        done = self._account.run(
            shell, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.PIPE, check=True
        )
        return int(done.stdout)

    def _judge_failure(self, waited: float) -> None:
        """Raises, unless a killed server's last processes may be what is still in the way."""
        newest = sorted((self._place / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        lines = [line for path in newest[-2:] for line in path.read_text().splitlines()[-10:]]
        in_the_way = any("still in use" in line or "postmaster.pid" in line for line in lines)
        if not in_the_way or waited > RETRY_SECONDS:
            raise EmbeddedServerError("PostgreSQL did not start:\n" + "\n".join(lines))
        time.sleep(0.5)

    def _shut_down(self) -> None:
        """A fast shutdown: sessions are ended, what they committed is kept."""
        found = self._read_pid_file()
        if found is None or not self._is_ours(found[0]):
            return
        for kind, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[0], kind)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not self._is_ours(found[0]):
                    return
                time.sleep(0.01)
        raise EmbeddedServerError(f"PostgreSQL (process {found[0]}) does not stop.")

    def _program(self, name: str) -> str:
        assert self._binaries is not None
        return str(self._binaries / name)

    def _run(self, program: str, *arguments: str) -> str:
        done = self._account.run([self._program(program), *arguments], env=ENVIRONMENT, capture_output=True)
        if done.returncode:
            raise EmbeddedServerError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout


def _connect(socket_folder: Path) -> list[str]:
    return ["-h", str(socket_folder), "-p", PORT, "-U", ADMIN_LOGIN, "-d", "postgres"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # a zombie has ended; where nobody collects it, it stays one
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
