"""`python -m tests.bench [--quick] [--json FILE]`: every bench in turn, as a table and as JSON.

Exits with 1 when a figure misses the least that it must reach.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from tests.bench import formulas, ingest


def main(arguments: list[str]) -> int:
    """Runs the benches and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast it is.")
    parser.add_argument("--quick", action="store_true", help="less data, in about a minute")
    parser.add_argument("--json", type=Path, help="write the figures to this file, not to the output")
    options = parser.parse_args(arguments)
    language = formulas.measure()
    print(language.table(), flush=True)
    figures = asyncio.run(ingest.measure(quick=options.quick))
    print(figures.table())
    text = json.dumps({"formulas": language.as_json(), "ingest": figures.as_json()}, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(text)
    missed = language.missed() + figures.missed()
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
