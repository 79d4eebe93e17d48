"""The jobs of all tenants, as rows of the control namespace: asked for, taken in turn, held, finished.

A tenant has at most one job of a kind, so its row is the lock, too. All times are the server's. "Queue" is a word
of the customers' trade here; ours is the order of `ready_at`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Update, and_, case, extract, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from tenants.database import Database
from tenants.listening import listen_to
from tenants.registry import TENANT_COLUMNS, Tenant, as_tenant
from tenants.tables import chore as chore_table
from tenants.tables import job as job_table
from tenants.tables import tenant as tenant_table

CHANNEL = "scoredesk_job"

_WAKE = text(f"NOTIFY {CHANNEL}")
_ACTIVE = tenant_table.c.status == "active"


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that whoever took it may run until its lease ends. `failures` is how often it failed in a row."""

    tenant: Tenant
    kind: str
    holder: UUID
    failures: int


async def ask(database: Database, wanted: Collection[tuple[str, UUID]]) -> None:
    """Puts jobs, each a kind and a tenant's id, at the end of the order unless they wait already, and wakes the
    workers. One that is running will run once more: what it was asked for may be newer than what it has read.
    A tenant that is gone is passed over.
    """
    tenants = defaultdict(set)
    for kind, tenant_id in wanted:
        tenants[kind].add(tenant_id)
    async with database.control() as session:
        changed = [
            row for kind in sorted(tenants) for row in await session.execute(_asking(kind, tenants[kind]))
        ]
        if changed:
            await session.execute(_WAKE)


def _asking(kind: str, tenant_ids: Collection[UUID]) -> Any:
    # In the order of ids, so that two processes that ask for the same ones never wait for each other.
    there = (
        select(tenant_table.c.id, literal(kind), func.now())
        .where(tenant_table.c.id.in_(tenant_ids))
        .order_by(tenant_table.c.id)
    )
    addition = insert(job_table).from_select(["tenant_id", "kind", "ready_at"], there)
    held = job_table.c.holder.is_not(None)
    return addition.on_conflict_do_update(
        index_elements=["tenant_id", "kind"],
        set_={
            "ready_at": case((held, job_table.c.ready_at), else_=func.now()),
            "asked_again": held,
        },
        where=or_(and_(held, ~job_table.c.asked_again), job_table.c.ready_at.is_(None)),
    ).returning(job_table.c.tenant_id)


async def take(database: Database, kinds: Collection[str], *, lease: float) -> HeldJob | None:
    """The job of an active tenant that is ready longest, or None; nobody else gets it for `lease` seconds."""
    first = (
        select(job_table.c.tenant_id, job_table.c.kind)
        .join(tenant_table, tenant_table.c.id == job_table.c.tenant_id)
        .where(job_table.c.kind.in_(kinds), job_table.c.ready_at <= func.now(), _ACTIVE)
        .order_by(job_table.c.ready_at, job_table.c.tenant_id)
        .limit(1)
        .with_for_update(of=job_table, skip_locked=True)
        .cte("first")
    )
    holder = uuid4()
    taking = (
        update(job_table)
        .where(
            job_table.c.tenant_id == first.c.tenant_id,
            job_table.c.kind == first.c.kind,
            tenant_table.c.id == first.c.tenant_id,
        )
        .values(holder=holder, ready_at=_in(lease), asked_again=False)
        .returning(job_table.c.kind, job_table.c.failures, *TENANT_COLUMNS)
    )
    async with database.control() as session:
        row = (await session.execute(taking)).one_or_none()
    return None if row is None else HeldJob(as_tenant(row), row.kind, holder, row.failures)


async def next_ready(database: Database, kinds: Collection[str]) -> float | None:
    """In how many seconds the next job may be taken, at least 0; None when nothing waits or runs."""
    soonest = extract("epoch", func.min(job_table.c.ready_at) - func.now())
    query = (
        select(soonest)
        .join_from(job_table, tenant_table, tenant_table.c.id == job_table.c.tenant_id)
        .where(job_table.c.kind.in_(kinds), _ACTIVE)
    )
    async with database.control() as session:
        seconds = (await session.execute(query)).scalar()
    return None if seconds is None else max(0.0, float(seconds))


async def hold(database: Database, job: HeldJob, *, lease: float) -> bool:
    """Keeps a job for another `lease` seconds; False when somebody else has it, or its tenant is gone."""
    async with database.control() as session:
        return bool((await session.execute(_held(job).values(ready_at=_in(lease)))).rowcount)


async def finish(database: Database, job: HeldJob, *, more: bool) -> None:
    """Gives a job back: to the end of the order when more is left of it or it was asked for again, else as done."""
    again = or_(literal(more), job_table.c.asked_again)
    ready_at = case((again, func.now()), else_=None)
    change = _held(job).values(holder=None, ready_at=ready_at, asked_again=False, failures=0)
    async with database.control() as session:
        await session.execute(change)


async def put_off(database: Database, job: HeldJob, *, pause: float) -> None:
    """Gives a job back that failed; it may be taken again in `pause` seconds."""
    change = _held(job).values(
        holder=None, ready_at=_in(pause), asked_again=False, failures=job_table.c.failures + 1
    )
    async with database.control() as session:
        await session.execute(change)


async def take_turns(database: Database, chores: Mapping[str, float]) -> list[str]:
    """Which of these chores it is our turn to do: names, each with the seconds until it is somebody's turn again."""
    table = chore_table
    async with database.control() as session:
        # Most looks find nothing due, and then nothing is written.
        later = await session.execute(select(table.c.name).where(table.c.due_at > func.now()))
        mine: list[str] = []
        for name in sorted(chores.keys() - set(later.scalars())):
            turn = insert(table).values(name=name, due_at=_in(chores[name]))
            turn = turn.on_conflict_do_update(
                index_elements=["name"],
                set_={"due_at": turn.excluded.due_at},
                where=table.c.due_at <= func.now(),
            )
            mine += (await session.execute(turn.returning(table.c.name))).scalars()
        return mine


async def listen_for_jobs(url: str, heard: Callable[[], None]) -> NoReturn:
    """Calls `heard` whenever a job was asked for, and whenever that may have been missed, until it is cancelled."""
    await listen_to(url, CHANNEL, lambda _: heard(), name="worker")


def _held(job: HeldJob) -> Update:
    """A change of the job that fails to find it once somebody else has taken it."""
    return update(job_table).where(
        job_table.c.tenant_id == job.tenant.id,
        job_table.c.kind == job.kind,
        job_table.c.holder == job.holder,
    )


def _in(seconds: float) -> ColumnElement[Any]:
    return func.now() + literal(timedelta(seconds=seconds))
