"""What the database says, in our words: the one place that reads an SQLSTATE.

A server's message is never shown: it names tables, constraints and bytes.
"""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend.core.errors import Conflict, DomainError, Exhausted, Invalid, Unavailable

_BUSY = "The database cannot be reached or is too busy just now; try again shortly."
_UNDER_WAY = "Another change to the same rows is under way; try again shortly."
_RETRY_AFTER = 1.0  # seconds: what was slow once may well be cached now


def domain_error(error: BaseException) -> DomainError | None:
    """The expected error that a driver's error stands for; None when the fault is ours and stays internal."""
    cause = driver_error(error)
    match cause:
        case DomainError():
            return cause
        case asyncpg.PostgresError():
            return _of_sqlstate(cause.sqlstate or "")
        case asyncpg.DataError():  # found by the driver before the server saw it: a number too large, a NUL
            return Invalid("A value does not fit its type.", code="VALUE_INVALID")
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return Unavailable(_BUSY)
        case PoolTimeout() | OSError():  # TimeoutError is an OSError
            return Unavailable(_BUSY)
    return None


def driver_error(error: BaseException) -> BaseException:
    """The error as the driver raised it, taken out of SQLAlchemy's wrapping."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _of_sqlstate(state: str) -> DomainError | None:
    match state[:2], state:
        case _, "57014":
            return Exhausted(
                "The statement took longer than it may.",
                code="STATEMENT_TIMEOUT",
                retry_after=_RETRY_AFTER,
            )
        case _, "55P03":
            return Unavailable(_UNDER_WAY)
        case "40", _:  # serialization failure, deadlock
            return Conflict(_UNDER_WAY)
        case _, "23505":
            return Conflict("There is already one like it.", code="ALREADY_EXISTS")
        case "23", _:
            return Invalid("A value breaks a rule of the data.", code="VALUE_INVALID")
        case (
            ("22" | "54"),
            _,
        ):  # a bad byte, a number out of range, a negative LIMIT; an index row too large
            return Invalid("A value cannot be used here.", code="VALUE_INVALID")
        case (
            _,
            "0A000" | "26000",
        ):  # a prepared statement outlived a migration or a pooler's connection
            return Unavailable(_BUSY)
        case (
            ("08" | "28" | "3D" | "53" | "57" | "58"),
            _,
        ):  # away, refused, full, shutting down, disk
            return Unavailable(_BUSY)
        case _, "25P03" | "25P04":  # the server ended a transaction that stood idle
            return Unavailable(_BUSY)
    return None
