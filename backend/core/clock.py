"""The one source of now. Tests hand in a clock that stands still; nothing else asks the system."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present instant, with zone UTC."""
    return datetime.now(UTC)
