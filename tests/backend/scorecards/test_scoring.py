"""Scores against figures worked out by hand, and what must hold for any items."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.scorecards.scoring import Exact, Item, Ladder, Missing, Score, attainment, weigh


def test_the_handbooks_example() -> None:
    """CSAT 70 of 80, replies after 60 s for 45 s, 75 of 85 resolved, at 40, 30 and 30 of 100."""
    score = weigh(
        [
            Item("csat", 40, attainment(Decimal("0.70"), Decimal("0.80"))),
            Item("first_response_time", 30, attainment(60, 45, lower_is_better=True)),
            Item("resolution_rate", 30, attainment(Decimal("0.75"), Decimal("0.85"))),
        ]
    )
    assert score.total == Decimal("83.97")
    assert [one.added for one in score.contributions] == [Decimal(35), Decimal("22.5"), Decimal("26.47")]
    assert [one.share for one in score.contributions] == [Fraction(2, 5), Fraction(3, 10), Fraction(3, 10)]


@pytest.mark.parametrize(
    ("value", "target", "said", "points"),
    [
        (70, 80, {}, Fraction(175, 2)),
        (90, 80, {}, 100),
        (90, 80, {"cap": 120}, Fraction(225, 2)),
        (100, 80, {"cap": 120}, 120),
        (0, 80, {}, 0),
        (-5, 80, {}, 0),
        (60, 45, {"lower_is_better": True}, 75),
        (45, 45, {"lower_is_better": True}, 100),
        (30, 45, {"lower_is_better": True}, 100),
        (30, 45, {"lower_is_better": True, "cap": 200}, 150),
        (0, 45, {"lower_is_better": True}, 100),
        (0, 45, {"lower_is_better": True, "cap": 200}, 200),
        (Decimal("0.1"), Decimal("0.3"), {}, Fraction(100, 3)),
    ],
)
def test_attainment_is_the_part_of_the_target_that_is_reached(
    value: Exact, target: Exact, said: dict[str, int], points: Exact
) -> None:
    assert attainment(value, target, **said) == points  # type: ignore[arg-type]


@pytest.mark.parametrize(("target", "cap"), [(0, 100), (-1, 100), (1, -1)])
def test_a_target_of_nothing_cannot_be_reached(target: int, cap: int) -> None:
    with pytest.raises(ValueError, match="target"):
        attainment(1, target, cap=cap)


UP, DOWN = Ladder(60, 80, 90), Ladder(120, 60, 30, top=150)


@pytest.mark.parametrize(
    ("ladder", "value", "points"),
    [
        (UP, 50, 0),
        (UP, 60, 0),
        (UP, 65, 25),
        (UP, 80, 100),
        (UP, 85, 110),
        (UP, 90, 120),
        (UP, 99, 120),
        (DOWN, 200, 0),
        (DOWN, 120, 0),
        (DOWN, 90, 50),
        (DOWN, 60, 100),
        (DOWN, 45, 125),
        (DOWN, 30, 150),
        (DOWN, 0, 150),
        (Ladder(60, 80), 99, 100),
        (Ladder(-10, 10), 0, 50),
    ],
)
def test_a_ladder_rises_from_floor_over_target_to_stretch(ladder: Ladder, value: int, points: int) -> None:
    assert ladder.points(value) == points


@pytest.mark.parametrize("marks", [(80, 80), (60, 80, 80), (60, 80, 70), (80, 60, 70), (60, 80, 90, 99)])
def test_marks_out_of_order_are_refused(marks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="stretch"):
        Ladder(*marks)


@pytest.mark.parametrize(
    ("missing", "total", "added"),
    [
        (Missing.REWEIGHT, "65.00", ["50.00", None, "15.00"]),  # 5/6 of 60, 1/6 of 90
        (Missing.ZERO, "39.00", ["30.00", "0.00", "9.00"]),
        (Missing.VOID, None, [None, None, None]),
    ],
)
def test_a_missing_item_is_shared_out_or_counts_nothing_or_voids(
    missing: Missing, total: str | None, added: list[str | None]
) -> None:
    items = [Item("a", 50, Fraction(60)), Item("b", 40, None), Item("c", 10, Fraction(90))]
    score = weigh(items, missing)
    assert score.total == (None if total is None else Decimal(total))
    assert [one.added for one in score.contributions] == [
        None if one is None else Decimal(one) for one in added
    ]


@pytest.mark.parametrize("items", [[], [Item("a", 1, None)], [Item("a", 0, Fraction(5))]])
def test_without_weight_there_is_no_score(items: list[Item]) -> None:
    assert weigh(items).total is None


@pytest.mark.parametrize("items", [[Item("a", -1, None)], [Item("a", 1, None), Item("a", 2, None)]])
def test_items_that_mean_nothing_are_refused(items: list[Item]) -> None:
    with pytest.raises(ValueError, match="weights"):
        weigh(items)


def test_what_rounding_leaves_goes_to_those_who_lose_most() -> None:
    thirds = weigh([Item(key, 1, Fraction(100)) for key in "cab"])
    assert thirds.total == 100
    # equal losses: the first by key, wherever it stands
    assert {one.key: one.added for one in thirds.contributions} == {
        "a": Decimal("33.34"),
        "b": Decimal("33.33"),
        "c": Decimal("33.33"),
    }


POINTS = st.fractions(0, 150, max_denominator=997)
WEIGHTS = st.decimals(0, 1000, places=2)
MISSING = st.sampled_from(Missing)


def listed(points: st.SearchStrategy[Fraction | None]) -> st.SearchStrategy[list[Item]]:
    keys = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=8, unique=True)
    return keys.flatmap(
        lambda found: st.tuples(*(st.builds(Item, st.just(key), WEIGHTS, points) for key in found)).map(list)
    )


ITEMS = listed(st.none() | POINTS)


@given(ITEMS, MISSING, st.integers(0, 4))
def test_contributions_add_up_to_the_score(items: list[Item], missing: Missing, digits: int) -> None:
    score = weigh(items, missing, digits=digits)
    added = [one.added for one in score.contributions if one.added is not None]
    if score.total is None:
        assert added == []
        return
    assert sum(added, Decimal()) == score.total
    counted = [
        (Fraction(one.weight), one.points or Fraction(0))
        for one in items
        if one.points is not None or missing is Missing.ZERO
    ]
    whole = sum((weight for weight, _ in counted), Fraction(0))
    exact = sum((weight * points for weight, points in counted), Fraction(0)) / whole
    step = Fraction(1, 10**digits)
    assert abs(Fraction(score.total) - exact) <= step / 2
    for one in score.contributions:
        if one.added is not None:
            assert abs(Fraction(one.added) - one.share * (one.points or 0)) < step
    assert sum(one.share for one in score.contributions) == 1


@given(ITEMS, MISSING, st.randoms())
def test_the_order_of_items_does_not_matter(items: list[Item], missing: Missing, dice: object) -> None:
    shuffled = list(items)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert by_key(weigh(shuffled, missing)) == by_key(weigh(items, missing))


def by_key(score: Score) -> tuple[Decimal | None, dict[str, object]]:
    return score.total, {one.key: one for one in score.contributions}


@given(listed(POINTS), WEIGHTS)
def test_more_weight_where_one_leads_never_lowers_the_score(items: list[Item], more: Decimal) -> None:
    assume(any(one.weight for one in items))
    leading = max(items, key=lambda one: one.points or 0)
    raised = [replace(one, weight=one.weight + more) if one is leading else one for one in items]  # type: ignore[operator]
    before, after = weigh(items).total, weigh(raised).total
    assert before is not None
    assert after is not None
    assert after >= before


@given(st.fractions(-50, 300), st.fractions(-50, 300))
def test_better_is_never_worth_less(one: Fraction, other: Fraction) -> None:
    worse, better = sorted((one, other))
    assert attainment(worse, 80, cap=130) <= attainment(better, 80, cap=130)
    assert attainment(better, 45, lower_is_better=True) <= attainment(worse, 45, lower_is_better=True)
    assert UP.points(worse) <= UP.points(better)
    assert DOWN.points(better) <= DOWN.points(worse)
