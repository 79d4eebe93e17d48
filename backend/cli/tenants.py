"""`scoredesk migrate` and `scoredesk tenant ...`: the operator's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.console import bar, err, out_fields, say
from backend.cli.installation import REFUSED, Installation, run

if TYPE_CHECKING:
    from tenants.registry import Tenant

Slug = Annotated[str, typer.Argument(help="The tenant's short name: a-z, 0-9 and -.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    group = typer.Typer(no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("suspend")(suspend)
    group.command("resume")(resume)
    group.command("drop")(drop)
    group.command("spares")(spares)
    app.command("migrate")(migrate)
    app.add_typer(group, name="tenant", help="Make, list, suspend, resume and drop tenants.")


def migrate() -> None:
    """Prepare the database server and bring the control namespace and every tenant to the newest revision."""
    run(_migrate)


async def _migrate(place: Installation) -> None:
    from migrations.runner import upgrade

    async with place.admin() as admin:
        with bar("Migrating tenants", None, "rows") as advance:
            report = await upgrade(admin, progress=lambda p: advance(p.done, f"of {p.total}"))
    say(f"{len(report.migrated)} tenants migrated, {len(report.failed)} failed.")
    for slug, reason in sorted(report.failed.items()):
        say(f"  {slug}: {reason}")
    if report.failed:
        raise typer.Exit(REFUSED)


def create(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="What people call it; the slug if not given.")] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone that its days are cut in.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "USD",
    locale: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Make a tenant with its own namespace, roles, tables and built-in KPIs."""
    tenant = run(lambda place: provision(place, slug, name, zone, currency, locale))
    say(f"Tenant {tenant.slug} is there ({tenant.zone}, {tenant.currency}).")


async def provision(
    place: Installation, slug: str, name: str | None, zone: str, currency: str, locale: str
) -> Tenant:
    """Makes a tenant on a server that is set up first where it is not."""
    from backend.metrics.catalogue import seed_catalogue
    from migrations.runner import upgrade_control, upgrade_namespace
    from tenants.provisioning import create_tenant
    from tenants.roles import prepare_server

    async with place.admin() as admin:
        await prepare_server(admin)
        await upgrade_control(admin)
        return await create_tenant(
            admin,
            slug,
            name=name,
            zone=zone,
            currency=currency,
            locale=locale,
            migrate=upgrade_namespace,
            seed=seed_catalogue,
        )


def list_all() -> None:
    """List the tenants, a line each: slug, status, zone, currency, language, name."""
    for tenant in run(_list):
        out_fields(tenant.slug, tenant.status, tenant.zone, tenant.currency, tenant.locale, tenant.name)


async def _list(place: Installation) -> list[Tenant]:
    from tenants.registry import list_tenants

    async with place.database() as database:
        return await list_tenants(database)


def suspend(slug: Slug) -> None:
    """Shut a tenant's people out and keep its data."""
    run(lambda place: _suspend(place, slug))
    say(f"Tenant {slug} is suspended.")


async def _suspend(place: Installation, slug: str) -> None:
    from tenants.provisioning import suspend_tenant

    async with place.admin() as admin:
        await suspend_tenant(admin, slug)


def resume(slug: Slug) -> None:
    """Let a suspended tenant's people in again."""
    run(lambda place: _resume(place, slug))
    say(f"Tenant {slug} is active.")


async def _resume(place: Installation, slug: str) -> None:
    from tenants.provisioning import resume_tenant

    async with place.admin() as admin:
        await resume_tenant(admin, slug)


def drop(
    slug: Slug,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")
    ] = False,
) -> None:
    """Erase a tenant: its data, its roles, its memberships. There is no way back."""
    if not yes:
        if not err().is_terminal:
            say("This erases all of the tenant's data. Say --yes if you mean it.")
            raise typer.Exit(REFUSED)
        typer.confirm(f"Erase everything of the tenant {slug}?", abort=True, err=True)
    run(lambda place: _drop(place, slug))
    say(f"Tenant {slug} is gone.")


async def _drop(place: Installation, slug: str) -> None:
    from tenants.provisioning import drop_tenant

    async with place.admin() as admin:
        await drop_tenant(admin, slug)


def spares(
    count: Annotated[
        int, typer.Argument(min=0, max=1000, help="How many shall lie ready.", show_default=False)
    ],
) -> None:
    """Keep tenants ready that `create` then only has to name, which takes milliseconds."""
    made = run(lambda place: _keep_spares(place, count))
    say(f"Spare tenants ready: {count}, of which {made} are new.")


async def _keep_spares(place: Installation, count: int) -> int:
    from migrations.runner import upgrade_control, upgrade_namespace
    from tenants.provisioning import keep_spares
    from tenants.roles import prepare_server

    async with place.admin() as admin:
        await prepare_server(admin)
        await upgrade_control(admin)
        return await keep_spares(admin, count, migrate=upgrade_namespace)
