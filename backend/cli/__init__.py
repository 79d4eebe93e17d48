"""The command line, `scoredesk`. Commands unpack their options, call a service and print what comes of it.

Heavy modules are imported inside the commands, so that `scoredesk --help` is quick.
"""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, NoReturn

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
    worker,
)
from backend.cli.console import out
from backend.cli.installation import told

app = typer.Typer(
    name="scoredesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_GROUPS = (
    demo, serving, worker, tenants, tokens, imports, rejected, kpis, drills, gaps, benchmarks, schedules,
)  # fmt: skip
for group in _GROUPS:
    group.register(app)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            out(f"scoredesk {version('scoredesk')}")
        except PackageNotFoundError:
            out("scoredesk, run from a folder that is not installed")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_tell_version),
    ] = False,
) -> None:
    """Measures customer service: many tenants, KPIs as formulas, answers over GraphQL."""


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
