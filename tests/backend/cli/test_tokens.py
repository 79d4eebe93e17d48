import pytest

from backend.auth.memberships import Authenticator
from backend.auth.tokens import TokenVerifier
from backend.core.errors import Unauthenticated
from backend.core.settings import Settings


@pytest.fixture
def authenticator(database, surroundings):
    return Authenticator(database, TokenVerifier.from_settings(Settings.from_environment(surroundings)))


async def test_the_token_stands_alone_on_stdout(cli, authenticator):
    done = await cli("token", "--tenant", "acme", "--role", "manager")
    assert (done.code, done.err) == (0, "")
    assert done.out == done.out.strip() + "\n"
    principal = await authenticator.principal(done.out.strip())
    assert (principal.tenant.slug, principal.role, principal.subject) == ("acme", "manager", "cli-manager")


async def test_who_it_is_for_is_written_into_the_membership(cli, authenticator):
    done = await cli("token", "--tenant", "acme", "--role", "agent", "--user", "ann@acme", "--agent", "a1")
    principal = await authenticator.principal(done.out.strip())
    assert (principal.subject, principal.role, principal.agent) == ("ann@acme", "agent", "a1")


async def test_a_partner_has_scopes(cli, authenticator):
    done = await cli(
        "token", "--tenant", "acme", "--role", "partner", "--scope", "kpi:read", "--scope", "interaction:read"
    )
    principal = await authenticator.principal(done.out.strip())
    assert principal.scopes == {"kpi:read", "interaction:read"}


async def test_a_token_of_one_home_is_nothing_to_another(cli, database, surroundings, tmp_path):
    token = (await cli("token", "--tenant", "acme", "--role", "admin")).out.strip()
    elsewhere = Settings.from_environment(surroundings | {"SCOREDESK_HOME": str(tmp_path / "elsewhere")})
    with pytest.raises(Unauthenticated):
        await Authenticator(database, TokenVerifier.from_settings(elsewhere)).principal(token)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--tenant", "nobody", "--role", "admin"), "TENANT_NOT_FOUND"),
        (("--tenant", "acme", "--role", "king"), "ROLE_UNKNOWN"),
        (("--tenant", "acme", "--role", "agent"), "AGENT_NEEDED"),
        (("--tenant", "acme", "--role", "partner", "--scope", "everything"), "SCOPE_INVALID"),
    ],
)
async def test_what_cannot_be_granted_prints_no_token(cli, arguments, code):
    refused = await cli("token", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert code in refused.err


async def test_a_revoked_token_opens_nothing(cli, authenticator):
    token = (await cli("token", "--tenant", "acme", "--role", "viewer", "--user", "ann")).out.strip()
    revoked = await cli("revoke", "--tenant", "acme", "--user", "ann")
    assert (revoked.code, revoked.out, revoked.err) == (0, "", "ann is no member of acme any more.\n")
    with pytest.raises(Unauthenticated):
        await authenticator.principal(token)
    again = await cli("revoke", "--tenant", "acme", "--user", "ann")
    assert (again.code, "MEMBER_UNKNOWN" in again.err) == (1, True)


async def test_what_it_changes_of_a_member_is_said_beside_the_token(cli, authenticator):
    async def issue(*arguments):
        done = await cli("token", "--tenant", "acme", "--user", "ann", *arguments)
        principal = await authenticator.principal(done.out.strip())  # the token is alone on stdout
        authenticator.forget(None)
        return principal.role, done.err

    assert await issue("--role", "admin") == ("admin", "")
    assert await issue("--role", "viewer") == ("viewer", "ann was admin and is viewer now\n")
    assert await issue("--role", "viewer") == ("viewer", "")
    assert await issue("--role", "agent", "--agent", "a1") == (
        "agent",
        "ann was viewer and is agent a1 now\n",
    )
    assert await issue("--role", "agent", "--agent", "b2") == (
        "agent",
        "ann was agent a1 and is agent b2 now\n",
    )
    assert await issue("--role", "partner", "--scope", "kpi:read") == (
        "partner",
        "ann was agent b2 and is partner (kpi:read) now\n",
    )


async def test_a_tenant_that_is_not_there_is_named(cli):
    for arguments in (
        ("token", "--tenant", "nobody", "--role", "admin"),
        ("revoke", "--tenant", "nobody", "--user", "ann"),
        ("kpis", "--tenant", "nobody"),
        ("kpi", "csat", "--tenant", "nobody"),
    ):
        refused = await cli(*arguments)
        assert refused.code == 1
        assert "There is no tenant “nobody”. [TENANT_NOT_FOUND]" in refused.err
