"""Serves the GraphiQL page and its assets from this package; nothing is loaded from elsewhere, no script is
inline.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from backend.core.errors import NotFound

_HERE = Path(__file__).parent
_ASSETS = {
    "page.js": "text/javascript",
    "page.css": "text/css",
    "graphiql.min.js": "text/javascript",
    "graphiql.min.css": "text/css",
    "react.production.min.js": "text/javascript",
    "react-dom.production.min.js": "text/javascript",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # CodeMirror and GraphiQL size their panes by style attributes
        "font-src 'self' data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def graphiql_page() -> Response:
    """The page itself. It holds no secret: a token is pasted in, or comes after the `#`, which browsers do
    not send.
    """
    headers = {"content-security-policy": _POLICY}
    return Response(_read("page.html"), headers=headers, media_type="text/html")


async def graphiql_asset(request: Request) -> Response:
    """One of the page's scripts and styles.

    Raises NotFound.
    """
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise NotFound("There is no such file.")
    headers = {"cache-control": "public, max-age=3600"}
    return Response(_read(name), headers=headers, media_type=_ASSETS[name])


@cache
def _read(name: str) -> bytes:
    return (_HERE / "assets" / name).read_bytes()
