"""Hostile content as cells, names and files gives records, rejections or a refusal, nothing else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from backend.core.errors import Invalid
from backend.ingestion.formats.opening import open_table
from backend.ingestion.formats.options import FORMATS, FileOptions
from backend.ingestion.guess import guess_mapping
from backend.ingestion.mapping import built_in, load
from backend.ingestion.normalize import Normalizer
from backend.ingestion.shapes import INTERACTION
from tests.backend.ingestion.shared import DATA, needs_data

BAD = DATA / "bad_inputs"
pytestmark = needs_data


def strings() -> list[str]:
    """Every hostile string there is, of all files."""
    found = json.loads((BAD / "blns.json").read_text("utf-8"))
    for name in ("sqli.txt", "other.txt"):
        found += (BAD / name).read_text("utf-8", "surrogateescape").split("\n")
    return list(dict.fromkeys(found))


def take(source, mapping, **options) -> Iterator[tuple]:
    table = open_table(source, options.pop("file", mapping.file), **options)
    try:
        yield from ((chunk, table) for chunk in Normalizer(mapping, table.header).chunks(table))
    finally:
        table.close()


def check(chunk) -> None:
    """What a chunk holds can be stored, and each rejection says enough."""
    for rejection in chunk.rejections:
        assert rejection.line >= 0
        assert rejection.code
        assert rejection.message
        json.dumps(rejection.raw, ensure_ascii=False).encode()
        assert not any("\x00" in str(part) for pair in rejection.raw.items() for part in pair)
    for records in chunk.records.values():
        for record in records:
            for value in record:
                if isinstance(value, str):
                    assert "\x00" not in value
                    value.encode()


@pytest.mark.parametrize("field", [field.name for field in INTERACTION.fields])
def test_as_cells_of_every_field(field):
    hostile = strings()
    rows = [{"external_id": str(i), "channel": "chat", field: text} for i, text in enumerate(hostile)]
    chunk = Normalizer(built_in(), None).records(rows)
    check(chunk)
    assert {r[0] for r in chunk.records["interaction"]} | {r.line for r in chunk.rejections} == set(
        range(len(hostile))
    )
    assert chunk.rows_read == len(hostile)


def test_a_hostile_text_is_kept_to_the_letter():
    hostile = [
        text
        for text in strings()
        if text.strip() and "\x00" not in text and text.isprintable() and len(text) < 500
    ]
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(["id", "note"])
    writer.writerows((i, text) for i, text in enumerate(hostile))
    mapping = load(
        'source = "s"\n[fields]\nexternal_id = "id"\nchannel = { value = "chat" }\nsegment = "note"\n'
        '[attributes]\nnote = "note"\n'
    )
    chunks = [chunk for chunk, _ in take([written.getvalue().encode()], mapping)]
    records = [record for chunk in chunks for record in chunk.records["interaction"]]
    assert len(hostile) > 900
    assert [record[5] for record in records] == [text.strip() for text in hostile]
    assert [json.loads(record[6])["note"] for record in records] == [text.strip() for text in hostile]


def test_as_attributes_of_every_type():
    types = ("text", "number", "boolean", "duration", "money", "moment")
    mapping = load(
        'source = "s"\n[fields]\nexternal_id = "id"\nchannel = { value = "chat" }\n[attributes]\n'
        + "".join(f'a_{type} = {{ column = "{type}", type = "{type}" }}\n' for type in types)
    )
    for type in types:
        chunk = Normalizer(mapping, None).records(
            [{"id": str(i), type: text} for i, text in enumerate(strings())]
        )
        check(chunk)
        for record in chunk.records["interaction"]:
            json.loads(record[-1])


def test_as_names_of_columns_and_keys():
    mapping = load(
        'source = "s"\n[fields]\nexternal_id = "id"\nchannel = { value = "chat" }\nstarted = "when"\n'
    )
    names = [name for name in dict.fromkeys(text.strip() for text in strings()) if name][:400]
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["id", "when", *names], ["1", "x", *names], ["2", "2021-01-01", *names]])
    for chunk, _ in take(
        [written.getvalue().encode("utf-8", "replace")], mapping, file=FileOptions(delimiter=",")
    ):
        check(chunk)
        assert [r.code for r in chunk.rejections] == ["BAD_DATE"]
    check(Normalizer(mapping, None).records([{"id": "1", "when": "x", **dict.fromkeys(names, "v")}]))


@pytest.mark.parametrize("path", sorted(BAD.glob("*")) if BAD.is_dir() else [], ids=lambda path: path.name)
@pytest.mark.parametrize("format", [None, *FORMATS])
def test_as_whole_files(path, format):
    try:
        for chunk, _ in take(path, built_in(), file=FileOptions(format=format)):
            check(chunk)
    except Invalid as refused:
        assert refused.code.startswith("FILE_")  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("path", sorted(BAD.glob("*")) if BAD.is_dir() else [], ids=lambda path: path.name)
def test_a_guess_for_a_hostile_file_loads_or_is_refused(path):
    try:
        text = guess_mapping(path)
    except Invalid as refused:
        assert refused.code.startswith("FILE_")  # noqa: PT017 - either outcome is right
    else:
        for chunk, _ in take(path, load(text)):
            check(chunk)


def test_as_mappings():
    for text in strings():
        with pytest.raises(Invalid) as refused:
            load(text)
        assert refused.value.code == "MAPPING_INVALID"


def test_as_json_lines():
    data = b"\n".join(text.encode("utf-8", "replace") for text in strings())
    try:
        for chunk, _ in take([data], built_in(), file=FileOptions(format="ndjson")):
            check(chunk)
    except Invalid as refused:
        assert refused.code.startswith("FILE_")  # noqa: PT017 - either outcome is right
