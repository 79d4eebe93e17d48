"""The quick way for a column of ISO 8601 moments: all cells of one length are read together, as a matrix of digits.

It gives up on a batch (None) when one cell is not plainly such a moment; the usual way then judges each.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import compress
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from backend.ingestion.converters import Surroundings
from backend.ingestion.rules import Mapping, Rule
from backend.ingestion.values.moments import FIRST_YEAR, LAST_YEAR
from backend.ingestion.vectors import INSTANT, MISSING, Vector

# Where digits stand in `2026-03-02T09:30:00.250000+08:00`, and what stands between them.
_DAY = ((0, 4), (5, 7), (8, 10))
_CLOCK = ((11, 13), (14, 16), (17, 19))
_MARKS = {4: "-", 7: "-", 10: "T ", 13: ":", 16: ":", 19: "."}
_LENGTHS = {10: 0, 16: 2, 19: 3} | dict.fromkeys(range(21, 27), 3)  # to how many parts the clock has
_OFFSET = len("+08:00")


class _Unsure(Exception):
    """A cell that only the usual way can judge."""


class IsoMoments:
    """Reads one column; wall-clock moments are of `zone`, as in `values.moments`."""

    def __init__(self, column: str, zone: str) -> None:
        self._column = column
        self._wall = None if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)

    def of(self, cells: Map[str, Sequence[Any]]) -> Vector | None:
        """The instants, NaT where the cell is empty; None altogether when any cell needs judging."""
        texts = cells[self._column]
        try:
            if texts and all(texts) and len(found := set(map(len, texts))) == 1:
                return self._read("".join(texts), found.pop())
            lengths = [len(cell) if cell else 0 for cell in texts]
            made = np.full(len(texts), MISSING, INSTANT)
            for length in set(lengths) - {0}:
                mask = [each == length for each in lengths]
                made[mask] = self._read("".join(compress(texts, mask)), length)
        except (_Unsure, TypeError, UnicodeEncodeError):  # the latter two: cells that are no plain text
            return None
        return made

    def _read(self, text: str, length: int) -> Vector:
        """The instants of cells that have this many characters each, written one after the other."""
        # One row for each place in a cell, so that what is done to a place runs along memory.
        places = np.frombuffer(text.encode("ascii"), np.uint8).reshape(-1, length).T.copy()
        last, sign = places[-1, 0], places[-_OFFSET, 0] if length > _OFFSET + 10 else 0
        suffix = 1 if last == ord("Z") else _OFFSET if sign in b"+-" else 0
        core = length - suffix
        if core not in _LENGTHS or (suffix and core == 10):
            raise _Unsure
        for place, marks in _MARKS.items():
            if place < core:
                _check(places[place], marks)
        year, month, day = (_number(places[start:end]) for start, end in _DAY)
        if year.min() <= FIRST_YEAR or year.max() >= LAST_YEAR or month.min() < 1 or month.max() > 12:
            raise _Unsure
        months = ((year - 1970) * 12 + (month - 1)).astype("M8[M]")
        days = months.astype("M8[D]") + (day - 1)
        if day.min() < 1 or (days.astype("M8[M]") != months).any():
            raise _Unsure
        made: Vector = days.astype(INSTANT) + _clock(places, core)
        if suffix == 1:
            _check(places[-1], "Z")
            return made
        if suffix:
            made = made - _offset(places[-_OFFSET:])
            return made
        return made if self._wall is None else _in_utc(made, self._wall)


def iso_moments(rule: Rule, mapping: Mapping, zone: Surroundings) -> IsoMoments | None:
    """The quick way for a moment in one column, where its rule asks for nothing special."""
    plain = rule.values is None and rule.default is None and rule.unit is None and not rule.formats
    if len(rule.columns) != 1 or not plain:
        return None
    return IsoMoments(rule.columns[0], rule.zone or mapping.zone or zone.zone)


def _check(characters: Vector, marks: str) -> None:
    found = characters == ord(marks[0])
    for mark in marks[1:]:
        found |= characters == ord(mark)
    if not found.all():
        raise _Unsure


def _number(places: Vector) -> Vector:
    """The number in those places."""
    digits = places - np.uint8(ord("0"))
    if digits.max() > 9:  # whatever is no digit
        raise _Unsure
    made: Vector = digits[0].astype(np.int64)
    for digit in digits[1:]:
        made *= 10
        made += digit
    return made


def _clock(places: Vector, core: int) -> Vector:
    """The time of day, in microseconds."""
    made = np.zeros(places.shape[1], np.int64)
    for (start, end), most, unit in zip(_CLOCK[: _LENGTHS[core]], (23, 59, 59), (3_600, 60, 1), strict=False):
        number = _number(places[start:end])
        if number.max() > most:
            raise _Unsure
        made += number * (unit * 1_000_000)
    if core > 19:
        made += _number(places[20:core]) * 10 ** (26 - core)
    return made.astype("m8[us]")


def _offset(places: Vector) -> Vector:
    _check(places[0], "+-")
    _check(places[3], ":")
    hours, minutes = _number(places[1:3]), _number(places[4:6])
    if hours.max() > 23 or minutes.max() > 59:
        raise _Unsure
    signs = np.where(places[0] == ord("-"), -60_000_000, 60_000_000)
    made: Vector = ((hours * 60 + minutes) * signs).astype("m8[us]")
    return made


def _in_utc(local: Vector, wall: ZoneInfo) -> Vector:
    """Wall-clock time to instants: by the day where the clocks did not change on it, else each by itself."""
    days, whose = np.unique(local.astype("M8[D]"), return_inverse=True)
    starts = days.astype("M8[s]").tolist()
    offsets = [
        before if (before := _offset_at(start, wall)) == _offset_at(start + timedelta(days=1), wall) else None
        for start in starts
    ]
    shifts = np.array([offset or timedelta() for offset in offsets], "m8[us]")[whose]
    if None in offsets:
        changing = np.array([offset is None for offset in offsets])
        for place in np.flatnonzero(changing[whose]).tolist():
            shifts[place] = np.timedelta64(_offset_at(local[place].item(), wall), "us")
    made: Vector = local - shifts
    return made


def _offset_at(moment: datetime, wall: ZoneInfo) -> timedelta:
    return moment.replace(tzinfo=wall).utcoffset() or timedelta()
