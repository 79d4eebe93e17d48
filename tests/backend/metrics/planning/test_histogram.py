"""The layout that SQL and Python share, and what is read back from it."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy
from hypothesis import given
from hypothesis import strategies as st

from backend.metrics.planning.histogram import BOUNDS, EMPTY, Histogram, estimate


def bucket_of(value: int) -> int:
    """What width_bucket gives, with the sign that lowering adds."""
    bucket = bisect_right(BOUNDS, abs(value))
    return -bucket if value < 0 else bucket


def test_the_layout_is_fixed():
    # rollups keep bucket numbers: another layout would read them wrongly
    assert len(BOUNDS) == 2065
    assert BOUNDS[:3] == (1, 2, 3)
    assert [BOUNDS[at] for at in (100, 500, 1000)] == [103, 235_692, 5_192_585_474]
    assert all(high > low for low, high in pairwise(BOUNDS))


@given(st.integers(-(2**63 - 1), 2**63 - 1))
def test_a_value_is_read_back_within_one_percent(value: int):
    top, bottom = estimate(bucket_of(value))
    assert abs(Fraction(top, bottom) - value) * 100 <= abs(value)


@given(st.integers(-98, 98))
def test_small_integers_are_exact(value: int):
    assert Fraction(*estimate(bucket_of(value))) == value


@given(
    st.lists(st.integers(-10_000, 10**9), min_size=1, max_size=60), st.sampled_from(["0.5", "0.9", "0.99"])
)
def test_a_percentile_is_the_nearest_rank_within_one_percent(values: list[int], share: str):
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    found = Histogram.of(counts).percentile(Decimal(share))
    exact = int(numpy.percentile(values, float(share) * 100, method="inverted_cdf"))
    assert found is not None
    assert abs(Fraction(*found) - exact) * 100 <= abs(exact)


def test_nothing_has_no_percentile():
    assert EMPTY.percentile(Decimal("0.5")) is None
