"""`scoredesk serve` and `scoredesk schema`."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from backend.cli.console import out, say
from backend.cli.installation import REFUSED, Installation, installation, told

if TYPE_CHECKING:
    from backend.core.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    app.command("serve")(serve)
    app.command("schema")(schema)


def serve() -> None:
    """Serve GraphQL and uploads until told to stop; nothing is created or migrated."""
    with told():
        from backend.core.settings import Settings

        check_port(Settings.from_environment())
        with installation() as place:
            run_server(place, on_ready=lambda: say(f"Serving on {address(place.settings)}"))


def run_server(place: Installation, *, dev: bool = False, on_ready: Callable[[], None] | None = None) -> None:
    """Serves on the installation's address until SIGINT or SIGTERM, which end the program with 0.

    `on_ready` is called once the port listens.
    """
    import msgspec

    from backend.app import serve

    # uvicorn drains what it has accepted, then hands the signal on to these. With Python's own handler
    # asyncio would cancel what still has to be closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    settings = msgspec.structs.replace(
        place.settings,
        database_url=place.url,
        admin_database_url=place.admin_url,
        dev=dev or place.settings.dev,
    )
    serve(settings, on_ready=on_ready)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the server."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def check_port(settings: Settings) -> None:
    """Ends the command when something else listens on the port, before anything long has begun."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
            trial.listen()
    except OSError as error:
        say(
            f"Error: cannot serve on {settings.host}:{settings.port} ({error.strerror}). "
            "Set SCOREDESK_PORT to a free port."
        )
        raise typer.Exit(REFUSED) from None


def schema() -> None:
    """Print the GraphQL schema."""
    with told():
        from schema.build import print_sdl

        out(print_sdl())
