"""One column: a value of each row of some local days. Made of what the database sent, to bytes and back, cut, joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backend.metrics.language.bound import Row
from backend.metrics.planning.lowering.columns import LoweredColumns, Wire, wire_of
from backend.metrics.rollups.packing import Coded, Ints, narrowed, pack, unpack

Mask: TypeAlias = NDArray[np.bool_]

_SENT_EPOCH = 946_684_800_000_000  # microseconds from 1970 to 2000, from which the database counts
_NEVER = (-(2**63), 2**63 - 1)  # its -infinity and infinity
_STEPS = (1_000_000, 1_000)  # most moments are whole seconds or milliseconds
_SMALL = 2**31


class Unfit(Exception):
    """Why something cannot be answered from columns, bit for bit; rows can always answer it."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one leaf, of all rows of some days, in the order of the rows.

    `values` are numbers, ids, microseconds since 1970, 0 or 1, or places in `words`; those that are `missing` are
    0. Each stands for `start + step * value`. With a reason in `unfit` the values mean nothing.
    """

    days: Ints  # ordinals, growing
    counts: Ints  # rows of each
    values: NDArray[Any]
    missing: Mask | None = None  # None: nothing is
    words: tuple[str, ...] | None = None
    start: int = 0
    step: int = 1
    unfit: str | None = None

    def taken(self, rows: NDArray[np.intp] | None) -> tuple[NDArray[Any], Mask | None]:
        """The values of some rows (None: all) as they stand for themselves, and which are missing."""
        values = self.values if rows is None else self.values[rows]
        missing = self.missing if rows is None or self.missing is None else self.missing[rows]
        if self.step != 1 or self.start:
            values = values * np.int64(self.step) + np.int64(self.start)
        return values, missing

    def only(self, days: Ints) -> Column:
        """The column of those of its days that are among some, all as ordinals in order."""
        start = int(np.searchsorted(days, self.days[0])) if len(self.days) else 0
        if np.array_equal(days[start : start + len(self.days)], self.days):
            return self
        wanted = np.isin(self.days, days)
        rows = np.repeat(wanted, self.counts)
        missing = None if self.missing is None else self.missing[rows]
        return replace(
            self,
            days=self.days[wanted],
            counts=self.counts[wanted],
            values=self.values[rows],
            missing=missing,
        )

    def packed(self) -> bytes:
        """The column as bytes, for `unpacked`."""
        compact = self._compacted()
        about = {"words": compact.words, "start": compact.start, "step": compact.step, "unfit": self.unfit}
        arrays = {"days": compact.days, "counts": compact.counts, "values": compact.values}
        if compact.missing is not None and compact.missing.any():
            arrays["missing"] = np.packbits(compact.missing).view(np.int8)
        return pack(about, arrays)

    def _compacted(self) -> Column:
        """The same with no more words, and no larger numbers, than the values need."""
        if self.words is not None:
            used, places = np.unique(self.values, return_inverse=True)
            words = {self.words[at]: place for place, at in enumerate(used.tolist())}
            order = sorted(words)  # so that packs of the same words have them at the same places
            moved = np.argsort(np.array([words[word] for word in order], np.int64))
            return replace(self, words=tuple(order), values=moved[places])
        values, _ = self.taken(None)
        if not len(values) or (values.min() >= -_SMALL and values.max() < _SMALL):
            return replace(self, values=values, start=0, step=1)
        known = values if self.missing is None else values[~self.missing]
        start = int(known[len(known) // 2])
        if int(known.min()) - start < -(2**63) or int(known.max()) - start >= 2**63:
            return replace(self, values=values, start=0, step=1)
        apart = known - start
        step = next((one for one in _STEPS if not (apart % one).any()), 1)
        small = np.zeros(len(values), np.int64)
        small[slice(None) if self.missing is None else ~self.missing] = apart // step
        return replace(self, values=small, start=start, step=step)


def unpacked(content: bytes) -> Column:
    """The column that was packed; its arrays are views of the bytes where they can be."""
    about, arrays = unpack(content)
    values, missing = arrays["values"], arrays.get("missing")
    return Column(
        arrays["days"].astype(np.int64),
        arrays["counts"].astype(np.int64),
        values,
        None if missing is None else np.unpackbits(missing.view(np.uint8), count=len(values)).view(np.bool_),
        None if about["words"] is None else tuple(about["words"]),
        about["start"],
        about["step"],
        about["unfit"],
    )


def joined(columns: Sequence[Column]) -> Column:
    """Columns of one leaf as one; their days follow upon each other. Raises ValueError where they do not."""
    if len(columns) == 1:
        return columns[0]
    days = _concatenated([one.days for one in columns])
    if np.any(np.diff(days) <= 0):
        raise ValueError("the days of packs overlap or are out of order")
    counts = _concatenated([one.counts for one in columns])
    unfit = next((one.unfit for one in columns if one.unfit is not None), None)
    missing = None
    if any(one.missing is not None for one in columns):
        missing = np.concatenate(
            [np.zeros(len(one.values), np.bool_) if one.missing is None else one.missing for one in columns]
        )
    first = columns[0] if columns else None
    if first is not None and first.words is not None:
        values, words = _joined_words(columns)
        return Column(days, counts, values, missing, words, unfit=unfit)
    frames = {(one.start, one.step) for one in columns}
    if len(frames) == 1 and columns:
        [(start, step)] = frames
        values = np.concatenate([one.values for one in columns])
        return Column(days, counts, values, missing, None, start, step, unfit)
    return Column(days, counts, _concatenated([one.taken(None)[0] for one in columns]), missing, unfit=unfit)


def fold(contents: Iterable[bytes]) -> bytes:
    """The packs of days that follow upon each other as one pack."""
    return joined([unpacked(content) for content in contents]).packed()


def pack_columns(
    lowered: LoweredColumns, rows: Iterable[Sequence[Any]]
) -> dict[Row, list[tuple[date, bytes]]]:
    """The packs that rows of a select of columns hold: for each leaf one for each day, also for days without rows."""
    by_rank = {row[0]: row for row in rows}
    packs: dict[Row, list[tuple[date, bytes]]] = {leaf: [] for leaf in lowered.leaves}
    for day, rank in zip(lowered.days, lowered.ranks, strict=True):
        row = by_rank.get(rank)
        for at, leaf in enumerate(lowered.leaves):
            count, values, missing = (
                (0, None, None) if row is None else (row[1], *row[2 + 2 * at : 4 + 2 * at])
            )
            packs[leaf].append((day, _of_day(day, count, wire_of(leaf), values, missing).packed()))
    return packs


def _of_day(day: date, count: int, wire: Wire, values: Any, missing: bytes | None) -> Column:
    days, counts = np.array([day.toordinal()]), np.array([count])
    if wire is Wire.TEXTS:
        return _of_texts(days, counts, values or [])
    if wire is Wire.DIGITS:
        return _of_digits(days, counts, values or [])
    kind = np.dtype(np.int8) if wire is Wire.TRUTHS else np.dtype(">i8")
    numbers = np.frombuffer(values or b"", kind).astype(kind.newbyteorder("="))
    gone = np.frombuffer(missing or b"", np.bool_)
    unfit = None
    if wire is Wire.MOMENTS:
        if np.isin(numbers, _NEVER).any():
            unfit, numbers = "a moment is infinite", np.zeros_like(numbers)
        numbers = np.where(gone, 0, numbers + _SENT_EPOCH)
    return Column(days, counts, numbers, gone if gone.any() else None, unfit=unfit)


def _of_texts(days: Ints, counts: Ints, texts: Sequence[str | None]) -> Column:
    missing = np.fromiter((text is None for text in texts), np.bool_, len(texts))
    coded = Coded.of(text or "" for text in texts)
    return Column(days, counts, coded.codes, missing if missing.any() else None, coded.values)


def _of_digits(days: Ints, counts: Ints, texts: Sequence[str | None]) -> Column:
    """Numbers of attributes: nothing but their writer sees to it that they are whole and of a usual size."""
    missing = np.fromiter((text is None for text in texts), np.bool_, len(texts))
    try:
        numbers = np.fromiter((int(text or 0) for text in texts), np.int64, len(texts))
    except (ValueError, OverflowError):
        return Column(days, counts, np.zeros(len(texts), np.int8), unfit="an attribute is no whole number")
    return Column(days, counts, numbers, missing if missing.any() else None)


def _joined_words(columns: Sequence[Column]) -> tuple[NDArray[Any], tuple[str, ...]]:
    known: dict[str, int] = {}
    places = [[known.setdefault(word, len(known)) for word in column.words or ()] for column in columns]
    kind = narrowed(np.array([0, len(known)])).dtype
    moved = [
        column.values if one == list(range(len(one))) else np.array(one, kind)[column.values]
        for one, column in zip(places, columns, strict=True)
    ]
    return np.concatenate(moved), tuple(known)


def _concatenated(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)
