"""`python -m tests.bench [--quick] [--only PART,PART] [--rows N] [--json FILE]`: how fast it is.

Every part in turn, as tables and as JSON. Exits with 1 when a figure misses the least that it must reach.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.bench import formulas, ingest, tenancy
from tests.bench.board import bench as board
from tests.bench.board import tenants


class Part(Protocol):
    """What a part has measured."""

    def table(self) -> str: ...
    def as_json(self) -> dict[str, Any]: ...
    def missed(self) -> list[str]: ...


PARTS: dict[str, Callable[[argparse.Namespace], Part]] = {
    "formulas": lambda _: formulas.measure(),
    "board": lambda options: asyncio.run(board.measure(quick=options.quick, sizes=options.rows)),
    "tenants": lambda options: asyncio.run(tenants.measure(quick=options.quick)),
    "tenancy": lambda options: asyncio.run(tenancy.measure(quick=options.quick)),
    "ingest": lambda options: asyncio.run(ingest.measure(quick=options.quick)),
}


def main(arguments: list[str]) -> int:
    """Runs the parts and returns the exit code."""
    options = _options(arguments)
    found: dict[str, Part] = {}
    for name in options.only:
        found[name] = PARTS[name](options)
        print(found[name].table(), flush=True)
    text = json.dumps({name: part.as_json() for name, part in found.items()}, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    missed = [line for part in found.values() for line in part.missed()]
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if missed else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast it is.")
    parser.add_argument(
        "--quick", action="store_true", help="less data, in under two minutes; judges no size"
    )
    parser.add_argument("--only", type=_parts, default=tuple(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--rows", type=_sizes, default=(), help="sizes of the board, such as 1000000,10000000"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args(arguments)


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {unknown[0]}")
    return names


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
