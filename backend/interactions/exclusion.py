"""Leaving interactions out of what is counted, with a reason, and taking them back in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, cast, insert, literal, select

from backend.core.errors import Invalid
from backend.interactions import changes
from backend.interactions.identity import new_id
from backend.interactions.models import audit_entry, interaction
from tenants.database import WriteSession

LONGEST_REASON = 100


async def set_exclusion(
    session: WriteSession, ids: Collection[UUID], reason: str | None, *, actor: str, now: datetime
) -> int:
    """Excludes interactions for a reason, or includes them again (None). Returns how many changed.

    Raises Invalid (EXCLUSION_REASON) for a reason that nobody could read later.
    """
    if reason is not None and not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(f"A reason has 1 to {LONGEST_REASON} characters.", code="EXCLUSION_REASON")
    old = interaction.alias("old")
    exclusion = cast(literal(reason), Text)
    rows = select(
        old.c.id,
        old.c.source,
        old.c.external_id,
        exclusion.label("exclusion"),
        *changes.previous(old, interaction),
    ).where(old.c.id.in_(ids), old.c.exclusion.is_distinct_from(exclusion))
    write = changes.Write(cause="exclusion", at=now)
    linked = await changes.linked_facts(session)
    changed = await changes.apply(session, interaction, rows, ["exclusion"], write, linked=linked)
    await changes.log(session, write)
    if changed:
        details = {"reason": reason, "interactions": changed}
        await session.execute(
            insert(audit_entry).values(
                id=new_id(),
                actor=actor,
                action="exclude" if reason else "include",
                details=details,
                happened_at=now,
            )
        )
    return changed
