"""Readers: any format, any line ending, plain or gzipped; and every way in which a file can be broken."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.ingestion.formats.batch import UNREADABLE
from backend.ingestion.formats.opening import open_table
from backend.ingestion.formats.options import FileOptions
from tests.backend.ingestion.reading import ROWS, read, refusal


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_and_the_line_ending_are_found(delimiter, ending, mark):
    text = ending.join(delimiter.join(row) for row in (["id", "text"], ["1", "a"], ["2", "b"])) + ending
    rows, lines, rejections = read(mark + text.encode())
    assert rows == ROWS
    assert lines == [2, 3]
    assert not rejections


def test_blank_rows_are_passed_over_and_lines_still_count():
    rows, lines, rejections = read(b"\nid,text\n\n1,a\n,\n   \n2,b")
    assert (rows, lines, rejections) == (ROWS, [4, 7], [])


def test_a_quoted_line_break_stays_in_its_field_and_the_record_is_at_its_first_line():
    rows, lines, _ = read(b'id,text\n1,"a\r\nb"\n2,"say ""hi"""\n')
    assert [row["text"] for row in rows] == ["a\r\nb", 'say "hi"']
    assert lines == [2, 4]


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\r\n\t,";|'), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=20), st.integers(1, 7))
def test_whatever_a_csv_writer_writes_is_read_back(pairs, size):
    pairs = [(a, b) for a, b in pairs if (a or b).strip() and (a.strip(), b.strip()) != ("x", "y")]
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("x", "y"), *pairs])
    data = written.getvalue().encode()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    table = open_table(chunks, FileOptions(format="csv", delimiter=","))
    found = [
        pair for batch in table.batches() for pair in zip(batch.column("x"), batch.column("y"), strict=True)
    ]
    assert found == pairs


