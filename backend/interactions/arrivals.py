"""An interaction and its events can be brought in by two writers at once, neither of whom sees the rows of the
other before they commit. So that one of the two works out what the events tell, one waits for the other.

Writers of interactions do not wait for one another; writers of events only where an interaction is missing.
"""

from __future__ import annotations

from sqlalchemy import Text, cast, func, literal, select

from tenants.database import WriteSession

_ARRIVALS = 0x5C0A  # tells these locks from any others


async def with_interactions(session: WriteSession) -> None:
    """To be called when interactions are written: whatever events came before are seen from now on."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_ARRIVALS, _tenant(session))))


async def with_lone_events(session: WriteSession) -> None:
    """To be called when events are written whose interaction is missing: if another writer has it, it is seen
    from now on.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_ARRIVALS, _tenant(session))))


def _tenant(session: WriteSession) -> object:
    namespace = session.tenant.namespace if session.tenant is not None else ""
    return func.hashtext(cast(literal(namespace), Text))
