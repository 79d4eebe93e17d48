"""What the database says, in our words: the one place that reads an SQLSTATE.

A server's message is never shown: it names tables, constraints and bytes.
"""

from __future__ import annotations

import traceback

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend.core.errors import Conflict, DomainError, Exhausted, Invalid, Unavailable

_BUSY = "The database cannot be reached or is too busy just now; try again shortly."
_UNDER_WAY = "Another change to the same rows is under way; try again shortly."
_LOGIN_REFUSED = "The database server refuses the login that it is addressed with."
_NO_DATABASE = "The database server has no database of the name that is asked for."
_NEVER_GRANTED = (
    "The login has no rights in this database yet: run `scoredesk migrate` with this login in "
    "SCOREDESK_DATABASE_URL."
)
_RETRY_AFTER = 1.0  # seconds: what was slow once may well be cached now


def domain_error(error: BaseException) -> DomainError | None:
    """The expected error that a driver's error stands for; None when the fault is ours and stays internal."""
    cause = driver_error(error)
    match cause:
        case DomainError():
            return cause
        case asyncpg.PostgresError():
            return _of_rights(cause) or _of_sqlstate(cause.sqlstate or "")
        case asyncpg.DataError():  # found by the driver before the server saw it: a number too large, a NUL
            return Invalid("A value does not fit its type.", code="VALUE_INVALID")
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return Unavailable(_BUSY)
        case PoolTimeout() | TimeoutError():
            return Unavailable(_BUSY)
        case OSError() if _of_driver(cause):  # any other is a file's, or that of a stream of output
            return Unavailable(_BUSY)
    return None


def driver_error(error: BaseException) -> BaseException:
    """The error as the driver raised it, taken out of SQLAlchemy's wrapping."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


# Whoever calls these is the one who met the error.
_PASSED_THROUGH = frozenset(
    ("asyncio", "concurrent", "greenlet", "selectors", "socket", "sqlalchemy", "ssl", "uvloop")
)


def _of_driver(error: OSError) -> bool:
    """Whether the driver met the error while it connected or talked to the server."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    packages = (str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame in reversed(frames))
    return next((name for name in packages if name not in _PASSED_THROUGH), None) == "asyncpg"


def _of_rights(error: asyncpg.PostgresError) -> DomainError | None:
    """What a missing right stands for where it tells how the server was set up; the message may be in any
    language, so the server's own function says which right it was.
    """
    if error.sqlstate != "42501":
        return None
    match getattr(error, "server_source_function", None):
        case "call_string_check_hook":  # of SET ROLE
            return Unavailable(_NEVER_GRANTED, code="NOT_MIGRATED")
        case "CheckMyDatabase":  # no right to connect
            return Unavailable(_LOGIN_REFUSED, code="DATABASE_LOGIN_REFUSED")
    return None


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
        case _, "28P01" | "28000":
            return Unavailable(_LOGIN_REFUSED, code="DATABASE_LOGIN_REFUSED")
        case _, "3D000":
            return Unavailable(_NO_DATABASE, code="DATABASE_UNKNOWN")
        case (
            ("08" | "28" | "3D" | "53" | "57" | "58"),
            _,
        ):  # away, refused, full, shutting down, disk
            return Unavailable(_BUSY)
        case _, "25P03" | "25P04":  # the server ended a transaction that stood idle
            return Unavailable(_BUSY)
    return None
