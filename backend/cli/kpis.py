"""`scoredesk kpi` and `scoredesk kpis`: ask for numbers, list what can be asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from backend.cli.console import out, out_fields, print_table, say, tell_error, visible
from backend.cli.installation import REFUSED, Installation, run
from backend.core.errors import DomainError, Invalid
from backend.core.windows import Comparison, Grain, Window, at_zone

if TYPE_CHECKING:
    from backend.metrics.kpi import Kpi
    from backend.metrics.proofs import CellPlace, Proof
    from backend.metrics.questions import Answer, KpiAsk, Question

_NAMED = re.compile(r"([a-z][a-z0-9_]{0,62})\s*=(?!=)\s*(.+)", re.DOTALL)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class WithPreview(TyperCommand):
    """Asks for numbers, unless the first word is `preview`, which is a command of its own."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of whichever command it is."""
        if args[:1] != ["preview"]:
            return super().make_context(info_name, args, parent, **extra)
        from backend.cli.previews import command

        return command().make_context(f"{info_name} preview", args[1:], parent, **extra)


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    app.command("kpi", cls=WithPreview)(kpi)
    app.command("kpis")(kpis)


def moment_of(text: str) -> date | datetime:
    """2026-01-31, or 2026-01-31T08:00 with or without an offset."""
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise typer.BadParameter(f"“{text}” is no date; write 2026-01-31 or 2026-01-31T08:00.")


def ask_of(text: str) -> KpiAsk:
    """A KPI's key, or NAME=FORMULA."""
    from backend.metrics.questions import KpiAsk

    if _KEY.fullmatch(text):
        return KpiAsk(text)
    named = _NAMED.fullmatch(text)
    if named is None:
        raise typer.BadParameter(f"“{text}” is neither a KPI's key nor NAME=FORMULA.")
    return KpiAsk(named[1], named[2])


def place_of(members: Sequence[str] | None, bucket: str | None) -> Callable[[str], CellPlace]:
    """The cell that DIM=KEY options and the start of a bucket name, once the tenant's zone is known."""
    from backend.metrics.proofs import CellPlace

    chosen = tuple(_member(text) for text in members or ())
    begins = moment_of(bucket) if bucket is not None else None
    return lambda zone: CellPlace(at_zone(begins, zone) if begins is not None else None, chosen)


def _member(text: str) -> tuple[str, str | None]:
    name, equals, key = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"“{text}” does not read like agent=a17.")
    return name, key or None


def kpi(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY|NAME=FORMULA...",
            help="KPIs by key, or formulas under a name of yours.",
            show_default=False,
        ),
    ],
    tenant: Annotated[str, typer.Option(help="Whose numbers.", show_default=False)],
    start: Annotated[
        str | None, typer.Option("--from", help="First day or moment, in the tenant's zone.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The day or moment it ends before.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Dimension: agent, channel, weekday ... May be repeated.")
    ] = None,
    grain: Annotated[Grain | None, typer.Option(help="A row for each hour, day ... of the window.")] = None,
    where: Annotated[str | None, typer.Option(help="Condition on rows, in the formula language.")] = None,
    compare: Annotated[
        Comparison | None, typer.Option(help="Show the same of an earlier window beside it.")
    ] = None,
    order_by: Annotated[str | None, typer.Option(help="KPI or dimension the rows are ordered by.")] = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="Lowest first.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="So many rows at most, or with --grain and --by so many members; totals are over all."
        ),
    ] = None,
    shape: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TABLE,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print tree, plain sentence, plan and SQL instead of an answer."),
    ] = False,
    with_proof: Annotated[
        bool, typer.Option("--proof", help="What each total, or one cell, rests on: population, exclusions.")
    ] = False,
    member: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=KEY", help="With --proof: of that member; DIM= for none. Repeatable."),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="With --proof and --grain: of the bucket that starts then.")
    ] = None,
) -> None:
    """Answer KPIs over a window, by dimensions and grain. Without a window every row counts.

    `scoredesk kpi preview KEY` shows what another formula would make of one.
    """
    if with_proof and (shape is Format.CSV or by or compare or order_by or limit):
        raise typer.BadParameter("--proof is of one cell, as a table or JSON: leave the other options out.")
    if (member or bucket) and not with_proof:
        raise typer.BadParameter("--member and --bucket choose the cell of a --proof; see also --where.")
    if with_proof and (bucket is None) != (grain is None):
        raise typer.BadParameter("Give both --bucket and --grain, or neither.")
    if (start is None) != (end is None):
        raise typer.BadParameter("Give both --from and --to, or neither.")
    if ascending and order_by is None:
        raise typer.BadParameter("--ascending needs --order-by.")
    from backend.metrics.questions import Order, Question

    asks = tuple(ask_of(text) for text in asked)
    if len({ask.key for ask in asks}) < len(asks):
        raise typer.BadParameter("Each KPI needs a name of its own.")
    span = (moment_of(start), moment_of(end)) if start is not None and end is not None else None
    order = Order(order_by, descending=not ascending) if order_by is not None else None

    def question(zone: str) -> Question:
        window = Window.of_local(*span, zone) if span is not None else None
        return Question(asks, window, tuple(by or ()), grain, where, compare, order, limit)

    if with_proof:
        _prove(tenant, question, place_of(member, bucket), asks, where, shape)
        return
    answer: Answer | str | DomainError
    if explain:
        answer = run(lambda place: _explanation(place, tenant, question))
    else:
        answer = run(lambda place: _answer(place, tenant, question))
    if isinstance(answer, DomainError):
        tell_refusal(answer, [ask.formula for ask in asks], where)
        raise typer.Exit(REFUSED)
    if isinstance(answer, str):
        out("\n".join(visible(line) for line in answer.split("\n")))
    else:
        _print(answer, shape)


