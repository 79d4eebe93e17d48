"""Cells to stored values: what is understood, what is refused and why."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.ingestion.converters import linear
from backend.ingestion.formats.batch import plain, safe_record, text_of
from backend.ingestion.values import numbers, text
from backend.ingestion.values.durations import duration
from backend.ingestion.values.faults import Fault
from backend.ingestion.values.moments import compile_format, moment


def fault(convert, cell) -> str:
    with pytest.raises(Fault) as refused:
        convert(cell)
    assert refused.value.message
    return refused.value.code


@pytest.mark.parametrize(
    "cell, milliseconds",
    [
        ("0:02:23", 143_000),
        ("2:23", 143_000),
        ("90:00", 5_400_000),
        ("100:00:00", 360_000_000),
        ("0:00:00", 0),
        ("0:00:01.5", 1_500),
        ("1 day, 2:03:04", 93_784_000),
        ("0 days 00:02:23", 143_000),
        ("-0:00:05", -5_000),
        ("7小时41分52秒", 27_712_000),
        ("3分钟", 180_000),
        ("45秒", 45_000),
        ("1h 2m", 3_720_000),
        ("1 hour, 5 minutes", 3_900_000),
        ("2.5 min", 150_000),
        ("250ms", 250),
        ("PT1H2M3.5S", 3_723_500),
        ("P1DT2H", 93_600_000),
        ("109", 109_000),
        ("1,234.5", 1_234_500),
        ("0.0005", 0),
        ("-57", -57_000),
        (time(0, 2, 23), 143_000),
        (timedelta(hours=30), 108_000_000),
        ("１２秒", 12_000),
    ],
)
def test_durations(cell, milliseconds):
    assert duration()(cell) == milliseconds


def test_a_plain_number_has_the_unit_that_is_said():
    assert [duration(unit)("90") for unit in ("ms", "s", "min", "h", "d")] == [
        90,
        90_000,
        5_400_000,
        324_000_000,
        7_776_000_000,
    ]
    assert duration(two_parts="h:mm")("9:12") == 33_120_000
    assert duration("s", ",")("1.234,5") == 1_234_500


@pytest.mark.parametrize(
    "cell, code",
    [
        ("soon", "BAD_DURATION"),
        ("1:2:3:4", "BAD_DURATION"),
        ("0:61:00", "BAD_DURATION"),
        ("5 parsecs", "BAD_DURATION"),
        ("2021-01-01", "BAD_DURATION"),
        ("99999999999", "DURATION_RANGE"),
        ("1e99", "NUMBER_RANGE"),
        (datetime(2021, 1, 1), "BAD_DURATION"),
        ("true", "BAD_DURATION"),
        ("9" * 40, "BAD_DURATION"),
    ],
)
def test_what_is_no_duration(cell, code):
    assert fault(duration(), cell) == code


@pytest.mark.parametrize(
    "cell, number",
    [
        ("1,234.5", "1234.5"),
        ("¥1,234.5", "1234.5"),
        ("￥99", "99"),
        ("1,234元", "1234"),
        (" 28.80 %", "0.288"),
        ("12%", "0.12"),
        ("３．５", "3.5"),
        ("1.2万", "12000"),
        ("-0", "0"),
        ("+7", "7"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("$ -5", "-5"),
        ("-$5", "-5"),
        ("1'234", "1234"),
        ("€ 1,234", "1234"),
    ],
)
def test_numbers(cell, number):
    assert numbers.decimal(cell) == Decimal(number)


def test_a_comma_may_separate_the_fraction():
    assert numbers.decimal("1.234,5", ",") == Decimal("1234.5")
    assert fault(lambda cell: numbers.decimal(cell, ","), "1,234.5") == "BAD_NUMBER"


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "1,23",
        "1.2.3",
        "1/2",
        "0x1F",
        "NaN",
        "Infinity",
        "-inf",
        "1e999",
        "--1",
        "1_000",
        "٣",
        "²",
        "9" * 90,
        "¥",
        "%",
        "integer too large",
    ],
)
def test_what_is_no_number(cell):
    assert fault(numbers.decimal, cell) == "BAD_NUMBER"


def test_integers_are_whole_and_bounded():
    count = numbers.integer()
    assert (count("3"), count("3.0"), count("2147483647")) == (3, 3, 2**31 - 1)
    assert fault(count, "3.5") == "BAD_INTEGER"
    assert fault(count, "2147483648") == "NUMBER_RANGE"
    assert fault(numbers.thousandths(), "9223372036854775807") == "NUMBER_RANGE"


def test_thousandths_are_exact_and_half_to_even():
    assert [numbers.thousandths()(t) for t in ("3", "0.1", "0.0005", "0.0015", "28.8%")] == [
        3_000,
        100,
        0,
        2,
        288,
    ]


def test_money_has_the_digits_of_its_currency():
    assert numbers.money("USD")("1,234.50") == 123_450
    assert numbers.money("JPY")("¥1,234") == 1_234
    assert numbers.money("KWD")("1.234") == 1_234
    assert numbers.money("USD", in_minor_units=True)("1234") == 1_234
    assert numbers.currency("eur") == "EUR"
    assert fault(numbers.currency, "EURO") == "BAD_CURRENCY"
    with pytest.raises(Invalid):
        numbers.money("XXL")


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("2021-01-01", "2021-01-01T00:00:00"),
        ("2021-01-01 9:12:58", "2021-01-01T09:12:58"),
        ("2021-01-01T09:12:58Z", "2021-01-01T09:12:58"),
        ("2021-01-01T09:12:58.123456789+08:00", "2021-01-01T01:12:58.123456"),
        ("2021-01-01 09:12 +0100", "2021-01-01T08:12:00"),
        ("2021/1/5 9:12", "2021-01-05T09:12:00"),
        ("2021年1月5日 9:12", "2021-01-05T09:12:00"),
        ("2021年1月5日 下午9:12:30", "2021-01-05T21:12:30"),
        ("1-Jan-21", "2021-01-01T00:00:00"),
        ("1-Jan-21 9:12", "2021-01-01T09:12:00"),
        ("5 September 2021 12:30 AM", "2021-09-05T00:30:00"),
        ("Sep 5, 2021 12:30 pm", "2021-09-05T12:30:00"),
        (datetime(2021, 1, 1, 9), "2021-01-01T09:00:00"),
        (datetime(2021, 1, 1, 9, tzinfo=timezone(timedelta(hours=8))), "2021-01-01T01:00:00"),
    ],
)
def test_usual_moments_need_no_format(cell, expected):
    assert moment("UTC")(cell) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "pattern, cell, expected",
    [
        ("%y%m%d %H:%M:%S", "990201 7:02:47", "1999-02-01T07:02:47"),
        ("%d/%m/%Y", "3/2/2021", "2021-02-03T00:00:00"),
        ("%m/%d/%y %I:%M %p", "2/3/21 12:05 AM", "2021-02-03T00:05:00"),
        ("%d-%b-%y %H:%M", "1-Jan-21 9:12", "2021-01-01T09:12:00"),
        ("%Y%m%d%H%M%S", "20210203040506", "2021-02-03T04:05:06"),
        ("%Y年%m月%d日", "2021年02月03日", "2021-02-03T00:00:00"),
        ("%d.%m.%Y %H:%M:%S.%f", "3.2.2021 04:05:06.25", "2021-02-03T04:05:06.250000"),
        ("%Y-%m-%dT%H:%M:%S%z", "2021-02-03T04:05:06+0100", "2021-02-03T03:05:06"),
        ("%d/%m/%Y", "2021-02-03T04:05:06", "2021-02-03T04:05:06"),
    ],
)
def test_formats(pattern, cell, expected):
    assert moment("UTC", formats=[pattern])(cell) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_several_formats_are_tried_in_order():
    read = moment("UTC", formats=["%d/%m/%Y", "%d.%m.%Y"])
    assert read("3/2/2021") == read("3.2.2021") == datetime(2021, 2, 3, tzinfo=UTC)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 12, 30)).map(lambda d: d.replace(microsecond=0)))
def test_a_format_reads_what_it_writes(when):
    pattern = "%d/%m/%Y %I:%M:%S %p"
    assert compile_format(pattern)(when.strftime(pattern)) == when
    assert moment("UTC")(when.isoformat()) == when.replace(tzinfo=UTC)


@pytest.mark.parametrize("pattern", ["%Q %d", "%d/%m", "%H:%M", "%Y-%m-%d %Y", "", "100%"])
def test_a_format_that_cannot_give_a_date_is_refused(pattern):
    with pytest.raises(Invalid) as refused:
        compile_format(pattern)
    assert refused.value.code == "MAPPING_FORMAT"


@pytest.mark.parametrize(
    "cell, code",
    [
        ("2021-02-30", "BAD_DATE"),
        ("9999-12-31", "YEAR_RANGE"),
        ("1969-12-31", "YEAR_RANGE"),
        ("0001-01-01", "YEAR_RANGE"),
        ("9999-12-31T23:59:59+00:00", "YEAR_RANGE"),
        ("soon", "BAD_DATE"),
        ("2021-01-01 25:00", "BAD_DATE"),
        ("2021-01-01 13:00 PM", "BAD_DATE"),
        ("1/2/2021", "AMBIGUOUS_DATE"),
        ("1612137600", "BAD_DATE"),
        ("20210101", "BAD_DATE"),
        ("2021-01-01 10:00 +99:00", "BAD_DATE"),
        (time(9), "BAD_DATE"),
        ("9" * 500, "BAD_DATE"),
    ],
)
def test_what_is_no_moment(cell, code):
    assert fault(moment("UTC"), cell) == code


def test_day_and_month_are_told_apart_by_the_mapping():
    assert moment("UTC", day_first=True)("1/2/2021") == datetime(2021, 2, 1, tzinfo=UTC)
    assert moment("UTC", day_first=False)("1/2/2021") == datetime(2021, 1, 2, tzinfo=UTC)


def test_epochs_and_spreadsheet_serials():
    when = datetime(2021, 2, 1, tzinfo=UTC)
    assert moment("Asia/Shanghai", unit="s")("1612137600") == when
    assert moment("Asia/Shanghai", unit="ms")("1612137600000") == when
    assert moment("UTC", unit="days")("44228.5") == when + timedelta(hours=12)
    assert moment("UTC", unit="s")("2021-02-01") == when
    assert fault(moment("UTC", unit="s"), "1e16") == "BAD_DATE"
    assert fault(moment("UTC", unit="s"), "9999999999") == "YEAR_RANGE"


def test_wall_clock_times_are_those_of_the_zone_and_an_offset_wins():
    zurich = moment("Europe/Zurich")
    assert zurich("2021-07-01 12:00") == datetime(2021, 7, 1, 10, tzinfo=UTC)
    assert zurich("2021-01-01 12:00") == datetime(2021, 1, 1, 11, tzinfo=UTC)
    assert zurich("2021-07-01 12:00+00:00") == datetime(2021, 7, 1, 12, tzinfo=UTC)


def test_the_hour_that_daylight_saving_skips_or_repeats_is_read_the_same_way_always():
    zurich = moment("Europe/Zurich")
    assert zurich("2021-03-28 02:30") == datetime(2021, 3, 28, 1, 30, tzinfo=UTC)
    assert zurich("2021-10-31 02:30") == datetime(2021, 10, 31, 0, 30, tzinfo=UTC)
    assert zurich(datetime(2021, 10, 31, 2, 30, fold=1)) == datetime(2021, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "word, value", [("Y", True), ("no", False), ("TRUE", True), ("0", False), ("是", True)]
)
def test_booleans(word, value):
    assert text.boolean(word) is value


def test_texts_are_bounded_and_storable():
    assert text.text("客服") == "客服"
    assert fault(text.text, "a\x00b") == "TEXT_NUL"
    assert fault(text.text, "a\ud800b") == "TEXT_SURROGATE"
    assert fault(text.text, "客" * 30_000) == "TEXT_TOO_LONG"
    assert fault(text.identifier, "x" * 513) == "TEXT_TOO_LONG"
    assert fault(text.boolean, "maybe") == "BAD_BOOLEAN"
    assert fault(text.one_of(("chat", "call")), "cal") == "UNKNOWN_CHOICE"
    assert text.one_of(("chat", "call"))("Call") == "call"


@pytest.mark.parametrize(
    "value, cell",
    [
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (float("nan"), None),
        ([1, {"a": 2}], '[1,{"a":2}]'),
        (10**400, "integer too large"),
        (None, None),
    ],
)
def test_values_that_are_no_text_become_the_text_a_cell_would_have(value, cell):
    assert plain(value) == cell


def test_a_record_is_kept_in_a_form_that_can_be_stored_whatever_is_in_it():
    deep: list = []
    for _ in range(500):
        deep = [deep]
    kept = safe_record(
        {"a\x00": "b\x00\ud800", "n": 2**70, "deep": deep, "when": datetime(2021, 1, 1), "f": float("inf")}
    )
    assert kept["a␀"] == "b␀?"
    assert kept["n"] == str(2**70)
    assert kept["when"] == "2021-01-01"


@pytest.mark.parametrize(
    "value, source, scaled",
    [
        (3_000, (1, 5), 3_000),
        (10_000, (0, 10), 5_000),
        (0, (0, 10), 1_000),
        (1_000, (1, 3), 1_000),
        (2_000, (1, 3), 3_000),
        (5_000, (5, 1), 1_000),
        (1_000, (0, 3), 2_333),
    ],
)
def test_scores_are_brought_to_another_scale(value, source, scaled):
    assert linear(value, (Decimal(source[0]), Decimal(source[1])), (1_000, 5_000)) == scaled


CONVERTERS = [
    moment("Europe/Zurich"),
    moment("UTC", day_first=True),
    moment("UTC", unit="ms"),
    moment("UTC", formats=["%d/%m/%Y %I:%M %p"]),
    duration(),
    duration("ms", ","),
    numbers.integer(),
    numbers.thousandths(),
    numbers.money("JPY"),
    numbers.currency,
    text.text,
    text.identifier,
    text.boolean,
]
SPICE = st.text(st.sampled_from("0123456789-+:./eE,%¥ TZPYdhms年月日时分秒٣²①½\x00\ud800"), max_size=30)


@given(
    st.sampled_from(CONVERTERS), st.text(max_size=60) | SPICE | st.datetimes() | st.timedeltas() | st.times()
)
def test_any_cell_gives_a_value_or_a_fault(convert, cell):
    try:
        convert(cell.strip() if isinstance(cell, str) else cell)
    except Fault as refused:
        refused.message.encode("utf-8")
        text_of(cell)
