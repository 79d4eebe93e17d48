"""The key of an answer: everything that it rests on but facts and definitions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from backend.auth.principal import Principal
from schema.locale import Locale
from schema.running.documents import Operation
from tenants.registry import Tenant
from tenants.versions import Versions


def release_of(sdl: str) -> str:
    """What tells one release's answers from another's: two processes of one release agree, others do not meet."""
    try:
        installed = version("scoredesk")
    except PackageNotFoundError:
        installed = ""
    return f"{installed} {sha256(sdl.encode()).hexdigest()}"


def day_in(tenant: Tenant, now: datetime) -> date:
    """The tenant's present day: definitions come into force by days."""
    return now.astimezone(ZoneInfo(tenant.zone)).date()


def key_of(
    release: str,
    principal: Principal,
    locale: Locale,
    operation: Operation,
    variables: Mapping[str, Any] | None,
    day: date,
) -> bytes:
    """A digest over the release, the tenant's whole row, what decides what the caller may see, the language, the
    operation with its variables, and the day. Of the caller's person nothing is in it.
    """
    name = operation.node.name
    parts = [
        release,
        principal.tenant,
        [principal.role.value, principal.agent, sorted(principal.scopes)],
        locale.value,
        operation.document.digest,
        name.value if name else None,
        variables or {},
        day,
    ]
    return sha256(msgspec.json.encode(parts, order="sorted")).digest()


def etag_of(key: bytes, versions: Versions, media_type: str) -> str:
    """The entity tag of the answer with this key at these versions, in this form."""
    parts = [versions.facts, versions.definitions, media_type]
    return f'"{sha256(key + msgspec.json.encode(parts)).hexdigest()[:32]}"'
