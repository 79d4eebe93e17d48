"""`scoredesk schedule ...`: working hours from small files, and whose they are."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.console import out_fields, say
from backend.cli.imports import ACTOR
from backend.cli.installation import Installation, run
from backend.cli.kpis import moment_of

if TYPE_CHECKING:
    from backend.interactions.scheduling import Assigned, Listed
    from backend.schedules.documents import Document
    from backend.schedules.timetable import Schedule

Key = Annotated[str, typer.Argument(help="The schedule's key: a-z, 0-9 and _.", show_default=False)]
TenantSlug = Annotated[str, typer.Option(help="Whose hours.", show_default=False)]
Since = Annotated[
    str | None,
    typer.Option("--from", help="Day or moment it holds from, in the tenant's zone; now if not given."),
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_all)
    group.command("set")(set_hours)
    group.command("assign")(assign)
    app.add_typer(group, name="schedule", help="Working hours, which business(...) in a formula goes by.")


def list_all(
    tenant: TenantSlug,
    archived: Annotated[bool, typer.Option("--archived", help="Those taken out of use instead.")] = False,
) -> None:
    """List schedules: a line for each version (key, version, from, zone, hours, holidays), then whose they are."""
    from backend.schedules.wording import spell_week

    for listed in run(lambda place: _list(place, tenant, archived)):
        one = listed.schedule
        for version in one.versions:
            dates = len(version.hours.exceptions)
            out_fields(
                one.key,
                f"version {version.version}",
                version.effective_from.isoformat(),
                version.hours.zone,
                "; ".join(spell_week(version.hours)),
                f"{dates} special date{'' if dates == 1 else 's'}",
            )
        for each in listed.assignments:
            out_fields(one.key, f"of {_whose(each)}", each.effective_from.isoformat())


async def _list(place: Installation, slug: str, archived: bool) -> list[Listed]:
    from backend.interactions.scheduling import list_schedules

    async with place.tenant(slug) as database, database.read() as session:
        return await list_schedules(session, archived=archived)


def set_hours(
    key: Key,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="TOML or JSON: name, zone, hours, holidays, special.",
        ),
    ],
    tenant: TenantSlug,
    since: Since = None,
) -> None:
    """Make a schedule of a file's hours, or give one that is there those hours as its next version."""
    from backend.core.errors import Invalid
    from backend.schedules.documents import read_document

    start = None if since is None else moment_of(since)

    async def work(place: Installation) -> tuple[Schedule, bool]:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Invalid("The file is not text in UTF-8.", code="SCHEDULE_FILE_INVALID") from None
        return await _set(place, tenant, key, read_document(text), start)

    schedule, changed = run(work)
    version = schedule.versions[-1]
    if changed:
        say(
            f"Schedule {key} has version {version.version}, in force from {version.effective_from.isoformat()}."
        )
    else:
        say(f"Schedule {key} stays at version {version.version}: its hours are these.")


async def _set(
    place: Installation, slug: str, key: str, document: Document, start: date | None
) -> tuple[Schedule, bool]:
    from backend.core.clock import system_clock
    from backend.interactions import scheduling
    from backend.schedules.repository import read_timetable

    planner = scheduling.Planner(ACTOR, system_clock())
    async with place.tenant(slug) as database, database.write() as session:
        since = _instant(start, database.tenant.zone)
        found = (await read_timetable(session)).find(key)
        if found is None:
            name = document.name or key
            made = await scheduling.create(session, key, name, document.draft, planner, effective_from=since)
            return made, True
        revised = await scheduling.revise(
            session,
            key,
            planner,
            version=found.latest_version,
            draft=document.draft,
            name=document.name,
            effective_from=since,
        )
        return revised, revised.latest_version > found.latest_version


def assign(
    key: Key,
    tenant: TenantSlug,
    queue: Annotated[str | None, typer.Option(help="External id of the queue that keeps it.")] = None,
    team: Annotated[str | None, typer.Option(help="External id of the team that keeps it.")] = None,
    since: Since = None,
) -> None:
    """Make a schedule's hours those of a queue or a team; without either, of all else of the tenant."""
    if queue is not None and team is not None:
        raise typer.BadParameter("Name a queue or a team, not both.")
    start = None if since is None else moment_of(since)
    run(lambda place: _assign(place, tenant, key, queue, team, start))
    whose = f"queue {queue}" if queue is not None else f"team {team}" if team is not None else "the tenant"
    say(f"Schedule {key} gives the hours of {whose}.")


async def _assign(
    place: Installation, slug: str, key: str, queue: str | None, team: str | None, start: date | None
) -> None:
    from backend.core.clock import system_clock
    from backend.interactions import scheduling
    from backend.schedules.timetable import QUEUE, TEAM, TENANT_SCOPE

    scope = QUEUE if queue is not None else TEAM if team is not None else TENANT_SCOPE
    planner = scheduling.Planner(ACTOR, system_clock())
    async with place.tenant(slug) as database, database.write() as session:
        since = _instant(start, database.tenant.zone)
        await scheduling.assign(
            session, key, scope, queue if queue is not None else team, planner, effective_from=since
        )


def _instant(start: date | None, zone: str) -> datetime | None:
    from backend.core.windows import at_zone

    return None if start is None else at_zone(start, zone)


def _whose(one: Assigned) -> str:
    return "the tenant" if one.external_id is None else f"{one.scope} {one.external_id}"
