"""Puts the figures of a run into docs/performance.md: `python -m tests.bench.page figures.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: made by tests.bench.page -->", "<!-- end of figures -->"
TITLES = {"board": "A board, {:,} interactions", "tenants": "Boards of {:,} tenants"}


def main(arguments: list[str]) -> int:
    """Rewrites what stands between the two marks of the page."""
    [source] = arguments
    figures = json.loads(Path(source).read_text())
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, "", *_tables(figures), END]) + after)
    return 0


def _tables(figures: dict[str, Any]) -> Iterator[str]:
    for part, title in TITLES.items():
        found = figures.get(part, {}).get("figures", [])
        for size in sorted({one["rows"] for one in found}):
            yield from (f"**{title.format(size)}**", "", "| figure | median | half of all | least | goal |")
            yield "|---|---|---|---|---|"
            yield from (_row(one) for one in found if one["rows"] == size)
            yield ""
    if ingest := figures.get("ingest"):
        yield from (
            f"**Import of {ingest['rows']:,} interactions**",
            "",
            "| way | rows/s | / COPY |",
            "|---|---|---|",
        )
        for way, one in ingest["ways"].items():
            rates = sorted(one["rows_per_second"])
            yield f"| {way} | {rates[len(rates) // 2]:,} | {one['ratio']:.2f} |"
        yield ""


def _row(one: dict[str, Any]) -> str:
    low, high = (_short(value) for value in one["quartiles"])
    spread = f"{low} to {high}" if len(one["samples"]) > 1 else ""
    target = f"{one['least']:g} | {one['goal']:g}" if "least" in one else " | "
    return f"| {one['figure']} | {_short(one['median'])} | {spread} | {target} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
