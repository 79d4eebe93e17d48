import csv
import io
import json

import pytest

from tests.backend.cli.test_kpis import DAYS, cli

__all__ = ["cli"]


async def rows(cli, *arguments):
    outcome = await cli("drill", *arguments, "--tenant", "berlin")
    assert (outcome.code, outcome.err) == (0, "")
    return list(csv.DictReader(io.StringIO(outcome.out)))


async def test_the_rows_behind_a_total(cli):
    found = await rows(cli, "csat", *DAYS)
    assert [(row["fact"], row["survey.score"], row["value"]) for row in found] == [
        ("survey", "4", "1.0"),
        ("survey", "2", "0.0"),
        ("survey", "5", "1.0"),
    ]
    assert [(row["agent"], row["channel"]) for row in found] == [
        ("b2", "chat"),
        ("b2", "chat"),
        ("a1", "call"),
    ]
    assert len(await rows(cli, "csat", *DAYS, "--side", "numerator")) == 2


async def test_the_rows_of_one_cell_as_json(cli):
    cell = ("--member", "agent=b2", "--grain", "day", "--bucket", "2026-01-06")
    outcome = await cli("drill", "aht", "--tenant", "berlin", *DAYS, *cell, "--format", "json")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert [row["external_id"] for row in found] == ["c4", "c3"]
    assert [row["handle_time"] for row in found] == [row["value"] for row in found]
    assert found[0]["anchored_at"].startswith("2026-01-06T22:39:10")
    assert [row["resolved_happened"] for row in found] == [True, False]


async def test_members_without_a_value_and_formulas(cli):
    found = await rows(cli, "n=count()", "--member", "agent=", *DAYS)
    assert [row["external_id"] for row in found] == ["c2"]
    assert await rows(cli, "n=count()", "--where", 'channel = "email"') == []


async def test_a_proof_of_one_cell_counts_what_drill_lists(cli):
    for cell in (
        ("--member", "agent=b2"),
        ("--member", "agent=", "--grain", "day", "--bucket", "2026-01-06"),
    ):
        listed = await rows(cli, "csat", *DAYS, *cell)
        outcome = await cli("kpi", "csat", "--tenant", "berlin", *DAYS, *cell, "--proof", "--format", "json")
        proof = json.loads(outcome.out)["proofs"]["csat"]
        assert proof["aggregates"][0]["counted"] == proof["n"] == len(listed)


async def test_a_proof_of_the_totals(cli):
    outcome = await cli("kpi", "csat", "--tenant", "berlin", *DAYS, "--proof", "--format", "json")
    proof = json.loads(outcome.out)["proofs"]["csat"]
    assert proof["aggregates"][0]["credit"] == "owner"
    assert (proof["value"], proof["n"], proof["version"], proof["path"]) == (2 / 3, 3, 1, "raw")
    [aggregate] = proof["aggregates"]
    assert (aggregate["population"], aggregate["counted"], aggregate["exclusions"]) == (3, 3, [])
    assert proof["data_version"] is not None
    table = await cli("kpi", "abandonment_rate", "csat", "--tenant", "berlin", *DAYS, "--proof")
    assert "csat  66.7 %  n 3" in table.out
    assert "           3  rows of survey" in table.out
    assert "version 1, in force from 1970-01-01" in table.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("drill", "csat", "--grain", "day"),
        ("drill", "csat", "--from", "2026-01-01"),
        ("drill", "csat", "--member", "agent"),
        ("drill", "count()"),
        ("kpi", "csat", "--proof", "--by", "agent"),
        ("kpi", "csat", "--proof", "--grain", "day"),
        ("kpi", "csat", "--proof", "--member", "agent"),
        ("kpi", "csat", "--member", "agent=b2"),
        ("kpi", "csat", "--proof", "--format", "csv"),
    ],
)
async def test_usage_mistakes_end_with_two(nowhere, arguments):
    outcome = await nowhere(*arguments, "--tenant", "acme")
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("drill", "csta"), "KPI_UNKNOWN"),
        (("drill", "x=avg(handle)"), "FIELD_UNKNOWN"),
        (("drill", "csat", "--member", "weekday=Moonday", "--where", "channel = chat"), "FILTER_INVALID"),
        (("drill", "contact_rate", "--aggregate", "2"), "AGGREGATE_UNKNOWN"),
        (("kpi", "x=avg(handle)", "--proof"), "FIELD_UNKNOWN"),
    ],
)
async def test_what_means_nothing_is_refused(cli, arguments, code):
    outcome = await cli(*arguments, "--tenant", "berlin")
    assert (outcome.code, outcome.out) == (1, "")
    assert code in outcome.err