@pytest.mark.parametrize(
    "row, code",
    [
        (b"1", "ROW_WIDTH"),
        (b"1,a,b", "ROW_WIDTH"),
        (b'1,"a"b', "ROW_QUOTES"),
        (b"id,text", "ROW_HEADER"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside_with_its_line_and_text(row, code):
    rows, lines, rejections = read(b"id,text\n1,a\n" + row + b"\n2,b\n")
    assert (rows, lines) == (ROWS, [2, 4])
    assert [(r.line, r.code, r.raw) for r in rejections] == [(3, code, {UNREADABLE: row.decode()})]


def test_a_repeated_header_is_known_with_its_white_space():
    _, lines, rejections = read(b" id , text\n1,a\n id , text\n2,b\n")
    assert lines == [2, 4]
    assert [r.code for r in rejections] == ["ROW_HEADER"]


@pytest.mark.parametrize(
    "encoding, said",
    [
        ("utf-16", None),
        ("utf-8-sig", None),
        ("gb18030", "gbk"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "windows-1252"),
    ],
)
def test_an_encoding_is_found_by_its_mark_or_said_by_the_mapping(encoding, said):
    text = "naïve" if encoding == "cp1252" else "客服，谢谢"
    rows, _, _ = read(f"id,text\n1,{text}\n".encode(encoding), FileOptions(encoding=said))
    assert rows == [{"id": "1", "text": text}]


@pytest.mark.parametrize(
    "data, offset, hint",
    [
        ("id,text\n1,客服很好\n".encode("gbk"), 10, "gbk"),
        ("id,text\n1,naïve café\n".encode("cp1252"), 12, "windows-1252"),
        ("id,text\n1,a\n".encode("utf-16-le"), 0, "utf-16-le"),
        (b"id,text\n" + b"1,a\n" * 100_000 + b"2,\xff\n", 400_010, "windows-1252"),
        ("id,text\n1,客".encode()[:-1], 10, None),
    ],
)
def test_a_wrong_encoding_is_told_with_its_byte_and_a_suggestion(data, offset, hint):
    refused = refusal(data)
    assert refused.code == "FILE_ENCODING"
    assert refused.problems[0].path == ("byte", offset)
    if hint:
        assert refused.problems[0].hint == hint
        assert hint in refused.message


def packed() -> bytes:
    return gzip.compress(b"id,text\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 1000) for i in range(5_000)))


@pytest.mark.parametrize(
    "data",
    [
        packed()[:-1],
        packed()[:-9],
        packed()[:200],
        packed()[:12],
        packed()[:300] + b"\xff" * 300 + packed()[600:],
        packed() + b"garbage",
        gzip.compress(packed()),
    ],
)
def test_damaged_gzip_is_refused(data):
    assert refusal(data).code == "FILE_COMPRESSION"


def test_gzip_of_several_members_with_padding_is_read_through():
    data = gzip.compress(b"id,text\n1,a\n") + gzip.compress(b"2,b\n") + b"\0" * 100
    assert read(data)[0] == ROWS


def test_a_decompression_bomb_is_stopped_at_the_limit():
    bomb = gzip.compress(b"id,text\n" + b"1,a\n" * 5_000_000)
    tracemalloc.start()
    with pytest.raises(Invalid) as refused:
        for _ in open_table([bomb], limit=1_000_000).batches(100):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.code == "FILE_TOO_LARGE"
    assert peak < 25_000_000  # of 20 MB in one chunk of output, were it not bounded: hundreds


def endless(start: bytes, again: bytes, times: int = 3_000) -> Iterator[bytes]:
    yield start
    for _ in range(times):
        yield again


@pytest.mark.parametrize(
    "start, again",
    [
        (b'id,text\n1,"', b"x" * 700_000),
        (b'id,text\n1,"', b"x\n" * 350_000),
        (b"id,text\n1,", b"x" * 700_000),
        (b'id,text\n"', b'x","y\n' * 100_000),
        (b"id,", b"x" * 700_000),
        (b'{"id":1}\n{"id":"', b"x" * 700_000),
    ],
)
def test_a_field_a_line_or_a_record_of_two_gigabytes_is_given_up_early(start, again):
    given_bytes = 0

    def counted():
        nonlocal given_bytes
        for chunk in endless(start, again):
            given_bytes += len(chunk)
            yield chunk

    tracemalloc.start()
    with pytest.raises(Invalid) as refused:
        for _ in open_table(counted()).batches():
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.code == "FILE_FIELD_TOO_LARGE"
    assert given_bytes < 25_000_000
    assert peak < 120_000_000


def test_a_quote_that_is_never_closed_is_a_fault_of_the_file():
    refused = refusal(b'id,text\n1,a\n2,"b\n3,c\n')
    assert (refused.code, refused.problems[0].path) == ("FILE_QUOTES", ("line", 3))


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "FILE_EMPTY"),
        (b"\xef\xbb\xbf", "FILE_EMPTY"),
        (b"\n \r\n", "FILE_EMPTY"),
        (b"id,id\n1,2\n", "FILE_HEADER"),
        (b"id, id \n1,2\n", "FILE_HEADER"),
        (b"%PDF-1.7 ...", "FILE_FORMAT"),
        (b"<!DOCTYPE html><table>", "FILE_FORMAT"),
        (bytes(range(256)) * 20, "FILE_FORMAT"),
        (b"BZh91AY", "FILE_FORMAT"),
        (b"PAR1" + b"x" * 100 + b"PAR1", "FILE_FORMAT"),
        (b"PK\x03\x04" + b"x" * 100, "FILE_FORMAT"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 2_000, "FILE_FORMAT"),
        (b"{\n" + b'"a":' + b"[" * 5_000, "FILE_FORMAT"),
        (b"[1, 2", "FILE_FORMAT"),
    ],
)
def test_what_is_no_table_is_refused(data, code):
    assert refusal(data).code == code


def test_a_zip_archive_that_is_no_workbook_is_told_apart(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("data.csv", "id,text\n")
    assert "unpack" in refusal(tmp_path / "a.xlsx").message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "missing.csv").code == "FILE_UNREADABLE"


def test_a_format_that_the_content_contradicts_is_refused():
    assert refusal(b"id,text\n", FileOptions(format="excel")).code == "FILE_FORMAT"


def test_rows_before_the_header_and_headers_of_two_rows():
    data = "报表\n,总,,邀请,\n日期,发出,收到,发出,收到\n1,2,3,4,5\n".encode()
    rows, lines, _ = read(data, FileOptions(skip_rows=1, header_rows=2, delimiter=","))
    assert rows == [{"日期": "1", "总-发出": "2", "总-收到": "3", "邀请-发出": "4", "邀请-收到": "5"}]
    assert lines == [4]


def test_a_file_without_header_takes_the_names_from_the_mapping():
    rows, _, _ = read(b"1,a\n2,b\n", FileOptions(columns=("id", "text"), header_rows=0))
    assert rows == ROWS


def test_ndjson_keeps_what_is_an_object_and_sets_the_rest_aside():
    data = (
        b'{"id":"1","text":"a"}\r\n\n[1]\n{"id":\n{"id":NaN}\n{"id":"\\ud800"}\n{"id":'
        + b"[" * 4_000
        + b'\n{"id":"2","text":"b"}'
    )
    rows, lines, rejections = read(data)
    assert (rows, lines) == (ROWS, [1, 8])
    assert [(r.line, r.code) for r in rejections] == [
        (3, "ROW_NOT_OBJECT"),
        (4, "ROW_JSON"),
        (5, "ROW_JSON"),
        (6, "ROW_JSON"),
        (7, "ROW_NESTING"),
    ]


def test_what_is_no_json_is_shown_from_where_it_goes_wrong():
    data = b'{"id":"1","text":"a"}\n{"id":"2",}\n{"id":"3"\n{"id":"\xe4\xbd\xa0",oops}\n'
    _, _, rejections = read(data, FileOptions(format="ndjson"))
    assert [one.message for one in rejections] == [
        "The line is not valid JSON: it cannot be read from “}” on.",
        "The line is not valid JSON: it ends too early.",
        "The line is not valid JSON: it cannot be read from “oops}” on.",
    ]
    with pytest.raises(Invalid) as refused:
        read(b'[{"id":"1"},\n{id:2}]', FileOptions(format="json"))
    assert refused.value.message.startswith("The file is not valid JSON: it cannot be read from “id:2}]” on.")


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"total": 2, "items": rows}])
def test_a_json_document_holds_a_list_of_objects(wrap):
    rows, lines, _ = read(json.dumps(wrap(ROWS), indent=1).encode())
    assert (rows, lines) == (ROWS, [1, 2])


def test_memory_stays_flat_however_large_the_file():
    def lines(count):
        yield b"id,text\n"
        for start in range(0, count, 1_000):
            yield b"".join(b"%d,some words that make up a comment\n" % i for i in range(start, start + 1_000))

    def peak(count):
        tracemalloc.start()
        rows = sum(len(batch.lines) for batch in open_table(lines(count)).batches())
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == count
        return found

    assert peak(200_000) < 1.5 * peak(40_000)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"id,text\n1,a\n", b'{"id":1}\n', b"\x1f\x8b", b"PK\x03\x04"]),
)
def test_any_bytes_give_rows_rejections_or_a_refusal(data, start):
    if start == b"PK\x03\x04" or data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        data = data[:40]
    try:
        rows, lines, rejections = read(start + data)
    except Invalid as refused:
        told = (refused.code.startswith("FILE_"), bool(refused.message))
        rows, lines, rejections = [], [], []
    else:
        told = (True, True)
    assert told == (True, True)
    assert len(rows) == len(lines)
    assert all(rejection.line >= 1 and rejection.message for rejection in rejections)
