"""How the embedded server is set up: who may connect, and the settings it is started with.

All of it is given anew at each start, so a new release of ours needs no edit of old data folders.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tenants.embedded_places import Account

MEGABYTE = 1024**2


def write_access_rules(place: Path, account: Account, logins: Sequence[str]) -> tuple[Path, Path]:
    """The access rules and the name map: our logins, by the socket, from our system users only."""
    rules, names = place / "pg_hba.conf", place / "pg_ident.conf"
    lines = [f"local all {login} peer map=scoredesk" for login in logins]
    lines += ["local all all reject", "local replication all reject", "host all all all reject"]
    _write(rules, lines)
    users = dict.fromkeys([account.name, "root"])  # root starts the server as another, then connects
    _write(names, [f'scoredesk "{user}" {login}' for user in users for login in logins])
    return rules, names


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("# made at each start; changes are lost\n" + "\n".join(lines) + "\n")
    path.chmod(0o644)  # the server may be another user than we are; nothing here is secret


def choose_settings(log: Path, *, durable: bool) -> dict[str, str]:
    """Settings for one machine of any size; what is not here is PostgreSQL's own default."""
    settings = {
        "max_connections": "100",
        # Migrations and exports lock many tables of many tenants in one transaction.
        "max_locks_per_transaction": "512",
        "shared_buffers": f"{_shared_buffers() // MEGABYTE}MB",
        "timezone": "UTC",
        "jit": "off",  # compiling costs more than our short statements take
        "logging_collector": "on",
        "log_directory": str(log),
        "log_filename": "postgresql-%a.log",  # a week of files, each begun anew on its day
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_timezone": "UTC",
    }
    if sys.platform == "linux":
        # After a crash, one sync of the file system instead of opening every tenant's every file.
        settings["recovery_init_sync_method"] = "syncfs"
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return settings


def _shared_buffers() -> int:
    """A sixteenth of the memory, from 128 MB to 1 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(memory // 16, 128 * MEGABYTE), 1024 * MEGABYTE)
