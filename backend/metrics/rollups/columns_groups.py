"""Rows in groups, and the exact parts of each group: what GROUP BY and the aggregates of the database give."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.metrics.planning.histogram import BOUNDS, EMPTY, Histogram
from backend.metrics.rollups.columns_packs import Mask, Unfit
from backend.metrics.rollups.packing import Ints
from backend.metrics.rollups.vectors import MOST, largest

GroupKey: TypeAlias = tuple[Hashable, ...]
Codes: TypeAlias = NDArray[np.intp]

_DENSE = 65_536  # so many places of groups are kept however few rows there are; else four for each row
_EXACT = 2**53  # a float holds all whole numbers up to here
_ROOT = 3_037_000_499  # the largest number whose square is within 64 bits
_HALF = 31  # bits
_BOUNDS = np.array(BOUNDS, np.int64)
_CELL_BITS = 42  # of a float's 64: what is left tells numbers apart that are a thousandth apart
_FIRST_CELL = 1023 << 10  # that of 1
# how many bounds are not above the lowest number of each cell up to 2^53, after a place for 0
_CELLS = np.append(
    0,
    np.searchsorted(
        _BOUNDS, ((np.arange(53 << 10) + _FIRST_CELL) << _CELL_BITS).view(np.float64), side="right"
    ),
)


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are grouped by: a number below `size` for each row, and what such numbers stand for."""

    codes: Codes
    size: int
    members: Callable[[list[int]], list[Any]]


def listed_key(codes: NDArray[Any], members: Sequence[Any], missing: Mask | None = None) -> Key:
    """The key of rows that have places in a list."""
    known = [*members, None]
    return Key(
        _with_missing(codes, missing, len(members)),
        len(known),
        lambda places: [known[place] for place in places],
    )


def number_key(values: NDArray[Any], missing: Mask | None) -> Key:
    """The key of rows that have whole numbers."""
    low = int(values.min()) if len(values) else 0
    span = int(values.max()) - low + 1 if len(values) else 0
    if span > max(4 * len(values), _DENSE):
        used, places = np.unique(values, return_inverse=True)
        return listed_key(places, used.tolist(), missing)
    codes = _with_missing(values.astype(np.intp) - low, missing, span)
    return Key(codes, span + 1, lambda places: [None if place == span else place + low for place in places])


