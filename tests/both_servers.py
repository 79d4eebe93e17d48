"""For folders whose tests run on the embedded PostgreSQL and on the system's: import `server` in conftest."""

from __future__ import annotations

import os

import pytest

from tests.servers import EMBEDDED, SYSTEM, Server, Servers

CHOSEN = os.environ.get("SCOREDESK_TEST_DATABASE")


@pytest.fixture(scope="session", params=[CHOSEN] if CHOSEN else [EMBEDDED, SYSTEM])
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """Each of the two servers in turn; only one where SCOREDESK_TEST_DATABASE says which."""
    try:
        return servers.get(request.param)
    except LookupError as reason:
        pytest.skip(str(reason))
