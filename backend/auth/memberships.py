"""Who belongs to which tenant in which role: granting it, and turning a token into a principal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from backend.auth.principal import Principal, Role
from backend.auth.scope import Scope
from backend.auth.tokens import TokenVerifier
from backend.core.clock import Clock, system_clock
from backend.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from tenants.changes import Change, Changed
from tenants.database import Database, WriteSession
from tenants.registry import TENANT_COLUMNS, Tenant, as_tenant
from tenants.tables import app_user, membership
from tenants.tables import tenant as tenant_table

REMEMBERED = timedelta(seconds=5)  # how long a removed member may go on where no word of it arrives
MOST_REMEMBERED = 10_000  # people at once, some 10 MB
_SCOPE = re.compile(r"[a-z_]{1,40}:[a-z_]{1,40}")
_MEMBERS = (
    select(*TENANT_COLUMNS, membership.c.user_id, membership.c.role, membership.c.agent, membership.c.scopes)
    .join_from(membership, app_user, membership.c.user_id == app_user.c.id)
    .join(tenant_table, membership.c.tenant_id == tenant_table.c.id)
)


@dataclass(frozen=True, slots=True)
class Membership:
    """What one person may do in one tenant."""

    user_id: UUID
    tenant: Tenant
    role: Role
    agent: str | None
    scopes: frozenset[str]


async def grant_membership(
    session: WriteSession,
    tenant: Tenant,
    subject: str,
    role: str,
    *,
    agent: str | None = None,
    scopes: Iterable[str] = (),
) -> Membership:
    """Makes a person a member, or gives a member this role; `session` is one of `Database.control`.

    Raises Invalid (SUBJECT_INVALID, ROLE_UNKNOWN, AGENT_NEEDED, SCOPE_INVALID).
    """
    kind = _role(role)
    if not 0 < len(subject) <= 255 or not subject.isprintable():
        raise Invalid("A subject has 1 to 255 printable characters.", code="SUBJECT_INVALID")
    if kind is Role.AGENT and not agent:
        raise Invalid("An agent's membership needs the agent's external id.", code="AGENT_NEEDED")
    wanted = sorted(set(scopes))
    if wrong := [scope for scope in wanted if not _SCOPE.fullmatch(scope)]:
        raise Invalid(f"“{wrong[0]}” is not a scope; one reads like kpi:read.", code="SCOPE_INVALID")
    person = (
        insert(app_user)
        .values(id=uuid7(), subject=subject)
        .on_conflict_do_update(index_elements=["subject"], set_={"subject": subject})
        .returning(app_user.c.id)
    )
    user_id = (await session.execute(person)).scalar_one()
    rights = {"role": kind.value, "agent": agent, "scopes": wanted}
    grant = (
        insert(membership)
        .values(id=uuid7(), tenant_id=tenant.id, user_id=user_id, **rights)
        .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=rights)
    )
    await session.execute(grant)
    await session.announce(Change(tenant.id, Changed.MEMBERSHIP, user_id))
    return Membership(user_id, tenant, kind, agent, frozenset(wanted))


async def find_membership(session: WriteSession, tenant: Tenant, subject: str) -> Membership | None:
    """What a person may do in a tenant until `session`, one of `Database.control`, changes it; None: nothing."""
    query = _MEMBERS.where(app_user.c.subject == subject, tenant_table.c.id == tenant.id)
    row = (await session.execute(query.with_for_update(of=membership))).one_or_none()
    return None if row is None else _as_membership(row)


async def revoke_membership(session: WriteSession, tenant: Tenant, subject: str) -> None:
    """Ends a person's membership, whatever tokens they hold; `session` is one of `Database.control`.

    Raises NotFound (MEMBER_UNKNOWN).
    """
    removal = (
        delete(membership)
        .where(
            membership.c.tenant_id == tenant.id,
            membership.c.user_id == app_user.c.id,
            app_user.c.subject == subject,
        )
        .returning(membership.c.user_id)
    )
    user_id = (await session.execute(removal)).scalar_one_or_none()
    if user_id is None:
        raise NotFound(f"“{subject}” is no member of this tenant.", code="MEMBER_UNKNOWN")
    await session.announce(Change(tenant.id, Changed.MEMBERSHIP, user_id))


class Authenticator:
    """Turns tokens into principals. What it read about a person it believes for `REMEMBERED`, or until it is
    told to forget.
    """

    def __init__(self, database: Database, verifier: TokenVerifier, *, clock: Clock = system_clock) -> None:
        self._database = database
        self._verifier = verifier
        self._clock = clock
        self._remembered: dict[tuple[str, UUID], tuple[datetime, Membership]] = {}
        self._told = 0

    async def principal(self, token: str) -> Principal:
        """The person behind a token.

        Raises Unauthenticated (TOKEN_INVALID, TOKEN_EXPIRED, NOT_A_MEMBER), Forbidden (TENANT_SUSPENDED).
        """
        claims = await self._verifier.verify(token)
        member = await self._membership(claims.subject, claims.tenant_id)
        if member.tenant.status == "suspended":
            raise Forbidden("This tenant is suspended.", code="TENANT_SUSPENDED")
        if not member.tenant.active:
            raise _no_member()
        return Principal(
            subject=claims.subject,
            user_id=member.user_id,
            tenant=member.tenant,
            role=member.role,
            agent=member.agent,
            scopes=member.scopes,
            expires_at=claims.expires_at,
        )

    async def scope(self, token: str) -> Scope:
        """The scope of the person behind a token; raises what `principal` raises."""
        principal = await self.principal(token)
        return Scope(principal, self._database.of(principal.tenant))

    def forget(self, change: Change | None) -> None:
        """Believes no longer what a change is about; None: anything may have changed."""
        self._told += 1
        if change is None:
            self._remembered.clear()
            return
        for key, (_, member) in list(self._remembered.items()):
            concerned = change.what is Changed.TENANT or member.user_id == change.id
            if member.tenant.id == change.tenant_id and concerned:
                del self._remembered[key]

    async def _membership(self, subject: str, tenant_id: UUID) -> Membership:
        now = self._clock()
        known = self._remembered.get((subject, tenant_id))
        # A clock that was set back must not make anything last longer.
        if known is not None and timedelta() <= now - known[0] < REMEMBERED:
            return known[1]
        self._remembered.pop((subject, tenant_id), None)
        told = self._told
        member = await self._read(subject, tenant_id)
        if told != self._told:  # what was read may be what changed meanwhile: good for this once
            return member
        while len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]  # the one read longest ago
        self._remembered[subject, tenant_id] = now, member
        return member

    async def _read(self, subject: str, tenant_id: UUID) -> Membership:
        query = _MEMBERS.where(app_user.c.subject == subject, tenant_table.c.id == tenant_id)
        async with self._database.control() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise _no_member()
        return _as_membership(row)


def _as_membership(row: Row[Any]) -> Membership:
    return Membership(row.user_id, as_tenant(row), Role(row.role), row.agent, frozenset(row.scopes))


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        roles = ", ".join(Role)
        raise Invalid(f"“{name}” is not a role; there are {roles}.", code="ROLE_UNKNOWN") from None


def _no_member() -> Unauthenticated:
    return Unauthenticated("The token is not valid here.", code="NOT_A_MEMBER")