def _with_missing(codes: NDArray[Any], missing: Mask | None, place: int) -> Codes:
    return codes.astype(np.intp) if missing is None else np.where(missing, place, codes).astype(np.intp)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that rows fall into: a number below `size` for each row; those of `present` are `keys`."""

    codes: Codes
    size: int
    present: Codes
    keys: list[GroupKey]


def grouped(keys: Sequence[Key], rows: int) -> Groups:
    """The groups by all keys together; without keys there is one, of however many rows."""
    most = max(4 * rows, _DENSE)
    codes, size = np.zeros(rows, np.intp), 1
    steps: list[Key | Codes] = []
    for key in keys:
        codes = codes * key.size + key.codes if steps else key.codes
        size *= key.size
        steps.append(key)
        if size > most:
            used, codes = np.unique(codes, return_inverse=True)
            steps.append(used)
            size = len(used)
    present = np.flatnonzero(np.bincount(codes, minlength=size)) if keys else np.zeros(1, np.intp)
    return Groups(codes, size, present, _keys(steps, present))


def _keys(steps: Sequence[Key | Codes], codes: Codes) -> list[GroupKey]:
    columns: list[list[Any]] = []
    for step in reversed(steps):
        if isinstance(step, Key):
            codes, places = np.divmod(codes, step.size)
            columns.append(step.members(places.tolist()))
        else:
            codes = step[codes]
    return list(zip(*reversed(columns), strict=True)) if columns else [()]


def counts(codes: Codes, size: int) -> Ints:
    """How many rows each group has."""
    return np.bincount(codes, minlength=size)


def sums(codes: Codes, values: NDArray[Any], size: int) -> NDArray[Any]:
    """The exact total of each group, beyond 64 bits where need be.

    Floats add whole numbers exactly as long as all sums stay below 2^53; larger numbers are added piece by piece.
    """
    if largest(values) * len(values) < _EXACT:
        return np.bincount(codes, weights=values, minlength=size).astype(np.int64)
    bits = 52 - len(values).bit_length()
    total, rest, shift = np.zeros(size, object), values.astype(np.int64), 0
    while len(rest):
        last = largest(rest) < 1 << bits
        piece = rest if last else rest & ((1 << bits) - 1)
        total += np.bincount(codes, weights=piece, minlength=size).astype(np.int64).astype(object) << shift
        if last:
            break
        rest, shift = rest >> bits, shift + bits
    return total


def squares(codes: Codes, values: NDArray[Any], size: int) -> NDArray[Any]:
    """The exact total of the squares of each group."""
    values = values.astype(np.int64)
    if largest(values) <= _ROOT:
        return sums(codes, values * values, size)
    if largest(values) >= 2 ** (2 * _HALF):
        raise Unfit("numbers are too large to be squared")
    high, low = values >> _HALF, values & ((1 << _HALF) - 1)
    pieces = [sums(codes, one, size).astype(object) for one in (high * high, high * low, low * low)]
    total: NDArray[Any] = (pieces[0] << 2 * _HALF) + (pieces[1] << _HALF + 1) + pieces[2]
    return total


def extremes(codes: Codes, values: NDArray[Any], size: int, *, smallest: bool) -> list[int | None]:
    """The smallest or the largest value of each group; None where it has none."""
    found = np.full(size, MOST if smallest else -MOST - 1, np.int64)
    (np.minimum if smallest else np.maximum).at(found, codes, values.astype(np.int64))
    known = np.bincount(codes, minlength=size) > 0
    return [value if there else None for value, there in zip(found.tolist(), known.tolist(), strict=True)]


def different(codes: Codes, values: NDArray[Any], size: int, *, repeated: bool) -> Ints:
    """How many different values each group has, or how many of them more than once."""
    if not len(values):
        return np.zeros(size, np.int64)
    low = int(values.min())
    span = int(values.max()) - low + 1
    places = values.astype(np.int64) - low if span <= MOST else values
    if span > max(4 * len(values), _DENSE):
        _, places = np.unique(values, return_inverse=True)
        span = len(values)
    pairs = codes * span + places
    if not repeated and size * span <= max(64 * len(values), _DENSE):
        met = np.zeros(size * span, np.bool_)
        met[pairs] = True
        found: Ints = np.add.reduce(met.reshape(size, span), axis=1, dtype=np.int64)
        return found
    used, times = np.unique(pairs, return_counts=True)
    return np.bincount((used[times > 1] if repeated else used) // span, minlength=size)


def ranked(codes: Codes, values: NDArray[Any], size: int, share: float) -> list[int | None]:
    """The value of each group that `share` of its values do not exceed, as percentile_disc counts."""
    order = np.lexsort((values, codes))
    times = np.bincount(codes, minlength=size)
    first = np.cumsum(times) - times
    at = first + np.maximum(np.ceil(share * times).astype(np.int64), 1) - 1
    ordered = values[order]
    return [
        int(ordered[place]) if count else None
        for place, count in zip(at.tolist(), times.tolist(), strict=True)
    ]


def buckets(values: NDArray[Any]) -> Ints:
    """The bucket of each value, as histogram.BOUNDS cut."""
    sizes = np.abs(values.astype(np.int64))
    if largest(values) < _EXACT:
        # floats in a few bits are cells so narrow that a bound at most lies in each: no search is needed
        cells = (sizes.astype(np.float64).view(np.int64) >> _CELL_BITS) - _FIRST_CELL
        index: Ints = _CELLS[np.maximum(cells, -1) + 1]
        index = index + (sizes >= _BOUNDS[index])
    else:
        index = np.searchsorted(_BOUNDS, sizes, side="right")
    signed: Ints = np.where(values < 0, -index, index)
    return signed


def histograms(groups: Groups, codes: Codes, found: Ints) -> dict[GroupKey, Histogram]:
    """How often each group has each bucket, EMPTY for groups without any."""
    counted = dict.fromkeys(groups.keys, EMPTY)
    if not len(found):
        return counted
    low = int(found.min())
    span = int(found.max()) - low + 1
    pairs = codes * span + (found - low)
    if groups.size * span <= max(4 * len(found), _DENSE):
        times = np.bincount(pairs, minlength=groups.size * span)
        used = np.flatnonzero(times)
        times = times[used]
    else:
        used, times = np.unique(pairs, return_counts=True)
    group, bucket = np.divmod(used, span)
    bucket += low
    edges = [*np.searchsorted(group, groups.present).tolist(), len(used)]
    for key, (start, end) in zip(groups.keys, pairwise(edges), strict=True):
        if start < end:
            counted[key] = Histogram(bucket[start:end], times[start:end])
    return counted
