"""What a cell looks at where that is not its own bucket: a time back from its end, or the instant at its end.

A cell ends where the next bucket begins, the last one where the window does; without a grain the window is the
only cell. All instants are UTC, as those of one zone would be compared by their wall clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from backend.core.windows import Grain, Window, bucket_start, bucket_starts
from backend.metrics.language.moving import Moving, ToDate
from backend.metrics.planning.parts import Collect, empty, merge, subtract

Span: TypeAlias = tuple[datetime, datetime]  # [from, to)
Key: TypeAlias = tuple[Hashable, ...]  # the rank of a cell or segment, from 1, then a value per dimension

_DAY = 86_400_000
_INSTANT = timedelta(microseconds=1)  # the finest there is, here and in PostgreSQL


def cell_bounds(window: Window, grain: Grain | None) -> list[Span]:
    """Where each cell begins and ends; the first and the last are cut to the window."""
    starts = [window.start, *(bucket_starts(window, grain)[1:] if grain else ())]
    ends = [*starts[1:], window.end]
    return [(one.astimezone(UTC), other.astimezone(UTC)) for one, other in zip(starts, ends, strict=True)]


def spans_back(window: Window, grain: Grain | None, moving: Moving) -> list[Span]:
    """The time that each cell looks back over, up to its end. Starts and ends both never decrease."""
    return [(_start(end, moving, window.zone), end) for _, end in cell_bounds(window, grain)]


def instants(window: Window, grain: Grain | None, now: datetime) -> list[datetime]:
    """When the states of each cell are looked at: at its end, or now if that comes first.

    Cells that begin after now have none; they are the last ones.
    """
    now = now.astimezone(UTC)
    return [min(end, now) for start, end in cell_bounds(window, grain) if start <= now]


def looked_back(window: Window, moving: Moving) -> Window:
    """The window that is looked back over from a window's end."""
    [(start, end)] = spans_back(window, None, moving)
    return Window(start, end, window.zone)


def boundaries(spans: Sequence[Span]) -> list[datetime]:
    """Every start and end, in order: between two neighbours lies a segment, in which all rows share their cells."""
    return sorted({moment for span in spans for moment in span})


def gathered(values: Mapping[Key, Any], spans: Sequence[Span], collect: Collect, most: int) -> dict[Key, Any]:
    """Values by segment, merged into values by cell: of those cells that have any.

    There are no more than `most` + 1; whoever gets so many has to refuse them.
    """
    places = {moment: at for at, moment in enumerate(boundaries(spans), 1)}
    first, last = (
        [places[start] for start, _ in spans],
        [places[end] for _, end in spans],
    )  # last: not included
    by_member: dict[Key, list[tuple[int, Any]]] = {}
    for (segment, *member), value in values.items():
        assert isinstance(segment, int)
        by_member.setdefault(tuple(member), []).append((segment, value))
    found: dict[Key, Any] = {}
    for key, segments in by_member.items():
        segments.sort(key=lambda one: one[0])
        for cell, value in _cells(segments, first, last, collect):
            found[cell + 1, *key] = value
            if len(found) > most:
                return found
    return found


def standing(values: Mapping[Key, Any], cells: int, collect: Collect, most: int) -> dict[Key, Any]:
    """What came into a state by cell, and by minus the cell what went, as what is in it by cell.

    A cell in which nothing comes or goes and nothing is has no entry. There are no more than `most` + 1 entries;
    whoever gets so many has to refuse them.
    """
    by_member: dict[Key, dict[int, Any]] = {}
    for (cell, *member), value in values.items():
        assert isinstance(cell, int)
        by_member.setdefault(tuple(member), {})[cell] = value
    nothing = empty(collect)
    found: dict[Key, Any] = {}
    for key, moves in by_member.items():
        now = nothing
        for cell in range(1, cells + 1):
            came, went = moves.get(cell, nothing), moves.get(-cell, nothing)
            if came != nothing:
                now = merge(collect, now, came)
            if went != nothing:
                now = subtract(collect, now, went)
            if now != nothing or cell in moves:
                found[cell, *key] = now
                if len(found) > most:
                    return found
    return found


def _cells(
    segments: Sequence[tuple[int, Any]], first: Sequence[int], last: Sequence[int], collect: Collect
) -> Iterator[tuple[int, Any]]:
    run, cell, at = _Run(collect), 0, 0
    while cell < len(first):
        while at < len(segments) and segments[at][0] < last[cell]:
            run.add(*segments[at])
            at += 1
        run.drop_before(first[cell])
        if run:
            yield cell, run.value
            cell += 1
        elif at < len(segments):
            cell = bisect_right(last, segments[at][0])  # the first cell that reaches to the next segment
        else:
            return


class _Run:
    """The merged value of a run of segments that moves on: later ones come, earlier ones go.

    Two stacks: what goes next lies on top of the one, merged with all that will go after it; what has come
    since is merged in the other. So each segment is merged twice, however many cells share it.
    """

    def __init__(self, collect: Collect) -> None:
        self._collect = collect
        self._going: list[tuple[int, Any]] = []
        self._come: list[tuple[int, Any]] = []
        self._sum: Any = None  # of all that came

    def __bool__(self) -> bool:
        return bool(self._going or self._come)

    def add(self, segment: int, value: Any) -> None:
        self._sum = merge(self._collect, self._sum, value) if self._come else value
        self._come.append((segment, value))

    def drop_before(self, segment: int) -> None:
        while self and self._first() < segment:
            self._going.pop()

    @property
    def value(self) -> Any:
        if not self._going:
            return self._sum
        going = self._going[-1][1]
        return merge(self._collect, going, self._sum) if self._come else going

    def _first(self) -> int:
        if not self._going:
            self._turn()
        return self._going[-1][0]

    def _turn(self) -> None:
        while self._come:
            segment, value = self._come.pop()
            if self._going:
                value = merge(self._collect, value, self._going[-1][1])
            self._going.append((segment, value))


def _start(end: datetime, moving: Moving, zone: str) -> datetime:
    tz = ZoneInfo(zone)
    if isinstance(moving, ToDate):
        last = (end - _INSTANT).astimezone(tz).replace(tzinfo=None)
        return bucket_start(last, Grain(moving.period)).replace(tzinfo=tz).astimezone(UTC)
    length = timedelta(milliseconds=moving.milliseconds)
    if moving.milliseconds % _DAY:
        return end - length
    wall = end.astimezone(tz).replace(tzinfo=None)
    return (wall - length).replace(tzinfo=tz).astimezone(UTC)
