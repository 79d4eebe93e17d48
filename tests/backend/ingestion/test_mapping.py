"""Mappings: what the text means, and that each mistake is told with its place and the nearest name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.ingestion.mapping import built_in, load
from backend.ingestion.rules import Condition
from backend.ingestion.shapes import SHAPES
from tests.backend.ingestion.shared import INGESTION, MAPPINGS

WHOLE = """
source = "phone"
zone = "Europe/Zurich"
null = ["-", 0]
decimal = ","
midnight = "roll"

[file]
format = "csv"
encoding = "GBK"
delimiter = ";"
skip_rows = 2
drop = { Agent = ["total", "average"] }

[fields]
external_id = ["line", "call"]
channel = { value = "call" }
started = { columns = ["Date", "Time"], format = "%d.%m.%Y %H:%M" }
answered = { column = "Answered", values = { Y = true, N = false }, other = "" }
wait_time = { column = "Wait", unit = "ms", null = ["0"], when = { column = "Answered", is = ["Y"] } }

[survey]
kind = { value = "csat" }
score = { column = "Rating", scale = [0, 10] }

[attributes]
tariff = "Tariff"
load = { column = "Load", type = "number", label = "Load", label_zh = "负载" }
"""

LEAST = 'source = "x"\n[fields]\nexternal_id = "id"\nchannel = { value = "call" }\n'


def problems(text: str):
    with pytest.raises(Invalid) as refused:
        load(text)
    assert refused.value.code == "MAPPING_INVALID"
    assert all(problem.code.startswith(("MAPPING_", "CURRENCY_")) for problem in refused.value.problems)
    return {problem.path: problem for problem in refused.value.problems}


def test_a_whole_mapping():
    mapping = load(WHOLE)
    main, survey = mapping.records
    assert (mapping.source, mapping.kind, mapping.zone) == ("phone", "interaction", "Europe/Zurich")
    assert mapping.null == {"-", "0"}
    assert (mapping.decimal, mapping.midnight_rolls) == (",", True)
    assert (mapping.file.encoding, mapping.file.delimiter, mapping.file.skip_rows) == ("gbk", ";", 2)
    assert mapping.file.drop == {"Agent": {"total", "average"}}
    assert main.rules["external_id"].columns == ("line", "call")
    assert main.rules["answered"].values == {"Y": "true", "N": "false"}
    assert main.rules["wait_time"].when == Condition("Answered", frozenset({"Y"}))
    assert survey.present == "score"
    assert [(a.attribute.key, a.attribute.type, a.attribute.label_zh) for a in mapping.attributes] == [
        ("tariff", "text", None),
        ("load", "number", "负载"),
    ]
    assert mapping.text == WHOLE
    assert list(mapping.columns()) == [
        "line",
        "call",
        "Date",
        "Time",
        "Answered",
        "Wait",
        "Rating",
        "Tariff",
        "Load",
    ]


def test_the_source_can_be_replaced():
    assert load(LEAST, source="y").source == "y"


@pytest.mark.parametrize(
    "addition, path, hint",
    [
        ("agnet = 'A'", ("fields", "agnet"), "agent"),
        ("started_at = 'A'", ("fields", "started_at"), "started"),
        ("wait_time = { colum = 'A' }", ("fields", "wait_time", "colum"), "column"),
        ("[filed]\nformat = 'csv'", ("filed",), "file"),
        ("[file]\nencoding = 'utf8x'", ("file", "encoding"), "utf8"),
        ("[file]\nformat = 'xlsx '", ("file", "format"), None),
        ("wait_time = { column = 'A', unit = 'sec' }", ("fields", "wait_time", "unit"), None),
        ("agent = { column = 'A', unit = 's' }", ("fields", "agent", "unit"), None),
        ("started = { column = 'A', format = '%Q' }", ("fields", "started", "format"), None),
        ("agent = { column = 'A', format = '%Y-%m-%d' }", ("fields", "agent", "format"), None),
        ("started = { column = 'A', zone = 'Europe/Zurch' }", ("fields", "started", "zone"), "Europe/Zurich"),
        ("answered = { column = 'A', values = { Y = 'sure' } }", ("fields", "answered", "values", "Y"), None),
        ("answered = { column = 'A', other = 'sure' }", ("fields", "answered", "other"), None),
        ("wait_time = { column = 'A', default = 'long' }", ("fields", "wait_time", "default"), None),
        ("wait_time = { value = 'long' }", ("fields", "wait_time", "value"), None),
        ("agent = {}", ("fields", "agent"), None),
        ("agent = { column = 'A', value = 'B' }", ("fields", "agent"), None),
        ("agent = 5", ("fields", "agent"), None),
        ("agent = []", ("fields", "agent", "columns"), None),
        ("agent = [1]", ("fields", "agent", "columns"), None),
        ("agent = { column = 'A', when = { column = 'B' } }", ("fields", "agent", "when"), None),
        ("agent = { column = 'A', optional = 'yes' }", ("fields", "agent", "optional"), None),
        ("agent = { column = 'A', values = 5 }", ("fields", "agent", "values"), None),
        ("amount = { column = 'A', scale = [1, 5] }", ("fields", "amount", "scale"), None),
        (
            "[survey]\nscore = { column = 'A', scale = [5, 5] }\nkind = { value = 'csat' }",
            ("survey", "score", "scale"),
            None,
        ),
        ("[survey]\nscore = 'A'", ("survey", "kind"), None),
        ("[survey]\nkind = { value = 'csta' }\nscore = 'A'", ("survey", "kind", "value"), None),
        ("[survey]\nkind = { value = 'csat' }", ("survey",), None),
        ("[attributes]\nBad = 'A'", ("attributes", "Bad"), None),
        ("[attributes]\nagent = 'A'", ("attributes", "agent"), None),
        ("[attributes]\nx = { column = 'A', type = 'txt' }", ("attributes", "x", "type"), "text"),
        ("[file]\nheader_rows = -1", ("file", "header_rows"), None),
        ("[file]\ndelimiter = ',,'", ("file", "delimiter"), None),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_name(addition, path, hint):
    found = problems(LEAST + addition)
    assert path in found
    assert found[path].message
    if hint:
        assert found[path].hint == hint
        assert hint in found[path].message


@pytest.mark.parametrize(
    "head, path",
    [
        ("", ("source",)),
        ("source = 5", ("source",)),
        ("source = ''", ("source",)),
        ("source = 'x'\nkind = 'call'", ("kind",)),
        ("source = 'x'\nzone = 'Mars'", ("zone",)),
        ("source = 'x'\nmidnight = 'maybe'", ("midnight",)),
        ("source = 'x'\nday_first = 'yes'", ("day_first",)),
        ("source = 'x'\nfields = 5", ("fields",)),
        ("source = 'x'\nnull = { a = 1 }", ()),
    ],
)
def test_mistakes_at_the_top(head, path):
    found = problems(head + "\n")
    assert path in found or any(p[:1] == ("null",) for p in found)


def test_all_mistakes_are_told_at_once():
    found = problems('source = "x"\nzone = "Mars"\n[fields]\nagnet = "A"\n')
    assert set(found) == {("zone",), ("fields", "agnet"), ("fields", "external_id"), ("fields", "channel")}


def test_broken_toml_is_told_with_its_line():
    found = problems('source = "x\n')
    assert "Line 1" in found[()].message


@pytest.mark.parametrize(
    "text, said",
    [
        ('source = "x"\n[fields]\nagent = Agent Name\n', "Line 3 is not valid TOML: “agent = Agent Name”."),
        ('source = "x"\nsource = "y"\n', 'Line 2 is not valid TOML: “source = "y"”.'),
        ('source = "x"\n[fields', "the text ends in the middle"),
        ("a = " + "[" * 5_000, "too deep in one another"),
    ],
)
def test_a_text_that_is_no_toml_has_this_one_problem(text, said):
    with pytest.raises(Invalid) as refused:
        load(text)
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == ("MAPPING_SYNTAX", ())
    assert said in problem.message


@pytest.mark.parametrize("kind", list(SHAPES))
def test_each_kind_has_a_built_in_mapping_that_fills_every_field(kind):
    mapping = built_in(kind, source="shop")
    assert (mapping.kind, mapping.source) == (kind, "shop")
    assert set(mapping.records[0].rules) == {field.name for field in SHAPES[kind].fields}


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(Invalid) as refused:
        built_in("calls")
    assert refused.value.code == "MAPPING_KIND"


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_mappings_of_the_public_data_sets_load(path):
    assert load(path.read_text("utf-8")).kind == "interaction"


def test_the_manual_s_example_loads_and_every_code_is_in_the_manual():
    manual = (INGESTION / "README.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", manual, re.DOTALL)
    assert example is not None
    assert load(example[1]).source == "phone"
    sources = [*INGESTION.glob("formats/*.py"), *INGESTION.glob("values/*.py"), *INGESTION.glob("*.py")]
    families = r'"((?:FILE|ROW|BAD|TEXT|MAPPING)_[A-Z_]+|[A-Z]+_RANGE|REQUIRED_MISSING|AMBIGUOUS_DATE)"'
    codes = {code for path in sources for code in re.findall(families, path.read_text("utf-8"))}
    assert len(codes) > 35
    assert not sorted(code for code in codes if f"`{code}`" not in manual)


VALUES = st.recursive(
    st.sampled_from(["A", "", "%Y-%m-%d", "roll", "s", "csat", "text", "call", "Y", "UTC"])
    | st.integers(-2, 2)
    | st.booleans()
    | st.floats(-1, 2, allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "column",
                    "columns",
                    "value",
                    "values",
                    "format",
                    "unit",
                    "null",
                    "when",
                    "is",
                    "scale",
                    "zone",
                    "default",
                    "other",
                    "type",
                    "optional",
                    "join",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
TABLES = st.dictionaries(
    st.sampled_from(
        [
            "external_id",
            "channel",
            "started",
            "wait_time",
            "amount",
            "currency",
            "answered",
            "score",
            "kind",
            "format",
            "drop",
            "columns",
            "header_rows",
            "x",
        ]
    ),
    VALUES,
    max_size=5,
)


def toml(value) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return repr(value)


@given(
    st.dictionaries(
        st.sampled_from(
            ["source", "kind", "null", "zone", "file", "fields", "survey", "order", "attributes"]
        ),
        VALUES | TABLES,
    )
)
def test_any_toml_is_a_mapping_or_a_list_of_problems(content):
    text = "\n".join(f"{key} = {toml(value)}" for key, value in content.items())
    try:
        mapping = load(text)
    except Invalid as refused:
        outcome = bool(refused.problems)
    else:
        outcome = bool(mapping.source)
    assert outcome
