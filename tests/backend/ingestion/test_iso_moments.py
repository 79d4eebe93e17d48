"""The quick way for ISO 8601 agrees with the usual one on every cell, or gives up."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ingestion.iso_moments import IsoMoments
from backend.ingestion.values.faults import Fault
from backend.ingestion.values.moments import moment
from backend.ingestion.vectors import listed

ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo")
NAIVE = st.datetimes().map(str)
AWARE = st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
UTC = st.datetimes().map(lambda at: at.isoformat() + "Z")
PLAIN = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)).map(
    lambda at: at.isoformat(" ", "seconds")
)
ODD = st.sampled_from(
    [
        *(
            None,
            "",
            "N/A",
            "2026-03-02",
            "20260302",
            "2026-W10-1",
            "2026-03-02T09",
            " 2026-03-02",
            "2026-3-2 9:5",
        ),
        *(
            "1969-12-31",
            "1970-01-01T00:30:00+01:00",
            "2100-12-31 23:59:59",
            "2026-02-30",
            "2026-03-29 02:30:00",
        ),
        *("2026-10-25 02:30", "12", 7, "2026-03-02T09:30:00,5", "2026-03-02T24:00:00"),
    ]
)
EMPTY = st.sampled_from((None, ""))
COLUMNS = st.one_of(
    *[st.lists(kind | EMPTY) for kind in (NAIVE, AWARE, UTC, PLAIN)], st.lists(NAIVE | AWARE | ODD)
)


@pytest.mark.parametrize("zone", ZONES)
@given(cells=COLUMNS)
def test_it_agrees_with_the_usual_way(zone, cells):
    quick = IsoMoments("at", zone).of({"at": cells})
    if quick is None:
        return
    usual = moment(zone)
    for cell, made in zip(cells, listed(quick), strict=True):
        try:
            expected = usual(cell) if cell else None
        except Fault as fault:
            raise AssertionError(f"{cell!r} should have been set aside") from fault
        assert made == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "cells",
    [
        ["2026-03-02T09:30:00Z", None],
        ["2026-03-02 09:30:00", ""],
        ["2026-03-02", "2026-03-02T09:30"],
        ["2026-03-02T09:30:00+08:00", "2026-03-02T09:30:00.250+01:00"],
        [],
    ],
)
def test_usual_columns_take_the_quick_way(zone, cells):
    assert IsoMoments("at", zone).of({"at": cells}) is not None
