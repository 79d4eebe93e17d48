"""A guessed mapping loads as it is, finds what a person would, and names every column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.ingestion.formats.opening import open_table
from backend.ingestion.guess import guess_mapping
from backend.ingestion.mapping import load
from backend.ingestion.normalize import Normalizer
from tests.backend.ingestion.shared import DATA, needs_data


def rules(text: str, kind: str = "interaction"):
    return next(record.rules for record in load(text).records if record.kind == kind)


def imported(path, text):
    mapping = load(text)
    table = open_table(path, mapping.file)
    chunks = list(Normalizer(mapping, table.header).chunks(table))
    table.close()
    return {kind: sum(len(c.records[kind]) for c in chunks) for kind in chunks[0].records}, [
        r for c in chunks for r in c.rejections
    ]


def write(tmp_path, name, lines):
    (tmp_path / name).write_text("\n".join(lines), "utf-8")
    return tmp_path / name


@needs_data
@pytest.mark.parametrize(
    "name, records",
    [
        ("pwc_call_center.csv", {"interaction": 5_000, "survey": 4_054}),
        ("pwc_call_center_zero_filled.csv", {"interaction": 5_000, "survey": 4_054}),
        ("anonymous_bank_feb1999.tsv.gz", {"interaction": 33_344}),
        ("customer_support_tickets.csv.gz", {"interaction": 8_469, "survey": 2_769}),
        ("waimai_10k.csv", {"interaction": 11_987}),
    ],
)
def test_the_guess_for_a_public_data_set_imports_it_whole(name, records):
    text = guess_mapping(DATA / name)
    assert imported(DATA / name, text) == (records, [])


@needs_data
def test_the_guess_for_calls_is_what_a_person_would_write():
    found = rules(guess_mapping(DATA / "pwc_call_center_zero_filled.csv"))
    assert {name: rule.columns for name, rule in found.items()} == {
        "external_id": ("Call Id",),
        "channel": (),
        "started": ("Date", "Time"),
        "answered": ("Answered (Y/N)",),
        "abandoned": ("Answered (Y/N)",),
        "resolved": ("Resolved",),
        "wait_time": ("Speed of answer in seconds",),
        "talk_time": ("AvgTalkDuration",),
        "agent": ("Agent",),
        "issue_type": ("Topic",),
    }
    assert found["channel"].value == "call"
    assert found["abandoned"].values == {"N": "true", "Y": "false"}
    assert found["wait_time"].null == {"0"}
    assert found["talk_time"].null == {"0:00:00"}
    score = rules(guess_mapping(DATA / "pwc_call_center_zero_filled.csv"), "survey")["score"]
    assert (score.null, [int(end) for end in score.scale or ()]) == ({"0"}, [1, 5])


def test_chinese_names_and_gbk_are_understood(tmp_path):
    path = tmp_path / "会话.csv"
    rows = [
        "会话ID,客服,开始时间,首次响应时长,通话时长,渠道,满意度,问题类型,备注",
        *[
            f"S{i},小{i % 3},2021/1/{i + 1} 9:12,{i}秒,7分{i}秒,{('在线', '电话')[i % 2]},{i % 5 + 1},退款,--"
            for i in range(20)
        ],
    ]
    path.write_bytes("\n".join(rows).encode("gbk"))
    text = guess_mapping(path)
    assert {name: rule.columns for name, rule in rules(text).items()} == {
        "external_id": ("会话ID",),
        "channel": ("渠道",),
        "started": ("开始时间",),
        "first_response_time": ("首次响应时长",),
        "talk_time": ("通话时长",),
        "agent": ("客服",),
        "issue_type": ("问题类型",),
    }
    assert rules(text)["channel"].values == {"电话": "call", "在线": "chat"}
    assert load(text).file.encoding == "gbk"
    assert imported(path, text) == ({"interaction": 20, "survey": 20}, [])
    assert "备注" in text


def test_a_date_that_may_be_read_two_ways_is_marked(tmp_path):
    path = write(tmp_path, "a.csv", ["id,created", *[f"{i},{i}/2/2021" for i in range(1, 10)]])
    assert "CHECK" in guess_mapping(path)
    path = write(tmp_path, "b.csv", ["id,created", *[f"{i},2/{i}/2021" for i in range(1, 28)]])
    text = guess_mapping(path)
    assert "CHECK" not in text
    assert rules(text)["started"].formats == ("%m/%d/%Y",)


def test_epochs_and_nested_objects(tmp_path):
    path = write(
        tmp_path,
        "a.ndjson",
        [
            json.dumps({"id": i, "created_at": 1_612_137_600 + i, "customer": {"email": f"c{i}@example.com"}})
            for i in range(9)
        ],
    )
    found = rules(guess_mapping(path))
    assert found["started"].unit == "s"
    assert found["customer"].columns == ("customer.email",)
    assert imported(path, guess_mapping(path)) == ({"interaction": 9}, [])


def test_objects_and_lists_are_no_names(tmp_path):
    records = [
        {
            "id": i,
            "created_at": f"2024-02-0{i}T10:00:00Z",
            "agent": {"name": f"Ann {i % 2}", "id": f"a{i % 2}"},
            "customer": {"name": f"C {i}", "email": f"c{i}@example.com", "id": i},
            "queue": {"name": "Billing"},
            "team": ["x"],
            "category": {"code": 1},
            "channel": {"type": "web"},
        }
        for i in range(1, 10)
    ]
    path = write(tmp_path, "a.ndjson", map(json.dumps, records))
    text = guess_mapping(path)
    found = {name: rule.columns for name, rule in rules(text).items()}
    assert {name: found.get(name) for name in ("agent", "agent_name", "customer", "customer_name")} == {
        "agent": ("agent.id",),
        "agent_name": ("agent.name",),
        "customer": ("customer.id",),
        "customer_name": ("customer.name",),
    }
    assert found["queue"] == ("queue.name",)
    nested = {name for name, value in records[0].items() if isinstance(value, dict | list)}
    assert not nested & {column for columns in found.values() for column in columns}
    assert imported(path, text) == ({"interaction": 9}, [])


@pytest.mark.parametrize("word", ["呼叫", "通话", "来电"])
@pytest.mark.parametrize("space", [" ", ""])
def test_chinese_call_logs_have_a_day_and_a_time_of_day(tmp_path, word, space):
    lines = [f"C{i},{i}/2/2024,{i % 12 + 1}:0{i % 10}{space}PM,0:03:1{i % 10}" for i in range(1, 29)]
    path = write(tmp_path, "a.csv", [f"编号,{word}日期,{word}时间,通话时长", *lines])
    text = guess_mapping(path)
    found = rules(text)
    assert found["started"].columns == (f"{word}日期", f"{word}时间")
    assert found["started"].formats == (f"%d/%m/%Y %I:%M{space}%p",)
    assert found["talk_time"].columns == ("通话时长",)
    assert "CHECK" not in text
    assert imported(path, text) == ({"interaction": 28}, [])


def test_how_long_a_call_took_is_not_taken_for_its_time_of_day(tmp_path):
    path = write(
        tmp_path, "a.csv", ["编号,日期,通话时间", *[f"{i},2024-02-0{i},0:03:1{i}" for i in range(1, 9)]]
    )
    found = rules(guess_mapping(path))
    assert (found["started"].columns, found["talk_time"].columns) == (("日期",), ("通话时间",))


def test_a_file_without_a_moment_is_marked(tmp_path):
    path = write(tmp_path, "a.csv", ["id,agent,呼叫时间", "1,ann,1:00 PM", "2,bob,2:00 PM"])
    text = guess_mapping(path)
    assert "# CHECK: no moment found: rows will lie in no window" in text
    assert 'type = "text"' in next(line for line in text.splitlines() if "呼叫时间" in line)
    assert imported(path, text) == ({"interaction": 2}, [])


def test_a_file_in_the_built_in_shape_needs_no_fields(tmp_path):
    path = write(tmp_path, "a.csv", ["external_id,channel,talk_time", "1,call,5"])
    text = guess_mapping(path, source="own")
    assert (load(text).source, "same_names" in text) == ("own", True)
    assert imported(path, text)[0] == {"interaction": 1}


def test_two_columns_may_be_the_id(tmp_path):
    path = write(
        tmp_path, "a.csv", ["day,number,agent", *[f"2021-01-0{d},{n},A" for d in (1, 2, 3) for n in range(5)]]
    )
    assert set(rules(guess_mapping(path))["external_id"].columns) == {"day", "number"}


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"%PDF-1.7")
    with pytest.raises(Invalid):
        guess_mapping(tmp_path / "a.csv")


NAMES = st.text(max_size=12) | st.sampled_from(
    [
        "id",
        "Date",
        "Time",
        "agent",
        "channel",
        "rating",
        "answered",
        'a"b',
        "a\\b",
        "\x7f",
        "#",
        "'",
        "满意度",
    ]
)
CELLS = st.text(max_size=10) | st.sampled_from(
    ["", "1", "0", "Y", "N", "2021-01-01", "1/2/21", "9:12", "5", "--", "1e5", "0:01:02"]
)


@given(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.strip), st.data())
def test_any_table_gives_a_mapping_that_loads_and_fits_it(names, data):
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=8))
    documents = [dict(zip(names, row, strict=True)) for row in rows]
    lines = "\n".join(json.dumps(document) for document in documents).encode() or b"\n"
    try:
        text = guess_mapping([lines], name='a\x00".ndjson')
    except Invalid as refused:
        assert refused.code == "FILE_EMPTY"  # noqa: PT017 - either outcome is right
    else:
        mapping = load(text)
        table = open_table([lines], mapping.file)
        for chunk in Normalizer(mapping, table.header).chunks(table):
            assert chunk.rows_read == len(chunk.records["interaction"]) + len(chunk.rejections)
