"""`python -m tests.long rollups --lives 20000`: a property for hours, where the ordinary run has a minute."""

import argparse
import os
import subprocess
import sys

PROPERTIES = {"rollups": "tests/properties/test_rollups.py"}


def main(arguments: list[str]) -> int:
    """Runs one property; the exit code is that of its test."""
    parser = argparse.ArgumentParser(prog="python -m tests.long")
    parser.add_argument("property", choices=sorted(PROPERTIES))
    parser.add_argument("--lives", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=1_000_000, help="the number of the first life")
    chosen = parser.parse_args(arguments)
    told = {"SCOREDESK_TEST_LIVES": str(chosen.lives), "SCOREDESK_TEST_FIRST_LIFE": str(chosen.first)}
    command = [sys.executable, "-m", "pytest", "-q", "-s", PROPERTIES[chosen.property]]
    return subprocess.call(command, env=os.environ | told)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
