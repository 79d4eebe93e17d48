"""`scoredesk demo`: two invented companies with six months of contacts, served with tokens to try."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from backend.cli.console import bar, out, say
from backend.cli.installation import Installation, installation, told

if TYPE_CHECKING:
    from backend.demo.world import World
    from tenants.database import Database, TenantDatabase

SEED = 20_260
INTERACTIONS = 60_000
OTHER_SHARE = 30  # the second company has a thirtieth of the first one's contacts
TOKEN_LIFETIME = timedelta(hours=24)  # the most a token may live; each start prints new ones
PAGE = 200
QUESTION = (
    '{ tenant { name } kpiValues(input: {keys: ["contacts_offered", "csat"], dimensions: ["team"]})'
    " { answer { dimensions { labels } series { kpi { key unit } values } } problems { message } } }"
)
ROLES = ("admin", "manager", "agent", "viewer")


@dataclass(frozen=True, slots=True)
class Access:
    """Someone's way in."""

    tenant: str
    role: str
    token: str


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command("demo")(demo)


def demo(
    interactions: Annotated[int, typer.Option(hidden=True, min=100, max=2_000_000)] = INTERACTIONS,
) -> None:
    """Serve two demo tenants with six months of generated data; set up what is missing first."""
    with told():
        from backend.cli.serving import check_port, run_server
        from backend.core.settings import Settings

        check_port(Settings.from_environment())
        with installation() as place:
            if place.embedded:
                say(f"PostgreSQL is up (embedded, data in {place.settings.home_path}).")
            access = asyncio.run(_prepare(place, interactions))
            run_server(place, dev=True, on_ready=lambda: _welcome(place, access))


async def _prepare(place: Installation, interactions: int) -> list[Access]:
    """Everything that a run before this one has not done yet."""
    from backend.demo.world import ALDER, LUMEN
    from migrations.runner import upgrade

    async with place.admin() as admin:
        report = await upgrade(admin)
    for slug, reason in sorted(report.failed.items()):
        say(f"Tenant {slug} could not be migrated: {reason}")
    async with place.database() as database:
        for world, count in ((LUMEN, interactions), (ALDER, max(100, interactions // OTHER_SHARE))):
            await _ensure_loaded(place, database, world, count)
        return [await _access(place, database, world, role) for world in (LUMEN, ALDER) for role in ROLES]


async def _ensure_loaded(place: Installation, database: Database, world: World, interactions: int) -> None:
    from backend.cli.tenants import provision
    from backend.core.clock import system_clock
    from backend.demo.opening import ensure_opening_hours
    from tenants.registry import find_tenant

    tenant = await find_tenant(database, world.slug)
    if tenant is None or tenant.status == "provisioning":
        tenant = await provision(place, world.slug, world.name, world.zone, world.currency, "en")
    door = database.of(tenant)
    if not await _is_loaded(door):
        await _load(door, world, interactions)
    await ensure_opening_hours(door, world, system_clock())


async def _is_loaded(door: TenantDatabase) -> bool:
    """Whether a demo import was applied. One that was cut short left nothing: it is kept whole or not at all.

    Raises Conflict when somebody else's data are there.
    """
    from backend.core.errors import Conflict
    from backend.ingestion.runs import list_runs

    async with door.read() as session:
        runs = page = await list_runs(session, first=PAGE)
        while page:
            page = await list_runs(session, first=PAGE, after=page[-1].id)
            runs = [*runs, *page]
    applied = [run for run in runs if run.status == "applied"]
    if any(run.origin == "demo" for run in applied):
        return True
    if applied:
        raise Conflict(
            f"The tenant “{door.tenant.slug}” holds data of its own; the demo leaves it alone.",
            code="TENANT_IN_USE",
        )
    return False


async def _load(door: TenantDatabase, world: World, interactions: int) -> None:
    from backend.core.clock import system_clock
    from backend.demo.generator import LAYOUTS, chunks
    from backend.demo.labels import SOURCE
    from backend.demo.story import draw_story
    from backend.ingestion.service import Progress, import_source

    today = system_clock().astimezone(ZoneInfo(world.zone)).date()
    began = monotonic()
    story = await asyncio.to_thread(draw_story, world, seed=SEED, until=today, interactions=interactions)
    title = f"Loading {world.name}"
    say(f"{title}: {interactions:,} contacts of six months ...")
    with bar(title, story.records, "rows") as advance:

        def show(progress: Progress) -> None:
            advance(progress.rows_read, "applying" if progress.phase == "applying" else "")

        report = await import_source(
            door,
            chunks(story),
            LAYOUTS,
            source=SOURCE,
            origin="demo",
            label=f"{interactions} contacts until {today}",
            mapping_text=None,
            actor="demo",
            progress=show,
        )
    say(f"{world.name} is loaded: {sum(report.written.values()):,} records in {monotonic() - began:.1f} s.")


async def _access(place: Installation, database: Database, world: World, role: str) -> Access:
    """A way in; that of an agent is as the one with the highest skill."""
    from backend.cli.tokens import issue

    best = max(world.agents, key=lambda agent: agent.skill)
    token = await issue(
        database,
        place.settings,
        world.slug,
        role,
        user=f"demo-{role}",
        lifetime=TOKEN_LIFETIME,
        agent=best.key if role == "agent" else None,
    )
    return Access(world.slug, role, token)


def _welcome(place: Installation, access: list[Access]) -> None:
    """The addresses and tokens, and a first question to copy."""
    from backend.cli.serving import address

    root = address(place.settings)
    out()
    out("Scoredesk is ready.")
    out()
    out(f"  GraphiQL   {root}/graphql")
    out(f"  ready      {root}/ready")
    out(f"  ingest     {root}/ingest/interaction")
    for slug in dict.fromkeys(each.tenant for each in access):
        out()
        out(f"  Tokens of the tenant {slug}, good for 24 hours:")
        for each in access:
            if each.tenant == slug:
                out(f"    {each.role:<8} {each.token}")
    query = json.dumps({"query": QUESTION})
    out()
    out("  Try:")
    out(f"    curl -s {root}/graphql -H 'content-type: application/json' \\")
    out(f"      -H 'authorization: Bearer {access[0].token}' \\")
    out(f"      -d '{query}'")
    out()
    out("  Ctrl-C stops everything.")
