import csv
import io
import json
from collections.abc import AsyncIterator

import pytest

from tests.backend.cli.command_line import Cli, command_line
from tests.backend.cli.conftest import CONTACTS

DAYS = ("--from", "2026-01-05", "--to", "2026-01-07")


@pytest.fixture(scope="module")
async def cli(server, tmp_path_factory) -> AsyncIterator[Cli]:
    """A tenant in Berlin whose contacts are those of the small file, in its own time; no test changes it."""
    database = await server.create_database()
    folder = tmp_path_factory.mktemp("berlin")
    path = folder / "contacts.csv"
    path.write_text(CONTACTS, encoding="utf-8")
    run = command_line(
        {
            "SCOREDESK_DATABASE_URL": server.app_url(database),
            "SCOREDESK_ADMIN_DATABASE_URL": server.admin_url(database),
            "SCOREDESK_HOME": str(folder / "home"),
        }
    )
    for arguments in (
        ("tenant", "create", "berlin", "--zone", "Europe/Berlin", "--currency", "EUR"),
        ("import", path, "--tenant", "berlin"),
    ):
        done = await run(*arguments)
        assert done.code == 0, done.err
    yield run
    await server.drop_database(database)


@pytest.fixture
def ask(cli):
    async def run(*arguments):
        outcome = await cli("kpi", *arguments, "--tenant", "berlin", "--format", "json")
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return json.loads(outcome.out)

    return run


def cell(value, n, numerator=None, denominator=None, state="ok"):
    shown = {"value": value, "n": n, "numerator": numerator, "denominator": denominator, "state": state}
    return shown | {"matured": None}


async def test_the_json_has_window_rows_and_totals_and_nothing_else(ask):
    answer = await ask("contacts_offered", "csat", "aht", *DAYS)
    assert list(answer) == ["window", "rows", "totals"]
    assert answer["window"] == {
        "from": "2026-01-05T00:00:00+01:00",
        "to": "2026-01-07T00:00:00+01:00",
        "zone": "Europe/Berlin",
    }
    cells = {"contacts_offered": cell(4, 4), "csat": cell(2 / 3, 3, 2, 3), "aht": cell(460, 3, 1380, 3)}
    assert answer["totals"] == {"cells": cells}
    assert answer["rows"] == [{"bucket": None, "dimensions": {}, "cells": cells}]


async def test_rows_by_dimension_have_the_members_key_and_null_for_none(ask):
    answer = await ask("contacts_offered", "abandonment_rate", "--by", "agent", "--by", "channel", *DAYS)
    found = {
        (row["dimensions"]["agent"], row["dimensions"]["channel"]): row["cells"] for row in answer["rows"]
    }
    assert list(answer["rows"][0]["dimensions"]) == ["agent", "channel"]
    assert found == {
        ("a1", "call"): {"contacts_offered": cell(1, 1), "abandonment_rate": cell(0, 1, 0, 1)},
        ("b2", "chat"): {"contacts_offered": cell(2, 2), "abandonment_rate": cell(0, 2, 0, 2)},
        (None, "call"): {"contacts_offered": cell(1, 1), "abandonment_rate": cell(1, 1, 1, 1)},
    }


async def test_buckets_are_local_starts_and_empty_ones_are_there(ask):
    answer = await ask(
        "contacts_offered", "csat", "--grain", "day", "--from", "2026-01-05", "--to", "2026-01-08"
    )
    assert [
        (row["bucket"], row["cells"]["contacts_offered"]["value"], row["cells"]["csat"])
        for row in answer["rows"]
    ] == [
        ("2026-01-05T00:00:00+01:00", 2, cell(1, 1, 1, 1)),
        ("2026-01-06T00:00:00+01:00", 2, cell(0.5, 2, 1, 2)),
        ("2026-01-07T00:00:00+01:00", 0, cell(None, 0, 0, 0, "no_data")),
    ]


async def test_the_end_is_exclusive_and_may_be_a_time_of_day(ask):
    answer = await ask("contacts_offered", "--from", "2026-01-05T09:00", "--to", "2026-01-05T10:00")
    assert answer["totals"]["cells"]["contacts_offered"]["value"] == 1
    assert answer["window"]["to"] == "2026-01-05T10:00:00+01:00"
    by_offset = await ask(
        "contacts_offered", "--from", "2026-01-05T08:00:00+00:00", "--to", "2026-01-05T09:00+00:00"
    )
    assert by_offset["totals"] == answer["totals"]


async def test_without_a_window_every_row_counts(ask):
    answer = await ask("contacts_offered")
    assert answer["window"] is None
    assert answer["totals"]["cells"]["contacts_offered"]["value"] == 4


