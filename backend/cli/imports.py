"""`scoredesk import`: bring a file in, or write a first mapping for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.console import bar, out, say
from backend.cli.installation import Installation, run, told

if TYPE_CHECKING:
    from backend.ingestion.files import Imported
    from backend.ingestion.records import IgnoredColumn
    from backend.ingestion.rules import Mapping

SHOWN_REJECTIONS = 5
ACTOR = "cli"

TenantName = Annotated[str, typer.Option(help="Whose data.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, NDJSON, JSON, Parquet or Excel, plain or gzipped.")],
    tenant: Annotated[str | None, typer.Option(help="Where it goes.", show_default=False)] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="What its columns are (TOML); the built-in export shape if not given.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the source; the mapping's if not given.")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Import nothing: write a first mapping for the file.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="With --guess: where to write it, else stdout.")] = None,
) -> None:
    """Bring a file in, whole or not at all; rows that cannot be taken are set aside."""
    if guess:
        if mapping is not None:
            raise typer.BadParameter("--guess writes a mapping; it takes none.")
        with told():
            _write_guess(file, source, output)
        return
    if output is not None:
        raise typer.BadParameter("--output belongs to --guess.")
    if tenant is None:
        raise typer.BadParameter("Say --tenant, or --guess for a first mapping.")
    with told():
        rules = _load_mapping(mapping, source)
    size = file.stat().st_size if file.is_file() else None
    _tell(run(lambda place: _import(place, tenant, file, size, rules)))


def _load_mapping(path: Path | None, source: str | None) -> Mapping:
    from backend.ingestion.mapping import built_in, load

    if path is None:
        return built_in(source=source)
    return load(read_text(path), source=source)


def read_text(path: Path) -> str:
    """A mapping's text. Raises Invalid (MAPPING_INVALID) when it is no UTF-8."""
    from backend.core.errors import Invalid

    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"“{path.name}” is not UTF-8 text.", code="MAPPING_INVALID") from None


async def _import(place: Installation, slug: str, path: Path, size: int | None, mapping: Mapping) -> Imported:
    from backend.ingestion.files import import_file
    from backend.ingestion.service import Progress

    async with place.tenant(slug) as database:
        with bar(f"Importing {path.name}", size, "bytes") as advance:

            def show(progress: Progress) -> None:
                note = f"{progress.rows_read:,} rows"
                advance(progress.bytes_read, note if progress.phase == "reading" else f"{note}, applying")

            return await import_file(
                database,
                path,
                mapping,
                place.settings,
                origin="file",
                label=path.name,
                actor=ACTOR,
                shown=SHOWN_REJECTIONS,
                progress=show,
            )


def _tell(imported: Imported) -> None:
    """What came of it, a line per kind, then the first rows that were set aside."""
    report = imported.report
    say(f"{report.rows_read:,} rows read, {report.rows_rejected:,} set aside (run {report.sync_run_id}).")
    for kind, written in report.written.items():
        say(f"  {kind}: {written:,} new or changed, {report.unchanged.get(kind, 0):,} unchanged")
    if imported.ignored:
        say(f"  not read: {', '.join(map(_named, imported.ignored))}")
    for one in imported.rejections:
        say(f"  line {one.line}: {one.message} [{one.code}]")
    if report.rows_rejected > len(imported.rejections):
        say("  ... and more; scoredesk rejected list shows all")


def _named(column: IgnoredColumn) -> str:
    guess = f" (did you mean “{column.nearest}”?)" if column.nearest else ""
    return f"“{column.name[:80]}”{guess}"


def _write_guess(path: Path, source: str | None, output: Path | None) -> None:
    from backend.ingestion.guess import guess_mapping

    text = guess_mapping(path, source=source)
    if output is None:
        out(text.rstrip("\n"))
    else:
        output.write_text(text, encoding="utf-8")
        say(f"Wrote {output}; look it over, then import with --mapping {output}.")
