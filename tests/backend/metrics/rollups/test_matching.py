"""What can be worked out beforehand, and why all else cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from backend.core.windows import Grain, Window
from backend.metrics.rollups.days import Days, whole_days
from backend.metrics.rollups.matching import Matched, match_cells, stored_parts
from backend.metrics.rollups.series import Ground
from tests.backend.metrics.builders import WEEK, asked
from tests.backend.metrics.planning.test_planner import PREPARATION, planned

GROUND = Ground("UTC", "USD")


def matched(formula: str, *, restricted: bool = False, **question: Any) -> list[Matched]:
    facts = PREPARATION.vocabulary.facts
    return [
        one
        for statement in planned(asked(formula, **question)).statements
        for one in match_cells(statement, GROUND, facts, restricted=restricted)
    ]


def reasons(formula: str, **question: Any) -> set[str | None]:
    return {one.reason for one in matched(formula, **question)}


@pytest.mark.parametrize(
    "formula, question",
    [
        ("count()", {}),
        ("avg(handle_time) at closed", {"dimensions": ("agent",), "grain": Grain.WEEK}),
        ("p90(wait_time)", {"dimensions": ("hour_of_day", "weekday"), "where": 'channel = "chat"'}),
        ("stddev(handle_time)", {"grain": Grain.HOUR}),
        ("avg(survey.score)", {"dimensions": ("team", "month")}),
        ("share(contacted_again_within(7d))", {}),
        ("share(preceded_within(7d, started, issue_type))", {}),
        ("share(has(survey.responded))", {}),
        ("avg(turn.wait)", {}),
        ("count() over 7d", {}),
    ],
)
def test_what_follows_from_the_rows_of_days(formula, question):
    assert reasons(formula, **question) == {None}
    assert all(one.variants for one in matched(formula, **question))


@pytest.mark.parametrize(
    "formula, question, reason",
    [
        ("count()", {"restricted": True}, "it shows one agent's or team's rows only"),
        ("count()", {"window": None}, "it takes all rows, also those without a moment"),
        ("count() over 7d", {"grain": Grain.DAY}, "its cells look back over time that they share"),
        ("count(while open)", {}, "it looks at states"),
        ("count(where base.joined)", {}, "customers mark no days"),
        ("count_distinct(customer)", {}, "what it collects does not merge"),
        ("union_time(accepted, closed)", {}, "what it collects does not merge"),
        ("avg(business(wait_time))", {}, "it goes by working hours, which may be changed for the past"),
        ("count()", {"where": 'customer.segment = "vip"'}, "it reads what is known of the customer today"),
        ("count()", {"dimensions": ("customer.segment",)}, "it reads what is known of the customer today"),
        ("sum(order.amount)", {"dimensions": ("team",)}, "it reads the team that the agent is in today"),
        ("avg(review.second_score)", {}, "“review.second_score” looks into other rows"),
        ("avg(now - started)", {}, "“now” looks at the clock"),
        ("share(followed_within(7d, base.lost))", {}, "customers mark no days"),
        ("share(contacted_again_within(7d)) at closed", {},
         "it looks for rows near another moment than that of its day"),
        ("share(has(article.viewed) where survey.responded)", {},
         "it looks for other rows of its interaction"),
    ],
)  # fmt: skip
def test_what_something_else_may_move(formula, question, reason):
    assert reason in reasons(formula, **question)
    assert all(not one.variants for one in matched(formula, **question) if one.reason)


def test_hours_that_shift_by_half_an_hour_have_no_place_in_their_day():
    zone = "Australia/Lord_Howe"
    moved = Window.of_local(date(2026, 4, 4), date(2026, 4, 7), zone)
    later = Window.of_local(date(2026, 4, 6), date(2026, 4, 9), zone)
    reason = "its hours shift by less than an hour within the window"
    assert reason in reasons("count()", window=moved, grain=Grain.HOUR)
    assert reason in reasons("count()", window=moved, dimensions=("hour_of_day",))
    assert reasons("count()", window=moved, grain=Grain.DAY) == {None}
    assert reasons("count()", window=later, grain=Grain.HOUR) == {None}


def test_series_are_told_apart_by_all_that_their_content_follows_from():
    questions: list[tuple[str, dict[str, Any]]] = [
        ("count()", {}),
        ("count() at closed", {}),
        ("count(including excluded)", {}),
        ("count()", {"where": 'channel = "chat"'}),
        ("count()", {"where": 'channel = "call"'}),
        ("count()", {"dimensions": ("agent",)}),
        ("count()", {"dimensions": ("channel",)}),
        ("count()", {"grain": Grain.HOUR}),
        ("count(where survey.responded)", {}),
    ]
    found = [
        {series.id for one in matched(*each[:1], **each[1]) for series, _ in stored_parts(one)}
        for each in questions
    ]
    distinct = [frozenset(ids) for ids in found]
    assert len(set(distinct)) == len(questions)
    [one] = matched("count()")
    series = one.variants[0].series
    for ground in (Ground("Asia/Shanghai", "USD"), Ground("UTC", "EUR")):
        assert replace(series, ground=ground).id != series.id


def test_calendar_dimensions_and_grains_of_days_share_a_series():
    alike: list[dict[str, Any]] = [
        {},
        {"grain": Grain.DAY},
        {"grain": Grain.MONTH},
        {"dimensions": ("weekday",)},
    ]
    ids = {
        series.id for each in alike for one in matched("count()", **each) for series, _ in stored_parts(one)
    }
    assert len(ids) == 1


def test_rows_that_have_to_be_old_are_asked_for_day_by_day_but_on_the_day_of_the_line():
    now = datetime(2026, 2, 12, 9, tzinfo=UTC)
    week = whole_days(WEEK)
    assert week is not None
    for one in matched("share(contacted_again_within(7d) where matured(7d))"):
        days = {variant.old: one.usable(variant, week, now) for variant in one.variants}
        if not one.ages:  # how many of all are so old is told by all
            assert days == {None: week}
            continue
        assert days == {
            True: Days(date(2026, 2, 2), date(2026, 2, 4)),
            False: Days(date(2026, 2, 6), date(2026, 2, 8)),
        }
