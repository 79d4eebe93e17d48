"""The garbage collector while rows stream through: they hold no cycles, and looking for some costs time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

THRESHOLD = 20_000  # containers made between two looks; the interpreter's 700 is a look each 30 rows

_lock = Lock()
_streams = 0
_usual = (0, 0, 0)


@contextmanager
def rarer_collections() -> Iterator[None]:
    """Collects rarely until the block ends, or the last of several that run at once."""
    global _streams, _usual
    with _lock:
        if not _streams:
            _usual = gc.get_threshold()
            gc.set_threshold(max(THRESHOLD, _usual[0]), *_usual[1:])
        _streams += 1
    try:
        yield
    finally:
        with _lock:
            _streams -= 1
            if not _streams:
                gc.set_threshold(*_usual)
