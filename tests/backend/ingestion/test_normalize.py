"""Rows to records: the stored form of every field, rows set aside whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.ingestion.mapping import built_in, load
from backend.ingestion.normalize import Normalizer
from backend.interactions.identity import fact_id
from tests.backend.ingestion.normalizing import normalize

HEAD = 'source = "shop"\n[fields]\nexternal_id = "id"\nchannel = { value = "call" }\n'


def test_a_row_becomes_an_interaction_and_its_survey():
    mapping = (
        HEAD
        + """
started = { columns = ["day", "clock"], format = "%d/%m/%Y %H:%M" }
answered = { column = "yes", values = { Y = true, N = false } }
wait_time = "wait"
amount = "amount"
agent = "agent"
[attributes]
load = { column = "load", type = "number" }
note = "note"
late = { column = "late", type = "boolean" }
due = { column = "day", type = "moment", format = "%d/%m/%Y" }
span = { column = "wait", type = "duration" }
[survey]
kind = { value = "csat" }
score = { column = "stars", scale = [0, 10] }
comment = "note"
"""
    )
    data = (
        "id,day,clock,yes,wait,amount,agent,load,note,late,stars\n"
        '7,3/2/2021,9:12,Y,0:01:05,12.5,Ann,1.5,"a""b",y,10\n'
    )
    found, rejections, _ = normalize(mapping, data, zone="Europe/Zurich", currency="EUR")
    assert not rejections
    assert found["interaction"] == [
        {
            "line": 2,
            "id": fact_id("shop", "7"),
            "source": "shop",
            "external_id": "7",
            "channel": "call",
            "started_at": datetime(2021, 2, 3, 8, 12, tzinfo=UTC),
            "wait_time": 65_000,
            "answered": True,
            "amount": 1_250,
            "currency": "EUR",
            "agent": "Ann",
            "attributes": '{"load":1500,"note":"a\\"b","late":true,'
            '"due":"2021-02-02T23:00:00Z","span":65000}',
        }
    ]
    assert found["survey"] == [
        {
            "line": 2,
            "id": fact_id("shop", "7:survey"),
            "source": "shop",
            "external_id": "7:survey",
            "interaction_id": fact_id("shop", "7"),
            "kind": "csat",
            "score": 5_000,
            "scale_min": 1_000,
            "scale_max": 5_000,
            "comment": 'a"b',
        }
    ]


def test_layouts_name_the_attributes_that_the_file_can_fill():
    mapping = load(
        HEAD + '[attributes]\na = { column = "A", type = "money", label = "Fee" }\n'
        'b = { column = "B", optional = true }\n'
    )
    layout = Normalizer(mapping, ["id", "A"]).layouts[0]
    assert layout.columns[-1] == "attributes"
    assert [(a.key, a.type, a.label_en) for a in layout.attributes] == [("a", "money", "Fee")]


def test_a_record_without_any_attribute_has_an_empty_object():
    found, _, _ = normalize(HEAD + '[attributes]\na = "A"\n', "id,A\n1,\n")
    assert found["interaction"][0]["attributes"] == "{}"


def test_a_row_without_a_score_has_no_survey_and_no_fault_in_it():
    mapping = HEAD + '[survey]\nkind = "kind"\nscore = "score"\n'
    found, rejections, _ = normalize(mapping, "id,kind,score\n1,csat,5\n2,nonsense,\n3,,\n4,nps,10\n")
    assert [(s["external_id"], s["score"], s["scale_max"]) for s in found["survey"]] == [
        ("1:survey", 5_000, 5_000),
        ("4:survey", 10_000, 10_000),
    ]
    assert len(found["interaction"]) == 4
    assert not rejections


def test_a_row_with_a_fault_anywhere_is_set_aside_whole_with_all_its_text():
    mapping = HEAD + 'wait_time = "wait"\n[survey]\nkind = { value = "csat" }\nscore = "score"\n'
    found, rejections, total = normalize(mapping, "id,wait,score\n1,5,5\n2,long,4\n3,5,9\n,5,1\n5,5,x\n")
    assert [i["external_id"] for i in found["interaction"]] == ["1"]
    assert [s["external_id"] for s in found["survey"]] == ["1:survey"]
    assert [(r.line, r.field, r.code) for r in rejections] == [
        (3, "wait_time", "BAD_DURATION"),
        (4, "survey.score", "SCORE_RANGE"),
        (5, "external_id", "REQUIRED_MISSING"),
        (6, "survey.score", "BAD_NUMBER"),
    ]
    assert rejections[0].raw == {"id": "2", "wait": "long", "score": "4"}
    assert total.rows_read == 5


@pytest.mark.parametrize(
    "mapping, cell, code",
    [
        ('started = "x"', "9999-12-31", "YEAR_RANGE"),
        ('started = "x"', "2021-13-01", "BAD_DATE"),
        ('wait_time = "x"', "abc", "BAD_DURATION"),
        ('transfers = "x"', "99999999999", "NUMBER_RANGE"),
        ('transfers = "x"', "1.5", "BAD_INTEGER"),
        ('answered = "x"', "maybe", "BAD_BOOLEAN"),
        ('agent = "x"', "a\x00b", "TEXT_NUL"),
        ('segment = "x"', "v" * 600, "TEXT_TOO_LONG"),
        ('amount = "x"', "1,23", "BAD_NUMBER"),
        ('exclusion = "x"', "w" * 70_000, "TEXT_TOO_LONG"),
    ],
)
def test_faults_of_a_row(mapping, cell, code):
    found, rejections, _ = normalize(
        HEAD + mapping,
        f"id,x\n1,\n2,{cell.replace(',', ';') if code != 'BAD_NUMBER' else chr(34) + cell + chr(34)}\n",
    )
    assert [i["external_id"] for i in found["interaction"]] == ["1"]
    assert [(r.line, r.field, r.code) for r in rejections] == [(3, mapping.split(" ")[0], code)]
    json.dumps(rejections[0].raw).encode()


def test_a_corrected_mapping_takes_what_was_set_aside():
    data = "id,when\n1,2021-02-03\n2,3/2/2021\n"
    _, rejections, _ = normalize(HEAD + 'started = "when"\n', data)
    assert [r.code for r in rejections] == ["AMBIGUOUS_DATE"]
    again = Normalizer(load("day_first = true\n" + HEAD + 'started = "when"\n'), None)
    chunk = again.records([r.raw for r in rejections], [r.line for r in rejections])
    assert not chunk.rejections
    assert next(iter(chunk.records["interaction"])) == (
        3,
        fact_id("shop", "2"),
        "shop",
        "2",
        "call",
        datetime(2021, 2, 3, tzinfo=UTC),
    )


def test_a_row_that_had_no_columns_cannot_be_taken_by_a_replay():
    _, rejections, _ = normalize(HEAD, "id,x\n1,2,3\n")
    chunk = Normalizer(load(HEAD), None).records([rejections[0].raw, "text"])  # type: ignore[list-item]
    assert [(r.line, r.code) for r in chunk.rejections] == [(0, "ROW_UNREADABLE"), (1, "ROW_UNREADABLE")]


def test_a_column_the_file_lacks_is_told_with_the_nearest():
    with pytest.raises(Invalid) as refused:
        normalize(HEAD + 'agent = "Agent Name"\n', "id,agent name\n1,Ann\n")
    assert refused.value.code == "FILE_HEADER"
    assert "“Agent Name”" in refused.value.message
    assert refused.value.problems[0].hint == "agent name"


def test_an_optional_column_may_be_absent_and_then_is_not_written():
    mapping = (
        HEAD
        + 'agent = { column = "agent", optional = true }\n'
        + 'team = { column = "t", optional = true, default = "A" }\n'
    )
    found, _, _ = normalize(mapping, "id\n1\n")
    assert "agent" not in found["interaction"][0]
    assert found["interaction"][0]["team"] == "A"


def test_objects_may_leave_keys_out_but_not_the_ones_all_records_need():
    found, rejections, _ = normalize(
        HEAD + 'agent = "who.name"\n', '{"id":1,"who":{"name":"Ann"}}\n{"id":2}\n{"x":1}\n'
    )
    assert [(i["external_id"], i["agent"]) for i in found["interaction"]] == [("1", "Ann"), ("2", None)]
    assert [(r.line, r.code) for r in rejections] == [(3, "REQUIRED_MISSING")]
    with pytest.raises(Invalid) as refused:
        normalize(HEAD, '{"Id":1}\n{"Id":2}\n')
    assert refused.value.problems[0].hint == "Id"


def test_a_key_that_no_object_of_a_long_file_has_is_a_mistake():
    rows = "\n".join(json.dumps({"id": i}) for i in range(1_500))
    with pytest.raises(Invalid) as refused:
        normalize(HEAD + 'agent = "agnet"\n', rows)
    assert refused.value.code == "FILE_HEADER"
    found, _, _ = normalize(HEAD + 'agent = { column = "agnet", optional = true }\n', rows)
    assert len(found["interaction"]) == 1_500


def test_null_markers_defaults_and_conditions():
    mapping = (
        'null = ["--"]\n'
        + HEAD
        + """
