"""The fixed layout of log histograms: bounds made of whole numbers, so that SQL and Python cut alike.

Bucket 0 holds zero; bucket i holds the integers of [BOUNDS[i-1], BOUNDS[i]), bucket -i their opposites.
A value read back from a bucket is within one percent of any integer in it, and exact where the bucket
holds one integer only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

# gamma = (1 + alpha) / (1 - alpha) for alpha = 0.01, as a fraction of whole numbers
_GAMMA_TOP, _GAMMA_BOTTOM = 101, 99
_LARGEST = 2**63 - 1  # what a bigint holds


def _bounds() -> tuple[int, ...]:
    bounds = [1]
    while (after := max(bounds[-1] + 1, bounds[-1] * _GAMMA_TOP // _GAMMA_BOTTOM)) <= _LARGEST:
        bounds.append(after)
    return tuple(bounds)


BOUNDS = _bounds()  # 2,065 numbers


def estimate(bucket: int) -> tuple[int, int]:
    """The value a bucket stands for, as an exact fraction.

    It is the harmonic mean of the bucket's ends: the one point whose relative distance to both is the same.
    """
    if bucket == 0:
        return 0, 1
    index = abs(bucket)
    low = BOUNDS[index - 1]
    high = BOUNDS[index] - 1 if index < len(BOUNDS) else _LARGEST
    value = (low, 1) if low == high else (2 * low * high, low + high)
    return (value[0] if bucket > 0 else -value[0]), value[1]


class Histogram:
    """How many values lie in each bucket: two arrays side by side, the buckets in order, none of them empty."""

    __slots__ = ("buckets", "counts")

    def __init__(self, buckets: Ints, counts: Ints) -> None:
        self.buckets, self.counts = buckets, counts

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Histogram:
        """A histogram of counts by bucket."""
        if not counts:
            return EMPTY
        buckets = sorted(counts)
        return cls(np.array(buckets, np.int64), np.array([counts[bucket] for bucket in buckets], np.int64))

    @classmethod
    def sum_of(cls, histograms: Sequence[Histogram]) -> Histogram:
        """The histogram of the values of all."""
        if len(histograms) < 2:
            return histograms[0] if histograms else EMPTY
        buckets, places = np.unique(np.concatenate([one.buckets for one in histograms]), return_inverse=True)
        counts = np.zeros(len(buckets), np.int64)
        np.add.at(counts, places.reshape(-1), np.concatenate([one.counts for one in histograms]))
        return cls(buckets, counts)

    def without(self, gone: Histogram) -> Histogram:
        """The histogram of those of its values that are not gone, all of which it has."""
        counts = self.counts.copy()
        counts[np.searchsorted(self.buckets, gone.buckets)] -= gone.counts
        left = counts != 0
        return Histogram(self.buckets[left], counts[left])

    @property
    def total(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    def percentile(self, share: Decimal) -> tuple[int, int] | None:
        """The nearest-rank percentile, as an exact fraction; None when it is empty.

        The rank is the smallest one whose cumulative share reaches `share`, as percentile_disc counts.
        """
        total = self.total
        if total == 0:
            return None
        rank = max(1, ceil(share * total))
        return estimate(int(self.buckets[np.searchsorted(np.cumsum(self.counts), rank)]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return np.array_equal(self.buckets, other.buckets) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    def __repr__(self) -> str:
        return f"Histogram.of({dict(zip(self.buckets.tolist(), self.counts.tolist(), strict=True))})"


EMPTY = Histogram(np.empty(0, np.int64), np.empty(0, np.int64))
