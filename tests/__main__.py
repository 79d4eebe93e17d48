"""`python -m tests`: lint, types, then all tests, given what follows. `--lint`: no tests."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "lint": ["ruff", "check", "--quiet", "."],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "types": ["mypy", "--no-error-summary"],
}


def main(arguments: list[str]) -> int:
    """All of it runs, whatever fails; the tests come last, so their count closes the output."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    if "--lint" not in arguments and subprocess.call(module(["pytest", *arguments]), cwd=ROOT):
        failed.append("tests")
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def passes(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    ok = subprocess.call(module(command), cwd=ROOT) == 0
    print(f"{name}: {'ok' if ok else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
    return ok


def module(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
