"""Where cells begin and end to look, and how segments become cells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.core.windows import Grain, Window
from backend.metrics.language.moving import PERIODS, Moving, Rolling, ToDate
from backend.metrics.planning.histogram import EMPTY, Histogram
from backend.metrics.planning.moving import (
    boundaries,
    cell_bounds,
    gathered,
    instants,
    looked_back,
    spans_back,
    standing,
)
from backend.metrics.planning.parts import Collect, subtract

DAY = 86_400_000
BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut")
MOVINGS: list[Moving] = [
    Rolling(60_000),
    Rolling(5 * 3_600_000),
    Rolling(DAY),
    Rolling(28 * DAY),
    Rolling(28 * DAY + 1),
    *map(ToDate, PERIODS),
]


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN))


def start_of(moving: Moving, end: str, zone: str = BERLIN) -> datetime:
    """Where a window that ends at a wall-clock moment looks back to."""
    last = datetime.fromisoformat(end).replace(tzinfo=ZoneInfo(zone))
    return looked_back(Window(last - timedelta(hours=1), last, zone), moving).start


@pytest.mark.parametrize(
    "moving, end, start",
    [
        (Rolling(DAY), "2026-03-30", "2026-03-29"),  # a day of 23 hours
        (Rolling(28 * DAY), "2026-04-10", "2026-03-13"),
        (Rolling(36 * 3_600_000), "2026-03-30", "2026-03-28 11:00"),  # exactly so many hours
        (Rolling(DAY), "2026-10-26", "2026-10-25"),  # 25 hours
        (Rolling(DAY), "2026-03-30 02:30", "2026-03-29 03:30"),  # half past two was skipped
        (ToDate("week"), "2026-02-09", "2026-02-02"),  # midnight belongs to the week that ends
        (ToDate("week"), "2026-02-09 00:01", "2026-02-09"),
        (ToDate("month"), "2026-03-01", "2026-02-01"),
        (ToDate("month"), "2026-03-31", "2026-03-01"),
        (ToDate("quarter"), "2026-04-01", "2026-01-01"),
        (ToDate("quarter"), "2026-05-17", "2026-04-01"),
        (ToDate("year"), "2027-01-01", "2026-01-01"),
        (ToDate("year"), "2027-01-01 00:00:00.000001", "2027-01-01"),
    ],
)
def test_how_far_back(moving: Moving, end: str, start: str) -> None:
    assert start_of(moving, end) == berlin(start)


def test_a_zone_has_its_own_midnight() -> None:
    assert start_of(ToDate("month"), "2026-03-01 03:00", "Asia/Shanghai") == datetime(
        2026, 2, 28, 16, tzinfo=UTC
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("grain", list(Grain))
def test_starts_and_ends_never_decrease(zone: str, grain: Grain) -> None:
    dice = Random(zone + grain)
    for _ in range(12):
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(525_600))
        length = timedelta(minutes=dice.randrange(1, 60_000 if grain is Grain.HOUR else 600_000))
        window = Window(start, start + length, zone)
        bounds = cell_bounds(window, grain)
        assert (bounds[0][0], bounds[-1][1]) == (window.start, window.end)
        assert all(one[1] == other[0] for one, other in pairwise(bounds))
        for moving in MOVINGS:
            spans = spans_back(window, grain, moving)
            assert [end for _, end in spans] == [end for _, end in bounds]
            assert all(start < end for start, end in spans)
            assert [one for one, _ in spans] == sorted(one for one, _ in spans)


def test_states_are_looked_at_when_a_cell_ends_or_now() -> None:
    window = Window(berlin("2026-03-28"), berlin("2026-03-31 12:00"), BERLIN)
    midnights = [berlin(f"2026-03-{day}") for day in (29, 30, 31)]
    noon = berlin("2026-03-31 12:00")
    assert instants(window, Grain.DAY, berlin("2027-01-01")) == [*midnights, noon]
    assert instants(window, None, berlin("2027-01-01")) == [noon]
    now = berlin("2026-03-30 08:00")
    assert instants(window, Grain.DAY, now) == [*midnights[:2], now]
    assert instants(window, None, now) == [now]
    # a cell that begins this very moment has begun
    assert instants(window, Grain.DAY, midnights[1]) == [*midnights[:2], midnights[1]]
    assert (
        instants(window, Grain.DAY, berlin("2026-03-27"))
        == instants(window, None, berlin("2026-03-27"))
        == []
    )


@pytest.mark.parametrize("collect", [Collect.COUNT, Collect.MIN, Collect.MAX, Collect.HISTOGRAM])
@pytest.mark.parametrize("moving", MOVINGS, ids=str)
def test_segments_become_cells(collect: Collect, moving: Moving) -> None:
    dice = Random(f"{collect}{moving}")
    window = Window(berlin("2026-03-20"), berlin("2026-04-12 17:00"), BERLIN)
    spans = spans_back(window, Grain.DAY, moving)
    bounds = boundaries(spans)
    rows = [
        (dice.choice("abc"), bounds[0] + dice.random() * (bounds[-1] - bounds[0]), dice.randrange(9))
        for _ in range(60)
    ]

    def together(values: list[int]) -> Any:
        if collect is Collect.HISTOGRAM:
            return Histogram.of({value: values.count(value) for value in values})
        return len(values) if collect is Collect.COUNT else (min if collect is Collect.MIN else max)(values)

    by_segment: dict[tuple[int, str], list[int]] = {}
    by_cell: dict[tuple[int, str], list[int]] = {}
    for member, moment, value in rows:
        by_segment.setdefault((sum(bound <= moment for bound in bounds), member), []).append(value)
        for cell, (start, end) in enumerate(spans, 1):
            if start <= moment < end:
                by_cell.setdefault((cell, member), []).append(value)
    found = gathered({key: together(values) for key, values in by_segment.items()}, spans, collect, 1000)
    assert found == {key: together(values) for key, values in by_cell.items()}
    if len(found) > 2:
        cut = gathered({key: together(values) for key, values in by_segment.items()}, spans, collect, 1)
        assert len(cut) == 2


@pytest.mark.parametrize("collect", [Collect.COUNT, Collect.SUM, Collect.HISTOGRAM])
def test_comings_and_goings_become_cells(collect: Collect) -> None:
    dice = Random(collect.value)
    cells = 9
    rows = []
    for _ in range(40):
        came, went = sorted(dice.choices(range(1, cells + 2), k=2))
        rows.append((dice.choice("ab"), came, went, dice.randrange(4)))

    def together(values: list[int]) -> Any:
        if collect is Collect.HISTOGRAM:
            return Histogram.of({value: values.count(value) for value in values})
        return len(values) if collect is Collect.COUNT else sum(values)

    moves: dict[tuple[int, str], list[int]] = {}
    by_cell: dict[tuple[int, str], list[int]] = {}
    for member, came, went, value in rows:  # in the cells from the one to before the other
        if came < went:
            moves.setdefault((came, member), []).append(value)
            if went <= cells:
                moves.setdefault((-went, member), []).append(value)
        for cell in range(came, went):
            by_cell.setdefault((cell, member), []).append(value)
    found = standing({key: together(values) for key, values in moves.items()}, cells, collect, 1000)
    nothing: Any = EMPTY if collect is Collect.HISTOGRAM else 0
    expected = {key: together(values) for key, values in by_cell.items()}
    assert {key: value for key, value in found.items() if value != nothing} == {
        key: value for key, value in expected.items() if value != nothing
    }
    assert {member for _, member in found} == {member for _, member in expected}
    assert len(standing({key: together(values) for key, values in moves.items()}, cells, collect, 1)) == 2


def test_what_cannot_be_taken_away_says_so() -> None:
    with pytest.raises(ValueError, match="max"):
        subtract(Collect.MAX, 1, 1)
