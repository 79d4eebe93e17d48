"""`scoredesk worker`."""

from __future__ import annotations

import typer

from backend.cli.console import say
from backend.cli.installation import installation, told


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command("worker")(worker)


def worker() -> None:
    """Work on jobs until told to stop, beside servers that have SCOREDESK_WORKER=none."""
    with told():
        import msgspec

        from backend.worker import work

        with installation() as place:
            settings = msgspec.structs.replace(
                place.settings, database_url=place.url, admin_database_url=place.admin_url
            )
            work(settings, on_ready=lambda: say("Working."))
