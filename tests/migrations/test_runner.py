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
from tenants.provisioning import create_tenant, keep_spares, suspend_tenant
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

PLAIN = TENANT_HISTORY
novelty = Table("novelty", MetaData(schema=PLACEHOLDER), Column("id", Integer, primary_key=True))


@pytest.fixture
def longer(tmp_path, monkeypatch):
    """The tenant history with one more revision, as the next release has it."""
    folder = tmp_path / "tenant"
    shutil.copytree(TENANT_HISTORY.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=TENANT_HISTORY.head))
    monkeypatch.setattr(runner, "TENANT_HISTORY", replace(TENANT_HISTORY, folder=folder))


async def plain_upgrade(connection, namespace):
    """Takes a namespace to the revision before the next, as the release before does."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runner, "TENANT_HISTORY", PLAIN)
        return await upgrade_namespace(connection, namespace)


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

    async def test_spares_are_taken_to_it_too_and_then_given_away(self, admin, database):
        await keep_spares(admin, 2, migrate=plain_upgrade)
        report = await upgrade_tenants(admin)
        assert len(report.migrated) == 4
        assert report.failed == {}
        tenant = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        assert (await get_tenant(database, "initech")) == tenant
        async with database.of(tenant).write() as session:
            await session.execute(insert(novelty).values(id=1))

    async def test_a_spare_that_was_left_behind_is_taken_to_it_by_whoever_gets_it(self, admin, database):
        await keep_spares(admin, 1, migrate=plain_upgrade)
        tenant = await create_tenant(admin, "initech", migrate=upgrade_namespace)
        assert (await get_tenant(database, "initech")).revision == tenant.revision == "9999"
        async with database.of(tenant).write() as session:
            await session.execute(insert(novelty).values(id=1))
        assert (await upgrade(admin)).migrated == ["acme", "globex"]

    async def test_one_broken_tenant_undoes_no_neighbour_of_its_batch(self, admin, database):
        made = [await create_tenant(admin, f"initech-{n}", migrate=plain_upgrade) for n in range(5)]
        for broken in made[1], made[3]:
            await run(admin, f'CREATE TABLE "{broken.namespace}".novelty (n int)')
        steps: list[Progress] = []
        report = await upgrade_tenants(admin, progress=steps.append)
        assert sorted(report.failed) == ["initech-1", "initech-3"]
        assert sorted(report.migrated) == ["acme", "globex", "initech-0", "initech-2", "initech-4"]
        assert steps[-1] == Progress(7, 2, 7)
        assert [step.done for step in steps] == list(range(1, 8))
        assert await note(database, "initech-2") == ("9999", None)
        assert (await note(database, "initech-3")).revision == TENANT_HISTORY.head

    async def test_a_batch_whose_time_is_up_leaves_the_rest_to_the_next(self, admin, database, monkeypatch):
        monkeypatch.setattr(runner, "HOLD", 0)
        for number in range(3):
            await create_tenant(admin, f"initech-{number}", migrate=plain_upgrade)
        report = await upgrade_tenants(admin)
        assert (len(report.migrated), report.failed) == (5, {})
        for slug in ("acme", "globex", "initech-2"):
            assert await note(database, slug) == ("9999", None)

    async def test_neighbours_of_a_tenant_that_is_read_go_on_reading(self, admin, database, acme, globex):
        migrated, ended = asyncio.Event(), asyncio.Event()

        async def read_on():
            while not ended.is_set():
                async with globex.read(statement_timeout=1) as session:
                    await session.execute(select(team.c.name))

        reading = asyncio.create_task(read_on())
        async with acme.read() as session:
            await session.execute(select(team.c.name))
            migration = asyncio.create_task(upgrade_tenants(admin, progress=lambda _: migrated.set()))
            await migrated.wait()
            assert (await note(database, "globex")).revision == "9999"
            assert (await note(database, "acme")).revision == TENANT_HISTORY.head
        report = await migration
        ended.set()
        await reading  # none of its statements was kept waiting for as long as acme's reader stood
        assert (sorted(report.migrated), report.failed) == (["acme", "globex"], {})

    async def test_a_lock_that_stays_is_a_failure_that_is_told(self, admin, database, acme, monkeypatch):
        monkeypatch.setattr(runner, "TRIES", 2)
        monkeypatch.setattr(runner, "PAUSE", 0.01)
        async with acme.read() as session:
            await session.execute(select(team.c.name))
            report = await upgrade_tenants(admin)
        assert report.migrated == ["globex"]
        assert list(report.failed) == ["acme"]
        assert (await note(database, "acme")).migration_error == report.failed["acme"]
        assert (await upgrade_tenants(admin)).migrated == ["acme"]

    async def test_what_is_new_has_the_rights_of_what_was_there(self, admin, acme):
        rights = """
            SELECT relname, pg_get_userbyid(relowner), relacl::text FROM pg_class
            WHERE relname IN ('novelty', 'team', 'audit_entry') AND relnamespace = to_regnamespace(:place) ORDER BY 1
        """

        async def told():
            async with admin.transaction() as connection:
                rows = await connection.execute(text(rights), {"place": acme.tenant.namespace})
                return {row[0]: tuple(row[1:]) for row in rows}

        before = await told()
        await upgrade_tenants(admin)
        after = await told()
        assert after.pop("novelty") == after["team"]
        assert after == before

    async def test_a_new_tenant_starts_there(self, admin, database):
        await create_tenant(admin, "initech", migrate=upgrade_namespace)
        assert (await get_tenant(database, "initech")).revision == "9999"