agent = { column = "a", null = ["nobody"], default = "pool" }
exclusion = { column = "o", values = { P = "phantom" }, other = "" }
talk_time = { column = "t", when = { column = "o", is_not = ["H", "P"] } }
"""
    )
    found, _, _ = normalize(mapping, "id,a,o,t\n1,--,P,5\n2, nobody ,A,6\n3,Ann,H,7\n")
    assert [(i["agent"], i["exclusion"], i["talk_time"]) for i in found["interaction"]] == [
        ("pool", "phantom", None),
        ("pool", None, 6_000),
        ("Ann", None, None),
    ]


def test_a_cell_that_a_condition_leaves_out_is_not_judged():
    mapping = HEAD + 'talk_time = { column = "t", when = { column = "o", is = ["A"] } }\n'
    found, rejections, _ = normalize(mapping, "id,o,t\n1,A,5\n2,H,none\n")
    assert [i["talk_time"] for i in found["interaction"]] == [5_000, None]
    assert not rejections


def test_summary_rows_are_left_out():
    mapping = '[file]\ndrop = { id = ["汇总值", "平均值"] }\n'
    mapping = HEAD.replace("[fields]", mapping + "[fields]")
    found, rejections, total = normalize(mapping, "id,n\n小王,1\n汇总值,2\n 平均值 ,3\n")
    assert [i["external_id"] for i in found["interaction"]] == ["小王"]
    assert (rejections, total.rows_read) == ([], 1)


@pytest.mark.parametrize("zone, closed", [("UTC", "2021-03-28T00:10"), ("Europe/Zurich", "2021-03-27T23:10")])
def test_a_moment_past_midnight_is_on_the_next_day(zone, closed):
    mapping = (
        f'zone = "{zone}"\nmidnight = "roll"\n'
        + HEAD
        + """
