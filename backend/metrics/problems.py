"""The language's diagnostics in the form that every request's problems have."""

from __future__ import annotations

from collections.abc import Iterable

from backend.core.errors import Problem
from backend.metrics.language.diagnostics import Diagnostic


def problems_of(diagnostics: Iterable[Diagnostic], path: tuple[str | int, ...]) -> list[Problem]:
    """The mistakes of a text that stands at `path` in the input."""
    return [
        Problem(one.code, one.message, path, (one.span.start, one.span.end), one.hint, one.nearest)
        for one in diagnostics
    ]
