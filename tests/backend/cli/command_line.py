"""Runs commands as a person does: arguments in, exit code and both streams out."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from backend.cli import app


@dataclass(frozen=True)
class Outcome:
    """What one command came to."""

    code: int
    out: str
    err: str


Cli = Callable[..., Awaitable[Outcome]]


def command_line(environment: Mapping[str, str]) -> Cli:
    """Runs commands with these settings in this process, in a thread: a command brings its own event loop."""

    def call(arguments: list[str]) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                app(arguments)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
        return Outcome(code, out.getvalue(), err.getvalue())

    async def run(*arguments: object) -> Outcome:
        return await asyncio.to_thread(call, [str(argument) for argument in arguments])

    return run
