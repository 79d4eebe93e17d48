"""How a table lies on disk where PostgreSQL's defaults do not suit the way it is written, each with its reason.

Given to a table as `**STAGED` and the like. The values are read when the table is made: a later change of one is a
migration of its own, for drafts do not compare them.
"""

from __future__ import annotations

from typing import Any

_NEVER = 2_147_483_647

# Rows that are brought in, read once and deleted within a minute. Lost with a crash of the server, as the work they
# are part of is. Never analysed: what statistics learned of one import would mislead the plans of the next. Not
# vacuumed for having grown, in the middle of an import, but as soon as an import's rows are gone, however many rows
# the table held at its last count: that gives the space back.
STAGED: dict[str, Any] = {
    "prefixes": ["UNLOGGED"],
    "postgresql_with": {
        "autovacuum_analyze_threshold": _NEVER,
        "autovacuum_vacuum_insert_threshold": -1,
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 1000,
    },
}

# A handful of rows that every write updates: all versions of them fit one page, which readers and writers tidy up
# as they pass. Vacuum is for the rest alone, and statistics of two rows are never out of date.
COUNTER: dict[str, Any] = {
    "postgresql_with": {"autovacuum_analyze_threshold": _NEVER, "autovacuum_vacuum_threshold": 500},
}

# Rows of which the newest are updated again and again, in columns that no index is on: room in each page lets the
# new version stay beside the old one, so that the index is left alone and no vacuum is needed for it.
TOUCHED: dict[str, Any] = {
    "postgresql_with": {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.05},
}

# Values of some kB that are replaced whole: what is replaced lies in the TOAST table, and is to be used again before
# that has grown by a fifth.
REPLACED: dict[str, Any] = {
    "postgresql_with": {
        "autovacuum_vacuum_scale_factor": 0.05,
        "toast.autovacuum_vacuum_scale_factor": 0.05,
        "toast.autovacuum_vacuum_threshold": 1000,
    },
}

# A queue: rows are added, updated and deleted within seconds, and its length says nothing of how many are dead.
QUEUED: dict[str, Any] = {
    "postgresql_with": {
        "fillfactor": 70,
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": 500,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": 5000,
    },
}

# For the `info` of a column of packed bytes: kept out of line as they are. The server's compression finds nothing in
# them and takes four times as long to write.
STORAGE = "storage"
AS_IT_IS = {STORAGE: "EXTERNAL"}
