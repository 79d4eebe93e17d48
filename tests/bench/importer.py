"""A process that imports one file and prints what it took, so that its memory can be measured by itself."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from backend.ingestion.formats.opening import open_table
from backend.ingestion.mapping import built_in
from backend.ingestion.normalize import Normalizer
from backend.ingestion.service import import_source
from tenants.database import Database
from tenants.registry import get_tenant


async def import_file(url: str, slug: str, path: Path) -> dict[str, Any]:
    """Seconds (wall, and of this process) from opening the file to the end, and the memory it took in MB."""
    database = Database.connect(url)
    try:
        tenant = await get_tenant(database, slug)
        mapping = built_in(source="bench")
        before = _peak_memory()
        began, worked = time.perf_counter(), time.process_time()
        table = open_table(path, mapping.file, name=path.name)
        try:
            normalizer = Normalizer(mapping, table.header, zone=tenant.zone, currency=tenant.currency)
            report = await import_source(
                database.of(tenant),
                normalizer.chunks(table),
                normalizer.layouts,
                source="bench",
                origin="file",
                label=path.name,
                mapping_text=mapping.text,
                actor="bench",
            )
        finally:
            table.close()
        return {
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - worked,
            "written": report.written["interaction"],
            "memory": _peak_memory() - before,
        }
    finally:
        await database.close()


def _peak_memory() -> float:
    """MB. Not by `getrusage` alone: there a process begins with the peak of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
            / 2**10
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    print(json.dumps(asyncio.run(import_file(sys.argv[1], sys.argv[2], Path(sys.argv[3])))))