async def _answer(
    place: Installation, slug: str, question: Callable[[str], Question]
) -> Answer | DomainError:
    from backend.core.clock import system_clock
    from backend.metrics.evaluator import Evaluator

    async with place.tenant(slug) as database:
        answers = await Evaluator(database, system_clock).answer([question(database.tenant.zone)])
    return answers[0]


async def _explanation(
    place: Installation, slug: str, question: Callable[[str], Question]
) -> str | DomainError:
    from backend.core.clock import system_clock
    from backend.metrics.explanation import explain

    async with place.tenant(slug) as database:
        try:
            return await explain(database, system_clock, question(database.tenant.zone))
        except DomainError as error:
            return error


def _prove(
    tenant: str,
    question: Callable[[str], Question],
    place: Callable[[str], CellPlace],
    asks: Sequence[KpiAsk],
    where: str | None,
    shape: Format,
) -> None:
    from backend.cli.proofs import to_json, to_lines

    proofs = run(lambda installation: _proofs(installation, tenant, question, place))
    if isinstance(proofs, DomainError):
        tell_refusal(proofs, [ask.formula for ask in asks], where)
        raise typer.Exit(REFUSED)
    if shape is Format.JSON:
        out(to_json(proofs))
        return
    for line in to_lines(proofs):
        out(line)


async def _proofs(
    installation: Installation,
    slug: str,
    question: Callable[[str], Question],
    place: Callable[[str], CellPlace],
) -> list[Proof] | DomainError:
    from backend.core.clock import system_clock
    from backend.metrics.evaluator import Evaluator

    async with installation.tenant(slug) as database:
        zone = database.tenant.zone
        try:
            return await Evaluator(database, system_clock).prove(question(zone), place(zone))
        except Invalid as error:
            return error


def _print(answer: Answer, shape: Format) -> None:
    from backend.cli.answers import to_csv, to_json, to_table, version_notes

    match shape:
        case Format.JSON:
            out(to_json(answer))
        case Format.CSV:
            out(to_csv(answer))
        case Format.TABLE:
            print_table(to_table(answer))
            for note in version_notes(answer):
                say(note)


def tell_refusal(error: DomainError, formulas: Sequence[str | None], where: str | None) -> None:
    """The error; a mistake in a text of the caller's with that text and carets under the place."""
    from backend.metrics.language.diagnostics import excerpt
    from backend.metrics.language.tree import Span

    if not isinstance(error, Invalid) or not error.problems:
        tell_error(error)
        return
    say(f"Error: {error.message} [{error.code}]")
    for problem in error.problems:
        say(f"{problem.code}: {problem.message}")
        match problem.path:
            case ("kpis", int(at), "formula"):
                text = formulas[at]
            case ("where",):
                text = where
            case _:
                text = None
        if text is not None and problem.span is not None:
            say("\n".join("  " + line for line in excerpt(text, Span(*problem.span)).splitlines()))
        if problem.hint:
            say(f"  {problem.hint}")


def kpis(
    tenant: Annotated[str, typer.Option(help="Whose definitions.", show_default=False)],
) -> None:
    """List the KPIs that are defined, a line each: key, name, formula."""
    for kpi in run(lambda place: _definitions(place, tenant)):
        out_fields(kpi.key, kpi.name_en, kpi.formula)


async def _definitions(place: Installation, slug: str) -> list[Kpi]:
    from backend.core.clock import system_clock
    from backend.metrics.definitions import list_kpis

    async with place.tenant(slug) as database, database.read() as session:
        return await list_kpis(session, system_clock())