async def test_a_formula_has_a_name_of_the_callers(ask):
    answer = await ask("slow=share(first_response_time > 40s)", "longest = max(handle_time)", "csat", *DAYS)
    assert list(answer["totals"]["cells"]) == ["slow", "longest", "csat"]
    assert answer["totals"]["cells"]["slow"] == cell(1 / 3, 3, 1, 3)
    assert answer["totals"]["cells"]["longest"]["value"] == 540


async def test_a_filter_takes_rows_away(ask):
    answer = await ask("contacts_offered", "--where", 'channel = "chat"', *DAYS)
    assert answer["totals"]["cells"]["contacts_offered"]["value"] == 2


async def test_the_window_before_stands_in_every_cell(ask):
    answer = await ask(
        "contacts_offered", "--from", "2026-01-06", "--to", "2026-01-07", "--compare", "previous_period"
    )
    compared = {
        "previous": cell(2, 2),
        "verdict": None,
        "costs": [],
    }  # more contacts are neither good nor bad
    assert answer["totals"]["cells"]["contacts_offered"] == cell(2, 2) | compared
    assert answer["rows"][0]["cells"]["contacts_offered"]["previous"] == cell(2, 2)
    year = await ask("contacts_offered", *DAYS, "--compare", "previous_year")
    assert year["totals"]["cells"]["contacts_offered"]["previous"]["value"] == 0


async def test_a_comparison_comes_to_a_verdict(cli, ask):
    compared = ("--from", "2026-01-06", "--to", "2026-01-07", "--compare", "previous_period")
    answer = await ask("aht", "csat", *compared)
    before, now = 300, 540  # of one call, then of two chats
    cell = answer["rows"][0]["cells"]["aht"]
    assert (cell["previous"]["value"], cell["value"]) == (before, now)
    assert (cell["verdict"], cell["costs"]) == ("worse", [])
    outcome = await cli("kpi", "aht", *compared, "--tenant", "berlin", "--format", "csv")
    [row] = csv.DictReader(io.StringIO(outcome.out))
    assert (row["aht.previous"], row["aht.verdict"], row["aht.costs"]) == ("300", "worse", "")
    outcome = await cli("kpi", "aht", "first_response_time", *compared, "--tenant", "berlin")
    assert outcome.out.split("\n")[0].split().count("verdict") == 2
    assert "worse" in outcome.out


async def test_rows_are_ordered_and_limited_and_totals_are_over_all(ask):
    order = (
        "contacts_offered",
        "--by",
        "channel",
        *DAYS,
        "--where",
        "answered",
        "--order-by",
        "contacts_offered",
    )
    most = await ask(*order, "--limit", "1")
    assert [row["dimensions"]["channel"] for row in most["rows"]] == ["chat"]
    assert most["totals"]["cells"]["contacts_offered"]["value"] == 3
    least = await ask(*order, "--ascending")
    assert [row["dimensions"]["channel"] for row in least["rows"]] == ["call", "chat"]


async def test_csv_has_a_line_for_each_row_with_the_proof_of_each_value(cli):
    outcome = await cli(
        "kpi", "csat", "--tenant", "berlin", *DAYS, "--by", "agent", "--grain", "day", "--format", "csv"
    )
    lines = list(csv.DictReader(io.StringIO(outcome.out)))
    assert list(lines[0]) == [
        "bucket",
        "agent",
        "csat",
        "csat.n",
        "csat.numerator",
        "csat.denominator",
        "csat.state",
        "csat.matured",
    ]
    second_day = [
        line for line in lines if line["bucket"] == "2026-01-06T00:00:00+01:00" and line["agent"] == "b2"
    ]
    assert second_day == [
        {
            "bucket": "2026-01-06T00:00:00+01:00",
            "agent": "b2",
            "csat": "0.5",
            "csat.n": "2",
            "csat.numerator": "1",
            "csat.denominator": "2",
            "csat.state": "ok",
            "csat.matured": "",
        }
    ]


async def test_the_table_shows_names_units_and_totals(cli):
    outcome = await cli("kpi", "csat", "aht", "--tenant", "berlin", *DAYS, "--by", "agent")
    assert "李娜" in outcome.out
    assert "66.7 %" in outcome.out
    assert "7 min 40 s" in outcome.out
    assert "total" in outcome.out
    assert "…" not in outcome.out


async def test_a_mistake_in_a_formula_is_pointed_at(cli):
    outcome = await cli("kpi", "csat", "x=avg(survey.scor)", "--tenant", "berlin")
    assert (outcome.code, outcome.out) == (1, "")
    lines = outcome.err.splitlines()
    text = next(number for number, line in enumerate(lines) if "avg(survey.scor)" in line and "“" not in line)
    start = lines[text].index("survey.scor")
    assert lines[text + 1] == " " * start + "^" * len("survey.scor")
    assert "FIELD_UNKNOWN" in outcome.err
    assert "survey.score" in outcome.err