started = { columns = ["d", "s"] }
closed = { columns = ["d", "c"] }
"""
    )
    found, _, _ = normalize(mapping, "id,d,s,c\n1,2021-03-27,23:50,0:10\n2,2021-03-27,9:00:10,9:00:05\n")
    assert found["interaction"][0]["closed_at"] == datetime.fromisoformat(closed).replace(tzinfo=UTC)
    skewed = found["interaction"][1]
    assert (skewed["started_at"] - skewed["closed_at"]).total_seconds() == 5


def test_a_night_in_which_the_clocks_change_is_rolled_by_the_wall_clock():
    mapping = (
        'zone = "Europe/Zurich"\nmidnight = "roll"\n' + HEAD + 'started = ["d", "s"]\nclosed = ["d", "c"]\n'
    )
    found, _, _ = normalize(mapping, "id,d,s,c\n1,2021-03-28,23:50,0:10\n")
    only = found["interaction"][0]
    assert (only["closed_at"] - only["started_at"]).total_seconds() == 20 * 60


def test_amounts_follow_the_currency_of_their_row():
    mapping = (
        'source = "s"\nkind = "order"\n[fields]\nexternal_id = "id"\nordered = "when"\n'
        'amount = "sum"\nrefunded = "back"\ncurrency = "cur"\n'
    )
    rows = ["1,2021-01-01,10.5,,usd", "2,2021-01-01,500,100,JPY", "3,2021-01-01,7,,", "4,2021-01-01,7,,EURO"]
    data = "\n".join(["id,when,sum,back,cur", *rows])
    found, rejections, _ = normalize(mapping, data, currency="KWD")
    assert [(o["amount"], o["refunded"], o["currency"]) for o in found["order"]] == [
        (1_050, None, "USD"),
        (500, 100, "JPY"),
        (7_000, None, "KWD"),
    ]
    assert [(r.line, r.code) for r in rejections] == [(5, "BAD_CURRENCY")]


def test_the_built_in_shape_takes_any_subset_of_its_columns():
    data = (
        "external_id,channel,talk_time,survey_score,resolved_at,nonsense\n"
        "1,CALL,90,5,2021-01-01T00:00:00Z,x\n2,chat,,,,\n"
    )
    found, rejections, _ = normalize(built_in(source="own"), data)
    assert not rejections
    assert [(i["channel"], i["talk_time"]) for i in found["interaction"]] == [
        ("call", 90_000),
        ("chat", None),
    ]
    assert "agent" not in found["interaction"][0]
    assert [s["kind"] for s in found["survey"]] == ["csat"]
    assert "survey" not in normalize(built_in(), "external_id,channel\n1,chat\n")[0]


def test_an_event_names_its_interaction():
    mapping = built_in("event", source="own")
    data = (
        '{"external_id":"e1","interaction":"7","happened":"2021-01-01T00:00:00Z",'
        '"kind":"message","actor":"agent"}\n'
    )
    found, _, _ = normalize(mapping, data)
    assert found["event"][0]["interaction_id"] == fact_id("own", "7")


def test_cells_of_other_types_mean_what_their_text_means():
    rows = [
        {
            "external_id": 7,
            "channel": "call",
            "answered": True,
            "talk_time": 90.5,
            "transfers": 2.0,
            "agent": ["a"],
        },
        {"external_id": "8", "channel": "call", "answered": 1, "talk_time": True, "transfers": None},
    ]
    chunk = Normalizer(built_in(), None).records(rows)
    columns = Normalizer(built_in(), None).layouts[0].columns
    record = dict(zip(columns, next(iter(chunk.records["interaction"])), strict=True))
    assert (
        record["external_id"],
        record["answered"],
        record["talk_time"],
        record["transfers"],
        record["agent"],
    ) == ("7", True, 90_500, 2, '["a"]')
    assert [(r.line, r.field) for r in chunk.rejections] == [(1, "talk_time")]


@given(
    st.lists(
        st.tuples(
            st.text(max_size=8), st.sampled_from(["0:01", "9:59:59", "x", "", "25:00"]), st.text(max_size=4)
        ),
        max_size=30,
    ),
    st.integers(1, 9),
)
def test_every_row_is_a_record_or_a_rejection_whatever_the_chunks(rows, size):
    mapping = load(HEAD.replace('"call" }', '"call" }\nstarted = ["d", "c"]\nagent = "a"'))
    rows = [{"id": name, "d": "2021-01-01", "c": clock, "a": agent} for name, clock, agent in rows]
    whole = Normalizer(mapping, None).records(rows)
    normalizer = Normalizer(mapping, None)
    parts = [
        normalizer.records(rows[i : i + size], range(i, i + len(rows[i : i + size])))
        for i in range(0, len(rows), size)
    ]
    records = list(whole.records["interaction"])
    assert [record for part in parts for record in part.records["interaction"]] == records
    assert [(r.line, r.code) for part in parts for r in part.rejections] == [
        (r.line, r.code) for r in whole.rejections
    ]
    taken = {record[0] for record in records} | {r.line for r in whole.rejections}
    assert taken == set(range(len(rows)))
