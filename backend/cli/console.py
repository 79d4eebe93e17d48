"""What people see: results on stdout, sentences, errors and progress bars on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unicodedata import category

from backend.core.errors import DomainError, Invalid, Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SHOWN_PROBLEMS = 12


def out(text: str = "") -> None:
    """A line of the result, on stdout."""
    print(text)


def out_fields(*fields: str) -> None:
    """A line of fields parted by tabs, on stdout; none of them can end the line or move the cursor."""
    print("\t".join(visible(field) for field in fields))


def say(text: str = "") -> None:
    """A line about what is going on, on stderr."""
    lines = [visible(line) for line in text.split("\n")]
    print("\n".join(lines), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """The text without control characters: a name from a file must not command the terminal."""
    return "".join("\ufffd" if category(letter) == "Cc" else letter for letter in text)


def err() -> Console:
    """A rich console on stderr that takes text as it is: what users wrote is no markup."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False)


def print_table(table: Table) -> None:
    """A table on stdout, as wide as it is: a narrow terminal may wrap a line, but no number is cut short."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(markup=False, highlight=False)
    needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
    console.width = max(console.width, needed)
    console.print(table)


def tell_error(error: DomainError) -> None:
    """The error's sentence and code, then what to mend, each with its place."""
    say(f"Error: {error.message} [{error.code}]")
    problems = error.problems if isinstance(error, Invalid) else ()
    for problem in problems[:_SHOWN_PROBLEMS]:
        if problem.message != error.message:
            say(f"  {_place(problem)}{problem.message}")
        if problem.hint:
            say(f"    {problem.hint}")
    if len(problems) > _SHOWN_PROBLEMS:
        say(f"  ... and {len(problems) - _SHOWN_PROBLEMS} more")


def _place(problem: Problem) -> str:
    path = ".".join(str(step) for step in problem.path)
    return f"{path}: " if path else ""


@contextmanager
def bar(title: str, total: float | None, unit: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on stderr that goes away when done; it is moved by the amount done so far and a note.

    Without a terminal nothing is drawn. `total` None means the end is not known.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    counted = MofNCompleteColumn() if unit == "rows" else TextColumn("{task.percentage:>3.0f} %")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        counted,
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total, note="")

        def advance(done: float, note: str = "") -> None:
            progress.update(task, completed=done, note=note)

        yield advance
