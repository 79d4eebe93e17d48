"""Builds `.venv` from the lock files: `python3 .ci/environment.py [runtime|dev]`.

Standard library only. A stamp remembers what was installed, so a second run does nothing.
With `lock` it makes the lock files anew from pyproject.toml instead.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".ready"
LOCK = VENV / ".building"  # not `.lock`: that is uv's own, which would wait for us
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}


def main(arguments: list[str]) -> int:
    kind = arguments[0] if arguments else "runtime"
    if kind not in {*LOCKS, "lock"} or len(arguments) > 1:
        print("usage: python3 .ci/environment.py [runtime|dev|lock]", file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this script is run by whatever python3 is
        print("Scoredesk needs Python 3.11 or newer.", file=sys.stderr)
        return 1
    if kind == "lock":
        return make_locks()
    if is_ready(kind):
        return 0
    VENV.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_ready(kind):  # another run was quicker
            return 0
        try:
            build(kind)
        except subprocess.CalledProcessError as error:
            print(f"The environment could not be built: {error}", file=sys.stderr)
            return 1
    return 0


def is_ready(kind: str) -> bool:
    """Whether `kind` is installed as the locks say now; `dev` holds all of `runtime`."""
    try:
        stamp = STAMP.read_text()
    except OSError:
        return False
    return PYTHON.exists() and stamp in {digest(kind), digest("dev")}


def digest(kind: str) -> str:
    parts = [ROOT / LOCKS[kind], ROOT / "pyproject.toml"]
    state = hashlib.sha256(f"{kind} {sys.version_info[:2]} {ROOT}".encode())
    for part in parts:
        state.update(part.read_bytes())
    return f"{kind} {state.hexdigest()}\n"


def build(kind: str) -> None:
    if STAMP.exists() and STAMP.read_text().startswith("dev "):
        kind = "dev"  # never take the test tools away from someone who has them
    STAMP.unlink(missing_ok=True)
    print(f"Building the {kind} environment in .venv (some seconds; a minute without uv) ...")
    make_venv()
    uv = find_uv()
    lock = ["--require-hashes", "-r", str(ROOT / LOCKS[kind])]
    install(uv, lock)
    install(uv, ["--no-deps", "-e", str(ROOT)])
    STAMP.write_text(digest(kind))


def make_venv() -> None:
    """A new venv unless a usable one of this Python version is there."""
    ask = [str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])"]
    wanted = "{} {}".format(*sys.version_info[:2])
    try:
        found = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        found = ""
    if found == wanted:
        return
    for old in VENV.iterdir():  # all but the lock file we hold
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old != LOCK:
            old.unlink()
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)])
    if done.returncode and not (uv := shutil.which("uv")):
        print("This Python has no venv module: install it (Debian: python3-venv) or uv.")
        raise subprocess.CalledProcessError(done.returncode, done.args)
    if done.returncode:
        call([uv, "venv", "--allow-existing", "--python", sys.executable, str(VENV)])


def find_uv() -> str | None:
    """uv from PATH, else put into the venv; None leaves the work to pip, which is slower."""
    if found := shutil.which("uv"):
        return found
    inside = VENV / "bin" / "uv"
    if not inside.exists():
        pip = [str(PYTHON), "-m", "pip", "install", "-qq", "uv"]
        subprocess.run(pip, env=environment())
    return str(inside) if inside.exists() else None


def install(uv: str | None, what: list[str]) -> None:
    """Install with uv, once more when the index hiccups, and with pip when uv cannot."""
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), *what]
        for _ in range(2):
            if subprocess.run(command, env=environment()).returncode == 0:
                return
        print("uv could not install it; trying pip ...")
    command = [str(PYTHON), "-m", "pip", "install", "-qq", *what]
    if subprocess.run(command, env=environment()).returncode:
        call(command)


def make_locks() -> int:
    """The newest versions that pyproject.toml allows, with hashes and without any host's name."""
    uv = find_uv() if PYTHON.exists() else shutil.which("uv")
    if not uv:
        print("This needs uv: install it, or build the dev environment first.", file=sys.stderr)
        return 1
    call([uv, "lock", "--quiet", "--upgrade"])
    extras = {"runtime": ["--extra", "columnar"], "dev": ["--all-extras"]}
    for kind, name in LOCKS.items():
        plain = ["--frozen", "--no-emit-project", "--no-header", "--no-annotate", "--quiet"]
        call([uv, "export", *plain, *extras[kind], "--output-file", name])
    return 0


def call(command: list[str]) -> None:
    subprocess.run(command, env=environment(), cwd=ROOT, check=True)


def environment() -> dict[str, str]:
    """Ours, less what would send the packages elsewhere, and with a quiet pip."""
    kept = {name: value for name, value in os.environ.items() if name != "PIP_TARGET"}
    return kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
