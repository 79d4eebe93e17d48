"""The two histories: their tables, their revisions, and the statements that lead from one revision to the
next.

A migration is a list of statements, the same for every tenant: it cannot read rows and decide. So it is
compiled once (Alembic's offline mode) and then sent to as many namespaces as there are, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql

# Importing a module of tables is what puts them into TENANT.
import backend.ingestion.models
import backend.interactions.derived.models
import backend.interactions.models
import backend.metrics.models
import backend.metrics.rollups.models
import backend.schedules.models  # noqa: F401
from tenants.tables import CONTROL, CONTROL_NAMESPACE, TENANT

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class History:
    """One line of revisions in `folder`; `namespace` is None where each tenant has its own."""

    folder: Path
    metadata: MetaData
    namespace: str | None

    @cached_property
    def scripts(self) -> ScriptDirectory:
        """The revisions as Alembic knows them."""
        return ScriptDirectory(str(self.folder), file_template="%(rev)s_%(slug)s", truncate_slug_length=60)

    @property
    def head(self) -> str | None:
        """The newest revision; None before the first is written."""
        return self.scripts.get_current_head()

    @property
    def served(self) -> set[str]:
        """The revisions that this code can work on: the newest and the one before it."""
        if (head := self.head) is None:
            return set()
        before = self.scripts.get_revision(head).down_revision
        return {revision for revision in (head, before) if isinstance(revision, str)}

    def options(self) -> dict[str, Any]:
        """What both running and comparing must agree on."""
        return {
            "target_metadata": self.metadata,
            "version_table_schema": self.namespace,
            "compare_type": True,
            "compare_server_default": True,
        }


class _Collector:
    """Takes what Alembic would print: one statement a call, remarks and empty lines between."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def write(self, piece: str) -> None:
        statement = piece.strip().removesuffix(";")
        if statement and not statement.startswith("--"):
            self.statements.append(statement)

    def flush(self) -> None:
        """Nothing is held back."""


@lru_cache(maxsize=64)  # the revisions that tenants stand on during a rollout: a handful
def statements(history: History, start: str | None) -> tuple[str, ...]:
    """The statements from a revision (None: from nothing) to the head, in order."""
    collector = _Collector()
    context = MigrationContext.configure(
        dialect=postgresql.asyncpg.dialect(),  # type: ignore[no-untyped-call]
        opts={
            **history.options(),
            "as_sql": True,
            "output_buffer": collector,
            "starting_rev": start,
            "fn": lambda revision, _: history.scripts._upgrade_revs("head", revision),
        },
    )
    with Operations.context(context):
        context.run_migrations()
    return tuple(collector.statements)


def _without_namespace(metadata: MetaData) -> MetaData:
    """The same tables under no namespace: a tenant migration names none."""
    bare = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        twin = table.to_metadata(bare, schema=None)  # type: ignore[arg-type]  # None is meant: none
        twin._prefixes = table._prefixes  # UNLOGGED, which SQLAlchemy leaves out of the copy
    return bare


CONTROL_HISTORY = History(FOLDER / "control", CONTROL, CONTROL_NAMESPACE)
TENANT_HISTORY = History(FOLDER / "tenant", _without_namespace(TENANT), None)
