"""Gaps by direction, bands and floats, each worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.metrics.benchmarks.figures import Gap, Reference, Standing, gap_between, reference_of
from backend.metrics.kpi import Band

BEHIND, WITHIN, AHEAD = Standing.BEHIND, Standing.WITHIN, Standing.AHEAD


def reference(low: str | None, high: str | None, floating: str | None = None) -> Reference:
    ends = [None if end is None else Decimal(end) for end in (low, high, floating)]
    return Reference(ends[0], ends[1], ends[2])


@pytest.mark.parametrize(
    ("held", "middle"),
    [
        (("0.75", "0.85"), "0.80"),
        (("30", "60"), "45"),
        (("0.80", "0.90"), "0.85"),
        (("4", "4"), "4"),
        (("0.8", None), "0.8"),
        ((None, "30"), "30"),
    ],
)
def test_a_reference_is_the_middle_of_its_range(held: tuple[str | None, str | None], middle: str) -> None:
    assert reference(*held).value == Decimal(middle)


@pytest.mark.parametrize(
    ("held", "value", "direction", "expected"),
    [
        # the three that stand in every handbook
        (("0.75", "0.85", "0.30"), "0.70", "up", ("0.10", BEHIND, False, True)),
        (("30", "60", "0.30"), "60", "down", ("15", WITHIN, True, True)),
        (("0.80", "0.90", None), "0.75", "up", ("0.10", BEHIND, False, None)),
        # afloat: from 0.525 to 1.105, and from 21 to 78
        (("0.75", "0.85", "0.30"), "0.525", "up", ("0.275", BEHIND, False, True)),
        (("0.75", "0.85", "0.30"), "0.5249", "up", ("0.2751", BEHIND, False, False)),
        (("30", "60", "0.30"), "78", "down", ("33", BEHIND, False, True)),
        (("30", "60", "0.30"), "78.1", "down", ("33.1", BEHIND, False, False)),
        (("30", "60", "0.30"), "20", "down", ("-25", AHEAD, False, False)),
        (("0.75", "0.85", None), "0.9", "up", ("-0.1", AHEAD, False, None)),
        (("0.9", "0.9", None), "0.9", "up", ("0", WITHIN, True, None)),
        (("0.9", None, None), "0.95", "up", ("-0.05", WITHIN, True, None)),
        ((None, "30", None), "40", "down", ("10", BEHIND, False, None)),
        (("-20", "-10", "0.5"), "-30", "up", ("15", BEHIND, False, True)),  # a band below 0 widens too
        # a band asks for no more than being in it
        (("10", "20", None), "12", "band", ("0", WITHIN, True, None)),
        (("10", "20", None), "7", "band", ("3", BEHIND, False, None)),
        (("10", "20", None), "26", "band", ("6", BEHIND, False, None)),
        (("10", None, None), "1000", "band", ("0", WITHIN, True, None)),
        (("10", "20", None), "26", None, (None, None, False, None)),
    ],
)
def test_a_gap_is_signed_by_direction(
    held: tuple[str | None, str | None, str | None],
    value: str,
    direction: str | None,
    expected: tuple[str | None, Standing | None, bool, bool | None],
) -> None:
    size, *rest = expected
    wanted = Gap(None if size is None else Decimal(size), *rest)  # type: ignore[arg-type]
    assert gap_between(reference(*held), Decimal(value), direction) == wanted


def test_a_band_without_ends_is_no_reference() -> None:
    assert reference_of(Band()) is None
    assert reference_of(Band(Decimal(1)), Decimal("0.3")) == reference("1", None, "0.3")
