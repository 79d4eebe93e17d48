"""The fixed layout of log histograms: bounds made of whole numbers, so that SQL and Python cut alike.

Bucket 0 holds zero; bucket i holds the integers of [BOUNDS[i-1], BOUNDS[i]), bucket -i their opposites.
A value read back from a bucket is within one percent of any integer in it, and exact where the bucket
holds one integer only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import ceil

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


def percentile(counts: Mapping[int, int], share: Decimal) -> tuple[int, int] | None:
    """The nearest-rank percentile of a histogram, as an exact fraction; None when it is empty.

    The rank is the smallest one whose cumulative share reaches `share`, as percentile_disc counts.
    """
    total = sum(counts.values())
    if total == 0:
        return None
    rank = max(1, ceil(share * total))
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return estimate(bucket)
    raise AssertionError("a rank lies within the total")
