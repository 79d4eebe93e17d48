"""Diagnostics as people read them: hints that can be typed, excerpts that point at the place."""

from __future__ import annotations

import pytest

from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.diagnostics import (
    MEANINGS,
    Code,
    Diagnostic,
    Findings,
    describe,
    excerpt,
    find_nearest,
)
from backend.metrics.language.tree import Span
from tests.backend.metrics.language.corpus import DEFINITIONS, VOCABULARY


def first(text: str) -> Diagnostic:
    return compile_formula(text, VOCABULARY, DEFINITIONS).diagnostics[0]


@pytest.mark.parametrize(
    "text, hint",
    [
        ("avg(first_response_time) + 30", "Write 30s for seconds, 30m for minutes or 30h for hours."),
        ("share(wait_time > 30 s)", "Write 30s, without the space."),
        ("count(where 1 < transfers < 5)", "Write 1 < transfers and transfers < …"),
        ("avg(avg(handle_time))", "Write avg(handle_time) alone; it is taken over all rows at once."),
        ("handle_time", "Write avg(handle_time), say."),
        ("amount", "Write sum(amount), say."),
        ("agent", "Write count_distinct(agent), say."),
        ("resolved", "Write share(resolved), say."),
        ("avg(answered)", "Write share(answered), or count(where answered)."),
        ("count(answered)", "Write count(where answered)."),
        ("count(handle_time)", "Write count(where handle_time is not missing)."),
        ("count(where channel = chat)", 'Text goes in quotes: channel = "chat".'),
        ("count where answered", "count is a function: write count(…)."),
        ("count(where handle_time)", "Write handle_time > 30s, say."),
        ("count(where channel)", 'Write channel = "chat", say.'),
        ("avg(handle time)", "A name has no spaces: handle_time; two names need an operator between them."),
        ("select count()", "A formula begins with what is measured: avg(handle_time)."),
        ("count() / avg(handle_time)", "Say per how long: … / (sum(handle_time) / 1h)."),
        ("avg(business(talk_time))", "Write business(resolution_time) or business(closed - accepted)."),
        ("avg(business(resolved))", "Write business(resolved - started)."),
        ("avg(business(wait_time + handle_time))", "Take business(…) of each span, then reckon with those."),
        ("business_last(wait_time)", "Write avg(business_last(wait_time)), say."),
        ("avg(working_hours(wait_time))", "Did you mean business?"),
        ("sum(answered + 1)", "Write if(answered, 1, 0)."),
        ("avg(age)", "Write avg(age while open), count(where age > 1d while open)."),
        ("age", "Write avg(age while open), say."),
        ("count(while opne)", "Interactions are open, waiting or handled."),
        ("count(where activity.capacity > 1 while open)", "Agent activities are ongoing."),
        ("sum(order.amount while open)", "Leave it out: orders have no states."),
        (
            "count(at closed while open)",
            "Leave one of them out, or write “at” into the parentheses it is meant for.",
        ),
        ("count() over 5s", "Write over 28d, say."),
        ("count() over 5000d", "Write over 1096d at most."),
        ("count(across handle_time)", "Write across issue_type, across channel."),
        ("p100(handle_time)", "Percentiles run from p1 to p99; a fraction is written p99.9."),
    ],
)
def test_the_hint_names_the_fix(text: str, hint: str) -> None:
    assert first(text).hint == hint


def test_a_named_thing_is_said_to_be_compared_by_its_external_id() -> None:
    said = first('count(where product contains "x")').message
    assert said == "“contains” does not work on product, which is compared by its external id."
    assert "is a number" not in said
    assert "which is a count" in first('count(where transfers contains "1")').message


@pytest.mark.parametrize(
    "text, nearest",
    [
        ("avg(first_respons_time)", "first_response_time"),
        ("avg(FIRST_RESPONSE_TIME)", "first_response_time"),
        ("count(while wating)", "waiting"),
        ("count(across isue_type)", "issue_type"),
        ("avg(首次响应时间)", "first_response_time"),
        ("count(where score > 3)", "survey.score"),
        ("count(where survey.channel = 'chat')", "channel"),
        ("count(where channel = 'chatt')", "chat"),
        ("count(where weekday = 'Mon')", "Monday"),
        ("average(handle_time)", "avg"),
        ("medain(handle_time)", "median"),
        ("avg(handle_time) at close", "closed"),
        ("@resolution_rat", "resolution_rate"),
        ("avg(qqqqq)", None),
    ],
)
def test_the_nearest_name_is_given(text: str, nearest: str | None) -> None:
    assert first(text).nearest == nearest


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Code)


def test_an_excerpt_points_at_the_place() -> None:
    assert excerpt("avg(foo)", Span(4, 7)) == "avg(foo)\n    ^^^"
    assert excerpt("avg(", Span(4, 4)) == "avg(\n    ^"
    assert excerpt("", Span(0, 0)) == "\n^"


def test_wide_characters_take_two_columns() -> None:
    assert excerpt('"渠道" = x', Span(7, 8)) == '"渠道" = x\n         ^'
    assert excerpt("avg(渠道)", Span(4, 6)) == "avg(渠道)\n    ^^^^"
    assert excerpt("e\u0301 = x", Span(5, 6)) == "e\u0301 = x\n    ^"


def test_a_long_text_is_cut_around_the_place_and_control_characters_do_not_reach_the_terminal() -> None:
    text = "a" * 200 + "\x1b[31m" + "b" * 200
    shown, carets = excerpt(text, Span(200, 201)).splitlines()
    assert shown.startswith("… a")
    assert shown.endswith("b …")
    assert len(shown) < 80
    assert shown[carets.index("^")] == " "
    assert "\x1b" not in shown


def test_a_whole_diagnostic_for_the_terminal() -> None:
    assert describe("avg(x)", Diagnostic(Code.FIELD_UNKNOWN, Span(4, 5), "No.", "Try y.")) == (
        "FIELD_UNKNOWN: No.\navg(x)\n    ^\nTry y."
    )


def test_findings_keep_one_of_a_kind_per_place_in_the_order_of_the_text() -> None:
    findings = Findings()
    findings.add(Code.SYNTAX, Span(5, 6), "second")
    findings.add(Code.SYNTAX, Span(1, 2), "first")
    findings.add(Code.SYNTAX, Span(5, 6), "again")
    assert [d.message for d in findings.all()] == ["first", "second"]


def test_nothing_like_it_is_nothing() -> None:
    assert find_nearest("zzz", ["avg", "sum"]) is None
    assert find_nearest("x" * 100_000, ["avg"]) is None
