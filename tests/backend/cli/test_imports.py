import gzip
import json

import pytest
from sqlalchemy import func, select

from backend.ingestion.models import sync_run
from backend.interactions.models import attribute, interaction

MAPPING = """\
source = "calls"
kind = "interaction"

[fields]
external_id = { column = "Call" }
channel = { value = "call" }
started = { column = "When", format = "%d.%m.%Y %H:%M" }
answered = { column = "Taken", values = { Y = "true", N = "false" } }

[attributes.mood]
type = "text"
column = "Mood"
"""
CALLS = "Call;When;Taken;Mood\n7;03.02.2026 08:15;Y;good\n8;04.02.2026 19:00;N;\n"


async def rows_of(door, table=interaction):
    async with door.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_file_in_the_built_in_shape_needs_no_mapping(cli, acme, contacts):
    done = await cli("import", contacts, "--tenant", "acme")
    assert (done.code, done.out) == (0, "")
    assert "4 rows read, 0 set aside" in done.err
    assert "interaction: 4 new or changed, 0 unchanged" in done.err
    assert await rows_of(acme) == 4


async def test_the_same_file_twice_changes_nothing(cli, acme, contacts):
    await cli("import", contacts, "--tenant", "acme")
    again = await cli("import", contacts, "--tenant", "acme")
    assert "interaction: 0 new or changed, 4 unchanged" in again.err
    assert "survey: 0 new or changed, 3 unchanged" in again.err


async def test_columns_that_were_not_read_are_named(cli, acme, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("external_id,channel,startd,colour\n1,chat,2026-02-02T09:00:00Z,red\n", "utf-8")
    done = await cli("import", path, "--tenant", "acme")
    assert (done.code, await rows_of(acme)) == (0, 1)
    assert "not read: “startd” (did you mean “started”?), “colour”" in done.err


async def test_a_mapping_says_what_the_columns_are_and_registers_attributes(cli, acme, tmp_path):
    (tmp_path / "calls.toml").write_text(MAPPING, encoding="utf-8")
    with gzip.open(tmp_path / "calls.csv.gz", "wt", encoding="utf-8") as file:
        file.write(CALLS)
    done = await cli(
        "import", tmp_path / "calls.csv.gz", "--tenant", "acme", "--mapping", tmp_path / "calls.toml"
    )
    assert done.code == 0, done.err
    async with acme.read() as session:
        rows = (
            await session.execute(
                select(interaction.c.external_id, interaction.c.attributes, interaction.c.source).order_by(
                    interaction.c.external_id
                )
            )
        ).all()
        types = (await session.execute(select(attribute.c.key, attribute.c.type))).all()
    assert [tuple(row) for row in rows] == [("7", {"mood": "good"}, "calls"), ("8", {}, "calls")]
    assert [tuple(row) for row in types] == [("mood", "text")]


async def test_the_source_can_be_renamed(cli, acme, contacts):
    await cli("import", contacts, "--tenant", "acme", "--source", "march")
    async with acme.read() as session:
        assert set((await session.execute(select(interaction.c.source))).scalars()) == {"march"}


async def test_it_goes_to_the_named_tenant_only(cli, acme, globex, contacts):
    before = await rows_of(globex)
    await cli("import", contacts, "--tenant", "acme")
    assert await rows_of(globex) == before


async def test_a_bad_row_is_set_aside_and_told(cli, acme, contacts):
    contacts.write_text(contacts.read_text("utf-8") + "c5,chat,yesterday,,,,,,,,\n", encoding="utf-8")
    done = await cli("import", contacts, "--tenant", "acme")
    assert done.code == 0
    assert "5 rows read, 1 set aside" in done.err
    assert "line 6: “yesterday”" in done.err
    assert await rows_of(acme) == 4


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "FILE_EMPTY"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "FILE_FORMAT"),
        (gzip.compress(b"external_id,channel\n" * 200)[:40], "FILE_COMPRESSION"),
        (
            b"external_id,channel,started\n1,smoke,2026-01-01\n2,smoke,2026-01-01\n",
            "IMPORT_TOO_MANY_REJECTED",
        ),
        (b"one,two\n1,2\n", "FILE_HEADER"),
    ],
)
async def test_a_bad_file_is_refused_and_nothing_of_it_kept(cli, acme, tmp_path, content, code):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    refused = await cli("import", path, "--tenant", "acme")
    assert (refused.code, refused.out) == (1, "")
    assert f"[{code}]" in refused.err
    assert "Traceback" not in refused.err
    assert await rows_of(acme) == 0


