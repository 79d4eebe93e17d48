"""What keeps an installation from serving, said in sentences."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from backend.core.errors import Unavailable
from backend.web.readiness import Readiness
from migrations.histories import CONTROL_HISTORY
from tenants.database import AdminDatabase, Database
from tests.conftest import Place
from tests.servers import Server

HEAD = {str(CONTROL_HISTORY.head)}


async def test_a_prepared_database_has_no_reason(database: Database) -> None:
    readiness = Readiness(database, HEAD, dev=False)
    assert await readiness.reasons() == []
    assert await readiness.warnings() == []
    await readiness.check()


async def test_a_right_that_everybody_got_back_is_said_and_logged(
    database: Database, admin: AdminDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with admin.transaction() as connection:
        await connection.execute(text("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC"))
    readiness = Readiness(database, HEAD, dev=False)
    [warning] = await readiness.warnings()
    assert "set_config" in warning
    await readiness.check()
    assert warning in caplog.messages


async def test_a_revision_that_this_code_does_not_know_is_a_reason(database: Database) -> None:
    [reason] = await Readiness(database, {"another"}, dev=True).reasons()
    assert "scoredesk migrate" in reason


async def test_a_superuser_must_not_serve_but_in_development(admin: AdminDatabase, place: Place) -> None:
    database = Database.connect(place.admin_url, pool_size=1)
    try:
        with pytest.raises(Unavailable, match="superuser") as refusal:
            await Readiness(database, HEAD, dev=False).check()
        assert refusal.value.code == "NOT_READY"
        assert await Readiness(database, HEAD, dev=True).reasons() == []
    finally:
        await database.close()


async def test_a_database_that_was_never_prepared_is_a_reason_and_no_traceback(
    server: Server, template: str, caplog: pytest.LogCaptureFixture
) -> None:
    empty = Database.connect(server.admin_url("postgres"), pool_size=1)  # its server has the roles
    try:
        [reason] = await Readiness(empty, HEAD, dev=True).reasons()
        assert "scoredesk migrate" in reason
        [record] = [record for record in caplog.records if "not prepared" in record.message]
        assert not record.exc_info
    finally:
        await empty.close()
