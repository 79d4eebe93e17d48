"""Cells packed, cut, joined and merged say what Python's own numbers say, however large they are."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from backend.metrics.planning.histogram import Histogram
from backend.metrics.planning.parts import Collect, Part
from backend.metrics.rollups.cells import Grouping, GroupKey, block_of, cut, joined, pack_block, unpack_block
from backend.metrics.rollups.days import Days
from backend.metrics.rollups.packing import Coded
from backend.metrics.rollups.series import part_id
from tests.backend.metrics.builders import asked
from tests.backend.metrics.planning.test_planner import planned

FIRST = date(2026, 3, 30)
[_NUMBERS] = planned(asked("sum(handle_time)", "min(handle_time)", "max(handle_time)")).statements
[_HISTOGRAM] = planned(asked("median(handle_time)")).statements
PARTS: dict[Collect, Part] = {
    part.collect: part for part in (*_NUMBERS.parts, *_HISTOGRAM.parts) if part.collect is not Collect.COUNT
}
SIZES = (10, 2**40, 2**62, 2**63, 2**70, 2**100)  # of numbers that are summed


def a_value(dice: Random, collect: Collect, size: int) -> Any:
    match collect:
        case Collect.HISTOGRAM:
            low = dice.choice((-3, 10**6))
            return Histogram.of(
                {low + dice.randrange(900): dice.randrange(1, 50) for _ in range(dice.randrange(4))}
            )
        case Collect.SUM:
            return dice.randrange(-size, size)
        case _:
            edge = dice.choice((10, 2**63))
            return None if dice.random() < 0.3 else dice.randrange(-edge, edge)


def some_groups(dice: Random, collect: Collect, size: int, first: date) -> dict[GroupKey, Any]:
    keys: set[GroupKey] = {
        (first + timedelta(days=dice.randrange(3)), dice.randrange(24), dice.choice((None, "a", "b")))
        for _ in range(dice.randrange(12))
    }
    return {key: a_value(dice, collect, size) for key in sorted(keys, key=repr)}


def merged_by_hand(collect: Collect, groups: dict[GroupKey, Any]) -> dict[GroupKey, Any]:
    apart: dict[GroupKey, list[Any]] = defaultdict(list)
    for (_, _, name), value in groups.items():
        apart[(name,)].append(value)
    found: dict[GroupKey, Any] = {}
    for key, values in apart.items():
        known = [one for one in values if one is not None]
        match collect:
            case Collect.SUM:
                found[key] = sum(values)
            case Collect.MIN:
                found[key] = min(known, default=None)
            case Collect.MAX:
                found[key] = max(known, default=None)
            case _:
                counts: dict[int, int] = defaultdict(int)
                for one in values:
                    for bucket, count in zip(one.buckets.tolist(), one.counts.tolist(), strict=True):
                        counts[bucket] += count
                found[key] = Histogram.of(counts)
    return found


@pytest.mark.parametrize("collect", list(PARTS))
@pytest.mark.parametrize("size", SIZES)
def test_cells_merge_as_python_would(collect, size):
    dice, part = Random(f"{collect} {size}"), PARTS[collect]
    for _ in range(60):
        pieces = [
            some_groups(dice, collect, dice.choice((size, 9)), FIRST + timedelta(days=3 * at))
            for at in range(3)
        ]
        blocks = [unpack_block(pack_block(block_of({part: groups}, 1))) for groups in pieces]
        first, last = sorted(FIRST + timedelta(days=dice.randrange(9)) for _ in range(2))
        block = cut(joined(blocks, [part_id(part)]), Days(first, last))
        left = {
            key: value
            for groups in pieces
            for key, value in groups.items()
            if isinstance(key[0], date) and first <= key[0] <= last
        }
        assert len(block) == len(left)
        grouping = Grouping.by(len(block), block.keys)
        if len(block):
            merged = grouping.merged(part.collect, block.parts[part_id(part)])
            assert merged == merged_by_hand(collect, left)
            assert all(type(value) is not np.int64 for value in merged.values())


@pytest.mark.parametrize("collect", list(PARTS))
def test_no_groups_at_all(collect):
    part = PARTS[collect]
    block = unpack_block(pack_block(block_of({part: {}}, 1)))
    assert len(block) == 0
    assert Grouping.by(0, block.keys).merged(collect, block.parts[part_id(part)]) == {}
    assert len(cut(block, Days(FIRST, FIRST))) == 0


def test_the_largest_numbers_that_64_bits_hold():
    part = PARTS[Collect.SUM]
    for edge in (-(2**63), 2**63 - 1, -(2**62), 2**62, 2**62 - 1):
        groups: dict[GroupKey, Any] = {(FIRST, hour, "a"): edge for hour in range(24)}
        block = unpack_block(pack_block(block_of({part: groups}, 1)))
        merged = Grouping.by(24, block.keys).merged(Collect.SUM, block.parts[part_id(part)])
        assert merged == {("a",): 24 * edge}


def test_groups_by_several_columns_come_back_by_their_values():
    columns = [Coded.of(["a", "b", "a", None]), Coded.of([1, 1, 1, 2]), Coded.of([True, False, True, True])]
    grouping = Grouping.by(4, columns)
    assert sorted(map(repr, grouping.keys)) == ["('a', 1, True)", "('b', 1, False)", "(None, 2, True)"]
    assert grouping.codes[0] == grouping.codes[2] != grouping.codes[1]
    assert Grouping.by(4, []).keys == [()]