async def test_a_mistake_in_the_filter_is_pointed_at(cli):
    outcome = await cli("kpi", "csat", "--where", "channel = chat", "--tenant", "berlin")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    text = next(number for number, line in enumerate(lines) if line.strip() == "channel = chat")
    assert set(lines[text + 1].strip()) == {"^"}


async def test_an_unknown_kpi_names_the_nearest(cli):
    outcome = await cli("kpi", "csta", "--tenant", "berlin")
    assert outcome.code == 1
    assert "csat" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("count()",),
        ("csat", "csat"),
        ("csat", "--from", "2026-01-01"),
        ("csat", "--to", "2026-01-01"),
        ("csat", "--from", "yesterday", "--to", "2026-01-01"),
        ("csat", "--ascending"),
        ("csat", "--limit", "0"),
        ("csat", "--grain", "fortnight"),
        ("csat", "--format", "pdf"),
        (),
    ],
)
async def test_usage_mistakes_end_with_two(nowhere, arguments):
    outcome = await nowhere("kpi", *arguments, "--tenant", "acme")
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("csat", "--from", "2026-01-02", "--to", "2026-01-01"),
        ("csat", "--grain", "day"),
        ("csat", "--compare", "previous_period"),
        ("csat", "--by", "weather"),
    ],
)
async def test_what_means_nothing_is_refused(cli, arguments):
    outcome = await cli("kpi", *arguments, "--tenant", "berlin")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: ")
    assert "something went wrong" not in outcome.err


# what another formula would make of it

PREVIEW = ("kpi", "preview", "aht", "--tenant", "berlin", *DAYS)


async def test_a_preview_has_both_formulas_side_by_side(cli):
    outcome = await cli(*PREVIEW, "--formula", "max( handle_time )", "--grain", "day", "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    preview = json.loads(outcome.out)
    assert preview["window"]["from"] == "2026-01-05T00:00:00+01:00"
    assert [row["bucket"] for row in preview["rows"]] == [
        "2026-01-05T00:00:00+01:00",
        "2026-01-06T00:00:00+01:00",
    ]
    old, new = cell(460, 3, 1380, 3), cell(540, 3)
    assert preview["totals"] == {"cells": {"old": old, "new": new, "difference": 80}}
    for row in preview["rows"]:
        cells = row["cells"]
        assert cells["difference"] == cells["new"]["value"] - cells["old"]["value"]
    assert preview["touched"] == []


async def test_a_preview_is_a_table_with_what_it_would_be_once_published(cli):
    outcome = await cli(
        *PREVIEW, "--formula", "max(handle_time)", "--by", "channel", "--effective-from", "2099-01-01"
    )
    assert outcome.code == 0, outcome.err
    head, _, *rows = (line.split() for line in outcome.out.splitlines())
    assert head == ["channel", "old", "n", "new", "n", "published", "n", "new", "-", "old"]
    total = " ".join(next(row for row in rows if row[:1] == ["total"]))
    assert total == "total 7 min 40 s 3 9 min 00 s 3 7 min 40 s 3 1 min 20 s"


async def test_a_preview_of_a_new_kpi_has_only_the_new_side_and_stores_nothing(cli):
    before = (await cli("kpis", "--tenant", "berlin")).out
    outcome = await cli("kpi", "preview", "fresh", "--tenant", "berlin", *DAYS, "--formula", "count()")
    head, *_, total = (line.split() for line in outcome.out.splitlines())
    assert (head, total) == (["new", "n"], ["4", "4"])
    assert (await cli("kpis", "--tenant", "berlin")).out == before


async def test_a_mistake_in_a_draft_is_pointed_at(cli):
    outcome = await cli(*PREVIEW, "--formula", "avg(handle_tme)")
    assert (outcome.code, outcome.out) == (1, "")
    lines = outcome.err.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "avg(handle_tme)")
    assert lines[at + 1] == "      ^^^^^^^^^^"
    unit = await cli(*PREVIEW, "--formula", "count()")
    assert unit.code == 1
    assert "Create a new KPI" in unit.err


async def test_a_preview_needs_a_key_a_formula_and_days(nowhere):
    for arguments in (
        ("--formula", "count()", *DAYS),
        ("aht", *DAYS),
        ("aht", "--formula", "count()"),
        ("aht", "--formula", "count()", *DAYS, "--effective-from", "2026-01-01T08:00"),
    ):
        outcome = await nowhere("kpi", "preview", *arguments, "--tenant", "acme")
        assert (outcome.code, outcome.out) == (2, ""), arguments


async def test_a_kpi_called_preview_is_asked_for_under_a_name(cli):
    outcome = await cli("kpi", "p=@preview", "--tenant", "berlin")
    assert outcome.code == 1
    assert "There is no KPI “preview”" in outcome.err
