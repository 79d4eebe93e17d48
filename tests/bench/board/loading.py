"""The workload into PostgreSQL: a plain table for the references, and a tenant of Scoredesk with the same rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

import asyncpg
import numpy as np
from sqlalchemy import func, insert, literal, select

from backend.interactions import changes
from backend.interactions.models import touched_hour
from backend.metrics.catalogue import seed_catalogue
from migrations.runner import upgrade_namespace
from tenants.database import AdminDatabase, TenantDatabase
from tenants.provisioning import create_tenant
from tenants.registry import Tenant
from tests.bench.board import copying, workload
from tests.bench.board.copying import Field
from tests.bench.board.workload import MISSING, Column, Contacts

SOURCE = "bench"
PLAIN = "reference.contact"
_PLAIN_COLUMNS = {
    "number": "bigint NOT NULL", "started": "timestamp NOT NULL", "closed": "timestamp", "responded": "timestamp",
    "channel": "smallint NOT NULL", "issue": "smallint NOT NULL", "agent": "smallint NOT NULL",
    "team": "smallint NOT NULL", "response": "bigint", "handling": "bigint", "first_contact": "boolean",
    "score": "smallint",
}  # fmt: skip
_INTERACTION = (
    "id", "source", "external_id", "channel", "started_at", "queued_at", "accepted_at", "first_response_at",
    "resolved_at", "closed_at", "first_response_time", "wait_time", "handle_time", "resolution_time", "answered",
    "abandoned", "resolved", "resolved_on_first_contact", "agent_id", "team_id", "queue_id", "issue_type_id",
)  # fmt: skip
_SURVEY = (
    "id", "source", "external_id", "interaction_id", "kind", "score", "scale_min", "scale_max", "invited_at",
    "responded_at", "agent_id",
)  # fmt: skip
DAYS_TOUCHED = workload.DAYS + 30  # what is left open on the last day ends in the weeks after
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts from here
_START = round((workload.START - _EPOCH).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Ids:
    """What Scoredesk calls the agents, teams and issue types, by their place in the workload."""

    agents: Column
    teams: Column
    issues: Column
    queue: int


async def load_plain(connection: asyncpg.Connection, days: Iterable[Contacts]) -> None:
    """The reference table with its rows, then its indexes: by each moment that a question asks for."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _PLAIN_COLUMNS.items())
    await connection.execute(f"CREATE SCHEMA reference; CREATE TABLE {PLAIN} ({columns})")
    for day in days:
        await _copy(connection, "contact", "reference", list(_PLAIN_COLUMNS), _plain(day))
    for name in ("started", "closed", "responded"):
        await connection.execute(f"CREATE INDEX ON {PLAIN} ({name})")
    await connection.execute(f"VACUUM (ANALYZE, FREEZE) {PLAIN}")


async def make_tenant(admin: AdminDatabase, slug: str) -> Tenant:
    """A tenant as provisioning makes it, with the built-in KPIs."""
    return await create_tenant(admin, slug, migrate=upgrade_namespace, seed=seed_catalogue)


async def load_tenant(
    connection: asyncpg.Connection, tenant: TenantDatabase, days: Iterable[Contacts]
) -> None:
    """The same rows as a tenant's interactions and survey responses; `connection` is the admin's."""
    namespace = tenant.tenant.namespace
    ids = await _name_members(connection, namespace)
    rows = 0
    async with _without_indexes(connection, namespace, ("interaction", "survey_response")):
        for day in days:
            await _copy_day(connection, namespace, day, ids)
            rows += len(day)
    await note_written(tenant, rows)
    await connection.execute(f"VACUUM (ANALYZE, FREEZE) {namespace}.interaction, {namespace}.survey_response")
    await connection.execute(f"ANALYZE {namespace}.agent, {namespace}.team, {namespace}.issue_type")


async def note_written(tenant: TenantDatabase, rows: int) -> None:
    """What the product's own writing notes, too: another data version, and that it touched every hour."""
    hours = func.generate_series(
        workload.START, workload.START + timedelta(days=DAYS_TOUCHED), timedelta(hours=1)
    )
    facts = ("interaction", "survey_response", "interaction_cycle")
    async with tenant.write() as session:
        number = await changes.note(session, changes.Write("bench", datetime.now(UTC), changed=rows))
        for fact in facts:
            touched = select(literal(fact), hours, literal(number))
            await session.execute(insert(touched_hour).from_select(["fact", "hour", "version"], touched))


async def _copy_day(connection: asyncpg.Connection, namespace: str, day: Contacts, ids: Ids) -> None:
    keys = _random_ids(day, 1)
    await _copy(connection, "interaction", namespace, _INTERACTION, _interactions(day, keys, ids))
    await _copy(connection, "survey_response", namespace, _SURVEY, _surveys(day, keys, ids))


def _plain(day: Contacts) -> list[Field]:
    return [
        copying.integers(day.number, "i8"),
        _moment(day.started),
        _moment(day.closed),
        _moment(day.responded),
        *[copying.integers(column, "i2") for column in (day.channel, day.issue, day.agent, day.team)],
        _optional(day.response, "i8"),
        _optional(day.handling, "i8"),
        copying.booleans(day.first_contact == 1, nulls=day.first_contact == MISSING),
        _optional(day.score, "i2"),
    ]


