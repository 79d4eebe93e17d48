"""For developers: `python -m migrations.draft tenant "what changes"` writes the next revision from the
tables.

It runs the history on a scratch server, compares it with the table modules and renders the difference, to
be read and mended by hand. `--initial` starts the history anew; that is only right before the first
release.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import AddColumnOp, CreateTableOp, ModifyTableOps, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from migrations.histories import CONTROL_HISTORY, TENANT_HISTORY, History, statements
from tenants.database import AdminDatabase
from tenants.embedded import ADMIN_LOGIN, EmbeddedServer
from tenants.storage import STORAGE

SCRATCH = "t_scratch"


def render_difference(connection: Connection, history: History, namespace: str) -> str:
    """The operations that would make a namespace what the table modules say; empty when it is."""
    connection.exec_driver_sql(f'SET LOCAL search_path TO "{namespace}"')
    options = history.options()
    if history.namespace is not None:
        options |= {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == history.namespace,
        }
    for table in history.metadata.tables.values():
        table.info.clear()  # for programs, not for the database
    context = MigrationContext.configure(connection, opts=options)
    changes = produce_migrations(context, history.metadata).upgrade_ops
    assert changes is not None
    if changes.is_empty():
        return ""
    lines = render_python_code(changes, migration_context=context).splitlines()
    lines += ["    " + line for line in _storage(changes, history)]
    return "\n".join(line for line in lines if not line.strip().startswith("# ###")).strip()


def _storage(changes: UpgradeOps, history: History) -> Iterator[str]:
    """How columns that are new are kept, where they say so: PostgreSQL 15 takes that only afterwards."""
    for change in changes.ops:
        if not isinstance(change, CreateTableOp | ModifyTableOps):
            continue
        table = f"{change.schema}.{change.table_name}" if change.schema else change.table_name
        if isinstance(change, CreateTableOp):
            columns = list(history.metadata.tables[table].c)
        else:
            columns = [one.column for one in change.ops if isinstance(one, AddColumnOp)]
        for column in columns:
            if kind := column.info.get(STORAGE):
                yield f'op.execute("ALTER TABLE {table} ALTER COLUMN {column.name} SET STORAGE {kind}")'


async def draft(history: History, message: str) -> Path:
    """Writes the next revision of a history and returns its file."""
    namespace = history.namespace or SCRATCH
    with tempfile.TemporaryDirectory() as home, EmbeddedServer(Path(home), durable=False) as server:
        admin = AdminDatabase.connect(server.url(ADMIN_LOGIN))
        async with admin.transaction() as connection:
            await connection.execute(text(f'CREATE SCHEMA "{namespace}"'))
            await connection.execute(text(f'SET LOCAL search_path TO "{namespace}"'))
            for statement in statements(history, None) if history.head else ():
                await connection.exec_driver_sql(statement)
            changes = await connection.run_sync(render_difference, history, namespace)
        await admin.close()
    number = len(list(history.scripts.walk_revisions())) + 1
    script = history.scripts.generate_revision(
        f"{number:04}", message, head=history.head or "base", upgrades=changes
    )
    assert script is not None
    return Path(script.path)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m migrations.draft", description=__doc__)
    parser.add_argument("history", choices=["control", "tenant"])
    parser.add_argument("message")
    parser.add_argument("--initial", action="store_true", help="forget all revisions of this history first")
    wanted = parser.parse_args()
    history = CONTROL_HISTORY if wanted.history == "control" else TENANT_HISTORY
    if wanted.initial:
        for old in (history.folder / "versions").glob("*.py"):
            old.unlink()
    file = asyncio.run(draft(history, wanted.message))
    for polish in (["check", "--fix-only"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *polish, "--quiet", file], check=False)
    print(file)


if __name__ == "__main__":
    main()
