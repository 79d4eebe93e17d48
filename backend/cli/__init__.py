"""The command line, `scoredesk`. Commands unpack their options, call a service and print what comes of it.

Heavy modules are imported inside the commands, so that `scoredesk --help` is quick.
"""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

import typer

from backend.cli import (
    benchmarks,
    demo,
    drills,
    gaps,
    imports,
    kpis,
    rejected,
    schedules,
    serving,
    tenants,
    tokens,
)
from backend.cli.installation import told

app = typer.Typer(
    name="scoredesk",
    help="Measures customer service: many tenants, KPIs as formulas, answers over GraphQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_GROUPS = (
    demo, serving, tenants, tokens, imports, rejected, kpis, drills, gaps, benchmarks, schedules,
)  # fmt: skip
for group in _GROUPS:
    group.register(app)


def main() -> None:
    """The entry point."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show a name must not end the command
            stream.reconfigure(errors="replace")
    try:
        with told():
            app()
    except typer.Exit as end:
        sys.exit(end.exit_code)


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
