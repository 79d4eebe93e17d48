"""The page at the bare address: what this is and where to go. No script, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PAGE = (Path(__file__).parent / "landing.html").read_bytes()
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def landing_route() -> Route:
    """`GET /`."""

    async def landing(_request: Request) -> Response:
        return Response(_PAGE, headers={"content-security-policy": _POLICY}, media_type="text/html")

    return Route("/", landing)
