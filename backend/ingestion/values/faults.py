"""Why a cell cannot be taken: a stable code and a sentence that shows the cell."""

from __future__ import annotations

SHOWN = 60  # characters of a bad value that a message repeats


class Fault(Exception):
    """A value that cannot be converted. Kept as a value in memos, so it carries no traceback."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(text: object) -> str:
    """A bad value as a message may repeat it: short, in quotes, without control characters."""
    plain = str(text)
    short = plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"
    return "“" + "".join(c if c.isprintable() else "·" for c in short) + "”"
