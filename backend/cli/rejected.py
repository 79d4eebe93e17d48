"""`scoredesk rejected ...`: rows that imports set aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from backend.cli.console import out, out_fields, say
from backend.cli.imports import ACTOR, TenantName, read_text
from backend.cli.installation import REFUSED, Installation, run, told

if TYPE_CHECKING:
    from backend.ingestion.rejected import RejectedRecord, Replay
    from tenants.database import TenantDatabase

PAGE = 1_000

Ids = Annotated[list[UUID] | None, typer.Argument(help="Which; see the list.", show_default=False)]
Run = Annotated[UUID | None, typer.Option("--run", help="Only those of one import.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_open)
    group.command("replay")(replay)
    group.command("discard")(discard)
    app.add_typer(group, name="rejected", help="Rows that imports set aside: list, read again, give up.")


def list_open(
    tenant: TenantName,
    run_id: Run = None,
    as_json: Annotated[bool, typer.Option("--json", help="With the rows as they were read.")] = False,
) -> None:
    """List the rows that still wait, a line each: id, run, line, field, code, message."""
    for one in run(lambda place: _open(place, tenant, run_id)):
        if as_json:
            out(json.dumps(_as_json(one), ensure_ascii=False))
        else:
            out_fields(
                str(one.id),
                str(one.sync_run_id),
                str(one.line),
                one.field or "",
                one.code,
                one.message,
            )


def replay(
    tenant: TenantName,
    ids: Ids = None,
    run_id: Run = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A mended mapping; the source's last one if not given.")
    ] = None,
) -> None:
    """Read rows again and take those that can be taken now: the ones named, one import's, or all."""
    with told():
        text = read_text(mapping) if mapping is not None else None
    result = run(lambda place: _replay(place, tenant, ids, run_id, text))
    say(f"{result.replayed:,} taken, {result.still_rejected:,} still set aside.")


def discard(
    tenant: TenantName,
    ids: Ids = None,
    run_id: Run = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Give rows up: the ones named, one import's, or with --all every one. They stay on record."""
    if not ids and run_id is None and not everything:
        say("Name the rows, an import with --run, or say --all.")
        raise typer.Exit(REFUSED)
    count = run(lambda place: _discard(place, tenant, ids, run_id))
    say(f"{count:,} given up.")


async def _open(place: Installation, slug: str, run_id: UUID | None) -> list[RejectedRecord]:
    async with place.tenant(slug) as database:
        return await _waiting(database, run_id)


async def _replay(
    place: Installation, slug: str, ids: Sequence[UUID] | None, run_id: UUID | None, mapping: str | None
) -> Replay:
    from backend.ingestion import rejected

    async with place.tenant(slug) as database:
        chosen = await _chosen(database, ids, run_id)
        return await rejected.replay(database, chosen, actor=ACTOR, mapping_text=mapping)


async def _discard(place: Installation, slug: str, ids: Sequence[UUID] | None, run_id: UUID | None) -> int:
    from backend.core.clock import system_clock
    from backend.ingestion import rejected

    async with place.tenant(slug) as database:
        chosen = await _chosen(database, ids, run_id)
        async with database.write() as session:
            return await rejected.discard(session, chosen, actor=ACTOR, now=system_clock())


async def _chosen(
    database: TenantDatabase, ids: Sequence[UUID] | None, run_id: UUID | None
) -> Sequence[UUID]:
    return ids or [one.id for one in await _waiting(database, run_id)]


async def _waiting(database: TenantDatabase, run_id: UUID | None) -> list[RejectedRecord]:
    from backend.ingestion.rejected import list_rejected

    found: list[RejectedRecord] = []
    async with database.read() as session:
        while True:
            after = found[-1].key if found else None
            page = await list_rejected(session, first=PAGE, after=after, sync_run_id=run_id)
            found += page
            if len(page) < PAGE:
                return found


def _as_json(one: RejectedRecord) -> dict[str, object]:
    created: datetime = one.created_at
    return {
        "id": str(one.id),
        "run": str(one.sync_run_id),
        "source": one.source,
        "line": one.line,
        "field": one.field,
        "code": one.code,
        "message": one.message,
        "raw": one.raw,
        "created": created.isoformat(),
    }
