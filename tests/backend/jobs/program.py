"""A worker as a program, with one kind of job that says when a slice begins and ends: for tests that send signals.

With the seconds that a slice takes it is `scoredesk worker`; with those of a lease, too, a bare one.
"""

import asyncio
import os
import sys

from backend import worker
from backend.cli import main
from backend.jobs.kinds import Kind
from backend.jobs.worker import Pace, Worker
from tenants.database import Database
from tests.backend.jobs.working import no


async def slowly(door) -> bool:
    """One slice; there is always more."""
    print("began", door.tenant.slug, flush=True)
    await asyncio.sleep(SECONDS)
    print("ended", door.tenant.slug, flush=True)
    return True


SECONDS, *LEASE = map(float, sys.argv[1:])

if __name__ == "__main__":
    kind = Kind("count", slowly, needs=no)
    if LEASE:
        database = Database.connect(os.environ["SCOREDESK_DATABASE_URL"])
        asyncio.run(Worker(database, [kind], pace=Pace(lease=LEASE[0])).run())
    else:
        vars(worker)["kinds_of"] = lambda clock: (kind,)
        sys.argv = ["scoredesk", "worker"]
        main()
