"""Which statements a set of questions becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from backend.core.windows import Comparison, Grain, Window
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.planning.describe import describe
from backend.metrics.planning.planner import ALL, Kind, Plan, Split, plan
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Order, Question, Restriction
from tests.backend.metrics.builders import WEEK, asked

PREPARATION = Preparation.of(CATALOGUE, (), "UTC", "USD", Restriction())


def planned(*questions: Question) -> Plan:
    return plan(PREPARATION.prepare(question).task for question in questions)


def test_equal_questions_are_asked_once():
    once = planned(asked("avg(handle_time)", "count()"))
    assert planned(*[asked("avg(handle_time)", "count()")] * 3) == once


def test_kpis_share_parts():
    [statement] = planned(asked("sum(handle_time)", "avg(handle_time)", "count()")).statements
    assert [part.collect for part in statement.parts] == ["sum", "count", "count"]


def test_a_share_and_a_count_of_the_same_condition_share_a_part():
    [statement] = planned(asked("share(answered)", "count(where answered)")).statements
    assert len(statement.parts) == 2


def test_one_scan_serves_every_split():
    statements = planned(
        asked("count()", grain=Grain.DAY),
        asked("avg(handle_time)", dimensions=("agent",)),
        asked("share(answered)", dimensions=("weekday", "hour_of_day")),
    ).statements
    assert [len(statement.splits) for statement in statements] == [3]


def test_other_rows_are_another_scan():
    statements = planned(
        asked("count()"),
        asked("count() at queued"),
        asked("count() including excluded"),
        asked("count()", where='channel = "chat"'),
        asked("count(where survey.score >= 4)"),
        asked("count()", window=None),
        asked("count()", comparison=Comparison.PREVIOUS_PERIOD),
    ).statements
    assert len(statements) == 7  # the last one's own window is the first one's


def test_what_looks_back_needs_no_statement_for_its_total():
    [series] = planned(asked("count() over 28d", grain=Grain.DAY, dimensions=("agent",))).statements
    assert (series.scan.grain, len(series.splits)) == (Grain.DAY, 1)
    [state] = planned(asked("count(while open)", grain=Grain.DAY, dimensions=("agent",))).statements
    assert (state.scan.grain, len(state.splits)) == (Grain.DAY, 1)


def test_without_a_grain_looking_back_is_a_window_like_any_other():
    month = Window(WEEK.end - timedelta(days=28), WEEK.end, "UTC")
    statements = planned(asked("count() over 28d"), asked("count()", window=month)).statements
    assert [one.scan.window for one in statements] == [month]


def test_what_cannot_be_taken_away_again_is_collected_for_each_cell():
    question = asked(
        "count(while open)", "p90(handle_time while open)", "avg(age while open)", grain=Grain.DAY
    )
    statements = planned(question).statements
    assert [(one.kind, one.scan.each_cell) for one in statements] == [
        (Kind.PARTS, False),
        (Kind.HISTOGRAMS, False),
        (Kind.PARTS, True),
    ]
    assert not any(one.scan.each_cell for one in planned(replace(question, grain=None)).statements)


def test_what_is_taken_across_a_dimension_is_collected_with_all_else():
    [statement] = planned(asked("count() / count(across agent)", dimensions=("agent",))).statements
    assert len(statement.splits) == 1
    [whole, _] = planned(asked("count_distinct(source across agent)", dimensions=("agent",))).statements
    assert whole.splits == (Split(None, whole.splits[0].dimensions), ALL)


def test_what_does_not_merge_is_collected_for_the_total_too():
    [whole, parts] = planned(asked("count_distinct(customer)", dimensions=("agent",))).statements
    assert (parts.kind, len(parts.splits)) == (Kind.PARTS, 1)
    assert (whole.kind, len(whole.splits), whole.splits[-1]) == (Kind.WHOLE, 2, ALL)


def test_ranking_members_of_a_series_needs_their_totals():
    question = asked("count_distinct(customer)", grain=Grain.DAY, dimensions=("agent",), order=Order("a"))
    [whole, _] = planned(question).statements
    assert [split.grain for split in whole.splits] == [Grain.DAY, None, None]
    assert whole.splits[1] == Split(None, whole.splits[0].dimensions)


def test_histograms_stand_apart():
    kinds = [
        one.kind for one in planned(asked("p90(handle_time)", "median(wait_time)", "count()")).statements
    ]
    assert kinds == [Kind.HISTOGRAMS, Kind.PARTS]


def test_a_statement_never_has_more_names_than_grouping_takes():
    dimensions = [
        name
        for name, one in PREPARATION.vocabulary.fields.items()
        if one.groupable and one.fact == "interaction"
    ]
    questions = [
        asked("p90(handle_time)", "p50(wait_time)", dimensions=(one, other))
        for one in dimensions
        for other in dimensions
        if one < other
    ]
    for statement in planned(*questions).statements:
        keys = {key for split in statement.splits for key in split.keys}
        assert len(keys) + (len(statement.parts) if statement.kind is Kind.HISTOGRAMS else 0) <= 31


def test_a_plan_can_be_read():
    text = describe(
        planned(
            asked(
                "avg(handle_time where answered and handle_time > 10s)",
                grain=Grain.DAY,
                dimensions=("channel",),
                where='agent in ("ann", "bob")',
            )
        )
    )
    assert text == (
        "parts of interaction at started, 2026-02-02T00:00:00+00:00 to 2026-02-09T00:00:00+00:00 (UTC), "
        'where (agent in ("ann", "bob"))\n'
        "  by day, channel\n"
        "  sum of handle_time where (answered and (handle_time > 10s))\n"
        "  count of handle_time where (answered and (handle_time > 10s))"
    )
    text = describe(planned(asked("count(where answered over 28d across agent)", grain=Grain.DAY)))
    assert text == (
        "parts of interaction at started, 2026-02-02T00:00:00+00:00 to 2026-02-09T00:00:00+00:00 (UTC), "
        "over 28d, at the end of each day\n"
        "  by day\n"
        "  count of rows where answered across agent"
    )
