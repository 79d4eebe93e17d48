"""Cells: groups of rows by day and dimensions with the parts collected for each, as arrays.

Made of what a statement brought back for some days, kept as a pack, and merged again to any coarser grouping.
All numbers are whole, so what is merged is what would have been collected, bit for bit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from backend.metrics.planning.histogram import EMPTY, Histogram
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.rollups.days import Days
from backend.metrics.rollups.packing import Coded, Ints, pack, unpack
from backend.metrics.rollups.series import part_id

GroupKey: TypeAlias = tuple[Hashable, ...]
# of some days: by day, place of the hour in its day (0 without hours) and dimensions, the value of each part
Groups: TypeAlias = Mapping[Part, Mapping[GroupKey, Any]]

_LIMB = 32  # bits: sums of up to 2**31 numbers stay exact in 64
_SAFE = 2**62
_DENSE = 2**20  # groups that there may be: so few are counted in a table of all of them
_EXTREMES = {Collect.MIN, Collect.MAX}


@dataclass(frozen=True, slots=True)
class Numbers:
    """A whole number for each group; `high` are the bits from 62 up where any number has more than that.

    Here as below the arrays may be of smaller types, as packs have them.
    """

    low: Ints
    high: Ints | None = None


@dataclass(frozen=True, slots=True)
class Extremes:
    """A number for each group that has one."""

    values: Ints
    missing: Ints  # 1 or 0


@dataclass(frozen=True, slots=True)
class Histograms:
    """A count for each bucket that a group has: three lists side by side."""

    groups: Ints
    buckets: Ints
    counts: Ints


Collected: TypeAlias = Numbers | Extremes | Histograms


@dataclass(frozen=True, slots=True)
class Block:
    """Groups of some days, in the order of the days."""

    days: Ints  # ordinals, as of date.toordinal
    hours: Ints  # places in the day, from 0
    keys: tuple[Coded, ...]  # one for each dimension
    parts: Mapping[str, Collected] = field(default_factory=dict)  # by part_id

    def __len__(self) -> int:
        return len(self.days)


def block_of(groups: Groups, dimensions: int) -> Block:
    """What was collected as a block; a key is (day, hour, *dimensions). All parts have the same keys."""
    keys: list[Any] = sorted(next(iter(groups.values())), key=lambda key: (key[0], key[1])) if groups else []
    places = {key: at for at, key in enumerate(keys)}
    return Block(
        np.fromiter((key[0].toordinal() for key in keys), np.int64, len(keys)),
        np.fromiter((key[1] for key in keys), np.int64, len(keys)),
        tuple(Coded.of(key[2 + at] for key in keys) for at in range(dimensions)),
        {part_id(part): _collected(part.collect, values, places) for part, values in groups.items()},
    )


def _collected(collect: Collect, values: Mapping[GroupKey, Any], places: Mapping[GroupKey, int]) -> Collected:
    if collect is Collect.HISTOGRAM:
        each: list[Histogram] = [values[key] for key in places]  # in the order of their places
        none = [EMPTY] if not each else []
        return Histograms(
            np.repeat(np.arange(len(each)), [len(one.buckets) for one in each]),
            np.concatenate([one.buckets for one in each + none]),
            np.concatenate([one.counts for one in each + none]),
        )
    ordered = [values[key] for key in places]
    if collect in _EXTREMES:
        return Extremes(
            np.fromiter((value or 0 for value in ordered), np.int64, len(ordered)),
            np.fromiter((value is None for value in ordered), np.int64, len(ordered)),
        )
    if all(abs(value) < _SAFE for value in ordered):
        return Numbers(np.fromiter(ordered, np.int64, len(ordered)))
    return Numbers(
        np.fromiter((value & (_SAFE - 1) for value in ordered), np.int64, len(ordered)),
        np.fromiter((value >> 62 for value in ordered), np.int64, len(ordered)),
    )


def pack_block(block: Block) -> bytes:
    """A block as the content of a pack."""
    arrays: dict[str, Any] = {"days": block.days, "hours": block.hours}
    about: dict[str, Any] = {"keys": []}
    for at, key in enumerate(block.keys):
        arrays[f"key{at}"] = key.codes
        about["keys"].append([_stored(value) for value in key.values])
    for name, collected in block.parts.items():
        match collected:
            case Numbers(low, high):
                arrays[f"{name}.low"] = low
                if high is not None:
                    arrays[f"{name}.high"] = high
            case Extremes(values, missing):
                arrays[f"{name}.values"], arrays[f"{name}.missing"] = values, missing
            case Histograms(groups, buckets, counts):
                arrays[f"{name}.groups"] = np.diff(groups, prepend=0)  # steps are smaller than places
                arrays[f"{name}.buckets"], arrays[f"{name}.counts"] = buckets, counts
    return pack(about, arrays)


def unpack_block(content: bytes) -> Block:
    """The block that a pack holds."""
    about, arrays = unpack(content)
    named: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        part, _, what = name.partition(".")
        if what:
            named.setdefault(part, {})[what] = array
    parts: dict[str, Collected] = {}
    for part, found in named.items():
        if "low" in found:
            parts[part] = Numbers(found["low"], found.get("high"))
        elif "values" in found:
            parts[part] = Extremes(found["values"], found["missing"])
        else:
            steps = np.cumsum(found["groups"], dtype=np.int64)
            parts[part] = Histograms(steps, found["buckets"], found["counts"])
    keys = tuple(
        Coded(_wide(arrays[f"key{at}"]), tuple(_read(value) for value in values))
        for at, values in enumerate(about["keys"])
    )
    return Block(_wide(arrays["days"]), _wide(arrays["hours"]), keys, parts)


def _wide(array: Any) -> Ints:
    wide: Ints = array.astype(np.int64)
    return wide


def _stored(value: Any) -> Any:
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _read(value: Any) -> Any:
    return date.fromisoformat(value["day"]) if isinstance(value, dict) else value


def cut(block: Block, days: Days) -> Block:
    """The groups of days in a row; no number is copied."""
    first, end = np.searchsorted(block.days, (days.first.toordinal(), days.last.toordinal() + 1)).tolist()
    if first == 0 and end == len(block):
        return block
    return Block(
        block.days[first:end],
        block.hours[first:end],
        tuple(Coded(key.codes[first:end], key.values) for key in block.keys),
        {name: _cut(collected, first, end) for name, collected in block.parts.items()},
    )


def _cut(collected: Collected, first: int, end: int) -> Collected:
    match collected:
        case Numbers(low, high):
            return Numbers(low[first:end], None if high is None else high[first:end])
        case Extremes(values, missing):
            return Extremes(values[first:end], missing[first:end])
        case Histograms(groups, buckets, counts):
            start, stop = np.searchsorted(groups, (first, end)).tolist()
            return Histograms(groups[start:stop] - first, buckets[start:stop], counts[start:stop])


def joined(blocks: Sequence[Block], parts: Iterable[str]) -> Block:
    """Blocks of different days, in the order of these, as one with those of the parts that all have to have."""
    blocks = [block for block in blocks if len(block)] or list(blocks[:1])
    if len(blocks) == 1:
        return blocks[0]
    starts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
    keys = tuple(Coded.joined([block.keys[at] for block in blocks]) for at in range(len(blocks[0].keys)))
    return Block(
        np.concatenate([block.days for block in blocks]),
        np.concatenate([block.hours for block in blocks]),
        keys,
        {name: _joined([block.parts[name] for block in blocks], starts) for name in parts},
    )


def _joined(pieces: Sequence[Collected], starts: Ints) -> Collected:
    first = pieces[0]
    if isinstance(first, Histograms):
        histograms = [one for one in pieces if isinstance(one, Histograms)]
        return Histograms(
            np.concatenate([one.groups + start for one, start in zip(histograms, starts, strict=True)]),
            np.concatenate([one.buckets for one in histograms]),
            np.concatenate([one.counts for one in histograms]),
        )
    if isinstance(first, Extremes):
        extremes = [one for one in pieces if isinstance(one, Extremes)]
        return Extremes(
            np.concatenate([one.values for one in extremes]),
            np.concatenate([one.missing for one in extremes]),
        )
    numbers = [one for one in pieces if isinstance(one, Numbers)]
    if all(one.high is None for one in numbers):
        return Numbers(np.concatenate([one.low for one in numbers]))
    # of a number below 2**62 what is above is 0 or -1
    low = [_wide(one.low) if one.high is not None else _wide(one.low) & (_SAFE - 1) for one in numbers]
    high = [_wide(one.low) >> 62 if one.high is None else _wide(one.high) for one in numbers]
    return Numbers(np.concatenate(low), np.concatenate(high))


@dataclass(frozen=True, slots=True)
class Grouping:
    """How the groups of a block fall into coarser ones: `codes` says which of the `keys` each belongs to."""

    codes: Ints
    keys: list[GroupKey]

    @classmethod
    def by(cls, size: int, columns: Sequence[Coded]) -> Grouping:
        """The grouping of so many groups by columns that have a value for each of them."""
        if not columns or not size:
            return cls(np.zeros(size, np.int64), [()] if size else [])
        combined = columns[0].codes
        for column in columns[1:]:
            combined = combined * len(column.values) + column.codes
        found, codes = _distinct(combined, int(np.prod([len(one.values) for one in columns], dtype=object)))
        digits = []
        for column in reversed(columns[1:]):
            found, digit = np.divmod(found, len(column.values))
            digits.append(digit)
        digits.append(found)
        named = [
            [column.values[code] for code in digit.tolist()]
            for column, digit in zip(columns, reversed(digits), strict=True)
        ]
        return cls(codes, list(zip(*named, strict=True)))

    def merged(self, collect: Collect, collected: Collected) -> dict[GroupKey, Any]:
        """The values of a part by the coarser groups, as a statement would have brought them back."""
        if not self.keys:
            return {}
        match collected:
            case Numbers(low, high):
                return dict(zip(self.keys, self._sums(low, high), strict=True))
            case Extremes(values, missing):
                return dict(zip(self.keys, self._extremes(collect, values, missing), strict=True))
            case Histograms():
                return self._histograms(collected)

    def _sums(self, low: Ints, high: Ints | None) -> list[int]:
        found = self._sums_of(_wide(low))
        if high is None:
            return found
        more = self._sums_of(_wide(high))
        return [one + (other << 62) for one, other in zip(found, more, strict=True)]

    def _sums_of(self, values: Ints) -> list[int]:
        count = len(self.keys)
        if len(values) * int(np.abs(values).max(initial=0)) < _SAFE:
            sums = np.zeros(count, np.int64)
            np.add.at(sums, self.codes, values)
            found: list[int] = sums.tolist()
            return found
        small, large = values & (2**_LIMB - 1), values >> _LIMB
        sums, more = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.add.at(sums, self.codes, small)
        np.add.at(more, self.codes, large)
        return [one + (other << _LIMB) for one, other in zip(sums.tolist(), more.tolist(), strict=True)]

    def _extremes(self, collect: Collect, values: Ints, missing: Ints) -> list[int | None]:
        present = missing == 0
        values, codes = _wide(values[present]), self.codes[present]
        bound = np.iinfo(np.int64)
        found = np.full(len(self.keys), bound.max if collect is Collect.MIN else bound.min, np.int64)
        (np.minimum if collect is Collect.MIN else np.maximum).at(found, codes, values)
        there = np.zeros(len(self.keys), bool)
        there[codes] = True
        return [value if known else None for value, known in zip(found.tolist(), there.tolist(), strict=True)]

    def _histograms(self, collected: Histograms) -> dict[GroupKey, Any]:
        buckets, counts = collected.buckets, collected.counts
        if not len(buckets):
            return dict.fromkeys(self.keys, EMPTY)
        low, span = int(buckets.min()), int(buckets.max()) - int(buckets.min()) + 1
        most = len(self.keys) * span
        combined = (self.codes * span - low)[collected.groups] + buckets
        if most <= _DENSE and len(counts) * int(counts.max()) < 2**53:  # floats count exactly so far
            sums = np.bincount(combined, counts, most)
            distinct = np.flatnonzero(sums)
            sums = sums[distinct]
        else:
            distinct, codes = _distinct(combined, most)
            sums = np.zeros(len(distinct), np.int64)
            np.add.at(sums, codes, counts)
        owners = distinct // span
        bounds = np.searchsorted(owners, np.arange(len(self.keys) + 1)).tolist()
        buckets, sums = distinct - owners * span + low, sums.astype(np.int64)
        return {
            key: Histogram(buckets[first:last], sums[first:last])
            for key, (first, last) in zip(self.keys, pairwise(bounds), strict=True)
        }


def _distinct(values: Ints, most: int) -> tuple[Ints, Ints]:
    """The different ones of values below `most`, in order, and the place of each value among them."""
    if most > _DENSE:
        found, codes = np.unique(values, return_inverse=True)
        return found, codes.reshape(-1)
    there = np.zeros(most, bool)
    there[values] = True
    places = np.cumsum(there) - 1
    return np.flatnonzero(there), places[values]
