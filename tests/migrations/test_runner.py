"""Taking tenants from one revision to the next, while they are in use."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update

from backend.interactions.models import team
from migrations import runner
from migrations.histories import TENANT_HISTORY
from migrations.runner import Progress, upgrade, upgrade_namespace, upgrade_tenants
from tenants.provisioning import create_tenant, suspend_tenant
from tenants.registry import get_tenant
from tenants.tables import PLACEHOLDER
from tenants.tables import tenant as tenant_table

NEXT = '''
"""Adds a table and a column. Expand."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("novelty", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("team", sa.Column("motto", sa.Text(), server_default="100%"))
'''

novelty = Table("novelty", MetaData(schema=PLACEHOLDER), Column("id", Integer, primary_key=True))


@pytest.fixture
def longer(tmp_path, monkeypatch):
    """The tenant history with one more revision, as the next release has it."""
    folder = tmp_path / "tenant"
    shutil.copytree(TENANT_HISTORY.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=TENANT_HISTORY.head))
    monkeypatch.setattr(runner, "TENANT_HISTORY", replace(TENANT_HISTORY, folder=folder))


async def note(database, slug):
    async with database.control() as session:
        columns = tenant_table.c.revision, tenant_table.c.migration_error
        return (await session.execute(select(*columns).where(tenant_table.c.slug == slug))).one()


async def run(admin, statement):
    async with admin.transaction() as connection:
        await connection.execute(text(statement))


async def test_at_the_head_there_is_nothing_to_do(admin):
    report = await upgrade(admin)
    assert (report.migrated, report.failed) == ([], {})


@pytest.mark.usefixtures("longer")
class TestNextRevision:
    async def test_all_tenants_are_taken_to_it(self, admin, database, acme):
        await suspend_tenant(admin, "globex")
        steps: list[Progress] = []
        report = await upgrade_tenants(admin, progress=steps.append)
        assert (sorted(report.migrated), report.failed) == (["acme", "globex"], {})
        assert steps == [Progress(1, 0, 2), Progress(2, 0, 2)]
        assert await note(database, "acme") == await note(database, "globex") == ("9999", None)
        async with acme.write() as session:
            await session.execute(insert(novelty).values(id=1))
        async with acme.read() as session:
            assert (await session.execute(select(novelty.c.id))).scalars().all() == [1]

    async def test_code_of_before_goes_on_working(self, admin, acme):
        async with acme.write() as session:
            await session.execute(insert(team).values(external_id="north", name="North"))
        await upgrade_tenants(admin)
        async with acme.write() as session:
            await session.execute(insert(team).values(external_id="south", name="South"))
            names = (await session.execute(select(team.c.name).order_by(team.c.name))).scalars().all()
        assert names == ["North", "South"]

    async def test_a_tenant_that_fails_stays_where_it_was_and_the_others_go_on(
        self, admin, database, acme, globex
    ):
        await run(admin, f'CREATE TABLE "{globex.tenant.namespace}".novelty (n int)')
        report = await upgrade_tenants(admin)
        assert report.migrated == ["acme"]
        assert "novelty" in report.failed["globex"]
        revision, error = await note(database, "globex")
        assert revision == TENANT_HISTORY.head
        assert error == report.failed["globex"]
        async with globex.read() as session:
            assert (await session.execute(select(team.c.name))).all()

        await run(admin, f'DROP TABLE "{globex.tenant.namespace}".novelty')
        again = await upgrade_tenants(admin)
        assert (again.migrated, again.failed) == (["globex"], {})
        assert await note(database, "globex") == ("9999", None)

    async def test_it_waits_for_a_reader_without_blocking_others_for_long(self, admin, acme):
        async with acme.read() as session:
            await session.execute(select(team.c.name))
            migration = asyncio.create_task(upgrade_tenants(admin))
            await asyncio.sleep(2.6)  # longer than lock_timeout: the first try has failed
            async with acme.write(statement_timeout=5) as writer:
                await writer.execute(insert(team).values(external_id="north", name="North"))
        report = await migration
        assert (sorted(report.migrated), report.failed) == (["acme", "globex"], {})

    async def test_two_runners_at_once_do_it_once(self, admin, database):
        reports = await asyncio.gather(upgrade_tenants(admin), upgrade_tenants(admin))
        assert [report.failed for report in reports] == [{}, {}]
        assert await note(database, "acme") == await note(database, "globex") == ("9999", None)

    async def test_a_namespace_knows_better_than_the_registry(self, admin, database):
        await upgrade_tenants(admin)
        async with admin.transaction() as connection:
            await connection.execute(update(tenant_table).values(revision=None))
        report = await upgrade_tenants(admin)
        assert sorted(report.migrated) == ["acme", "globex"]
        assert (await note(database, "acme")).revision == "9999"

    async def test_a_new_tenant_starts_there(self, admin, database):
        await create_tenant(admin, "initech", migrate=upgrade_namespace)
        assert (await get_tenant(database, "initech")).revision == "9999"
