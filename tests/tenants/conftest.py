"""The tenants' tests run on both servers."""

from tests.both_servers import server

__all__ = ["server"]
