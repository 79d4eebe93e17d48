"""The last step: when a value is 0, when there is none, and what stands above and below the line."""

from __future__ import annotations

from typing import Any

import pytest

from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.functions import FUNCTIONS
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.arithmetic import LAST_STEPS, Result, last_step, to_float
from backend.metrics.planning.histogram import EMPTY, Histogram
from backend.metrics.planning.parts import PARTS, Collect, empty, merge, parts_in

VOCABULARY = build_vocabulary()


def result(formula: str, *values: Any) -> Result:
    """The result of a formula whose parts were collected as these values."""
    bound = compile_formula(formula, VOCABULARY, {}).formula
    assert bound is not None
    assert len(parts_in(bound.expression)) == len(values)
    return last_step(bound.expression)(values)


def value(formula: str, *values: Any) -> float | None:
    return to_float(result(formula, *values).value)


def test_every_aggregate_has_its_parts_and_its_last_step():
    aggregates = {function.bound for function in FUNCTIONS if not function.on_rows}
    assert aggregates == set(PARTS) == set(LAST_STEPS)


def test_what_merges_is_said_in_one_way():
    for function in FUNCTIONS:
        if not function.on_rows:
            collects = [collect for collect, _ in PARTS[function.bound]]
            mergeable = all(_merges(collect) for collect in collects)
            assert mergeable == function.mergeable, function.name


def _merges(collect: Collect) -> bool:
    try:
        merge(collect, empty(collect), empty(collect))
    except ValueError:
        return False
    return True


def test_no_rows_are_zero_for_counts_and_no_data_for_the_rest():
    assert value("count()", 0) == 0.0
    assert value("count_distinct(customer)", 0, 0) == 0.0
    assert value("count() - count(where answered)", 0, 0) == 0.0
    assert value("sum(amount)", 0, 0, 0) is None
    assert value("avg(handle_time)", 0, 0) is None
    assert value("max(handle_time)", None, 0) is None
    assert value("share(answered)", 0, 0) is None
    assert value("count(where answered) / count()", 0, 0) is None
    assert value("p90(handle_time)", EMPTY) is None
    assert value("sum(amount) - sum(amount where answered)", 0, 0, 0, 0, 0, 0) is None


def test_in_a_ratio_a_sum_over_no_rows_is_zero_but_over_unknown_values_is_unknown():
    nothing_sold = result('sum(amount where channel = "chat") / count()', 0, 0, 0, 10)
    assert (nothing_sold.value, nothing_sold.n) == ((0, 10), 10) or to_float(nothing_sold.value) == 0.0
    assert value('sum(amount where channel = "chat") / count()', 0, 0, 4, 10) is None


def test_values_are_in_shown_units_and_divided_once():
    average = result("avg(handle_time)", 10_000, 3)
    assert to_float(average.value) == 10_000 / 3_000
    assert (to_float(average.top), to_float(average.bottom), average.n) == (10.0, 3.0, 3)
    assert value("sum(amount) / count()", 1001, 2, 2, 2) == 1001 / 200
    assert value("min(survey.score)", 4500, 7) == 4.5


def test_numerator_and_denominator_are_there_only_if_division_comes_last():
    share = result("share(answered)", 3, 4)
    assert (share.top, share.bottom) == ((3, 1), (4, 1))
    ratio = result("sum(handle_time) / sum(talk_time)", 9000, 2, 2, 6000, 1, 2)
    assert (to_float(ratio.top), to_float(ratio.bottom), ratio.n) == (9.0, 6.0, 1)
    assert result("100 * share(answered)", 3, 4).top is None
    assert result("share(answered) - share(abandoned)", 3, 4, 1, 4).top is None
    assert result("max(handle_time)", 5, 1).top is None


def test_n_is_that_of_the_denominator_else_the_larger():
    assert result("sum(amount) / count()", 100, 3, 8, 8).n == 8
    assert result("share(answered) - share(resolved)", 3, 4, 1, 9).n == 9
    assert result("sum(handle_time) / 60", 9000, 5, 6).n == 5


def test_division_by_zero_is_no_data():
    divided = result("count() / sum(transfers)", 4, 0, 3, 3)
    assert (divided.value, divided.n) == (None, 3)


def test_the_deviation_is_of_the_sample():
    assert value("stddev(handle_time)", 12_000, 56_000_000, 3) == pytest.approx(2.0)
    assert value("stddev(handle_time)", 5_000, 25_000_000, 1) is None


def test_mergeable_parts_merge_and_others_refuse():
    assert merge(Collect.MIN, None, 3) == 3
    assert merge(Collect.MAX, 5, 3) == 5
    one, other = Histogram.of({1: 2}), Histogram.of({1: 1, -4: 1})
    assert merge(Collect.HISTOGRAM, one, other) == Histogram.of({1: 3, -4: 1})
    with pytest.raises(ValueError, match="does not merge"):
        merge(Collect.DISTINCT, 1, 2)


def test_a_percentile_of_the_histogram():
    assert value("p50(handle_time)", Histogram.of({0: 1, 5: 1, 9: 1})) == 0.005
    assert value("p99(handle_time)", Histogram.of({0: 1, 5: 1, 9: 1})) == 0.009
    assert result("p50(handle_time)", Histogram.of({0: 4, 5: 1})).n == 5
