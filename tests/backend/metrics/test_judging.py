"""Verdicts on two values: by direction, beyond noise, and beside guardrails."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.metrics.judging import Aim, Change, Judgement, Verdict, aim_of, change_of, judge
from backend.metrics.kpi import Band
from tests.backend.metrics.authors import draft

UP, DOWN = Aim("up"), Aim("down")
BAND = Aim("band", 10, 20)
BETTER, SAME, WORSE = Change.BETTER, Change.SAME, Change.WORSE


@pytest.mark.parametrize(
    ("aim", "before", "now", "expected"),
    [
        (UP, 100, 102, BETTER),
        (UP, 100, 98, WORSE),
        (UP, 100, 101, SAME),  # just 1 %, which is no more than 1 %
        (UP, 0.5, 0.505, SAME),  # and so in floats, which make it a little more
        (UP, 100, 101.001, BETTER),
        (DOWN, 100, 98, BETTER),
        (DOWN, 100, 102, WORSE),
        (DOWN, 200, 199, SAME),
        (DOWN, 200, 201, SAME),
        (UP, -50, -49, BETTER),
        (UP, -50, -49.6, SAME),
        (UP, 0, 0.001, BETTER),  # of nothing, 1 % is nothing
        (DOWN, 0, 0.001, WORSE),
        (DOWN, 0, 0, SAME),
        (BAND, 5, 9, BETTER),
        (BAND, 25, 21, BETTER),
        (BAND, 9, 22, WORSE),
        (BAND, 8, 22, SAME),  # across the band, as far away as before
        (BAND, 11, 19, SAME),
        (BAND, 15, 25, WORSE),
        (Aim("band", low=10), 9, 1000, BETTER),
        (Aim("band", high=20), 30, -1000, BETTER),
        (None, 1, 2, None),
        (UP, None, 2, None),
        (UP, 1, None, None),
    ],
)
def test_a_change_counts_beyond_one_percent(
    aim: Aim | None, before: float | None, now: float | None, expected: Change | None
) -> None:
    assert change_of(aim, before, now) is expected


@pytest.mark.parametrize(
    ("change", "guardrails", "expected"),
    [
        (BETTER, [], Judgement(Verdict.IMPROVED)),
        (BETTER, [("fcr", SAME), ("csat", BETTER), ("nps", None)], Judgement(Verdict.IMPROVED)),
        (BETTER, [("fcr", WORSE), ("csat", SAME)], Judgement(Verdict.IMPROVED_AT_COST, ("fcr",))),
        (BETTER, [("fcr", WORSE), ("csat", WORSE)], Judgement(Verdict.IMPROVED_AT_COST, ("fcr", "csat"))),
        (WORSE, [("fcr", WORSE)], Judgement(Verdict.WORSE)),
        (SAME, [("fcr", WORSE)], Judgement(Verdict.UNCHANGED)),
        (None, [("fcr", WORSE)], Judgement(None)),
    ],
)
def test_only_a_gain_has_a_cost(
    change: Change | None, guardrails: list[tuple[str, Change | None]], expected: Judgement
) -> None:
    assert judge(change, guardrails) == expected


def test_an_aim_is_the_direction_and_of_a_band_the_target_before_the_benchmark() -> None:
    target, benchmark = Band(Decimal("0.5"), Decimal(1)), Band(Decimal(2))
    assert aim_of(draft("x", "count()", direction=None)) is None
    assert aim_of(draft("x", "count()", direction="down")) == DOWN
    assert aim_of(draft("x", "count()", direction="band")) is None
    assert aim_of(draft("x", "count()", direction="band", benchmark=benchmark)) == Aim("band", 2.0)
    both = draft("x", "count()", direction="band", target=target, benchmark=benchmark)
    assert aim_of(both) == Aim("band", 0.5, 1.0)


VALUES = st.integers(-10_000, 10_000)


@given(VALUES, VALUES)
def test_up_and_down_are_each_others_mirror(before: int, now: int) -> None:
    turned = {BETTER: WORSE, WORSE: BETTER, SAME: SAME}
    change = change_of(UP, before, now)
    assert change is not None
    assert change_of(DOWN, before, now) is turned[change]
    wanted = (
        BETTER
        if (now - before) * 100 > abs(before)
        else WORSE
        if (before - now) * 100 > abs(before)
        else SAME
    )
    assert change is wanted
