"""What the database says, and what only looks as if it did."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from backend.core.errors import Unavailable
from tenants.database import Database
from tenants.faults import domain_error
from tests.conftest import Place


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:sesame@127.0.0.1:1/x",
        "postgresql://ann:sesame@no-such-host.invalid/x",
        "postgresql://ann:sesame@/x?host=/nowhere",
    ],
)
async def test_a_server_that_is_away_is_unavailable(address: str) -> None:
    database = Database.connect(address, pool_size=1)
    with pytest.raises(Unavailable, match="cannot be reached") as refusal:
        async with database.control():
            pass
    assert refusal.value.code == "UNAVAILABLE"
    await database.close()


def test_a_file_or_a_stream_that_fails_is_no_fault_of_the_database() -> None:
    with pytest.raises(OSError) as failure:
        Path("/nowhere/file").read_bytes()
    assert domain_error(failure.value) is None
    assert domain_error(OSError(28, "No space left on device")) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.InvalidPasswordError, "DATABASE_LOGIN_REFUSED"),
        (asyncpg.InvalidAuthorizationSpecificationError, "DATABASE_LOGIN_REFUSED"),
        (asyncpg.InvalidCatalogNameError, "DATABASE_UNKNOWN"),
        (asyncpg.TooManyConnectionsError, "UNAVAILABLE"),
    ],
)
def test_why_a_server_lets_nobody_in_is_told_apart(error: type[asyncpg.PostgresError], code: str) -> None:
    expected = domain_error(error("user xavier"))
    assert isinstance(expected, Unavailable)
    assert expected.code == code
    assert "xavier" not in expected.message


def test_a_right_that_is_missing_on_a_table_stays_our_fault() -> None:
    assert domain_error(asyncpg.InsufficientPrivilegeError("permission denied for table contact")) is None


async def test_a_role_that_the_login_was_never_granted_means_that_nobody_migrated_with_it(
    place: Place,
) -> None:
    connection = await asyncpg.connect(place.app_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as denial:
            await connection.execute("BEGIN; SET LOCAL ROLE scoredesk_admin")
    finally:
        await connection.close()
    expected = domain_error(denial.value)
    assert isinstance(expected, Unavailable)
    assert expected.code == "NOT_MIGRATED"
    assert "run `scoredesk migrate` with this login in SCOREDESK_DATABASE_URL" in expected.message
