"""What serving processes tell each other: which row of the control namespace changed, by ids alone.

A change is a hint; the table is the truth. It is sent by the statement NOTIFY in the transaction that makes it,
so nobody hears of what was undone. Such commits take turns in the whole server: for rare changes only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

CHANNEL = "scoredesk"

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Changed(StrEnum):
    """What changed, and whose id says which one."""

    TENANT = "tenant"  # the tenant's own
    MEMBERSHIP = "membership"  # the member's user id


_PAYLOAD = re.compile(f"({_ID}) ({'|'.join(Changed)}) ({_ID})")


@dataclass(frozen=True, slots=True)
class Change:
    """One row that changed, of one tenant."""

    tenant_id: UUID
    what: Changed
    id: UUID

    @property
    def payload(self) -> str:
        """The change as it travels."""
        return f"{self.tenant_id} {self.what.value} {self.id}"

    @property
    def statement(self) -> str:
        """The statement that sends it. NOTIFY takes no parameters, so the literal is made here, and only from
        a payload that reads back as this change.
        """
        payload = self.payload
        if Change.read(payload) != self:
            raise ValueError(f"not a change: {payload!r}")
        return f"NOTIFY {CHANNEL}, '{payload}'"

    @classmethod
    def read(cls, payload: str) -> Change | None:
        """The change in a payload; None for what this release does not know."""
        found = _PAYLOAD.fullmatch(payload)
        if found is None:
            return None
        tenant_id, what, row_id = found.groups()
        return cls(UUID(tenant_id), Changed(what), UUID(row_id))
