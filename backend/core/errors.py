"""The whole tree of expected errors: five families, each with a stable code and a sentence safe to show.

DomainError
  Invalid        the request cannot mean anything     carries problems
  NotFound       also used when it is not yours       never reveals that it exists
  Forbidden      it is yours, your role is not enough
  Conflict       someone was faster                   carries the current version
  Exhausted      a limit, with when to try again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person can mend: a stable code, a sentence, where it is (a path, a span of text), what would
    do, and the valid name that was probably meant.
    """

    code: str
    message: str
    path: tuple[str | int, ...] = ()
    span: tuple[int, int] | None = None
    hint: str | None = None
    nearest: str | None = None


class DomainError(Exception):
    """An expected error. `code` is stable, the message is safe to show to whoever asked."""

    code = "DOMAIN_ERROR"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Invalid(DomainError):
    """The request cannot mean anything; `problems` say what to mend."""

    code = "INVALID"

    def __init__(self, message: str, *, code: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, code=code)
        self.problems = tuple(problems)


class NotFound(DomainError):
    """There is no such thing, or it is not yours: the two are never told apart."""

    code = "NOT_FOUND"


class Unauthenticated(DomainError):
    """Nobody we know is asking. Belongs to Forbidden's family; HTTP tells the two apart (401, 403)."""

    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    """It is yours, but your role is not enough."""

    code = "FORBIDDEN"


class Conflict(DomainError):
    """Someone was faster; `current` is the version that stands now, where there is one."""

    code = "CONFLICT"

    def __init__(self, message: str, *, code: str | None = None, current: int | None = None) -> None:
        super().__init__(message, code=code)
        self.current = current


class Exhausted(DomainError):
    """A limit was reached; `retry_after` is in seconds, None when trying again cannot help."""

    code = "EXHAUSTED"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """The database cannot be reached or is too busy just now; trying again later is right."""

    code = "UNAVAILABLE"
