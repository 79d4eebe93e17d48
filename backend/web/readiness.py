"""Why this installation cannot serve: asked at start-up and by every `GET /ready`."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import Text, column, select, table
from sqlalchemy.exc import DBAPIError

from backend.core.errors import DomainError, Unavailable
from tenants.database import Database
from tenants.roles import HISTORY, login_faults, missing_revokes
from tenants.tables import CONTROL_NAMESPACE

logger = logging.getLogger("scoredesk.web")

_REVISION = select(column("version_num", Text)).select_from(table(HISTORY, schema=CONTROL_NAMESPACE))


class Readiness:
    """Checks the database as the serving login sees it. `revisions` are those of the control namespace that
    this code can work on; `dev` forgives a login that is a superuser.
    """

    def __init__(self, database: Database, revisions: Collection[str], *, dev: bool) -> None:
        self._database = database
        self._revisions = revisions
        self._dev = dev

    async def reasons(self) -> list[str]:
        """Sentences, each a reason not to serve; none means ready."""
        try:
            return await self._reasons()
        except DomainError as error:
            return [error.message]
        except Exception as error:
            # A missing role or table has no domain error: nothing but an unprepared database lacks them.
            expected = isinstance(error, DBAPIError)
            logger.warning("the database is not prepared", exc_info=not expected)
            return ["The database is not prepared: run “scoredesk migrate”."]

    async def warnings(self) -> list[str]:
        """What is weaker than it should be, a sentence each; asked only of what can serve.

        A managed server may not let go of these rights. Roles and compiled formulas still hold; what is lost
        is the wall behind them.
        """
        rights = await missing_revokes(self._database)
        return [f"PUBLIC still has {right}; “scoredesk migrate” takes it where it may." for right in rights]

    async def check(self) -> None:
        """Logs the warnings. Raises Unavailable (NOT_READY) with the first reason not to serve."""
        if found := await self.reasons():
            raise Unavailable(found[0], code="NOT_READY")
        for warning in await self.warnings():
            logger.warning(warning)

    async def _reasons(self) -> list[str]:
        async with self._database.control() as session:
            revision = (await session.execute(_REVISION)).scalar_one_or_none()
        found = (
            []
            if revision in self._revisions
            else [f"The control namespace stands on revision {revision}: run “scoredesk migrate”."]
        )
        if not self._dev:
            found += await login_faults(self._database)
        return found
