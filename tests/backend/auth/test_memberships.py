"""From a token to a principal, through the membership that says what they may do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from backend.auth.memberships import (
    REMEMBERED,
    Authenticator,
    grant_membership,
    revoke_membership,
)
from backend.auth.principal import Role
from backend.auth.scope import Scope
from backend.auth.tokens import TokenSigner, TokenVerifier
from backend.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from backend.core.settings import Settings
from backend.interactions.models import team
from tenants.changes import Change, Changed
from tenants.provisioning import create_tenant, drop_tenant, suspend_tenant
from tenants.tables import app_user, membership
from tests.canaries import CANARY


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path))


@pytest.fixture
def signer(settings, clock):
    return TokenSigner.from_settings(settings, clock)


@pytest.fixture
def authenticator(database, settings, clock):
    return Authenticator(database, TokenVerifier.from_settings(settings, clock), clock=clock)


@pytest.fixture
def grant(database, acme):
    async def grant(subject="ana", role="manager", *, tenant=acme.tenant, **more):
        async with database.control() as session:
            return await grant_membership(session, tenant, subject, role, **more)

    return grant


async def refused(authenticator, token, code):
    with pytest.raises((Unauthenticated, Forbidden)) as refusal:
        await authenticator.principal(token)
    assert refusal.value.code == code


async def test_a_members_token_makes_a_principal(authenticator, signer, grant, acme):
    granted = await grant(role="agent", agent="A-1")
    principal = await authenticator.principal(signer.sign("ana", acme.tenant.id))
    assert principal.user_id == granted.user_id
    assert (principal.subject, principal.role, principal.agent) == ("ana", Role.AGENT, "A-1")
    assert principal.tenant == acme.tenant
    assert principal.scopes == frozenset()


async def test_a_scope_leads_to_the_tenant_of_the_token(authenticator, signer, grant, acme, globex):
    await grant()
    scope = await authenticator.scope(signer.sign("ana", acme.tenant.id))
    async with scope.read() as session:
        assert CANARY not in str((await session.execute(select(team.c.name))).all())
    with pytest.raises(ValueError, match="another tenant"):
        Scope(scope.principal, globex)


async def test_roles_are_asked_for_by_name(authenticator, signer, grant, acme):
    await grant(role="viewer")
    scope = await authenticator.scope(signer.sign("ana", acme.tenant.id))
    scope.require(Role.ADMIN, Role.VIEWER)
    with pytest.raises(Forbidden) as refusal:
        scope.require(Role.ADMIN, Role.MANAGER)
    assert refusal.value.code == "ROLE_INSUFFICIENT"


async def test_granting_again_changes_the_role_of_the_same_person(database, grant):
    first = await grant(role="partner", scopes=["kpi:read", "kpi:read", "ingest:write"])
    assert first.scopes == {"kpi:read", "ingest:write"}
    second = await grant(role="viewer")
    assert second.user_id == first.user_id
    async with database.control() as session:
        rows = (await session.execute(select(membership.c.role, membership.c.scopes))).all()
    assert rows == [("viewer", [])]


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"role": "owner"}, "ROLE_UNKNOWN"),
        ({"role": "agent"}, "AGENT_NEEDED"),
        ({"subject": ""}, "SUBJECT_INVALID"),
        ({"subject": "a\x00b"}, "SUBJECT_INVALID"),
        ({"role": "partner", "scopes": ["everything"]}, "SCOPE_INVALID"),
    ],
)
async def test_a_membership_that_makes_no_sense_is_refused(database, grant, changes, code):
    with pytest.raises(Invalid) as refusal:
        await grant(**changes)
    assert refusal.value.code == code
    async with database.control() as session:
        assert (await session.execute(select(app_user.c.id))).all() == []


async def test_a_genuine_token_of_nobody_opens_nothing(authenticator, signer, grant, acme, globex):
    await grant()
    await refused(authenticator, signer.sign("bob", acme.tenant.id), "NOT_A_MEMBER")
    await refused(authenticator, signer.sign("ana", globex.tenant.id), "NOT_A_MEMBER")
    await refused(authenticator, signer.sign("ana", uuid4()), "NOT_A_MEMBER")


async def test_a_person_has_a_role_of_their_own_in_each_tenant(authenticator, signer, grant, acme, globex):
    await grant(role="admin")
    await grant(role="viewer", tenant=globex.tenant)
    assert (await authenticator.principal(signer.sign("ana", acme.tenant.id))).role is Role.ADMIN
    assert (await authenticator.principal(signer.sign("ana", globex.tenant.id))).role is Role.VIEWER


class TestChange:
    """What was read about a person is believed for five seconds, and no longer."""

    async def test_a_removed_member_is_out(self, authenticator, signer, grant, database, clock, acme):
        await grant()
        token = signer.sign("ana", acme.tenant.id)
        await authenticator.principal(token)
        async with database.control() as session:
            await session.execute(delete(membership))
        await authenticator.principal(token)
        clock.now += REMEMBERED
        await refused(authenticator, token, "NOT_A_MEMBER")

    async def test_a_changed_role_counts(self, authenticator, signer, grant, clock, acme):
        await grant(role="admin")
        token = signer.sign("ana", acme.tenant.id)
        await authenticator.principal(token)
        await grant(role="viewer")
        clock.now += REMEMBERED
        assert (await authenticator.principal(token)).role is Role.VIEWER

    async def test_a_clock_set_back_makes_nothing_last(
        self, authenticator, signer, grant, database, clock, acme
    ):
        await grant()
        token = signer.sign("ana", acme.tenant.id)
        await authenticator.principal(token)
        async with database.control() as session:
            await session.execute(update(membership).values(role="viewer"))
        clock.advance(seconds=-5)
        assert (await authenticator.principal(token)).role is Role.VIEWER

    async def test_a_suspended_tenant_is_shut(self, admin, authenticator, signer, grant, clock, acme):
        await grant()
        token = signer.sign("ana", acme.tenant.id)
        await authenticator.principal(token)
        await suspend_tenant(admin, "acme")
        clock.now += REMEMBERED
        await refused(authenticator, token, "TENANT_SUSPENDED")

    async def test_a_slug_made_anew_does_not_revive_old_tokens(
        self, admin, authenticator, signer, grant, clock
    ):
        from migrations.runner import upgrade_namespace

        first = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        await grant(tenant=first)
        token = signer.sign("ana", first.id)
        await authenticator.principal(token)
        await drop_tenant(admin, "initech")
        second = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        await grant(tenant=second)
        clock.now += REMEMBERED
        await refused(authenticator, token, "NOT_A_MEMBER")
        await drop_tenant(admin, "initech")


async def test_revoking_ends_one_membership_and_no_other(
    database, authenticator, signer, grant, acme, globex
):
    await grant()
    await grant("bob")
    await grant(tenant=globex.tenant)
    async with database.control() as session:
        await revoke_membership(session, acme.tenant, "ana")
    await refused(authenticator, signer.sign("ana", acme.tenant.id), "NOT_A_MEMBER")
    await authenticator.principal(signer.sign("bob", acme.tenant.id))
    await authenticator.principal(signer.sign("ana", globex.tenant.id))
    with pytest.raises(NotFound) as refusal:
        async with database.control() as session:
            await revoke_membership(session, acme.tenant, "ana")
    assert refusal.value.code == "MEMBER_UNKNOWN"


class TestForgetting:
    """What is no longer believed is read again, on a clock that stands still."""

    @pytest.fixture
    async def out(self, database, authenticator, signer, grant, acme, globex):
        """Three members who are remembered and then removed without a word; who of them is out by now."""
        members = {"ana": acme, "bob": acme, "eve": globex}
        for name, where in members.items():
            await grant(name, tenant=where.tenant)
        tokens = {name: signer.sign(name, where.tenant.id) for name, where in members.items()}
        for token in tokens.values():
            await authenticator.principal(token)
        async with database.control() as session:
            await session.execute(delete(membership))

        async def out():
            answers = await asyncio.gather(
                *[authenticator.principal(token) for token in tokens.values()], return_exceptions=True
            )
            return {
                name for name, answer in zip(tokens, answers, strict=True) if isinstance(answer, Exception)
            }

        return out

    @pytest.fixture
    async def ana(self, grant):
        """The user id of one of the three."""
        return (await grant()).user_id

    async def test_nobody_is_out_without_a_word(self, out):
        assert await out() == set()

    async def test_a_membership_that_changed(self, authenticator, ana, out, acme, globex):
        authenticator.forget(Change(globex.tenant.id, Changed.MEMBERSHIP, ana))
        assert await out() == set()
        authenticator.forget(Change(acme.tenant.id, Changed.MEMBERSHIP, ana))
        assert await out() == {"ana"}

    async def test_a_tenant_that_changed(self, authenticator, out, acme):
        authenticator.forget(Change(acme.tenant.id, Changed.TENANT, acme.tenant.id))
        assert await out() == {"ana", "bob"}

    async def test_anything_may_have_changed(self, authenticator, out):
        authenticator.forget(None)
        assert await out() == {"ana", "bob", "eve"}

    async def test_what_was_read_before_the_word_came_is_not_kept(
        self, authenticator, signer, grant, database, acme
    ):
        """The word comes while the membership is being read: the old answer must not outlive it."""
        granted = await grant()
        token = signer.sign("ana", acme.tenant.id)
        change = Change(acme.tenant.id, Changed.MEMBERSHIP, granted.user_id)
        reading = database.control

        @asynccontextmanager
        async def interrupted():
            async with reading() as session:
                yield session
            authenticator.forget(change)

        database.control = interrupted
        await authenticator.principal(token)
        database.control = reading
        async with database.control() as session:
            await session.execute(delete(membership))
        await refused(authenticator, token, "NOT_A_MEMBER")