def _interactions(day: Contacts, keys: np.ndarray, ids: Ids) -> list[Field]:
    abandoned = day.closed == MISSING
    answered = np.where(abandoned, MISSING, day.started + day.response)
    resolution = np.where(abandoned, MISSING, day.closed - day.started)
    no_wait = np.where(abandoned, 30_000, day.response)
    return [
        Field(keys),
        copying.texts([SOURCE], np.zeros(len(day), int)),
        copying.digits(day.number, 9, "i"),
        copying.texts(workload.CHANNELS, day.channel),
        _moment(day.started),
        _moment(day.started),
        _moment(answered),
        _moment(answered),
        _moment(day.closed),
        _moment(day.closed),
        _optional(day.response, "i8"),
        copying.integers(no_wait, "i8"),
        _optional(day.handling, "i8"),
        _optional(resolution, "i8"),
        copying.booleans(~abandoned),
        copying.booleans(abandoned),
        copying.booleans(~abandoned),
        copying.booleans(day.first_contact == 1, nulls=day.first_contact == MISSING),
        copying.integers(ids.agents[day.agent], "i4"),
        copying.integers(ids.teams[day.team], "i4"),
        copying.integers(np.full(len(day), ids.queue), "i4"),
        copying.integers(ids.issues[day.issue], "i4"),
    ]


def _surveys(day: Contacts, keys: np.ndarray, ids: Ids) -> list[Field]:
    kept = day.score != MISSING
    once = np.zeros(int(kept.sum()), int)
    return [
        Field(_random_ids(day, 2)[kept]),
        copying.texts([SOURCE], once),
        copying.digits(day.number[kept], 9, "s"),
        Field(keys[kept]),
        copying.texts(["csat"], once),
        copying.integers(day.score[kept] * 1000, "i4"),
        copying.integers(once + 1000, "i4"),
        copying.integers(once + 5000, "i4"),
        _moment(day.closed[kept]),
        _moment(day.responded[kept]),
        copying.integers(ids.agents[day.agent[kept]], "i4"),
    ]


def _random_ids(day: Contacts, stream: int) -> np.ndarray:
    """Version 8 UUIDs that lie as scattered as those the product makes from external ids."""
    first = int(day.number[0]) if len(day) else 0
    found = np.random.default_rng((first, stream)).integers(0, 256, (len(day), 16), np.uint8)
    found[:, 6] = found[:, 6] & 0x0F | 0x80
    found[:, 8] = found[:, 8] & 0x3F | 0x80
    return found


def _moment(values: Column) -> Field:
    return copying.integers((values + _START) * 1000, "i8", nulls=values == MISSING)


def _optional(values: Column, kind: str) -> Field:
    return copying.integers(values, kind, nulls=values == MISSING)


async def _copy(
    connection: asyncpg.Connection, table: str, schema: str, columns: Sequence[str], fields: list[Field]
) -> None:
    if len(fields[0].values):
        await connection.copy_to_table(
            table,
            schema_name=schema,
            columns=columns,
            source=BytesIO(copying.encode(fields)),
            format="binary",
        )


async def _name_members(connection: asyncpg.Connection, namespace: str) -> Ids:
    teams = await _named(connection, namespace, "team", workload.TEAMS)
    issues = await _named(connection, namespace, "issue_type", workload.ISSUES)
    queues = await _named(connection, namespace, "queue", 1)
    agents = await _named(connection, namespace, "agent", workload.AGENTS)
    await connection.execute(
        f"UPDATE {namespace}.agent SET team_id = ($1::int[])[1 + external_id::int % {workload.TEAMS}]",
        teams.tolist(),
    )
    return Ids(agents, teams, issues, int(queues[0]))


async def _named(connection: asyncpg.Connection, namespace: str, table: str, count: int) -> Column:
    rows = await connection.fetch(
        f"INSERT INTO {namespace}.{table} (external_id, name) "
        f"SELECT n::text, '{table} ' || n FROM generate_series(0, $1::int - 1) n RETURNING id",
        count,
    )
    return np.array([row["id"] for row in rows], np.int64)


@asynccontextmanager
async def _without_indexes(
    connection: asyncpg.Connection, namespace: str, tables: Sequence[str]
) -> AsyncIterator[None]:
    """Rows first, indexes after: many times faster than one by one, and packed as after a rebuild."""
    found = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made, "
        "c.conname AS key, pg_get_constraintdef(c.oid) AS said, t.relname AS owner FROM pg_index i "
        "JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace "
        "LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'p' "
        "WHERE n.nspname = $1 AND t.relname = ANY($2)",
        namespace,
        list(tables),
    )
    for row in found:
        drop = f'ALTER TABLE {namespace}.{row["owner"]} DROP CONSTRAINT "{row["key"]}"'
        await connection.execute(drop if row["key"] else f"DROP INDEX {row['name']}")
    yield
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for row in found:
        key = f'ALTER TABLE {namespace}.{row["owner"]} ADD CONSTRAINT "{row["key"]}" {row["said"]}'
        await connection.execute(key if row["key"] else row["made"])
