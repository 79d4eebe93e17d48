"""`scoredesk token` and `scoredesk revoke`: letting someone into a tenant, and out of it again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.console import out, say
from backend.cli.installation import Installation, run

if TYPE_CHECKING:
    from backend.auth.memberships import Membership
    from backend.core.settings import Settings
    from tenants.database import Database

ROLES = "admin, manager, agent, viewer or partner"


def register(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    app.command("token")(token)
    app.command("revoke")(revoke)


def token(
    tenant: Annotated[str, typer.Option(help="The tenant it opens.", show_default=False)],
    role: Annotated[str, typer.Option(help=f"What its bearer is: {ROLES}.", show_default=False)],
    user: Annotated[str | None, typer.Option(help="Whose it is; cli-ROLE if not given.")] = None,
    agent: Annotated[
        str | None, typer.Option(help="External id of the agent they are; needed for role agent.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="What a partner may do. May be repeated.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=24, help="How long it is good for.")] = 12,
) -> None:
    """Make or change someone's membership and print a token for it, alone on stdout."""

    async def work(place: Installation) -> str:
        async with place.database() as database:
            return await issue(
                database,
                place.settings,
                tenant,
                role,
                user=user or f"cli-{role}",
                lifetime=timedelta(hours=hours),
                agent=agent,
                scopes=scope or (),
            )

    out(run(work))


def revoke(
    tenant: Annotated[str, typer.Option(help="The tenant they shall not enter.", show_default=False)],
    user: Annotated[str, typer.Option(help="Who, as their tokens name them.", show_default=False)],
) -> None:
    """End someone's membership; the tokens they hold open nothing any more."""

    async def work(place: Installation) -> None:
        from backend.auth.memberships import revoke_membership
        from tenants.registry import get_tenant

        async with place.database() as database:
            found = await get_tenant(database, tenant)
            async with database.control() as session:
                await revoke_membership(session, found, user)

    run(work)
    say(f"{user} is no member of {tenant} any more.")


async def issue(
    database: Database,
    settings: Settings,
    slug: str,
    role: str,
    *,
    user: str,
    lifetime: timedelta,
    agent: str | None = None,
    scopes: Iterable[str] = (),
) -> str:
    """A token for `user`, whose membership in the tenant from now on is the one given here; what that changes
    is said on stderr.
    """
    from backend.auth.memberships import find_membership, grant_membership
    from backend.auth.tokens import TokenSigner
    from tenants.registry import get_tenant

    signer = TokenSigner.from_settings(settings)
    tenant = await get_tenant(database, slug)
    async with database.control() as session:
        before = await find_membership(session, tenant, user)
        now = await grant_membership(session, tenant, user, role, agent=agent, scopes=scopes)
    if before is not None and _rights(before) != _rights(now):
        say(f"{user} was {_rights(before)} and is {_rights(now)} now")
    return signer.sign(user, tenant.id, lifetime)


def _rights(member: Membership) -> str:
    """What a membership allows, in words: a role, whose rows, which scopes."""
    agent = f" {member.agent}" if member.agent else ""
    scopes = f" ({', '.join(sorted(member.scopes))})" if member.scopes else ""
    return f"{member.role}{agent}{scopes}"
