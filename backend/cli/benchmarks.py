"""`scoredesk benchmark set/list/remove`: the figures that KPIs are held against."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.console import out_fields, say
from backend.cli.imports import ACTOR
from backend.cli.installation import Installation, run
from backend.metrics.benchmarks.figures import Kind

if TYPE_CHECKING:
    from backend.metrics.authoring import Author
    from backend.metrics.benchmarks.figures import Benchmark

Key = Annotated[str, typer.Argument(metavar="KPI", help="The KPI's key.", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Whose figures.", show_default=False)]
KindOption = Annotated[Kind, typer.Option(help="Whose figure it is.", show_default=False)]
Label = Annotated[str, typer.Option(help="From which report, or of which peers.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    group = typer.Typer(no_args_is_help=True)
    group.command("set")(put)
    group.command("list")(list_all)
    group.command("remove")(remove)
    app.add_typer(group, name="benchmark", help="Set, list and remove what KPIs are held against.")


def number_of(text: str) -> Decimal:
    """A number as it is written, exact; shares as fractions, durations in seconds."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"“{text}” is no number; write 0.93 for 93 %, 30 for 30 seconds.") from None


def put(
    kpi: Key,
    low: Annotated[
        str,
        typer.Argument(metavar="LOW", help="The figure, or its lower end: 0.75 for 75 %, 30 for 30 seconds."),
    ],
    tenant: Tenant,
    kind: KindOption,
    label: Label,
    high: Annotated[
        str | None, typer.Argument(metavar="HIGH", help="The upper end; left out for a single figure.")
    ] = None,
    floats: Annotated[
        tuple[str, str] | None,
        typer.Option("--float", help="The fractions it floats by, least and most: 0.15 0.30."),
    ] = None,
    valid_from: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day it speaks of.")
    ] = None,
) -> None:
    """Store a figure in the place of the one of the same KPI, kind and label."""
    from backend.metrics.benchmarks.figures import Benchmark

    least, most = (number_of(floats[0]), number_of(floats[1])) if floats else (None, None)
    first = number_of(low)
    last = first if high is None else number_of(high)
    day: date | None = valid_from.date() if valid_from else None
    figure = Benchmark(kpi, kind, label, first, last, least, most, day)
    run(lambda place: _put(place, tenant, figure))
    say(f"“{label}” is set for {kpi}.")


async def _put(place: Installation, slug: str, figure: Benchmark) -> None:
    from backend.metrics.benchmarks import service

    async with place.tenant(slug) as database, database.write() as session:
        await service.put(session, figure, _author())


def list_all(tenant: Tenant) -> None:
    """List the figures, a line each: KPI, kind, label, low, high, float from, float to, first day."""
    for one in run(lambda place: _list(place, tenant)):
        numbers = (one.low, one.high, one.float_low, one.float_high, one.valid_from)
        out_fields(one.kpi, one.kind, one.label, *("" if each is None else str(each) for each in numbers))


async def _list(place: Installation, slug: str) -> list[Benchmark]:
    from backend.metrics.benchmarks.repository import list_benchmarks

    async with place.tenant(slug) as database, database.read() as session:
        return await list_benchmarks(session)


def remove(kpi: Key, tenant: Tenant, kind: KindOption, label: Label) -> None:
    """Remove a figure."""
    run(lambda place: _remove(place, tenant, kpi, kind, label))
    say(f"“{label}” is removed from {kpi}.")


async def _remove(place: Installation, slug: str, kpi: str, kind: Kind, label: str) -> None:
    from backend.metrics.benchmarks import service

    async with place.tenant(slug) as database, database.write() as session:
        await service.remove(session, kpi, kind, label, _author())


def _author() -> Author:
    from backend.core.clock import system_clock
    from backend.metrics.authoring import Author

    return Author(ACTOR, system_clock())
