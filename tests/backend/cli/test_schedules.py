"""`scoredesk schedule`: hours from a file to a number."""

import json

import pytest

HOURS = """
name = "Support"
zone = "Europe/Berlin"
hours = ["Mon-Fri 09:00-18:00"]
holidays = ["2026-01-06"]
"""


@pytest.fixture
def hours(tmp_path):
    path = tmp_path / "hours.toml"
    path.write_text(HOURS, encoding="utf-8")
    return path


async def test_from_a_file_to_a_number_and_its_proof(cli, contacts, hours):
    await cli("tenant", "create", "shop")
    await cli("import", contacts, "--tenant", "shop")
    formula = "open=sum(business(closed - started)) / 1s"
    unknown = await cli("kpi", formula, "--tenant", "shop", "--format", "json")
    assert json.loads(unknown.out)["totals"]["cells"]["open"]["value"] is None
    assert (
        await cli("schedule", "set", "support", hours, "--tenant", "shop", "--from", "2026-01-01")
    ).code == 0
    outcome = await cli("schedule", "assign", "support", "--tenant", "shop", "--from", "2026-01-01")
    assert (outcome.code, outcome.err) == (0, "Schedule support gives the hours of the tenant.\n")
    known = await cli("kpi", formula, "--tenant", "shop", "--format", "json")
    # on Monday, the 5th, two calls of 325 s and 65 s; the 6th is a holiday
    assert json.loads(known.out)["totals"]["cells"]["open"]["value"] == 390
    lines = await cli("kpi", formula, "--tenant", "shop", "--proof")
    assert "  hours of support, version 1, in force from 2026-01-01T00:00:00+00:00\n" in lines.out
    document = await cli("kpi", formula, "--tenant", "shop", "--proof", "--format", "json")
    assert json.loads(document.out)["proofs"]["open"]["schedules"] == [
        {"key": "support", "version": 1, "effective_from": "2026-01-01T00:00:00+00:00"}
    ]


async def test_listing_and_the_next_version(cli, hours, tmp_path):
    await cli("tenant", "create", "shop", "--zone", "Asia/Shanghai")
    await cli("schedule", "set", "support", hours, "--tenant", "shop", "--from", "2026-01-01")
    again = await cli("schedule", "set", "support", hours, "--tenant", "shop")
    assert again.err == "Schedule support stays at version 1: its hours are these.\n"
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"zone": "UTC", "hours": ["daily 22:00-06:00"]}), encoding="utf-8")
    revised = await cli("schedule", "set", "support", other, "--tenant", "shop", "--from", "2026-02-01T12:00")
    assert revised.code == 0, revised.err
    await cli("schedule", "assign", "support", "--tenant", "shop", "--from", "2026-01-01")
    listed = await cli("schedule", "list", "--tenant", "shop")
    assert [line.split("\t") for line in listed.out.splitlines()] == [
        ["support", "version 1", "2025-12-31T16:00:00+00:00", "Europe/Berlin", "Mon-Fri 09:00-18:00", "1 special date"],
        ["support", "version 2", "2026-02-01T04:00:00+00:00", "UTC", "Mon-Sun 00:00-06:00, 22:00-24:00", "0 special dates"],
        ["support", "of the tenant", "2025-12-31T16:00:00+00:00"],
    ]  # fmt: skip
    assert (await cli("schedule", "list", "--tenant", "shop", "--archived")).out == ""


@pytest.mark.parametrize(
    "text, told",
    [
        ('zone = "UTC"\nhours = ["Mon-Fri nine to five"]', "hours.0: "),
        ('zone = "Mars/Base"\nhours = ["Mon 09:00-10:00"]', "zone: “Mars/Base” is not a time zone"),
        ('zone = "UTC"\nhours = ["Mon 09:00-10:00", "daily 09:30-11:00"]', "hours.1: Two open spans overlap at Mon 09:30."),
        ("zone: UTC", "The file is neither TOML nor JSON"),
    ],
)  # fmt: skip
async def test_a_file_with_a_mistake(cli, tmp_path, text, told):
    await cli("tenant", "create", "shop")
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    outcome = await cli("schedule", "set", "support", path, "--tenant", "shop")
    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err
    assert (await cli("schedule", "list", "--tenant", "shop")).out == ""


async def test_what_is_refused(cli, hours, tmp_path):
    await cli("tenant", "create", "shop")
    unknown = await cli("schedule", "assign", "none", "--tenant", "shop")
    assert (unknown.code, "There is no schedule “none”." in unknown.err) == (1, True)
    await cli("schedule", "set", "support", hours, "--tenant", "shop")
    nobody = await cli("schedule", "assign", "support", "--tenant", "shop", "--queue", "nobody")
    assert (nobody.code, "[SCHEDULE_SCOPE_UNKNOWN]" in nobody.err) == (1, True)
    both = await cli("schedule", "assign", "support", "--tenant", "shop", "--queue", "a", "--team", "b")
    assert both.code == 2
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert "[SCHEDULE_FILE_INVALID]" in (await cli("schedule", "set", "x", binary, "--tenant", "shop")).err
