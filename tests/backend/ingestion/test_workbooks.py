"""Excel and Parquet: known by their content, read with their own types."""

from __future__ import annotations

import gzip
import sys

import pytest

from backend.ingestion.formats.options import FileOptions
from tests.backend.ingestion.reading import ROWS, read, refusal
from tests.backend.ingestion.workbooks import Styled, xls, xlsx


@pytest.mark.parametrize(
    "data",
    [xlsx(("Data", [["id", "text"], ["1", "a"], ["2", "b"]])), xls([["id", "text"], [1, "a"], [2, "b"]])],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.csv"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_excel_is_known_by_its_content_whatever_its_name(data, name, pack, tmp_path):
    (tmp_path / name).write_bytes(pack(data))
    assert read(tmp_path / name)[0] == ROWS
    assert read(pack(data), name=name)[0] == ROWS


def test_excel_gives_dates_times_and_durations_as_iso_text():
    data = xlsx(
        (
            "Data",
            [
                ["id", "day", "moment", "clock", "span", "yes", None],
                [1, Styled(44197, 1), Styled(44197.5, 2), Styled(0.25, 3), Styled(1.5, 4), True],
                [None],
                [None],
                [2.5, None, None, None, None, False],
            ],
        )
    )
    rows, lines, _ = read(data)
    assert rows[0] == {
        "id": "1",
        "day": "2021-01-01",
        "moment": "2021-01-01 12:00:00",
        "clock": "06:00:00",
        "span": "36:00:00",
        "yes": "true",
    }
    assert rows[1]["id"] == "2.5"
    assert lines == [2, 5]


def test_a_sheet_is_taken_by_name_else_the_first_with_rows():
    data = xlsx(("Empty", []), ("Data", [["id", "text"], ["1", "a"], ["2", "b"]]), ("Other", [["id"], ["9"]]))
    assert read(data)[0] == ROWS
    assert read(data, FileOptions(sheet="Other"))[0] == [{"id": "9"}]
    refused = refusal(data, FileOptions(sheet="Othr"))
    assert (refused.code, refused.problems[0].hint) == ("FILE_SHEET", "Other")


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is bounded on Linux only")
def test_a_workbook_that_claims_billions_of_cells_is_refused_by_the_child_alone():
    data = xlsx(("Data", [["id"], ["1"]]), extra='<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    assert refusal(data).code == "FILE_TOO_LARGE"


def test_parquet_is_read_in_batches_with_its_own_types(tmp_path):
    polars = pytest.importorskip("polars", reason="needs the extra columnar")
    from datetime import UTC, datetime, timedelta
    from decimal import Decimal

    polars.DataFrame(
        {
            "id": [1, 2, 3],
            "when": [datetime(2021, 1, 1, 9, tzinfo=UTC), None, datetime(2021, 1, 2, tzinfo=UTC)],
            "span": [timedelta(seconds=90), None, timedelta(days=1)],
            "price": [Decimal("1.10"), None, Decimal("2.00")],
            "share": [0.5, float("nan"), None],
            "tags": [["a"], [], None],
            "kind": polars.Series(["x", "y", None], dtype=polars.Categorical),
        }
    ).write_parquet(tmp_path / "a.parquet")
    rows, lines, _ = read(tmp_path / "a.parquet", size=2)
    assert lines == [1, 2, 3]
    assert rows[0] == {
        "id": 1,
        "when": "2021-01-01 09:00:00+00:00",
        "span": "0:01:30",
        "price": "1.10",
        "share": "0.5",
        "tags": ["a"],
        "kind": "x",
    }
    assert rows[1]["when"] is None
    assert rows[1]["share"] is None
    assert read((tmp_path / "a.parquet").read_bytes())[0] == rows
    damaged = bytearray((tmp_path / "a.parquet").read_bytes())
    damaged[20:200] = b"\xff" * 180
    assert refusal(bytes(damaged)).code == "FILE_FORMAT"


def test_parquet_without_its_extra_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    refused = refusal(b"PAR1....PAR1")
    assert refused.code == "EXTRA_MISSING"
    assert "columnar" in refused.message
