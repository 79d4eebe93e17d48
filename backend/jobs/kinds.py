"""What a worker can do: jobs for one tenant at a time, and chores for the whole installation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tenants.database import Database, TenantDatabase

SWEEP_EVERY = 60.0  # seconds
SLICE_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job; a tenant has at most one of it.

    `work` does about a second of it and says whether more is left, so that tenants take turns. It may be cut short
    anywhere, and may in rare cases overlap with another run of itself: it commits only what is right when written
    twice. A slice longer than `limit` seconds is cut and counts as failed. Every `every` seconds all active tenants
    are asked whether they need it, because hints get lost.
    """

    name: str
    work: Callable[[TenantDatabase], Awaitable[bool]]
    needs: Callable[[TenantDatabase], Awaitable[bool]]
    every: float = SWEEP_EVERY
    limit: float = SLICE_LIMIT
    after_writes: bool = False  # whether each write to facts or definitions hints at it


@dataclass(frozen=True, slots=True)
class Chore:
    """What one worker, whichever comes first, does each `every` seconds. It may be cut short anywhere."""

    name: str
    work: Callable[[Database], Awaitable[object]]
    every: float
