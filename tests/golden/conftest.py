"""The reference figures come out on both servers, from file to answer."""

from tests.both_servers import server

__all__ = ["server"]