async def test_a_refused_file_leaves_a_refused_run(cli, acme, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("external_id,channel,started\n1,smoke,2026-01-01\n", encoding="utf-8")
    await cli("import", path, "--tenant", "acme")
    async with acme.read() as session:
        runs = (await session.execute(select(sync_run.c.status, sync_run.c.label, sync_run.c.actor))).all()
    assert [tuple(run) for run in runs] == [("refused", "bad.csv", "cli")]


async def test_a_file_that_is_not_there(cli, tmp_path):
    refused = await cli("import", tmp_path / "none.csv", "--tenant", "acme")
    assert refused.code == 1
    assert "none.csv" in refused.err


async def test_every_mistake_of_a_mapping_is_told_at_once(cli, contacts, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        'source = "x"\n[fields]\nexternal_id = { colum = "Call" }\nchanel = { value = "call" }\n', "utf-8"
    )
    refused = await cli("import", contacts, "--tenant", "acme", "--mapping", path)
    assert refused.code == 1
    assert "[MAPPING_INVALID]" in refused.err
    assert "colum" in refused.err
    assert "chanel" in refused.err


async def test_usage_mistakes_end_with_two(nowhere, contacts, tmp_path):
    assert (await nowhere("import", contacts)).code == 2
    assert (await nowhere("import", contacts, "--tenant", "acme", "--output", tmp_path / "x")).code == 2
    assert (await nowhere("import", contacts, "--guess", "--mapping", tmp_path / "x")).code == 2


async def test_a_guessed_mapping_can_be_used_as_it_is(cli, acme, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(
        "Call Id,Date,Time,Agent,Answered (Y/N),Talk duration\n"
        + "".join(
            f"ID{n:04},2026-01-{n % 27 + 1:02},09:{n % 60:02}:00,Ann,Y,00:02:{n % 60:02}\n" for n in range(80)
        ),
        encoding="utf-8",
    )
    guessed = await cli("import", "--guess", path)
    assert guessed.code == 0
    assert "[fields" in guessed.out
    written = await cli("import", "--guess", path, "--output", tmp_path / "calls.toml")
    assert (written.code, written.out) == (0, "")
    assert (tmp_path / "calls.toml").read_text("utf-8").strip() == guessed.out.strip()
    done = await cli("import", path, "--tenant", "acme", "--mapping", tmp_path / "calls.toml")
    assert done.code == 0, done.err
    assert await rows_of(acme) == 80


async def test_rejected_rows_are_listed_replayed_and_given_up(cli, acme, tmp_path):
    calls = (
        CALLS
        + "".join(f"{n};05.02.2026 10:00;Y;\n" for n in range(20, 40))
        + "9;someday;Y;\n10;05.02.2026 11:00;?;\n"
    )
    (tmp_path / "calls.csv").write_text(calls, encoding="utf-8")
    (tmp_path / "calls.toml").write_text(MAPPING, encoding="utf-8")
    await cli("import", tmp_path / "calls.csv", "--tenant", "acme", "--mapping", tmp_path / "calls.toml")

    listed = await cli("rejected", "list", "--tenant", "acme", "--json")
    waiting = [json.loads(line) for line in listed.out.splitlines()]
    assert [(one["line"], one["raw"]["Call"]) for one in waiting] == [(24, "9"), (25, "10")]

    (tmp_path / "mended.toml").write_text(
        MAPPING.replace('N = "false"', 'N = "false", "?" = "false"'), encoding="utf-8"
    )
    replayed = await cli("rejected", "replay", "--tenant", "acme", "--mapping", tmp_path / "mended.toml")
    assert "1 taken, 1 still set aside" in replayed.err
    assert await rows_of(acme) == 23

    assert (await cli("rejected", "discard", "--tenant", "acme")).code == 1
    assert "1 given up" in (await cli("rejected", "discard", waiting[0]["id"], "--tenant", "acme")).err
    assert (await cli("rejected", "list", "--tenant", "acme")).out == ""
